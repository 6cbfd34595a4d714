"""The Python half of a web server: text functions, served under the name `text`."""

import collections
import re

import ipcbridge as ipc


def words(text: str, most: int = 3) -> dict:
    """How many words there are, and the `most` frequent ones with their counts."""
    found = re.findall(r"\w+", text.lower())
    return {"words": len(found), "frequent": collections.Counter(found).most_common(most)}


with ipc.serve("text", {"words": words}) as server:
    print("serving text", flush=True)
    server.wait()
