# SPDX-License-Identifier: BSD-2-Clause
"""The text protocol's scan, as a client sees it: scan_text.py PORT VBUCKETS."""

import base64
import os
import random
import socket
import sys

import facts

PORT, VBUCKETS = int(sys.argv[1]), int(sys.argv[2])
SEED = int(os.environ.get("EWB_SEED") or random.randrange(1 << 32))
print("EWB_SEED=%d" % SEED)
RANDOM = random.Random(SEED)


class _Client:
    def __init__(self, window=None):
        self.sock = socket.socket()
        if window:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.sock.connect(("127.0.0.1", PORT))
        self.file = self.sock.makefile("rb")

    def say(self, text):
        self.sock.sendall(text)

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), line
        return line[:-2]

    def ask(self, text):
        self.say(text + b"\r\n")
        return self.line()

    def records(self):
        """Of a scan that was said: (key, flags, value, cas) up to its END."""
        while True:
            word = self.line().split(b" ")
            if word == [b"END"]:
                return
            odd = word[-1] == b"b" and len(word) > 2
            if odd:
                word.pop()
            key = base64.b64decode(word[1], validate=True) if odd else word[1]
            assert odd == any(c <= 32 for c in key), key
            if word[0] == b"KEY":
                assert len(word) == 2, word
                yield key, None, None, None
                continue
            assert word[0] == b"VALUE" and len(word) in (4, 5), word
            value = self.file.read(int(word[3]) + 2)
            assert value.endswith(b"\r\n"), value
            cas = int(word[4]) if len(word) == 5 else None
            yield key, int(word[2]), value[:-2], cas

    def scan(self, words=""):
        self.say(b"scan " + (words if isinstance(words, bytes) else words.encode()) + b"\r\n")
        return list(self.records())


def _key():
    kind = RANDOM.randrange(4)
    if kind == 0:
        return bytes(RANDOM.randrange(256) for _ in range(RANDOM.randrange(1, 12)))
    if kind == 1:
        return b"user:%d" % RANDOM.randrange(1000)
    if kind == 2:
        return bytes(RANDOM.choice(b"ab\xff") for _ in range(RANDOM.randrange(1, 9)))
    return b"k" * RANDOM.randrange(240, 251)


def _value():
    return RANDOM.choice([b"", b"x", b"\r\n", b"END\r\n", b"VALUE a 0 1\r\n", b"v" * 3000,
                          bytes(RANDOM.randrange(256) for _ in range(50))])


STORED = {_key(): (RANDOM.randrange(1 << 32), _value()) for _ in range(600)}
ORDER = sorted(STORED)


def _b64(key):
    return base64.b64encode(key).decode()


def _fill():
    c = _Client()
    for k, (f, v) in STORED.items():
        if any(byte <= 32 for byte in k):
            c.say(b"ms %s %d b q F%d\r\n%s\r\n" % (_b64(k).encode(), len(v), f, v))
        else:
            c.say(b"set %s %d 0 %d noreply\r\n%s\r\n" % (k, f, len(v), v))
    assert c.ask(b"mn") == b"MN"


def _is(records, keys):
    assert [r[0] for r in records] == keys, (records, keys)
    for key, flags, value, _ in records:
        assert (flags, value) == STORED[key], key


def all_is_there_in_the_order_of_keys():
    _is(_Client().scan(), ORDER)


def keys_alone_are_the_same_keys():
    assert [r[0] for r in _Client().scan("keys")] == ORDER


def a_prefix_gives_the_keys_that_begin_so():
    c = _Client()
    for prefix in (b"user:", b"user:1", b"a", b"\xff", b"\xff\xff", b"k" * 245, b"none"):
        want = [k for k in ORDER if k.startswith(prefix)]
        _is(c.scan(b"prefix=" + prefix), want)
        _is(c.scan("base64 prefix=" + _b64(prefix)), want)


def bounds_are_there_or_not_as_they_are_said():
    c = _Client()
    for _ in range(20):
        low, high = sorted(RANDOM.choice(ORDER) for _ in range(2))
        a, z = _b64(low), _b64(high)
        _is(c.scan("start=%s end=%s base64" % (a, z)), [k for k in ORDER if low <= k <= high])
        _is(c.scan("after=%s before=%s base64" % (a, z)), [k for k in ORDER if low < k < high])


def a_limit_gives_the_first_ones():
    c = _Client()
    for limit in (1, 2, 63, len(ORDER) - 1, len(ORDER), len(ORDER) + 1):
        _is(c.scan("limit=%d" % limit), ORDER[:limit])


def pages_are_the_whole():
    c, got, page = _Client(), [], None
    while page is None or page:
        after = " after=" + _b64(got[-1]) if got else ""
        page = [r[0] for r in c.scan("keys base64 limit=47" + after)]
        got += page
    assert got == ORDER


def one_vbucket_after_the_other_is_the_whole():
    c = _Client()
    got = [c.scan("vbucket=%d" % i) for i in range(VBUCKETS)]
    for records in got:
        _is(records, sorted(r[0] for r in records))
    assert sorted(r[0] for records in got for r in records) == ORDER
    assert c.ask(b"scan vbucket=%d" % VBUCKETS) == b"CLIENT_ERROR scan: no such vbucket"


def a_cas_is_that_of_gets():
    c = _Client()
    for key, _, _, cas in c.scan("prefix=user: cas"):
        line = c.ask(b"mg %s c" % key)
        assert line == b"HD c%d" % cas, (line, cas)


def what_is_wrong_is_said_in_one_line():
    c = _Client()
    for words in (b"x", b"limit=0", b"keys keys", b"base64 prefix=!"):
        line = c.ask(b"scan " + words)
        assert line.startswith(b"CLIENT_ERROR scan: "), line
    assert c.ask(b"mn") == b"MN"


def a_metadump_has_each_key_once():
    c = _Client()
    c.say(b"lru_crawler metadump all\r\n")
    keys = []
    for line in iter(c.file.readline, b"END\r\n"):
        word = line[:-1].split(b" ")
        names = [w.split(b"=")[0] for w in word]
        assert names == [b"key", b"exp", b"la", b"cas", b"fetch", b"cls", b"size"], line
        parts = word[0][4:].split(b"%")
        key = parts[0] + b"".join(bytes([int(p[:2], 16)]) + p[2:] for p in parts[1:])
        assert word[1] == b"exp=-1", line
        assert int(word[6][5:]) == len(key) + len(STORED[key][1]), line
        keys.append(key)
    assert sorted(keys) == ORDER


def scans_and_gets_in_one_pipeline_are_answered_in_order():
    c = _Client()
    c.say(b"scan prefix=user: limit=3\r\nmg none\r\nscan keys limit=2\r\nmn\r\n")
    users = [k for k in ORDER if k.startswith(b"user:")]
    _is(list(c.records()), users[:3])
    assert c.line() == b"EN"
    assert [r[0] for r in c.records()] == ORDER[:2]
    assert c.line() == b"MN"


BIG = 40


def _store_big():
    c = _Client()
    for i in range(BIG):
        STORED[b"~big%02d" % i] = (i, bytes([65 + i % 26]) * 100000)
        c.say(b"set ~big%02d %d 0 100000 noreply\r\n%s\r\n" % ((i,) + STORED[b"~big%02d" % i]))
    assert c.ask(b"mn") == b"MN"


def who_does_not_read_holds_nobody_and_reads_on_later():
    _store_big()
    slow, other = _Client(4096), _Client()
    slow.say(b"scan prefix=~big\r\n")
    assert slow.line().startswith(b"VALUE ~big00 ")
    slow.file.read(100002)
    _is(other.scan("prefix=user:"), [k for k in ORDER if k.startswith(b"user:")])
    _is(list(slow.records()), [b"~big%02d" % i for i in range(1, BIG)])


def _stat(c, name):
    c.say(b"stats scans\r\n")
    lines = list(iter(c.line, b"END"))
    return int([w.split()[2] for w in lines if w.split()[1] == name][0])


def who_leaves_in_the_middle_leaves_nothing():
    c = _Client()
    gone = _stat(c, b"scans_gone")
    for said in (b"scan\r\n", b"scan prefix=~big\r\n", b"lru_crawler metadump all\r\nscan\r\n"):
        leaver = _Client(4096)
        leaver.say(said)
        assert leaver.file.readline()
        leaver.file.close()
        leaver.sock.close()
    while _stat(c, b"scans_open"):
        pass
    assert _stat(c, b"scans_gone") > gone
    assert c.ask(b"mn") == b"MN"


_fill()
sys.exit(facts.run_facts(globals()))
