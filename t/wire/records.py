# SPDX-License-Identifier: BSD-2-Clause
"""Records for the tests of scans.

    records.py make SEED N      N lines of: the key in hexadecimal, TAB, the line
                                that ewbctl load takes, in random order
    records.py change PORT      to a server: of those lines on stdin, the first
                                record is stored anew, the second deleted, and so
                                on; returns when all is done
"""

import random
import re
import socket
import struct
import sys


_named = {b"\\": b"\\\\", b"\t": b"\\t", b"\n": b"\\n", b"\r": b"\\r"}


def _escape(data):
    return re.sub(rb"[\0-\x1f\x7f\\]",
                  lambda m: _named.get(m[0]) or b"\\x%02x" % m[0][0], data)


def _value(r):
    kind = r.randrange(10)
    if kind == 0:
        return b""
    if kind == 1:
        return b"\t\n\r\0\\tab\\x00 " + bytes(range(256))
    if kind == 2:
        return r.randbytes(r.randrange(4000))
    return b"value %d " % r.randrange(10**9) * r.randrange(1, 100)


def _keys(r, n):
    """Plain ones that begin with lib, of which many are prefixes of others, and
    others with any bytes."""
    keys = {b"lib", b"lic", b"lia\xff", b"lib" + b"b" * 247, b"\0", b"\xff" * 250,
            b"\\", b"\\x", b"\t", b"\n", b"a\tb", b"a", b"a\0", b"a\0\0"}
    name = b"abcdefghijklmnopqrstuvwxyz0123456789-+.~_ABC"
    while len(keys) < n:
        kind = r.randrange(6)
        if kind == 0:
            keys.add(r.randbytes(r.randrange(1, 251)))
        elif kind == 1:
            keys.add(b"lib\xc3\xa9\xe4\xb8\xad" + b"%d" % r.randrange(10**4))
        else:
            k = b"lib" + bytes(r.choices(name, k=r.randrange(1, 30)))
            keys.add(k)
            keys.add(k[: r.randrange(3, len(k) + 1)])
    return sorted(keys)


def make(seed, n):
    r = random.Random(seed)
    keys = _keys(r, n)
    r.shuffle(keys)
    for k in keys:
        line = _escape(k) + b"\t" + _escape(_value(r))
        sys.stdout.buffer.write(k.hex().encode() + b"\t" + line + b"\n")


def _frame(opcode, key=b"", extras=b"", value=b""):
    body = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                       len(body), 0, 0) + body


def change(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=120)
    for i, line in enumerate(sys.stdin.buffer):
        key = bytes.fromhex(line.split(b"\t")[0].decode())
        if i % 2:
            s.sendall(_frame(0x14, key))
        else:
            s.sendall(_frame(0x11, key, bytes(8), b"another value"))
    s.sendall(_frame(0x0a))
    answer = b""
    while len(answer) < 24:
        part = s.recv(24 - len(answer))
        assert part, "the server hung up"
        answer += part
    assert answer[1] == 0x0a, answer  # nothing was refused: they are quiet


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]))
    else:
        change(int(sys.argv[2]))
