# SPDX-License-Identifier: BSD-2-Clause
"""compare.py HEADER: of a frozen ewb/engine.h, prints C that compiles after
<ewb/engine.h> only if every promise of the frozen one is kept: values of
enumerators and macros, place and type of every member, types of functions.
What is new at the end of something breaks none of them."""

import re
import subprocess
import sys


def promises(path):
    text = open(path).read()
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    macros = re.findall(r"^#define (EWB_\w+) +(0x\w+|\d+u?)\s*$", bare, re.M)
    bare = re.sub(r"^#.*?(?<!\\)$", "", bare, flags=re.M | re.S)
    bare = re.sub(r"EWB_PRINTF\([^)]*\)|extern \"C\" {", "", bare)
    enums = re.findall(r"enum (\w+) {(.*?)}", bare, re.S)
    structs = re.findall(r"struct (\w+) {(.*?)\n}", bare, re.S)
    typedefs = re.findall(r"typedef [^;]*\(\*(\w+)\)[^;]*;", bare)
    rest = re.sub(r"(enum|struct) \w+ {.*?};|typedef [^;]*;|struct \w+;", "", bare,
                  flags=re.S)
    functions = re.findall(r"^[\w][^;{}]*?\b\w+\([^;{}]*\)\s*;", rest, re.M)
    return macros, enums, structs, typedefs, functions


def values(names, path, cc):
    """What the frozen header itself says that they are."""
    code = '#include <stdio.h>\n#include "%s"\nint main(void) {\n' % path
    code += "".join('printf("%%s %%lld\\n", "%s", (long long)%s);\n' % (n, n)
                    for n in names) + "return 0; }\n"
    subprocess.run(cc + ["-x", "c", "-", "-o", "frozen.out"], input=code.encode(),
                   check=True)
    out = subprocess.run(["./frozen.out"], stdout=subprocess.PIPE, check=True).stdout
    return [line.split() for line in out.decode().splitlines()]


def members(body):
    """Names, of a struct's text."""
    for part in body.split(";"):
        fn = re.search(r"\(\*(\w+)\)", part)
        if fn:
            yield fn.group(1)
        elif part.strip():
            for name in part.split(","):
                yield re.findall(r"\w+", re.sub(r"\[.*?\]", "", name))[-1]


def main(path, cc):
    macros, enums, structs, typedefs, functions = promises(path)
    names = [m for m, _ in macros] + [
        n for _, body in enums for n in re.findall(r"\bEWB_\w+", body)]
    assert len(names) >= 45 and len(structs) >= 7 and len(functions) >= 37, \
        (len(names), len(structs), len(functions))
    print("#include <ewb/engine.h>")
    for name, value in values(names, path, cc):
        if name != "EWB_API":
            print('_Static_assert(%s == %s, "%s is another value");'
                  % (name, value, name))
    for name, body in structs:
        print("struct frozen_%s {%s\n};" % (name, body))
        for m in members(body):
            print('_Static_assert(offsetof(struct frozen_%s, %s) == '
                  'offsetof(struct %s, %s) && __builtin_types_compatible_p('
                  '__typeof__(((struct frozen_%s *)0)->%s), '
                  '__typeof__(((struct %s *)0)->%s)), '
                  '"struct %s: %s is elsewhere, or of another type");'
                  % (name, m, name, m, name, m, name, m, name, m))
        print('_Static_assert(sizeof(struct frozen_%s) <= sizeof(struct %s), '
              '"struct %s has lost something");' % (name, name, name))
    # those that have no size in them cannot grow
    for name in ("ewb_ticket", "ewb_param", "ewb_setting"):
        print('_Static_assert(sizeof(struct frozen_%s) == sizeof(struct %s), '
              '"struct %s has no room to grow");' % (name, name, name))
    print("#define ewb_offload_fn frozen_offload_fn")
    print("#define ewb_work_fn frozen_work_fn")
    text = re.sub(r"/\*.*?\*/", "", open(path).read(), flags=re.S)
    for t in re.findall(r"typedef [^;]*\(\*\w+\)[^;]*;", text):
        print(t)
    print("#undef ewb_offload_fn\n#undef ewb_work_fn")
    for t in typedefs:
        print('_Static_assert(__builtin_types_compatible_p(%s, frozen_%s), '
              '"%s is another type");' % (t, t[4:], t))
    # a second declaration of another type is an error
    for f in functions:
        print(f)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
