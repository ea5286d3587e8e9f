# SPDX-License-Identifier: BSD-2-Clause
"""Clients that mean no good.  Arguments: the port, a seed, and how many at once."""

import random
import selectors
import socket
import struct
import sys
import threading
import time
import traceback

from facts import run_facts

port, seed, many = (int(a) for a in sys.argv[1:4])


def _open():
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def _drain(s):
    """Until the other side has closed, or has nothing more to say to a client
    that has said all."""
    try:
        while s.recv(1 << 16):
            pass
    except (ConnectionError, TimeoutError):
        pass


def _send(s, data):
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _talk(s, data):
    """Sends and reads at once, so that neither waits for the other."""
    sender = threading.Thread(target=_send, args=(s, data))
    sender.start()
    _drain(s)
    sender.join()


def _stats():
    with _open() as s:
        s.sendall(b"stats\r\n")
        got = b""
        while not got.endswith(b"END\r\n"):
            part = s.recv(1 << 16)
            assert part, got
            got += part
    return {line.split()[1]: line.split()[2] for line in got.split(b"\r\n")
            if line.startswith(b"STAT ")}


def _all_is_well():
    """It answers, and in the end nothing of the others is left.  What is closed
    or cancelled takes its time to go."""
    left = {b"curr_connections": 1, b"cookies_blocked": 0, b"streams": 0,
            b"scans_open": 0, b"stream_memory": 0, b"cookies_pinned_bytes": 0}
    until = time.monotonic() + 60
    while True:
        stats = _stats()
        wrong = {k: stats[k] for k in left if int(stats[k]) != left[k]}
        if not wrong:
            break
        assert time.monotonic() < until, wrong
    with _open() as s:
        s.sendall(b"set well 0 0 2\r\nok\r\nget well\r\nquit\r\n")
        got = b""
        while part := s.recv(100):
            got += part
        assert got == b"STORED\r\nVALUE well 0 2\r\nok\r\nEND\r\n", got


def _many(talk, n):
    """talk(random numbers, socket) on n connections at once."""
    wrong = []

    def one(i):
        try:
            with _open() as s:
                talk(random.Random("%d %s %d" % (seed, talk.__name__, i)), s)
        except Exception:
            wrong.append(traceback.format_exc())

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong[0]


def _frame(opcode, key=b"", extras=b"", value=b"", datatype=0):
    body = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras),
                       datatype, 0, len(body), 1, 0) + body


def _good_binary(r):
    key = b"key%d" % r.randrange(10)
    return r.choice([
        _frame(0x00, key), _frame(0x09, key), _frame(0x0C, key),
        _frame(0x01, key, bytes(8), r.randbytes(r.randrange(20000))),
        _frame(0x11, key, bytes(8), b"7"), _frame(0x04, key),
        _frame(0x05, key, struct.pack(">QQI", 1, 1, 0)),
        _frame(0x0E, key, b"", b"+"), _frame(0x1C, key, bytes(4)),
        _frame(0x1D, key, bytes(4)), _frame(0x0A), _frame(0x10),
        _frame(0x10, b"scans"), _frame(0x10, b"cookies"), _frame(0x0B),
        _frame(0xDA, value=b"{}", datatype=1),
        _frame(0xDB, extras=r.randbytes(28)), _frame(0xDC, extras=bytes(16)),
    ])


def _good_text(r):
    key = b"key%d" % r.randrange(10)
    value = r.randbytes(r.randrange(20000))
    return r.choice([
        b"get " + key + b"\r\n", b"gets " + key + b" other\r\n",
        b"set " + key + b" 0 0 %d\r\n" % len(value) + value + b"\r\n",
        b"delete " + key + b"\r\n", b"incr " + key + b" 1\r\n",
        b"append " + key + b" 0 0 1 noreply\r\nx\r\n",
        b"touch " + key + b" 0\r\n", b"stats\r\n", b"stats cookies\r\n",
        b"version\r\n", b"gat 0 " + key + b"\r\n",
    ])


def random_bytes_do_no_harm():
    def random_bytes(r, s):
        _talk(s, r.randbytes(r.randrange(1, 100000)))

    def random_binary(r, s):
        _talk(s, b"\x80" + r.randbytes(r.randrange(1, 100000)))

    _many(random_bytes, many)
    _many(random_binary, many)
    _all_is_well()


def frames_with_some_bytes_changed_do_no_harm():
    def changed(r, s):
        good = _good_binary if r.randrange(2) else _good_text
        data = bytearray(b"".join(good(r) for _ in range(100)))
        for _ in range(r.randrange(1, 50)):
            data[r.randrange(len(data))] = r.randrange(256)
        _talk(s, bytes(data))

    _many(changed, many)
    _all_is_well()


def half_a_frame_and_then_nothing_does_no_harm():
    def half(r, s):
        good = _good_binary if r.randrange(2) else _good_text
        data = b"".join(good(r) for _ in range(r.randrange(1, 20)))
        _send(s, data[:r.randrange(len(data) + 1)])
        if r.randrange(2):
            _drain(s)
        elif r.randrange(2):  # a reset
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))

    for _ in range(4):
        _many(half, many)
    _all_is_well()


def huge_lengths_do_no_harm():
    def huge(r, s):
        n = r.choice([0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, (64 << 20) + 1,
                      64 << 20, (4 << 20) + 1, 1 << 20])
        head = struct.pack(">BBHBBHIIQ", 0x80, r.randrange(256),
                           r.choice([0, 1, 250, 251, 65535]),
                           r.choice([0, 8, 20, 28, 255]), 0, 0, n, 0, 0)
        line = b"set k 0 0 %d\r\n" % n
        _talk(s, r.choice([head, line]) + r.randbytes(r.randrange(100000)))

    _many(huge, many)
    _all_is_well()


def many_who_hardly_speak_hold_up_nobody():
    """Ten times as many, each a byte at a time; one beside them is served."""
    r = random.Random(seed)
    slow = [_open() for _ in range(10 * many)]
    lines = [(_good_binary(r) if i % 2 else _good_text(r))[:40]
             for i in range(10 * many)]
    for at in range(40):
        for s, line in zip(slow, lines):
            try:
                s.send(line[at:at + 1])
            except OSError:
                pass  # it was a frame that closed it
        with _open() as s:
            s.sendall(b"version\r\n")
            assert s.recv(100).startswith(b"VERSION")
    for s in slow:
        s.close()
    _all_is_well()


def those_who_do_not_read_hold_up_nobody():
    """Those ask for much and read nothing, then hang up."""
    deaf = []
    with _open() as s:
        s.sendall(b"set large 0 0 1000000\r\n" + b"x" * 1000000 + b"\r\n")
        assert s.recv(100) == b"STORED\r\n"
    for _ in range(many):
        s = _open()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.setblocking(False)
        try:
            s.send(b"get large\r\n" * 1000)
        except BlockingIOError:
            pass
        deaf.append(s)
    with _open() as s:
        s.sendall(b"version\r\n")
        assert s.recv(100).startswith(b"VERSION")
    watch = selectors.DefaultSelector()
    for s in deaf:  # each has been answered something
        watch.register(s, selectors.EVENT_READ)
    while watch.get_map():
        for key, _ in watch.select():
            watch.unregister(key.fileobj)
    for s in deaf:
        s.close()
    _all_is_well()


def scans_that_nobody_reads_to_the_end_leave_nothing():
    with _open() as s:
        for i in range(50):
            s.sendall(b"set scan%d 0 0 100000\r\n" % i + b"x" * 100000 + b"\r\n")
            assert s.recv(100) == b"STORED\r\n"

    def read(s, n):
        got = b""
        while len(got) < n:
            part = s.recv(n - len(got))
            assert part, got
            got += part
        return got

    def scan(r, s):
        for i in range(r.randrange(1, 10)):
            s.sendall(_frame(0xDA, value=b"{}", datatype=1))
            head = read(s, 24)
            body = read(s, struct.unpack(">8xI12x", head)[0])
            assert head[6:8] == b"\0\0", (head, body)
            if i == 0:
                first = body
        s.sendall(_frame(0xDB, extras=first + bytes(12)))
        if r.randrange(2):
            read(s, r.randrange(1, 200000))
        if r.randrange(2):
            s.sendall(_frame(0xDC, extras=first))

    _many(scan, many)
    _all_is_well()


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
