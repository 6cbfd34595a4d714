"""The server process: `serve.py SERVER_MODULE ADDRESS`; the module reports the address it really listens on."""

import resource
import sys

from load import load
from report import end_with_harness, report, report_error


def main() -> None:
    path, address = sys.argv[1:]
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # Node does this by itself
    end_with_harness()
    try:
        load(path).serve(address, lambda actual=address: report({"ready": True, "address": actual}))
    except BaseException as error:
        report_error(error)
        raise


if __name__ == "__main__":
    main()
