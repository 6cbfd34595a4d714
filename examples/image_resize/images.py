"""Resizes images with Pillow: bytes in, bytes out. Served under the name `images`."""

import io

from PIL import Image, ImageOps

import ipcbridge as ipc

Image.MAX_IMAGE_PIXELS = 25_000_000  # Pillow refuses what has twice as many, before it is unpacked


def resize(data: bytes, width: int, height: int) -> dict:
    """The image in its format, made to fit into `width` x `height` pixels in its proportions, and upright."""
    try:
        image = Image.open(io.BytesIO(data))
        kind = image.format
        image = ImageOps.contain(ImageOps.exif_transpose(image), (width, height))
    except Image.DecompressionBombError as error:
        raise ipc.IpcError("invalid_argument", "the image has too many pixels") from error
    except (OSError, SyntaxError) as error:  # what Pillow raises for files that are no images, or broken
        raise ipc.IpcError("invalid_argument", "this is no image that Pillow can read") from error
    resized = io.BytesIO()
    image.save(resized, kind)
    return {"type": Image.MIME[kind], "data": resized.getvalue()}


with ipc.serve("images", {"resize": resize}) as server:
    print("serving images", flush=True)
    server.wait()
