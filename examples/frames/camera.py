"""A camera that shows a test picture moving along; served under the name `camera`."""

import numpy as np

import ipcbridge as ipc


def frames(count: int, width: int = 1920, height: int = 1080):
    """So many frames, each drawn into memory that the viewer sees: none is copied."""
    x, y = np.arange(width, dtype="uint16"), np.arange(height, dtype="uint16")[:, None]
    picture = np.stack(np.broadcast_arrays(x, y, x + y), axis=-1).astype("uint8")
    for number in range(count):
        frame = ipc.alloc((height, width, 3), "uint8")
        np.add(picture, np.uint8(number % 256), out=frame)
        yield frame
        del frame  # it is used again when the viewer has let it go, too


with ipc.serve("camera", {"frames": frames}) as server:
    print("serving camera", flush=True)
    server.wait()
