# SPDX-License-Identifier: BSD-2-Clause
"""lru_crawler, and those who use it: metadump.py MEMCACHED-TOOL PORT MEMCACHED'S-PORT."""

import re
import socket
import subprocess
import sys
import time

import facts

TOOL = sys.argv[1]
OURS, THEIRS = int(sys.argv[2]), int(sys.argv[3])
ENOUGH = 60
AT = int(time.time()) + 100000

STORED = {b"plain:%d" % i: (i, 0, b"value %d" % i) for i in range(100)}
STORED.update({b"odd%+/\xc3\xa9~.-_\"": (1, 0, b"\r\n"), b"k" * 250: (2, 0, b""),
               b"late": (3, AT, b"x" * 5000), b"END": (4, 0, b"END\r\n")})


class _Client:
    def __init__(self, port):
        end = time.time() + ENOUGH
        while True:
            try:
                self.sock = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                assert time.time() < end
        self.file = self.sock.makefile("rb")

    def say(self, text):
        """All that is answered, up to the line that ends it."""
        self.sock.sendall(text + b"\r\n")
        got = [self.file.readline()]
        while got[-1].startswith(b"key="):
            got.append(self.file.readline())
        return got


def _fill(port):
    c = _Client(port)
    for key, (flags, exptime, value) in STORED.items():
        assert c.say(b"set %s %d %d %d\r\n%s" % (key, flags, exptime, len(value), value)) == \
            [b"STORED\r\n"], key


def _dump(port, classes):
    """The lines in order, each without what is memcached's own."""
    # memcached's crawler may not have come to rest since the last one
    while (got := _Client(port).say(b"lru_crawler metadump " + classes))[-1].startswith(b"BUSY"):
        pass
    *lines, end = got
    whole = re.compile(rb"(key=\S+ exp=-?\d+) la=(\d+) cas=\d+ (fetch=(?:yes|no)) cls=\d+ size=\d+\n")
    parts = [whole.fullmatch(line).groups() for line in lines]
    assert all(abs(int(la) - time.time()) < ENOUGH for _, la, _ in parts), lines
    return sorted(item + b" " + fetch for item, _, fetch in parts) + [end]


def a_metadump_has_the_lines_of_memcacheds():
    theirs = _dump(THEIRS, b"all")
    assert len(theirs) == len(STORED) + 1, theirs
    assert _dump(OURS, b"all") == theirs
    assert _dump(OURS, b"hash") == theirs
    assert _dump(OURS, b"1") == theirs


def what_was_asked_for_is_fetched():
    for port in (OURS, THEIRS):
        assert _Client(port).say(b"mg plain:7") == [b"HD\r\n"]
    ours = _dump(OURS, b"all")
    assert ours == _dump(THEIRS, b"all")
    assert [line for line in ours if b"fetch=yes" in line] == [b"key=plain%3A7 exp=-1 fetch=yes"]


def a_class_without_items_has_none():
    assert _dump(OURS, b"63") == _dump(THEIRS, b"63") == [b"END\r\n"]


def what_is_wrong_is_said_in_memcacheds_words():
    ours, theirs = _Client(OURS), _Client(THEIRS)
    for words in (b"", b" x", b" x all", b" metadump", b" metadump x", b" metadump 0",
                  b" metadump 64", b" metadump 1,64", b" metadump 1 2", b" metadump all x",
                  b" metadump ,", b" mgdump all", b" crawl", b" sleep", b" tocrawl", b" enable x"):
        said = b"lru_crawler" + words
        assert ours.say(said) == theirs.say(said), said


def what_needs_a_crawler_is_an_error():
    c = _Client(OURS)
    for words in (b"enable", b"disable", b"sleep 100", b"tocrawl 5", b"crawl all"):
        line, = c.say(b"lru_crawler " + words)
        assert line.startswith(b"ERROR there is no lru crawler"), line


def _tool(mode):
    return subprocess.run(["perl", TOOL, "127.0.0.1:%d" % OURS, mode], timeout=ENOUGH, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def memcached_tool_dumps_all_that_was_stored():
    want = sorted(b"add %s %d %d %d\r\n%s\r\n" % (key, flags, exptime, len(value), value)
                  for key, (flags, exptime, value) in STORED.items())
    got = _tool("dump")
    for record in want:
        assert got.count(record) == 1, record
    assert len(got) == sum(map(len, want))


def memcached_tool_lists_the_keys():
    got = _tool("keys")
    assert got.count(b"key=") == len(STORED), got
    assert b"key=odd%25%2B%2F%C3%A9~.-_%22 exp=-1 " in got, got
    assert b"key=late exp=%d " % AT in got, got


_fill(OURS)
_fill(THEIRS)
sys.exit(facts.run_facts(globals()))
