# SPDX-License-Identifier: BSD-2-Clause
"""Clients of examples/stream.  Arguments: the port and the process id of its
server, the directory that it serves, its high mark, and the bytes that it reads
at once."""

import os
import random
import socket
import struct
import sys
import time

from facts import run_facts

port, pid, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
high, piece = int(sys.argv[4]), int(sys.argv[5])
ENOUGH = 120
LARGE = 64 << 20
STOPS = 16 << 20  # more than any socket takes without a reader
BASE = 4096  # a stream's own, whatever the mark


def _write(name, size):
    data = random.Random(size).randbytes(size)
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)
    return data


large = _write("large", LARGE)


def _open(receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(ENOUGH)
    s.connect(("127.0.0.1", port))
    return s


def _ask(text):
    """One that answers in lines."""
    s = _open()
    s.sendall(text)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while part := s.recv(1 << 20):
        got += part
    return got


def _stats():
    return dict(line.split()[1:3] for line in _ask(b"stats\r\n").decode().split("\r\n")
                if len(line.split()) == 3)


def _files():
    return len(os.listdir("/proc/%d/fd" % pid))


def _until(so):
    end = time.monotonic() + ENOUGH
    while not so(_stats()):
        assert time.monotonic() < end, _stats()


def _text(f, want):
    """A stream is want, or the beginning of it; the line that ends it."""
    at = 0
    while (line := f.readline()).startswith(b"DATA "):
        n = int(line[5:])
        assert f.read(n) == want[at:at + n], at
        at += n
    return at, line


def _frame(key, extras=b""):
    return struct.pack(">BBHBBHIIQ", 0x80, 0xf0, len(key), len(extras), 0, 0,
                       len(key) + len(extras), 5, 0) + extras + key


def _binary(f, want):
    at = 0
    while True:
        _, opcode, _, _, _, status, n, opaque, _ = struct.unpack(
            ">BBHBBHIIQ", f.read(24))
        assert (opcode, opaque) == (0xf0, 5)
        body = f.read(n)
        if status or n == 0:
            return at, status
        assert body == want[at:at + n], at
        at += n


def files_of_all_sizes_arrive_in_both_protocols():
    for n in (0, 1, piece - 1, piece, piece + 1, 2 * piece, 4096, 262144, 3000000):
        want = _write("some", n)
        s = _open()
        f = s.makefile("rb")
        for _ in range(2):
            s.sendall(b"file some\r\n")
            assert _text(f, want) == (n, b"END\r\n"), n
        s.close()
        s = _open()
        f = s.makefile("rb")
        for _ in range(2):
            s.sendall(_frame(b"some"))
            assert _binary(f, want) == (n, 0), n


def _stopped():
    """One who has asked and does not read."""
    s = _open(receive=4096)
    s.sendall(b"file large\r\n")
    return s


def a_large_file_passes_a_reader_that_has_stopped_and_holds_no_more_than_its_bound():
    s = _stopped()
    f = s.makefile("rb")
    _until(lambda stats: int(stats["stream_memory"]) > high // 2)
    other = _open()
    other.sendall(b"file large\r\n")
    assert _text(other.makefile("rb"), large) == (LARGE, b"END\r\n")
    _until(lambda stats: stats["streams"] == "1")
    held = int(_stats()["stream_memory"])
    assert high // 2 < held <= high + BASE, held
    assert _text(f, large) == (LARGE, b"END\r\n")


def a_client_that_goes_in_the_middle_leaves_nothing():
    # those of other facts have gone
    _until(lambda stats: stats["curr_connections"] == "1")
    before = _files()
    for begun in (False, True):
        some = [_stopped() for _ in range(8)]
        if begun:
            for s in some:
                assert s.recv(100)
            _until(lambda stats: stats["streams"] == "8")
        for s in some:
            s.close()
        _until(lambda stats: stats["streams"] == stats["stream_memory"] == "0"
               and stats["cookies_blocked"] == "0" and stats["curr_connections"] == "1")
        end = time.monotonic() + ENOUGH
        while _files() != before:
            assert time.monotonic() < end, (_files(), before)


def a_file_that_becomes_shorter_ends_in_an_error_and_the_connection_goes_on():
    for ask, hear, error, after in (
            (b"file short\r\n", _text, b"SERVER_ERROR internal error\r\n", b"OK\r\n"),
            (_frame(b"short"), _binary, 0x84, None)):
        want = _write("short", STOPS)
        s = _open(receive=4096)
        f = s.makefile("rb")
        s.sendall(ask)
        _until(lambda stats: int(stats["stream_memory"]) > high // 2)
        os.truncate(os.path.join(directory, "short"), 0)
        n, end = hear(f, want)
        assert end == error and 0 < n < STOPS, (n, end)
        want = _write("short", 1)
        s.sendall(ask)
        assert hear(f, want) == (1, b"END\r\n" if after else 0)
        s.close()


def what_is_added_meanwhile_is_not_sent():
    want = _write("grows", STOPS)
    s = _open(receive=4096)
    s.sendall(b"file grows\r\n")
    _until(lambda stats: int(stats["stream_memory"]) > high // 2)
    with open(os.path.join(directory, "grows"), "ab") as f:
        f.write(b"more")
    assert _text(s.makefile("rb"), want) == (STOPS, b"END\r\n")
    os.unlink(os.path.join(directory, "grows"))


def what_is_not_there_is_not_found():
    assert _ask(b"file none\r\nversion\r\n").startswith(b"NOT_FOUND\r\nVERSION ")


def no_name_leads_out_of_the_directory():
    secret = os.path.join(os.path.dirname(directory), "secret")
    with open(secret, "w") as f:
        f.write("secret")
    _write(".hidden", 6)
    for name in (b"../secret", b"./some", b"a/b", b"/etc/passwd", b".", b"..",
                 b".hidden", secret.encode(), b"large/"):
        assert _ask(b"file %s\r\n" % name) == b"CLIENT_ERROR invalid request\r\n", name
    s = _open()
    f = s.makefile("rb")
    for name in (b"../secret", b"some\0", b"some\0/../../secret", b"\0"):
        s.sendall(_frame(name))
        assert _binary(f, b"") == (0, 0x04), name


def what_is_no_plain_file_is_not_served():
    os.symlink("../secret", os.path.join(directory, "link"))
    os.mkdir(os.path.join(directory, "inner"))
    os.mkfifo(os.path.join(directory, "fifo"))
    for name in (b"link", b"inner", b"fifo"):
        assert _ask(b"file %s\r\n" % name) == b"CLIENT_ERROR no access\r\n", name


def words_behind_the_name_are_refused():
    assert _ask(b"file some more\r\n") == b"CLIENT_ERROR invalid request\r\n"
    s = _open()
    s.sendall(_frame(b"some", b"more"))
    assert _binary(s.makefile("rb"), b"") == (0, 0x04)


def it_has_no_records():
    assert _ask(b"get k\r\nset k 0 0 1\r\nv\r\ndelete k\r\n") == \
        b"SERVER_ERROR not supported\r\n" * 3


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
