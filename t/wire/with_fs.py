# SPDX-License-Identifier: BSD-2-Clause
"""Clients of examples/fs.  Arguments: the port, and which part."""

import random
import socket
import struct
import sys
import threading

port = int(sys.argv[1])
CLIENTS, TIMES = 64, 20
SIZE = 65535  # of large values
MOST = 1 << 20  # bytes of a value


class Talk:
    """One connection, text."""

    def __init__(self):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.f = self.s.makefile("rb")

    def line(self, request):
        self.s.sendall(request + b"\r\n")
        return self.f.readline().rstrip(b"\r\n")

    def set(self, key, value, verb=b"set"):
        return self.line(b"%s %s 0 0 %d\r\n%s" % (verb, key, len(value), value))

    def get(self, key):
        head = self.line(b"get " + key)
        if head == b"END":
            return None
        value = self.f.read(int(head.split()[3]) + 2)[:-2]
        assert self.f.readline() == b"END\r\n"
        return value


def text():
    t = Talk()
    assert t.get(b"k") is None
    assert t.set(b"k", b"v", b"replace") == b"NOT_STORED"
    assert t.set(b"k", b"v", b"add") == b"STORED"
    assert t.set(b"k", b"w", b"add") == b"NOT_STORED"
    assert t.get(b"k") == b"v"
    assert t.set(b"k", b"x", b"replace") == b"STORED"
    assert t.set(b"k", b"+", b"append") == b"STORED"
    assert t.set(b"k", b"-", b"prepend") == b"STORED"
    assert t.get(b"k") == b"-x+"
    assert t.line(b"delete k") == b"DELETED"
    assert t.line(b"delete k") == b"NOT_FOUND"
    assert t.get(b"k") is None
    assert t.set(b"x" * 82, b"v") == b"STORED"
    assert t.get(b"x" * 82) == b"v"
    assert t.set(b"x" * 83, b"v").startswith(b"SERVER_ERROR")
    assert t.set(b"k", b"v" * MOST) == b"STORED"
    assert t.get(b"k") == b"v" * MOST
    assert t.set(b"k", b"v" * (MOST + 1)).startswith(b"SERVER_ERROR")
    assert t.line(b"flush_all") == b"OK"
    assert t.get(b"k") is None and t.get(b"x" * 82) is None


def _frame(op, key=b"", extras=b"", value=b""):
    body = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, op, len(key), len(extras), 0, 0,
                       len(body), 0, 0) + body


def _answer(t):
    head = t.f.read(24)
    _, _, _, nextras, _, status, n, _, _ = struct.unpack(">BBHBBHIIQ", head)
    return status, t.f.read(n)[nextras:]


def bytes_():
    t = Talk()
    r = random.Random(7)
    keys = [b"/", b".", b"..", b"a/b", b"\0", b"\0\0", b"*", b"%2f", b"\xff" * 82]
    keys += [bytes([c]) for c in range(256)]
    keys += [r.randbytes(r.randrange(1, 83)) for _ in range(100)]
    values = {k: r.randbytes(r.choice((0, 1, 1000, 60000))) for k in keys}
    values[b"large"] = r.randbytes(MOST)
    for k, v in values.items():
        t.s.sendall(_frame(1, k, bytes(8), v))
        assert _answer(t)[0] == 0, k
    for k, v in values.items():
        t.s.sendall(_frame(0, k))
        assert _answer(t) == (0, v), k


def _all(fn):
    """fn(n) in each of many threads at once; what they return."""
    go, got = threading.Barrier(CLIENTS), [None] * CLIENTS

    def run(n):
        t = Talk()
        go.wait()
        got[n] = fn(t, n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def count():
    assert Talk().set(b"counter", b"0") == b"STORED"
    got = _all(lambda t, _: [int(t.line(b"incr counter 1")) for _ in range(TIMES)])
    every = sorted(n for some in got for n in some)
    assert every == list(range(1, CLIENTS * TIMES + 1)), every[:10]
    assert Talk().get(b"counter") == b"%d" % (CLIENTS * TIMES)


def add():
    for turn in range(10):
        key = b"one%d" % turn
        got = _all(lambda t, n: t.set(key, b"%d" % n, b"add"))
        assert got.count(b"STORED") == 1, got
        assert got[int(Talk().get(key))] == b"STORED"


def whole():
    def run(t, n):
        for i in range(TIMES):
            if n < 8:
                assert t.set(b"whole", b"%c" % (97 + n) * SIZE) == b"STORED"
            else:
                v = t.get(b"whole")
                assert v is None or v == v[:1] * SIZE
        return True

    assert _all(run) == [True] * CLIENTS


def overwrite():
    """Until the server is killed."""
    t = Talk()
    try:
        while t.set(b"victim", b"new" * (SIZE // 3)) == b"STORED":
            pass
    except OSError:
        pass


def survived():
    assert Talk().get(b"victim") in (b"old", b"new" * (SIZE // 3))


if __name__ == "__main__":
    {"bytes": bytes_}.get(sys.argv[2], globals().get(sys.argv[2]))()
