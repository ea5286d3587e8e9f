# SPDX-License-Identifier: BSD-2-Clause
"""A client that has asked for the tokens of its mutations.  Arguments: the port, and
which of the facts: tokens, uses, some, none; then a file: what tokens has found there, from a
run before, or finds now."""

import json
import os
import socket
import struct
import sys
import zlib

from facts import run_facts

port, which, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ENOUGH = 120
VBUCKETS = 8
GET, SET, ADD, REPLACE, DELETE, INCR, DECR = range(7)
NOOP, APPEND, PREPEND, SETQ, TOUCH, GAT, HELLO = 0x0a, 0x0e, 0x0f, 0x11, 0x1c, 0x1d, 0x1f
GET_META, CREATE = 0xa0, 0xda
SUCCESS, NOT_FOUND, EXISTS, INVALID, NOT_STORED, NOT_NUMBER = 0, 1, 2, 4, 5, 6
TEMPORARY, OTHER_HISTORY = 0x86, 0xa8


class Answer:
    def __init__(self, head, body):
        _, self.opcode, nkey, nextras, self.datatype, self.status, _, _, self.cas = head
        self.extras = body[:nextras]
        self.value = body[nextras + nkey:]

    def token(self):
        assert self.status == SUCCESS, self.status
        assert len(self.extras) == 16, self.extras
        uuid, seqno = struct.unpack(">QQ", self.extras)
        assert 0 < uuid < 1 << 63 and seqno > 0, (uuid, seqno)
        return uuid, seqno


class Connection:
    def __init__(self, features=b"\0\4"):
        self.socket = socket.create_connection(("127.0.0.1", port), ENOUGH)
        self.file = self.socket.makefile("rb")
        self.accepted = self.ask(HELLO, b"test", value=features).value

    def say(self, opcode, key=b"", extras=b"", value=b"", cas=0, datatype=0, vbucket=None):
        n = len(extras) + len(key) + len(value)
        if vbucket is None:
            vbucket = _vbucket(key) if key else 0
        self.socket.sendall(
            struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), datatype,
                        vbucket, n, 0, cas) + extras + key + value)

    def hear(self):
        head = struct.unpack(">BBHBBHIIQ", self.file.read(24))
        assert head[0] == 0x81, head
        return Answer(head, self.file.read(head[6]))

    def ask(self, *args, **kwargs):
        self.say(*args, **kwargs)
        return self.hear()


def _vbucket(key):
    return (zlib.crc32(key) >> 16 & 0x7fff) % VBUCKETS


STORE = bytes(8)
COUNT = struct.pack(">QQI", 5, 1, 0)


def the_feature_is_accepted():
    assert Connection().accepted == b"\0\4"


def each_mutation_says_where_it_stands():
    """The seqno grows in each vbucket, and the uuid of each stays."""
    c, last = Connection(), {}
    uuids = json.load(open(file)) if os.path.exists(file) else {}

    def did(key, answer):
        uuid, seqno = answer.token()
        vb = _vbucket(key)
        assert seqno > last.get(vb, 0), (key, seqno)
        last[vb] = seqno
        assert uuids.setdefault(str(vb), uuid) == uuid, vb
        assert answer.cas != 0
        return answer

    for i in range(10):
        k, n = b"k%d" % i, b"n%d" % i
        did(k, c.ask(SET, k, STORE, b"v"))
        did(k, c.ask(REPLACE, k, STORE, b"w"))
        did(k, c.ask(APPEND, k, value=b"x"))
        did(k, c.ask(PREPEND, k, value=b"y"))
        assert c.ask(GET, k).value == b"ywx"
        did(k, c.ask(DELETE, k))
        did(k, c.ask(ADD, k, STORE, b"z"))
        assert did(n, c.ask(INCR, n, COUNT)).value == struct.pack(">Q", 1)
        assert did(n, c.ask(INCR, n, COUNT)).value == struct.pack(">Q", 6)
        assert did(n, c.ask(DECR, n, COUNT)).value == struct.pack(">Q", 1)
        did(n, c.ask(DELETE, n))
    assert len(last) == VBUCKETS
    json.dump(uuids, open(file, "w"))


def what_changes_no_value_has_none():
    c = Connection()
    c.ask(SET, b"t", STORE, b"v").token()
    a = c.ask(TOUCH, b"t", struct.pack(">I", 1000))
    assert (a.status, a.extras) == (SUCCESS, b"")
    a = c.ask(GAT, b"t", struct.pack(">I", 2000))
    assert (a.status, a.extras, a.value) == (SUCCESS, bytes(4), b"v")
    assert len(c.ask(GET, b"t").extras) == 4


def what_fails_has_none():
    c = Connection()
    c.ask(SET, b"f", STORE, b"v").token()
    for a, status in ((c.ask(ADD, b"f", STORE, b"v"), EXISTS),
                      (c.ask(INCR, b"f", COUNT), NOT_NUMBER),
                      (c.ask(SET, b"f", STORE, b"v", cas=1), EXISTS),
                      (c.ask(DELETE, b"nobody"), NOT_FOUND)):
        assert (a.status, a.extras) == (status, b""), a.status


def what_is_quiet_stays_so():
    c = Connection()
    c.say(SETQ, b"q", STORE, b"v")
    assert c.ask(NOOP).opcode == NOOP
    c.say(SETQ, b"q", STORE, b"v", cas=1)
    a = c.hear()
    assert (a.opcode, a.status, a.extras) == (SETQ, EXISTS, b"")


def who_has_not_asked_is_told_none():
    for c in (Connection(b""), Connection(b"\0\3")):
        for a in (c.ask(SET, b"p", STORE, b"v"), c.ask(APPEND, b"p", value=b"w"),
                  c.ask(DELETE, b"p")):
            assert (a.status, a.extras) == (SUCCESS, b"")
        assert a.cas == 0  # as memcached has it


def _meta(c, key, extras=b"\2"):
    a = c.ask(GET_META, key, extras)
    assert (a.status, len(a.extras), a.value, a.datatype) == (SUCCESS, 21, b"", 0), a.status
    return a, struct.unpack(">IIIQB", a.extras)


def what_is_known_of_an_item_can_be_asked_for():
    c = Connection()
    a = c.ask(SET, b"m", struct.pack(">II", 0x02000000, 2000000000), b"{}", datatype=1)
    for extras in (b"\2", b""):
        b, meta = _meta(c, b"m", extras)
        assert b.cas == a.cas != 0
        assert meta == (0, 0x02000000, 2000000000, a.token()[1], 1), meta
    a = c.ask(INCR, b"number", COUNT)
    b, meta = _meta(c, b"number")
    assert b.cas == a.cas and meta[3] == a.token()[1]
    assert c.ask(DELETE, b"m").status == SUCCESS
    assert c.ask(GET_META, b"m", b"\2").status == NOT_FOUND
    assert c.ask(GET_META, b"m", b"\1").status == INVALID
    assert c.ask(NOOP).status == SUCCESS
    c.ask(DELETE, b"number").token()


def to_ask_so_is_no_use_of_the_item():
    """The server tells in text whether it was asked for."""
    c = Connection()
    text = socket.create_connection(("127.0.0.1", port), ENOUGH).makefile("rwb")
    c.ask(SET, b"u", STORE, b"v").token()
    _meta(c, b"u")
    text.write(b"mg u h\r\nmg u h\r\n")
    text.flush()
    assert [text.readline(), text.readline()] == [b"HD h0\r\n", b"HD h1\r\n"]


def _requires(key, uuid, seqno, **more):
    """What to say for a scan of that key's vbucket."""
    want = {"snapshot_requirements": {"vb_uuid": str(uuid), "seqno": seqno, **more}}
    return {"opcode": CREATE, "value": json.dumps(want).encode(), "datatype": 1,
            "vbucket": _vbucket(key)}


def a_scan_can_be_asked_to_show_a_mutation():
    c = Connection()
    uuid, seqno = c.ask(SET, b"r", STORE, b"v").token()
    for said, status in (
            (_requires(b"r", uuid, seqno), SUCCESS),
            (_requires(b"r", uuid, seqno, seqno_exists=True), SUCCESS),
            (_requires(b"r", uuid ^ 2, seqno), OTHER_HISTORY),
            (_requires(b"r", uuid, seqno + 1), TEMPORARY),
            (_requires(b"r", uuid, seqno + 1, timeout_ms=1), TEMPORARY)):
        assert c.ask(**said).status == status, said
    uuid, again = c.ask(SET, b"r", STORE, b"w").token()
    assert c.ask(**_requires(b"r", uuid, seqno, seqno_exists=True)).status == NOT_STORED
    assert c.ask(**_requires(b"r", uuid, again, seqno_exists=True)).status == SUCCESS


def a_scan_waits_for_a_mutation():
    c, other = Connection(), Connection()
    uuid, seqno = other.ask(SET, b"w", STORE, b"v").token()
    c.say(**_requires(b"w", uuid, seqno + 2, timeout_ms=ENOUGH * 1000))
    assert other.ask(NOOP).status == SUCCESS
    while other.ask(SET, b"w", STORE, b"v").token()[1] < seqno + 2:
        pass
    a = c.hear()
    assert (a.status, len(a.value)) == (SUCCESS, 16), a.status


def the_feature_is_declined():
    c = Connection(b"\0\3\0\4")
    assert c.accepted == b"\0\3"
    a = c.ask(SET, b"k", STORE, b"v")
    assert (a.status, a.extras) == (SUCCESS, b"")


NONE = (the_feature_is_declined,)
TOKENS = (the_feature_is_accepted, each_mutation_says_where_it_stands,
          what_changes_no_value_has_none, what_fails_has_none, what_is_quiet_stays_so,
          who_has_not_asked_is_told_none, a_scan_can_be_asked_to_show_a_mutation,
          a_scan_waits_for_a_mutation, what_is_known_of_an_item_can_be_asked_for)
facts = {"none": NONE, "tokens": TOKENS, "some": TOKENS[:-3],
         "uses": TOKENS + (to_ask_so_is_no_use_of_the_item,)}[which]
sys.exit(run_facts({f.__name__: f for f in facts} | {"__file__": __file__}))
