"""Renders Markdown, from a file or from stdin, with the npm library that service.mjs serves.

node examples/markdown/service.mjs &
python examples/markdown/render.py README.md > readme.html
"""

import pathlib
import sys

import ipcbridge as ipc

text = pathlib.Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else sys.stdin.read()
with ipc.connect("markdown") as markdown:
    print(markdown.render(text, options={"gfm": True}), end="")
