# SPDX-License-Identifier: BSD-2-Clause
"""For the python parts of these tests: the name of a function is the fact that
it establishes."""

import sys
import traceback


def run_facts(names):
    """Calls the functions of a file, whose globals() these are, but those whose
    name begins with an underscore; says which facts hold.  0, or 1."""
    failed = 0
    for name, fn in list(names.items()):
        code = getattr(fn, "__code__", None)
        if (code is None or name.startswith("_")
                or code.co_filename != names["__file__"]):
            continue
        text = name.replace("_", " ")
        try:
            fn()
            print("ok:", text, flush=True)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print("FAILED:", text, flush=True)
            failed = 1
    return failed
