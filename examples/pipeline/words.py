"""A step of a pipeline: a generator that reads a stream and is one. Served under the name `words`."""

import re

import ipcbridge as ipc


def found(lines, pattern: str):
    """The lines in which the pattern is found, with their numbers, while further lines come in."""
    expression = re.compile(pattern)
    for number, line in enumerate(lines, 1):
        if match := expression.search(line):
            yield {"number": number, "line": line, "match": match[0]}


with ipc.serve("words", {"found": found}) as server:
    print("serving words", flush=True)
    server.wait()
