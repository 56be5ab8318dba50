"""The conformance program: `conformance.py GROUP... [--json]` runs the groups' cases and says how each went.

It is started by tests/tests/conformance/python.rs, which serves; `lab` says how the two talk.
"""

from __future__ import annotations

import sys
import traceback

import hostile
import interop
import scripted
from lab import CASES, Case, Host
from wire import BINCODE

assert hostile and interop and scripted


def run(case: Case, encoding: int) -> bool:
    name, host = case.__name__, Host(encoding)
    host.address = host.ask("begin", name)
    try:
        case(host)
    except Exception:
        traceback.print_exc()
        print("failed", name, flush=True)
        return False
    finally:
        for sock in host.sockets:
            sock.close()
    print("passed", name, flush=True)
    return True


def main(arguments: list[str]) -> int:
    encoding = 1 if "--json" in arguments else BINCODE
    chosen = [case for group in arguments if group in CASES for case in CASES[group]]
    results = [run(case, encoding) for case in chosen]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
