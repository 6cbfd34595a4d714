"""Becomes a program to which a listening socket is passed, as a service manager passes it.

activated.py DESCRIPTOR NAME COMMAND...
"""

from __future__ import annotations

import os
import sys

descriptor, name, *command = sys.argv[1:]
os.dup2(int(descriptor), 3)  # which the command inherits
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=name)
if name == "of-another-process":
    os.environ["LISTEN_PID"] = "1"
os.execv(command[0], command)
