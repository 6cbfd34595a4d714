"""For all suites."""

import signal

# Whatever a shell starts in the background inherits that Ctrl-C is ignored; the tests of Ctrl-C would wait in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)
