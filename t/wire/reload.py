# SPDX-License-Identifier: BSD-2-Clause
"""Clients that go on while the engine is loaded anew.

    reload.py versions PORT N FIRST SECOND   N connections get until each was
                                             answered with SECOND; before that
                                             with FIRST, and with nothing else.
                                             Says "going" when all are at it.
    reload.py churn PORT N                   N connections get, store and delete
                                             until stdin ends; each answer is one
                                             that the command may have
    reload.py wrong PORT                     frames that are a reload but for one
                                             thing, each of which is refused
"""

import select
import socket
import struct
import sys


def _connect(port):
    s = socket.create_connection(("127.0.0.1", port), 60)
    return s, s.makefile("rb")


def _get(s, f, key):
    s.sendall(b"get %s\r\n" % key)
    line = f.readline()
    if line == b"END\r\n":
        return None
    assert line.startswith(b"VALUE %s 0 " % key), line
    value = f.read(int(line.split()[3]) + 2)[:-2]
    assert f.readline() == b"END\r\n"
    return value


def versions(port, n, first, second):
    conns = [_connect(port) for _ in range(n)]
    for s, f in conns:
        assert _get(s, f, b"k") == first
    print("going", flush=True)
    new = set()
    while len(new) < n:
        for i, (s, f) in enumerate(conns):
            got = _get(s, f, b"k")
            assert got == second or (got == first and i not in new), got
            if got == second:
                new.add(i)


def churn(port, n):
    conns = [_connect(port) for _ in range(n)]
    print("going", flush=True)
    rounds = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for i, (s, f) in enumerate(conns):
            key = b"k%d" % i
            s.sendall(b"set %s 0 0 1\r\nV\r\n" % key)
            assert f.readline() in (b"STORED\r\n",
                                    b"SERVER_ERROR outcome unknown\r\n",
                                    b"SERVER_ERROR temporary failure\r\n")
            assert _get(s, f, key) in (b"V", None)
            s.sendall(b"delete %s\r\n" % key)
            assert f.readline() in (b"DELETED\r\n", b"NOT_FOUND\r\n")
        rounds += 1
    assert rounds


def wrong(port):
    s, f = _connect(port)

    def ask(ms=1000, key=b"", value=b"", more=b"", datatype=0, vbucket=0, cas=0):
        extras = struct.pack(">I", ms) + more
        body = extras + key + value
        s.sendall(struct.pack(">BBHBBHIIQ", 0x80, 0xDE, len(key), len(extras),
                              datatype, vbucket, len(body), 7, cas) + body)
        head = struct.unpack(">BBHBBHIIQ", f.read(24))
        text = f.read(head[6])
        assert head[1] == 0xDE and head[5] == 4, (head, text)
        return text

    assert b"60000 ms at most" in ask(ms=60001)
    assert b"60000 ms at most" in ask(ms=0xFFFFFFFF)
    assert b"a key where" in ask(key=b"k")
    assert b"a value where" in ask(value=b"v")
    assert b"extras of a wrong length" in ask(more=b"x")
    assert b"a datatype where" in ask(datatype=1)
    assert b"a vbucket where" in ask(vbucket=1)
    assert b"a cas where" in ask(cas=1)


if __name__ == "__main__":
    if sys.argv[1] == "wrong":
        wrong(int(sys.argv[2]))
    elif sys.argv[1] == "versions":
        versions(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode(),
                 sys.argv[5].encode())
    else:
        churn(int(sys.argv[2]), int(sys.argv[3]))
