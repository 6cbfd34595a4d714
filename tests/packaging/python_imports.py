"""Prints as JSON what files import of the package in a folder. Arguments: the folder, then the files."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "ipcbridge"


def imports(file: Path, root: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first, *rest = alias.name.split(".")
                if first == PACKAGE:
                    yield root.joinpath(*rest or ["__init__"])
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level > 0:
                base = file.parents[node.level - 1]
            elif module[0] == PACKAGE:
                base = root
                del module[0]
            else:
                continue
            if module:
                yield base.joinpath(*module)
            else:  # `from . import a, b` names modules; `from .a import B` what is in one
                yield from (base / alias.name for alias in node.names)


root = Path(sys.argv[1])
print(json.dumps({name: [str(each) for each in imports(Path(name), root)] for name in sys.argv[2:]}))
