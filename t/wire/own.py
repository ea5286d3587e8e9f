# SPDX-License-Identifier: BSD-2-Clause
"""Commands of an engine's own, on the wire.  Argument: the port of a server with
the engine of fixture_own.c."""

import socket
import struct
import sys

from facts import run_facts

port = int(sys.argv[1])


def _open():
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def _rest(s):
    got = []
    while part := s.recv(1 << 20):
        got.append(part)
    return b"".join(got)


def _all(text):
    s = _open()
    s.sendall(text)
    s.shutdown(socket.SHUT_WR)
    return _rest(s)


def _frame(opcode, key=b"", extras=b"", value=b""):
    rest = extras + key + value
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                       len(rest), 7, 0) + rest


def _replies(data):
    out = []
    while data:
        _, opcode, _, _, _, status, n, opaque, _ = struct.unpack(
            ">BBHBBHIIQ", data[:24])
        assert opaque == 7
        out.append((opcode, status, data[24:24 + n]))
        data = data[24 + n:]
    return out


def _lines(n):
    return b"".join(b"%099d\n" % i for i in range(n))


def _pieces(data):
    """What a text stream says, and how it ends."""
    got = []
    while data.startswith(b"DATA ") and b"\r\n" in data:
        line, data = data.split(b"\r\n", 1)
        n = int(line[5:])
        got.append(data[:n])
        data = data[n:]
    return b"".join(got), data


def text_has_key_words_and_value():
    assert _all(b"echo k one two 3\r\nabc\r\n") == \
        b"VALUE k 0 14\r\n[one two][abc]\r\nEND\r\n"


def a_line_may_have_no_words():
    assert _all(b"echo k 0\r\n\r\ncount\r\n") == \
        b"VALUE k 0 4\r\n[][]\r\nEND\r\n0\r\n"


def a_large_value_comes_whole():
    v = b"x" * 300000
    assert _all(b"echo k %d\r\n%s\r\n" % (len(v), v)) == \
        b"VALUE k 0 300004\r\n[][%s]\r\nEND\r\n" % v


def bad_lines_are_refused_and_the_rest_goes_on():
    bad = b"CLIENT_ERROR bad command line format\r\n"
    assert _all(b"echo k x\r\necho k\r\ncount ab\r\n") == bad + bad + b"2\r\n"
    assert _all(b"echo " + b"k" * 251 + b" 1\r\nv\r\ncount a\r\n") == bad + b"1\r\n"
    assert _all(b"echo k 2000000\r\n" + b"v" * 2000000 + b"\r\ncount a\r\n") == \
        b"SERVER_ERROR object too large for cache\r\n1\r\n"
    assert _all(b"echo k 2\r\nvvvv\r\ncount a\r\n") == \
        b"CLIENT_ERROR bad data chunk\r\n1\r\n"


def what_nobody_knows_is_an_error_still():
    assert _all(b"binary\r\nech k 0\r\nget\r\ncount\r\n") == \
        b"ERROR\r\nERROR\r\nERROR\r\n0\r\n"
    assert _replies(_all(_frame(0xef)))[0][1] == 0x81


def statistics_and_ok():
    assert _all(b"facts\r\nwipe k\r\n") == b"STAT fact 1\r\nEND\r\nOK\r\n"


def binary_has_extras_key_and_value():
    assert _replies(_all(_frame(0xe0, b"k", b"extra", b"value"))) == \
        [(0xe0, 0, b"[extra][value]")]
    assert _replies(_all(_frame(0xe7, extras=b"four"))) == \
        [(0xe7, 0, struct.pack(">Q", 4))]
    assert _replies(_all(_frame(0xe2))) == [(0xe2, 0, b"fact1"), (0xe2, 0, b"")]


def bad_frames_are_refused_and_the_rest_goes_on():
    for bad in (_frame(0xe0), _frame(0xe1, b"key"), _frame(0xe1, value=b"v"),
                _frame(0xe0, b"k" * 251)):
        got = _replies(_all(bad + _frame(0x0a)))
        assert got[0][1] == 0x04, got
        assert got[1] == (0x0a, 0, b"")
    got = _replies(_all(_frame(0xe0, b"k", value=b"v" * 2000000) + _frame(0x0a)))
    assert [g[1] for g in got] == [0x03, 0]


def a_frame_may_come_byte_by_byte():
    s = _open()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for b in _frame(0xe0, b"key", b"extra", b"value"):
        s.sendall(bytes([b]))
    s.shutdown(socket.SHUT_WR)
    assert _replies(_rest(s)) == [(0xe0, 0, b"[extra][value]")]


def a_text_stream_is_pieces_and_an_end():
    for n in (0, 1, 100, 50000):
        got, end = _pieces(_all(b"lines %d\r\n" % n))
        assert got == _lines(n) and end == b"END\r\n", (n, len(got), end)


def a_binary_stream_is_frames_and_an_empty_one():
    for n in (0, 1, 100, 50000):
        got = _replies(_all(_frame(0xe4, extras=b"%d" % n)))
        assert all(g[:2] == (0xe4, 0) for g in got)
        assert got[-1][2] == b"" and all(g[2] for g in got[:-1])
        assert b"".join(g[2] for g in got) == _lines(n)


def an_error_may_end_a_stream_where_it_is_declared():
    got, end = _pieces(_all(b"broken 5000\r\ncount a\r\n"))
    assert got == _lines(5000)
    assert end == b"SERVER_ERROR internal error\r\n1\r\n"
    got = _replies(_all(_frame(0xe5, extras=b"5000") + _frame(0x0a)))
    assert b"".join(g[2] for g in got if g[1] == 0) == _lines(5000)
    assert [g[:2] for g in got[-2:]] == [(0xe5, 0x84), (0x0a, 0)]


def else_the_connection_is_cut():
    got, end = _pieces(_all(b"cut 50000\r\ncount a\r\n"))
    assert end == b"" and got and _lines(50000).startswith(got)


def an_error_before_the_first_byte_is_an_error():
    assert _all(b"cut 1\r\ncount a\r\n") == b"SERVER_ERROR internal error\r\n1\r\n"


def a_slow_reader_holds_up_its_own_stream_alone():
    s = _open()
    s.sendall(b"lines 200000\r\n")
    assert _all(b"count abc\r\n") == b"3\r\n"
    s.shutdown(socket.SHUT_WR)
    text, end = _pieces(_rest(s))
    assert end == b"END\r\n" and text == _lines(200000)


def a_reader_may_leave():
    s = _open()
    s.sendall(b"lines 200000\r\n")
    s.recv(100)
    s.close()
    assert _all(b"count abc\r\n") == b"3\r\n"


def what_does_not_stream_has_no_stream():
    assert _all(b"unstream 5\r\n") == b"SERVER_ERROR not supported\r\n"


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
