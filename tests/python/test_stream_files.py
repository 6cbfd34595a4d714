"""A stream of bytes is read like a file."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from either import Run

import ipcbridge as ipc
from ipcbridge import aio

TEXT = "name,degrees\nnorth,17\nsüd,22\n"


class Files:
    def __init__(self) -> None:
        self.closed = threading.Semaphore(0)

    def chunks(self, sizes: list[int]) -> Iterator[bytes]:
        """So many bytes each, which count up over all of them."""
        at = 0
        try:
            for size in sizes:
                yield bytes(i % 251 for i in range(at, at + size))
                at += size
        finally:
            self.closed.release()

    def text(self) -> Iterator[bytes]:
        return (byte.to_bytes(1, "little") for byte in TEXT.encode())

    def number_of(self) -> Iterator[bytes]:
        yield b'{"rows": [1, '
        yield b"2, 3]}"

    def archive(self) -> Iterator[bytes]:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            info = tarfile.TarInfo("rows.csv")
            info.size = len(TEXT.encode())
            archive.addfile(info, io.BytesIO(TEXT.encode()))
        whole = made.getvalue()
        return (whole[at : at + 10] for at in range(0, len(whole), 10))

    def mixed(self) -> Iterator[Any]:
        try:
            yield b"some"
            yield "text"
            yield b"more"
        finally:
            self.closed.release()

    def broken(self) -> Iterator[bytes]:
        yield b"some"
        raise ValueError("as asked")

    def size(self, stream: Any) -> list[int]:
        return [len(stream.read(5)), len(stream.read()), len(stream.read())]


@pytest.fixture
def files(serve_either: Any) -> Files:
    target = Files()
    serve_either("files", target)
    return target


def expected(size: int) -> bytes:
    return bytes(i % 251 for i in range(size))


SIZES = [3, 0, 1000, 1, 100_000, 7]
WHOLE = expected(sum(SIZES))


@pytest.mark.parametrize("size", [1, 2, 5, 999, 4096, 200_000])
def test_read_gives_so_many_bytes_and_fewer_at_the_end(size: int, files: Files, connect: Any) -> None:
    stream = connect("files").chunks(SIZES)
    pieces = list(iter(lambda: stream.read(size), b""))
    assert b"".join(pieces) == WHOLE
    assert {len(piece) for piece in pieces[:-1]} <= {size}
    assert stream.read(size) == stream.read() == stream.read1() == b""


@pytest.mark.parametrize("args", [(), (-1,), (None,)])
def test_read_gives_all_that_is_left(args: tuple[Any, ...], files: Files, connect: Any) -> None:
    stream = connect("files").chunks(SIZES)
    assert stream.read(10) == WHOLE[:10]
    assert stream.read(0) == b""
    assert stream.read(*args) == WHOLE[10:]


def test_read1_gives_what_there_is(files: Files, connect: Any) -> None:
    stream = connect("files").chunks([3, 0, 1000])
    assert [len(stream.read1()), len(stream.read1(10)), len(stream.read1(0)), len(stream.read1())] == [3, 10, 0, 990]
    assert stream.read1() == b""


def test_readinto_fills_memory(files: Files, connect: Any) -> None:
    stream = connect("files").chunks([3, 1000])
    memory = bytearray(10)
    assert stream.readinto(memory) == 3
    assert stream.readinto(memory) == 10
    assert memory == WHOLE[3:13]
    assert stream.readinto(bytearray(0)) == 0
    assert stream.readinto(bytearray(5000)) == 990
    assert stream.readinto(memory) == 0


def test_iterating_goes_on_where_read_has_stopped(files: Files, connect: Any) -> None:
    stream = connect("files").chunks([3, 5, 2])
    assert stream.read(4) == WHOLE[:4]
    assert list(stream) == [WHOLE[4:8], WHOLE[8:10]]


def test_what_reads_files_reads_it(files: Files, connect: Any, tmp_path: Path) -> None:
    calc = connect("files")
    assert json.load(calc.number_of()) == {"rows": [1, 2, 3]}
    with open(tmp_path / "copy", "wb") as copy:
        shutil.copyfileobj(calc.chunks(SIZES), copy)
    assert (tmp_path / "copy").read_bytes() == WHOLE
    with io.TextIOWrapper(calc.text(), encoding="utf-8") as lines:
        assert list(csv.reader(lines)) == [["name", "degrees"], ["north", "17"], ["süd", "22"]]
    with io.BufferedReader(calc.text()) as buffered:
        assert buffered.readline() == b"name,degrees\n"
        assert buffered.peek(1)[:1] == b"n"
        assert buffered.read() == TEXT.encode()[len(b"name,degrees\n") :]
    with tarfile.open(fileobj=calc.archive(), mode="r|gz") as archive:
        assert [archive.extractfile(info).read() for info in archive] == [TEXT.encode()]  # type: ignore[union-attr]


def test_closing_it_ends_its_generator(files: Files, connect: Any) -> None:
    stream = connect("files").chunks([1_000_000] * 1000)
    with io.BufferedReader(stream) as buffered:
        assert buffered.read(3) == WHOLE[:3]
        assert not stream.closed
    assert stream.closed
    assert stream.read() == b""
    assert files.closed.acquire(timeout=30)


@pytest.mark.parametrize("read", ["read", "read1"])
def test_an_item_that_is_no_bytes_ends_the_stream_and_says_so(read: str, files: Files, connect: Any) -> None:
    stream = connect("files").mixed()
    with pytest.raises(ipc.IpcError, match=r"read\(\) is for streams of bytes, .* of the type str: iterate") as caught:
        list(iter(lambda: getattr(stream, read)(100), b""))
    assert caught.value.code == "failed_precondition"
    assert stream.read() == b""
    assert files.closed.acquire(timeout=30)


def test_what_the_generator_raises_is_raised_and_what_came_before_is_read_first(files: Files, connect: Any) -> None:
    stream = connect("files").broken()
    assert stream.read(4) == b"some"
    with pytest.raises(ipc.RemoteError, match="as asked"):
        stream.read(1)


def test_a_size_is_an_integer(files: Files, connect: Any) -> None:
    stream = connect("files").chunks([3])
    with pytest.raises(TypeError):
        stream.read("3")
    with pytest.raises((BufferError, TypeError)):
        stream.readinto(b"abc")
    assert stream.read() == WHOLE[:3]


def test_a_handler_reads_its_argument(files: Files, connect: Any) -> None:
    assert connect("files").size(Files().chunks(SIZES)) == [5, len(WHOLE) - 5, 0]


def test_on_an_event_loop(files: Files, run: Run) -> None:
    async def main() -> None:
        async with aio.connect("files") as calc:
            stream = await calc.chunks(SIZES)
            assert await stream.read(2) == WHOLE[:2]
            assert await stream.read(100) == WHOLE[2:3], "what has come is given at once"
            assert await stream.read(0) == b""
            assert await stream.read(10) == WHOLE[3:13]
            assert await stream.__anext__() == WHOLE[13:1003]
            assert await stream.read() == WHOLE[1003:]
            assert await stream.read(1) == await stream.read() == b""
            mixed = await calc.mixed()
            with pytest.raises(ipc.IpcError, match="of the type str"):
                await mixed.read()
            assert await mixed.read(1) == b""
            broken = await calc.broken()
            assert await broken.read(10) == b"some"
            with pytest.raises(ipc.RemoteError, match="as asked"):
                await broken.read(10)

    run(main())
