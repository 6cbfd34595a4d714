"""For tests of programs that use ipcbridge: services in the same process, fakes, and links that fail.

    from ipcbridge import testing

    with testing.fake({"add": testing.answer(5)}) as calc:
        calc.add(2, 3)                      # 5
        testing.calls(calc)                 # what it was asked

`ipcbridge.testing.aio` has `pair` and `fake` for asyncio.
"""

from ._answers import Answer, answer
from ._fake import Fake, RecordedCall, calls, fake
from ._link import Link, link
from ._names import unique_name
from ._pair import Pair, pair

__all__ = ["Answer", "Fake", "Link", "Pair", "RecordedCall", "answer", "calls", "fake", "link", "pair", "unique_name"]

for _public in (Answer, Fake, Link, Pair, RecordedCall):
    _public.__module__ = "ipcbridge.testing"
