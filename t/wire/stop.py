# SPDX-License-Identifier: BSD-2-Clause
"""What clients see of a server that is told to stop.  Arguments: what to try,
the port, the process, and how many."""

import os
import signal
import socket
import struct
import sys

what, port, pid, n = sys.argv[1], *map(int, sys.argv[2:5])


def _open():
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def _frame(opcode, key=b"", extras=b"", value=b"", datatype=0):
    body = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras),
                       datatype, 0, len(body), 0, 0) + body


def _read(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        assert part, "the server hung up after %d bytes" % len(got)
        got += part
    return got


def _reply(s):
    head = _read(s, 24)
    status, body = struct.unpack(">xxxxxxHI12x", head)
    return status, _read(s, body)


def _to_the_end(s):
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


def _has_all():
    """Has the engine got all n?  As the server says."""
    with _open() as s:
        s.sendall(_frame(0x10, b"pool"))
        submitted = 0
        while True:
            head = _read(s, 24)
            nkey, status, nbody = struct.unpack(">xxHxxHI12x", head)
            assert status == 0
            body = _read(s, nbody)
            if not nbody:
                return submitted >= n
            if body[:nkey] == b"reader_submitted":
                submitted = int(body[nkey:])


def _block(per=100):
    """n gets on n / per connections, all of which the engine has."""
    clients = []
    for i in range(0, n, per):
        s = _open()
        s.sendall(b"".join(b"get k%d\r\n" % j for j in range(i, min(n, i + per))))
        clients.append(s)
    while not _has_all():
        pass
    return clients


def answered():
    clients = _block(per=50)
    os.kill(pid, signal.SIGTERM)
    got = b"".join(_to_the_end(s) for s in clients)
    assert got == b"END\r\n" * n, got[:200]


def cancelled():
    clients = _block(per=50)
    os.kill(pid, signal.SIGTERM)
    for s in clients:
        got = _to_the_end(s)
        assert b"VALUE" not in got and b"END" not in got, got


def interrupted():
    clients = _block(per=1)
    os.kill(pid, signal.SIGINT)
    assert all(_to_the_end(s) == b"END\r\n" for s in clients)


def idle():
    clients = [_open() for _ in range(n)]
    clients[0].sendall(b"get k\r\n")
    assert _read(clients[0], 5) == b"END\r\n"
    clients[1].sendall(b"get half of a")
    clients[2].sendall(b"set k 0 0 1000\r\nhalf of a")
    os.kill(pid, signal.SIGTERM)
    assert all(_to_the_end(s) == b"" for s in clients)


def scans():
    s = _open()
    for i in range(64):
        s.sendall(_frame(1, b"key%d" % i, bytes(8), b"v" * 1000000))
        assert _reply(s)[0] == 0
    ids = []
    for i in range(n):
        s.sendall(_frame(0xDA, value=b"{}", datatype=1))
        status, scan = _reply(s)
        assert status == 0
        ids.append(scan)
    # one is continued, and its data never read
    s.sendall(_frame(0xDB, extras=ids[0] + bytes(12)))
    _read(s, 24)
    os.kill(pid, signal.SIGTERM)


globals()[what]()
