# SPDX-License-Identifier: BSD-2-Clause
"""What bad input gets, on the wire.  Argument: the port of a server whose
largest item is 4 KiB."""

import json
import socket
import struct
import sys

from facts import run_facts

port = int(sys.argv[1])
ITEM = 4096


def _open():
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def _frame(opcode, key=b"", extras=b"", value=b"", magic=0x80, body=None,
           opaque=0x01020304):
    rest = extras + key + value
    return struct.pack(">BBHBBHIIQ", magic, opcode, len(key), len(extras), 0, 0,
                       len(rest) if body is None else body, opaque, 0) + rest


def _read(s, n):
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        assert part, got
        got += part
    return got


def _reply(s):
    head = _read(s, 24)
    magic, opcode, nkey, nextras, _, status, nbody, opaque, _ = struct.unpack(
        ">BBHBBHIIQ", head)
    assert magic == 0x81
    return opcode, status, opaque, _read(s, nbody)


def _line(s):
    got = b""
    while not got.endswith(b"\r\n"):
        part = s.recv(1)
        assert part, got
        got += part
    return got


def _is_closed(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def _stat(name):
    with _open() as s:
        s.sendall(b"stats\r\n")
        while (line := _line(s)) != b"END\r\n":
            _, key, value = line.rstrip().split(b" ", 2)
            if key == name:
                return int(value)
    assert False, "no statistic %s" % name


def _text_goes_on(bad, answer):
    """One line is the answer to what is bad, and the next command works."""
    with _open() as s:
        s.sendall(bad + b"get k\r\n")
        got = _line(s)
        assert got.startswith(answer), (bad, got)
        assert _line(s) == b"END\r\n", bad


def _binary_goes_on(bad, status, explained):
    with _open() as s:
        s.sendall(bad + _frame(0x0A, opaque=7))
        opcode, got, opaque, body = _reply(s)
        assert (opcode, got, opaque) == (bad[1], status, 0x01020304), (bad, got)
        if explained:
            assert json.loads(body)["error"]["context"], body
        assert _reply(s) == (0x0A, 0, 7, b""), bad


def a_malformed_text_line_is_refused_and_the_connection_goes_on():
    for bad in (b"set k 0 0\r\n", b"set k x 0 1\r\n", b"set k 0 0 -1\r\n",
                b"set k 0 0 x\r\n", b"incr k x\r\n", b"touch k\r\n",
                b"get\r\n", b"\r\n", b"nonsense\r\n", b"get \r\n",
                b"cas k 0 0 1\r\n", b"incr k\r\n", b"delete\r\n",
                b"get " + b"x" * 251 + b"\r\n",
                b"set k 4294967296 0 1\r\n"):
        with _open() as s:
            # of a value that it thinks is still to come this may be the end
            s.sendall(bad + b"\r\nversion\r\nversion\r\n")
            got = _line(s)
            while not got.startswith(b"VERSION"):
                assert got.startswith((b"CLIENT_ERROR", b"ERROR")), (bad, got)
                got = _line(s)


def a_value_without_its_line_end_is_refused_and_the_connection_goes_on():
    _text_goes_on(b"set k 0 0 1\r\nab\r\n", b"CLIENT_ERROR bad data chunk")


def a_text_line_that_is_too_long_is_refused_before_its_end_is_here():
    before = _stat(b"frames_malformed")
    with _open() as s:
        s.sendall(b"x" * 8000)
        assert _line(s).startswith(b"CLIENT_ERROR")
        assert _is_closed(s)
    assert _stat(b"frames_malformed") == before + 1


def too_large_a_text_value_is_refused_without_being_stored():
    _text_goes_on(b"set k 0 0 %d\r\n" % (ITEM + 1) + b"x" * (ITEM + 1) + b"\r\n",
                  b"SERVER_ERROR object too large")


def too_large_a_value_is_not_buffered():
    """The answer is here long before the value is."""
    with _open() as s:
        s.sendall(_frame(0x01, b"k", bytes(8), b"", body=9 + (16 << 20)))
        s.sendall(b"x" * (16 << 20))
        opcode, status, _, _ = _reply(s)
        assert (opcode, status) == (0x01, 0x03)
        s.sendall(_frame(0x0A))
        assert _reply(s)[:2] == (0x0A, 0)
    with _open() as s:
        s.sendall(b"set k 0 0 10000000\r\n")
        assert _line(s).startswith(b"SERVER_ERROR object too large")
        s.sendall(b"x" * 10000000 + b"\r\nget k\r\n")
        assert _line(s) == b"END\r\n"


def an_unknown_opcode_is_refused_and_the_connection_goes_on():
    for opcode in (0x3F, 0x66, 0xFF, 0xD0, 0x25):
        _binary_goes_on(_frame(opcode, b"key", b"1234", b"value"), 0x81, False)


def a_malformed_frame_is_refused_with_the_reason_and_the_connection_goes_on():
    for bad in (_frame(0x00), _frame(0x00, b"k", b"1234"),
                _frame(0x00, b"k", b"", b"value"), _frame(0x01, b"k"),
                _frame(0x01, b"k", b"1234567", b"v"), _frame(0x04),
                _frame(0x05, b"k", b"1" * 19), _frame(0x0A, b"k"),
                _frame(0x00, b"x" * 251), _frame(0x0E, b"k", b"1"),
                _frame(0x1C, b"k"), _frame(0xDB, b"", b"1" * 27),
                _frame(0xDC, b"", b"1" * 17), _frame(0xDA, b"k", b"", b"{}"),
                _frame(0xDA, b"", b"", b"nonsense")):
        _binary_goes_on(bad, 0x04, True)


def lengths_that_contradict_each_other_close_the_connection():
    before = _stat(b"frames_fatal")
    with _open() as s:
        s.sendall(_frame(0x00, b"key", b"", b"", body=2))
        assert _is_closed(s)
    assert _stat(b"frames_fatal") == before + 1


def an_unknown_magic_closes_the_connection():
    before = _stat(b"frames_fatal")
    for magic in (0x81, 0x00, 0x7F, 0xFF):
        with _open() as s:
            s.sendall(_frame(0x0A))
            assert _reply(s)[1] == 0
            s.sendall(_frame(0x0A, magic=magic))
            assert _is_closed(s), magic
    assert _stat(b"frames_fatal") == before + 4


def a_body_over_64_mib_closes_the_connection():
    before = _stat(b"frames_fatal")
    with _open() as s:
        s.sendall(_frame(0x01, b"k", bytes(8), b"", body=(64 << 20) + 1))
        assert _is_closed(s)
    with _open() as s:
        s.sendall(_frame(0x01, b"k", bytes(8), b"", body=0xFFFFFFFF))
        assert _is_closed(s)
    assert _stat(b"frames_fatal") == before + 2


def what_was_answered_stays_true_beside_bad_input():
    """Nothing that was acknowledged is lost by bad input elsewhere."""
    with _open() as good:
        for i in range(200):
            good.sendall(b"set key%d 0 0 5\r\nvalue\r\n" % i)
            assert _line(good) == b"STORED\r\n"
            with _open() as bad:
                bad.sendall(_frame(0x00, b"key", b"", b"", body=2))
                bad.sendall(b"set key%d 0 0 10\r\nhalf" % i)
                try:
                    while bad.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
        for i in range(200):
            good.sendall(b"get key%d\r\n" % i)
            assert _line(good) == b"VALUE key%d 0 5\r\n" % i
            assert _line(good) == b"value\r\n" and _line(good) == b"END\r\n"


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
