"""A way to a service that can be slow, and be cut."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from .. import _native
from .._errors import IpcError
from .._options import FOREVER, Seconds, microseconds
from .._tracebacks import leave_one_frame
from ._relay import Relay

if TYPE_CHECKING:
    from typing_extensions import Self


class Link:
    """A way to a service, which clients take that connect to `address`. Made by link(); any thread may use it.

    What clients and service say passes as it is, over the socket: there is no shared memory through a link, and the
    service sees the process of the link as its peer.
    """

    def __init__(self, target: str) -> None:
        self._folder = tempfile.mkdtemp(prefix="ipcb-")
        self._path = os.path.join(self._folder, "link.sock")
        self.address = f"unix://{self._path}"
        try:
            self._relay = Relay(self._path, target)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def connections(self) -> int:
        """How many there are through it now."""
        return self._relay.connection_count()

    def delay(self, seconds: Seconds) -> None:
        """From now on what either side sends takes so long, in seconds or a timedelta; 0 ends that."""
        given = microseconds(seconds, "a delay")
        if given == FOREVER:
            raise IpcError("invalid_argument", "a delay ends: pause() keeps messages until resume()")

        def slow_down() -> None:
            self._relay.delay = given / 1e6

        self._relay.do(slow_down)

    def pause(self) -> None:
        """Nothing passes until resume(), as with a peer that is stopped: it takes new connections, and says nothing."""
        self._relay.do(lambda: self._pause(True))

    def resume(self) -> None:
        """What has waited passes, and all that follows."""
        self._relay.do(lambda: self._pause(False))

    def drop(self) -> None:
        """Ends the connections, with what is on its way in them. Clients connect anew at once."""
        self._relay.do(self._relay.drop)

    def kill(self) -> None:
        """As the death of the service's process: the connections end, and nobody takes new ones until restart().

        To the service it is the death of its clients.
        """

        def die() -> None:
            self._relay.stop_listening()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            self._relay.drop()

        self._relay.do(die)

    def restart(self) -> None:
        """Takes connections again after kill()."""
        self._relay.do(self._relay.listen)

    def close(self) -> None:
        """Ends the connections and the link. Does nothing when it is closed already."""
        self._relay.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pause(self, is_paused: bool) -> None:
        self._relay.is_paused = is_paused

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ipcbridge link {self.address}>"


def link(service: Any) -> Link:
    """A link in front of a service: its address, or what serve() returned; it need not be served yet.

    Raises IpcError('invalid_argument') for an `inproc://` address, which has no socket that could fail.
    """
    try:
        address = service if isinstance(service, str) else getattr(service, "name", None)
        if not isinstance(address, str):
            raise IpcError("invalid_argument", "link() takes the address of a service, or what serve() returned")
        path = _native.socket_path(address)
        if address.startswith("inproc:"):
            raise IpcError("invalid_argument", "an inproc:// service has no socket: serve a name, or a unix:// address")
        return Link(path)
    except BaseException as error:
        leave_one_frame(error)
        raise
