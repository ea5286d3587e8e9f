# SPDX-License-Identifier: BSD-2-Clause
"""Documents for the test of export and import.

    export.py fill PORT         stores them, and one that has expired when it returns
    export.py check FILE        FILE is these, each once, in the order of their keys
    export.py large PORT N      stores N values of a MiB
    export.py memory COMMAND    runs it, then prints the most memory that it had, MiB
"""

import base64
import json
import random
import resource
import socket
import struct
import subprocess
import sys

MIB = 1 << 20
LATE = 4102444800  # the year 2100


def documents():
    """key: value, flags, expiry, datatype"""
    r = random.Random(1)
    every = bytes(range(256))
    texts = ["", " ", "plain", '"\\/\b\f\n\r\t', "\0\x01\x1f\x7f\x80", "né", "中文",
             "\U0001f600", "\ufeff", "\ufffd", "\u2028\ud7ff\ue000\U0010ffff",
             '{"a":[1,2.0e5,null]}', "key64"]
    no_texts = [every, b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                b"a\xe4\xb8", b"\x80", b"\xf8\x88\x80\x80\x80"]
    values = [t.encode() for t in texts] + no_texts
    found = {}
    for c in range(256):
        for key in (bytes([c]), b"k" + bytes([c]) + b"k", bytes([c]) * 250):
            found[key] = (values[len(found) % len(values)], 0, 0, 0)
    for i, v in enumerate(values[1:]):
        found[v[:250]] = (v, i, 0, 0)
    for i, flags in enumerate((1, 0x02000000, 0x7fffffff, 0x80000000, 0xffffffff)):
        found[b"flags %d" % i] = (b"x", flags, 0, 0)
    for i, expiry in enumerate((LATE, 0x7fffffff, 0x80000000, 0xffffffff)):
        found[b"expiry %d" % i] = (b"x", 7, expiry, 0)
    for datatype in range(8):
        found[b"datatype %d" % datatype] = (b"{}", 0, LATE * (datatype & 1), datatype)
    found[b"large, text"] = (b"t" * MIB, 1, LATE, 0)
    found[b"large, none"] = (r.randbytes(MIB), 2, 0, 0)
    found[b"large, escaped"] = (bytes(MIB), 3, 0, 0)
    found[b"large, every"] = (every * (MIB // 256), 4, 0, 0)
    for i in range(2000):
        found[r.randbytes(r.randrange(1, 251))] = (r.randbytes(r.randrange(300)),
                                                    r.randrange(1 << 32), 0, 0)
    return found


def frame(opcode, key=b"", extras=b"", value=b"", datatype=0):
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), datatype, 0,
                       len(extras) + len(key) + len(value), 0, 0) + extras + key + value


def store(port, items):
    """All of them, by quiet sets: nothing but a noop is answered."""
    s = socket.create_connection(("127.0.0.1", int(port)), timeout=120)
    for key, (value, flags, expiry, datatype) in items:
        s.sendall(frame(0x11, key, struct.pack(">II", flags, expiry), value, datatype))
    s.sendall(frame(0x0a))
    answer = b""
    while len(answer) < 24:
        part = s.recv(24 - len(answer))
        assert part, "the server hung up"
        answer += part
    assert answer[1] == 0x0a, answer


def fill(port):
    items = list(documents().items())
    random.Random(2).shuffle(items)
    store(port, items)
    store(port, [(b"gone", (b"x", 0, 2592001, 0))])


def member(o, name):
    if name in o:
        assert name + "64" not in o
        return o[name].encode()
    raw = base64.b64decode(o[name + "64"], validate=True)
    try:
        raw.decode()
        assert False, "text in base64"
    except UnicodeDecodeError:
        return raw


def check(path):
    want = documents()
    last = None
    with open(path, "rb") as f:
        for line in f:
            o = json.loads(line)
            assert line.endswith(b"\n")
            assert set(o) <= {"key", "key64", "value", "value64", "flags", "expiry",
                              "datatype"}, o
            key = member(o, "key")
            assert last is None or last < key, (last, key)
            last = key
            got = (member(o, "value"), o.get("flags", 0), o.get("expiry", 0),
                   o.get("datatype", 0))
            assert want.pop(key) == got, (key, got)
    assert not want, list(want)[:3]


def large(port, n):
    r = random.Random(3)
    store(port, ((b"%d" % i, (r.randbytes(MIB), 0, 0, 0)) for i in range(int(n))))


def memory(command):
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
    sys.exit(status)


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        memory(sys.argv[2:])
    {"fill": fill, "check": check, "large": large}[sys.argv[1]](*sys.argv[2:])
