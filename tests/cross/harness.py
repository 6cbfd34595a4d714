"""Peers: programs in processes of their own, one for each language and way of waiting, that do what a test says."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from concurrent.futures import Future
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMMANDS = {
    "node": [shutil.which("node") or "node", str(HERE / "peers" / "peer.mjs")],
    "blocking": [sys.executable, str(HERE / "peers" / "peer_blocking.py")],
    "asyncio": [sys.executable, str(HERE / "peers" / "peer_aio.py")],
    "uvloop": [sys.executable, str(HERE / "peers" / "peer_aio.py"), "uvloop"],
}
# Seconds until a peer that says nothing counts as hung.
PATIENCE = 200 if "IPCBRIDGE_SANITIZED" in os.environ else 20


class PeerError(Exception):
    """What a command raised in the peer, as telling.py and telling.mjs tell of it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['name']}: {told['message']} ({told['code']})")
        self.told = told
        self.code: str = told["code"]
        self.message: str = told["message"]


class Peer:
    def __init__(self, kind: str, prefix: tuple[str, ...] = (), pass_fds: tuple[int, ...] = ()) -> None:
        self.kind = kind
        self.in_python = kind != "node"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the peer
        self.process = subprocess.Popen(
            [*prefix, *COMMANDS[kind]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "TZ": "UTC"},
            pass_fds=pass_fds,
            text=True,
        )
        self.pid = self.process.pid
        self._numbers = itertools.count(1)
        self._replies: dict[int, Future[Any]] = {}
        self._events: defaultdict[str, queue.SimpleQueue[dict[str, Any]]] = defaultdict(queue.SimpleQueue)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def start(self, do: str, **command: Any) -> Command:
        """Sends a command; its result comes later. `name` is the client's or server's that it is about."""
        number = next(self._numbers)
        future: Future[Any] = Future()
        self._replies[number] = future
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"id": number, "do": do, **command}) + "\n")
            self.process.stdin.flush()
        if not self._reader.is_alive():
            self._fail_all()
        return Command(number, future)

    def do(self, do: str, **command: Any) -> Any:
        return self.start(do, **command).result()

    def event(self, name: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Waits for the next event of this name."""
        try:
            return self._events[name].get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"{self.kind}: no event {name!r} came; stderr: {self.stderr()}") from None

    def has_event(self, name: str) -> bool:
        """Whether another event of this name has come already."""
        return not self._events[name].empty()

    def stderr(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            os.waitpid(self.process.pid, os.WUNTRACED)  # the signal takes effect a moment after it was sent

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ended(self) -> int:
        """Waits until the process has ended by itself; its exit code."""
        return self.process.wait(PATIENCE)

    def dispose(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.kill()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()

    def forget_events(self) -> None:
        self._events.clear()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if "event" in said:
                self._events[said["event"]].put(said)
            elif "error" in said:
                self._replies.pop(said["re"]).set_exception(PeerError(said["error"]))
            else:
                self._replies.pop(said["re"]).set_result(said["value"])
        self._fail_all()

    def _fail_all(self) -> None:
        while self._replies:
            with contextlib.suppress(KeyError):
                self._replies.popitem()[1].set_exception(EOFError(f"the {self.kind} peer has ended: {self.stderr()}"))


class Command:
    """A command that a peer is working on."""

    def __init__(self, number: int, future: Future[Any]) -> None:
        self.number = number
        self.future = future

    def done(self) -> bool:
        return self.future.done()

    def result(self, timeout: float | None = PATIENCE) -> Any:
        return self.future.result(timeout)

    def error(self, timeout: float = PATIENCE) -> PeerError:
        found = self.future.exception(timeout)
        assert isinstance(found, PeerError), f"succeeded or broke: {found or self.future.result()}"
        return found


class Pipe:
    """What a handler reads until the test writes."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._fd = os.open(path, os.O_RDWR)

    def write(self) -> None:
        os.write(self._fd, b"x")

    def close(self) -> None:
        os.close(self._fd)


class Pool:
    """Peers that are used again as long as they are well: a process a test would cost most of the suite's time."""

    def __init__(self) -> None:
        self._idle: defaultdict[str, list[Peer]] = defaultdict(list)

    def take(self, kind: str, directory: Path) -> Peer:
        peer = self._idle[kind].pop() if self._idle[kind] else Peer(kind)
        peer.do("directory", path=str(directory))
        return peer

    def give_back(self, peer: Peer) -> None:
        if peer.process.poll() is not None:
            peer.dispose()
            return
        try:
            peer.do("reset")
        except BaseException:
            peer.dispose()
            raise
        peer.forget_events()
        self._idle[peer.kind].append(peer)

    def close(self) -> None:
        for peers in self._idle.values():
            for peer in peers:
                peer.dispose()
