"""`python -m ipcbridge doctor`: whether this machine and this installation will do, and what to do if not."""

from __future__ import annotations

import argparse
import sys

from . import _doctor
from ._extension import __version__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ipcbridge")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    doctor = commands.add_parser(
        "doctor",
        help="check this machine and this installation",
        description="Checks what ipcbridge needs of this machine and this Python, and tells a remedy for each fault.",
        epilog="The exit code is 0 where there is no fault, 1 where there is one, and 2 for other arguments.",
    )
    doctor.add_argument("--json", action="store_true", help="print a JSON array of the findings")
    return parser


if __name__ == "__main__":
    sys.exit(_doctor.main(as_json=_parser().parse_args().json))
