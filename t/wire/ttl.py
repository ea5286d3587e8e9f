# SPDX-License-Identifier: BSD-2-Clause
"""Clients of examples/ttl, which lets nothing live for more than 1000 seconds.
Argument: the port of a server with one vbucket."""

import socket
import struct
import sys
import time

from facts import run_facts

port = int(sys.argv[1])
MAX = 1000


def _ask(text):
    s = socket.create_connection(("127.0.0.1", port), timeout=120)
    s.sendall(text)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while part := s.recv(65536):
        got += part
    return got


def _frame(opcode, extras=b"", value=b"", datatype=0):
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, 0, len(extras), datatype, 0,
                       len(extras) + len(value), 0, 0) + extras + value


def _reply(f):
    _, _, _, nextras, _, status, n, _, _ = struct.unpack(">BBHBBHIIQ", f.read(24))
    return status, f.read(n)[nextras:]


def _ends(key):
    """When an item has lived, as a scan says; None: never."""
    s = socket.create_connection(("127.0.0.1", port), timeout=120)
    f = s.makefile("rb")
    s.sendall(_frame(0xda, value=b"{}", datatype=1))
    status, scan = _reply(f)
    assert status == 0, status
    s.sendall(_frame(0xdb, extras=scan + bytes(12)))
    records, status = b"", 0
    while status == 0:
        status, part = _reply(f)
        records += part
    assert status == 0xa7, status
    while records:
        expiry, n = struct.unpack(">I", records[4:8])[0], records[25]
        if records[26:26 + n] == key:
            return expiry or None
        records = records[27 + n + records[26 + n]:]
    assert False, key


_BEGAN = time.time()


def _lives(key, want):
    """It was stored meanwhile, to live so many seconds."""
    got = _ends(key)
    assert got is not None and _BEGAN + want - 2 <= got <= time.time() + want + 2, got


def what_would_live_for_ever_lives_so_long():
    assert _ask(b"set ever 0 0 1\r\n1\r\n") == b"STORED\r\n"
    _lives(b"ever", MAX)


def so_does_what_would_live_longer():
    assert _ask(b"add longer 0 5000 1\r\n1\r\n") == b"STORED\r\n"
    _lives(b"longer", MAX)


def what_lives_shorter_stays_as_it_is():
    assert _ask(b"set shorter 0 100 1\r\n1\r\n") == b"STORED\r\n"
    _lives(b"shorter", 100)


def nothing_is_prolonged():
    assert _ask(b"touch shorter 5000\r\n") == b"TOUCHED\r\n"
    _lives(b"shorter", MAX)
    assert _ask(b"incr shorter 1\r\nappend shorter 0 0 1\r\n0\r\n") == b"2\r\nSTORED\r\n"
    _lives(b"shorter", MAX)


def values_are_as_they_were():
    large = b"v" * 500000
    assert _ask(b"set large 7 0 500000\r\n" + large + b"\r\nget large\r\n") == \
        b"STORED\r\nVALUE large 7 500000\r\n" + large + b"\r\nEND\r\n"
    assert _ask(b"delete large\r\n") == b"DELETED\r\n"


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
