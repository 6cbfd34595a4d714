"""Loads the extension module, or says why it does not load here."""

from __future__ import annotations

from os.path import dirname

from ._elf import is_truncated, module_file

_file = module_file(dirname(__file__))
try:
    if _file is not None and is_truncated(_file):
        raise ImportError("the file is truncated")
    from ._native import __version__ as __version__
except ImportError as _error:
    from ._doctor import run_instead
    from ._unloadable import explained

    run_instead(_error, _file)
    raise explained(_error, _file) from _error
