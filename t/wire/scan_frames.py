# SPDX-License-Identifier: BSD-2-Clause
"""Every status that a scan's commands may have, seen by a client that checks each
frame.  Arguments: a server's port, and which of the facts: `all', of one with 4
vbuckets, 8 scans at most, streams of 64 KiB, the collections 8 and 1f4, and the filter
wouldblock, which has the engine fail in a scan when it is told to; or `owners', of one
with 4 vbuckets and the users ann and bob, whose password is `secret'."""

import base64
import itertools
import json
import socket
import struct
import sys

from facts import run_facts
from scan_check import (
    BUSY, CANCEL, CANCELLED, CANNOT, COMPLETE, CONTINUE, CREATE, DELETE, ELSEWHERE,
    HELLO, INTERNAL, MAY, MORE, NAMES, NOOP, NO_ACCESS, NO_COLLECTION, NO_MEMORY, NO_SEQNO,
    NO_SUCH, OTHER_UUID, OUTSIDE, SET, SETQ, SUCCESS, TEMPORARY, TOO_BIG, WRONG, Checker,
    Frame, frame, read_frame, vbucket_of)

PORT, VBUCKETS, SCANS = int(sys.argv[1]), 4, 8
ENOUGH = 120
SEEN, MADE = set(), {}
DATA = {b"key:%05d" % i: bytes([97 + i % 26]) * (i * 37 % 900) for i in range(2000)}
DATA[b"\xff\x00binary"] = b"\x00\x01"
DATA[b"z" * 250] = b""


def _in(vbucket, low=b"", high=b"\xff" * 251):
    return [k for k in sorted(DATA) if low <= k <= high and
            vbucket_of(k, VBUCKETS) == vbucket]


class _Client:
    def __init__(self, *features, window=None):
        self.socket = socket.socket()
        self.socket.settimeout(ENOUGH)
        if window:  # set later, TCP would throw away what it has offered to take
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.connect(("127.0.0.1", PORT))
        self.file = self.socket.makefile("rb")
        self.check = Checker(VBUCKETS, SEEN, MADE)
        self.opaques = itertools.count(1)
        if features:
            hello = self.ask(HELLO, key=b"scan_frames",
                             value=struct.pack(">%dH" % len(features), *features))
            assert hello.status == SUCCESS
            self.features = set(struct.unpack(">%dH" % (len(hello.value) // 2), hello.value))

    def say(self, opcode, **parts):
        if opcode in (SET, SETQ, DELETE):
            parts.setdefault("vbucket", vbucket_of(parts["key"], VBUCKETS))
        data = frame(opcode, next(self.opaques), **parts)
        f = Frame(data[:24], data[24:])
        self.check.request(f)
        self.socket.sendall(data)
        return f.opaque

    def hear(self):
        f = read_frame(self.file.read)
        assert f, "the connection is closed"
        f.records = self.check.answer(f)
        return f

    def ask(self, opcode, **parts):
        opaque = self.say(opcode, **parts)
        f = self.hear()
        assert (f.opcode, f.opaque) == (opcode, opaque), (f.opcode, f.opaque)
        return f

    def create(self, want="{}", vbucket=0, **parts):
        value = want if isinstance(want, (bytes, str)) else json.dumps(want)
        return self.ask(CREATE, value=value if isinstance(value, bytes) else value.encode(),
                        datatype=parts.pop("datatype", 1), vbucket=vbucket, **parts)

    def scan(self, want="{}", vbucket=0):
        f = self.create(want, vbucket)
        assert f.status == SUCCESS, hex(f.status)
        return f.value

    def say_continue(self, scan, items=0, ms=0, size=0):
        return self.say(CONTINUE, extras=scan + struct.pack(">III", items, ms, size))

    def rest(self, opaque):
        """Status of the last frame of that continue, and all records."""
        out = []
        while True:
            f = self.hear()
            assert f.opcode == CONTINUE and f.opaque == opaque, (f.opcode, f.opaque)
            out += f.records
            if f.status != SUCCESS:
                return f.status, out

    def carry_on(self, scan, **limits):
        return self.rest(self.say_continue(scan, **limits))

    def cancel(self, scan):
        return self.ask(CANCEL, extras=scan).status

    def filter(self, **values):
        for name, value in values.items():
            f = self.ask(0xfd, key=name.encode(), extras=value.encode())
            assert f.status == SUCCESS, (name, value, f.status)

    def engine_says(self, status):
        self.filter(statuses="0x%02x" % status, how="statuses", when="every:1")

    def engine_is_well(self):
        self.filter(how="block", when="first", time="0")

    def stats(self, group):
        self.say(0x10, key=group)
        lines = {}
        while (f := self.hear()).key or f.value:
            lines[f.key] = f.value
        return lines

    def none_is_open(self):
        """Cursors are closed in the background."""
        while self.stats(b"scans")[b"scans_open"] != b"0":
            pass

    def until_its_engine_has_stopped(self):
        """Once, in the only scan there is; or that has ended already."""
        while (s := self.stats(b"scans"))[b"scans_open"] != b"0":
            if not any(b" items=0 " in line for line in s.values()):
                return


def _fill():
    c = _Client()
    for k, v in DATA.items():
        c.say(SETQ, key=k, extras=struct.pack(">II", 0xc0ffee, 0), value=v)
    assert c.ask(NOOP).status == SUCCESS


def _b64(key):
    return base64.b64encode(key).decode()


def _range(**bounds):
    return {"range": {name: _b64(key) for name, key in bounds.items()}}


def _are_right(got, keys, documents=True):
    assert [r.key for r in got] == keys
    for r in got if documents else ():
        assert (r.value, r.flags, r.expiry) == (DATA[r.key], 0xc0ffee, 0), r.key


def _all_of(c, want, vbucket, keys, documents=True, **limits):
    scan, got, status = c.scan(want, vbucket), [], MORE
    while status == MORE:
        status, more = c.carry_on(scan, **limits)
        got += more
    assert status == COMPLETE, hex(status)
    _are_right(got, keys, documents)
    assert c.carry_on(scan)[0] == NO_SUCH
    assert c.cancel(scan) == NO_SUCH


def documents_and_keys_come_whole_from_each_vbucket():
    for features in ((), (0x0b, 0x0e, 0x0f, 0x10)):
        c = _Client(*features)
        for vbucket in range(VBUCKETS):
            _all_of(c, {}, vbucket, _in(vbucket))
            _all_of(c, {"key_only": True}, vbucket, _in(vbucket), documents=False)


def bounds_are_there_or_not_as_they_are_said():
    c = _Client()
    keys = _in(2)
    low, high = keys[20], keys[50]
    _all_of(c, _range(start=low, end=high), 2, keys[20:51])
    _all_of(c, _range(excl_start=low, end=high), 2, keys[21:51])
    _all_of(c, _range(start=low, excl_end=high), 2, keys[20:50])
    _all_of(c, _range(excl_start=low, excl_end=high), 2, keys[21:50])
    _all_of(c, _range(start=b"", end=b"\xf4\x8f\xfb\xfb"), 2,
            [k for k in keys if k <= b"\xf4\x8f\xfb\xfb"])


def limits_end_a_continue_and_never_a_record():
    c = _Client()
    keys = _in(1)
    for limits in ({"items": 1}, {"items": 50}, {"items": 50, "size": 15000, "ms": 75000},
                   {"size": 1}, {"size": 4096}, {"items": len(keys)}):
        _all_of(c, {}, 1, keys, **limits)


def an_empty_range_is_refused():
    c = _Client()
    for want in (_range(start=b"nothing", end=b"nothinz"), _range(start=b"z", end=b"a"),
                 _range(excl_start=b"key:00001", end=b"key:00001"),
                 _range(start=b"key:00001", excl_end=b"key:00001")):
        assert c.create(want).status == NO_SUCH, want


def a_create_that_is_wrong_is_refused_with_the_reason():
    for c in (_Client(), _Client(0x0b)):
        for want in (b"", b"nonsense", b"[]", b"{", b'{"key_only":1}', b'{"range":3}',
                     b'{"range":{"start":"!"}}', b'{"range":{"start":"","excl_start":""}}',
                     b'{"sampling":{"samples":0,"seed":1}}', b'{"collection":8}',
                     b'{"collection":"x"}', b'{"collection":"100000000"}',
                     b'{"snapshot_requirements":{"vb_uuid":"x","seqno":1}}'):
            assert c.create(want).status == WRONG, want
        assert c.create(datatype=2).status == WRONG
        assert c.create(cas=1).status == WRONG
        assert c.create(key=b"k").status == WRONG
        assert c.create(extras=b"extra").status == WRONG


def a_vbucket_that_is_not_there_is_refused():
    for vbucket in (VBUCKETS, 1023, 65535):
        assert _Client().create(vbucket=vbucket).status == ELSEWHERE


def a_collection_that_is_not_there_is_refused():
    for c in (_Client(), _Client(0x0b, 0x12)):
        for collection in ("1f5", "7", "ffffffff"):
            assert c.create({"collection": collection}).status == NO_COLLECTION


def a_collection_s_keys_are_told_without_its_number():
    c = _Client(0x12)
    keys = [b"order:%04d" % i for i in range(500)] + [b"\xff", b"\x00", b"\xff\x01"]
    for k in keys:
        f = c.ask(SET, key=b"\xf4\x03" + k, extras=bytes(8), value=b"of " + k,
                  vbucket=vbucket_of(k, VBUCKETS))
        assert f.status == SUCCESS, f.status
    for vbucket in range(VBUCKETS):
        want = [k for k in sorted(keys) if vbucket_of(k, VBUCKETS) == vbucket]
        status, got = c.carry_on(c.scan({"collection": "1f4"}, vbucket))
        assert status == COMPLETE
        assert [(r.key, r.value) for r in got] == [(k, b"of " + k) for k in want]
        low, high = want[3], want[-3]
        _, got = c.carry_on(c.scan(dict(_range(start=low, excl_end=high), key_only=True,
                                        collection="1F4"), vbucket))
        assert [r.key for r in got] == want[3:-3]
        assert c.create(dict(_range(start=b"key:", end=b"key;"), collection="8"),
                        vbucket).status == NO_SUCH
        _all_of(c, {"collection": "0"}, vbucket, _in(vbucket))


def _require(uuid, seqno, **more):
    return {"snapshot_requirements": {"vb_uuid": str(uuid), "seqno": seqno, **more}}


def _token(c, key):
    """Of a mutation of that key: the vbucket's uuid, and the seqno."""
    f = c.ask(SET, key=key, extras=bytes(8), value=b"new")
    assert f.status == SUCCESS
    return struct.unpack(">QQ", f.extras)


def a_history_that_is_another_is_refused():
    c = _Client(0x04)
    uuid, seqno = _token(c, b"required")
    vbucket = vbucket_of(b"required", VBUCKETS)
    for wrong in (uuid ^ 1, 0, (1 << 64) - 1):
        assert c.create(_require(wrong, seqno), vbucket).status == OTHER_UUID, wrong
    assert c.cancel(c.scan(_require(uuid, seqno), vbucket)) == SUCCESS
    assert c.ask(DELETE, key=b"required").status == SUCCESS


def a_snapshot_waits_for_a_mutation_as_long_as_it_may():
    c, other = _Client(0x04, 0x0e), _Client()
    uuid, seqno = _token(c, b"required")
    vbucket = vbucket_of(b"required", VBUCKETS)
    assert c.create(_require(uuid, seqno + 1, timeout_ms=1), vbucket).status == TEMPORARY
    wait = json.dumps(_require(uuid, seqno + 1, timeout_ms=60000)).encode()
    opaque = c.say(CREATE, value=wait, datatype=1, vbucket=vbucket)
    assert c.ask(NOOP).status == SUCCESS  # the create waits, and nobody else
    assert other.ask(DELETE, key=b"required").status == SUCCESS
    f = c.hear()
    assert (f.opaque, f.status) == (opaque, SUCCESS), hex(f.status)
    status, got = c.carry_on(f.value)
    assert status == COMPLETE
    _are_right(got, _in(vbucket))


def a_mutation_that_is_there_no_more_is_refused():
    c = _Client(0x04)
    uuid, first = _token(c, b"required")
    vbucket = vbucket_of(b"required", VBUCKETS)
    there = c.create(_require(uuid, first, seqno_exists=True), vbucket)
    assert there.status == SUCCESS and c.cancel(there.value) == SUCCESS
    _, second = _token(c, b"required")
    assert second == first + 1
    assert c.create(_require(uuid, first, seqno_exists=True), vbucket).status == NO_SEQNO
    assert c.ask(DELETE, key=b"required").status == SUCCESS


def what_the_engine_says_at_a_create_is_told():
    c = _Client()
    try:
        for status in (NO_ACCESS, INTERNAL, BUSY, TEMPORARY, ELSEWHERE, NO_COLLECTION,
                       OUTSIDE, NO_MEMORY, CANNOT):
            c.engine_says(status)
            assert c.create().status == status, hex(status)
    finally:
        c.engine_is_well()


def too_many_scans_are_refused():
    c = _Client()
    c.none_is_open()
    scans = [c.scan(vbucket=i % VBUCKETS) for i in range(SCANS)]
    assert c.create().status == BUSY
    for scan in scans:
        assert c.cancel(scan) == SUCCESS
    c.none_is_open()
    assert c.cancel(c.scan()) == SUCCESS


def a_continue_or_cancel_that_is_wrong_is_refused_and_the_scan_goes_on():
    c = _Client(0x0b)
    scan = c.scan()
    for parts in ({"extras": scan}, {"extras": scan + bytes(11)}, {"extras": scan + bytes(13)},
                  {"extras": scan + bytes(12), "key": b"k"},
                  {"extras": scan + bytes(12), "value": b"v"},
                  {"extras": scan + bytes(12), "datatype": 1},
                  {"extras": scan + bytes(12), "cas": 1}, {}):
        assert c.ask(CONTINUE, **parts).status == WRONG, parts
    for parts in ({"extras": scan + b"0"}, {"extras": scan[:15]}, {},
                  {"extras": scan, "value": b"v"}, {"extras": scan, "key": b"k"},
                  {"extras": scan, "datatype": 1}, {"extras": scan, "cas": 1}):
        assert c.ask(CANCEL, **parts).status == WRONG, parts
    status, got = c.carry_on(scan)
    assert status == COMPLETE
    _are_right(got, _in(0))


def a_scan_that_is_not_there_is_not_found():
    c = _Client()
    for scan in (bytes(16), b"\xff" * 16, b"no such scan    "):
        assert c.carry_on(scan)[0] == NO_SUCH
        assert c.cancel(scan) == NO_SUCH


def what_the_engine_says_in_a_scan_is_told_after_whole_records_and_ends_it():
    """07 and 88 too: vbuckets and collections do not change while a server runs, so
    nobody but its engine can say so in the middle of a scan."""
    c, told = _Client(0x0b), _Client()
    try:
        for status in (ELSEWHERE, NO_ACCESS, INTERNAL, NO_COLLECTION, CANCELLED, BUSY,
                       NO_MEMORY, CANNOT, TEMPORARY):
            scan = c.scan()
            some, got = c.carry_on(scan, items=5)
            assert some == MORE
            told.engine_says(status)
            was, more = c.carry_on(scan)
            assert (was, more) == (status, []), (hex(was), len(more))
            told.engine_is_well()
            _are_right(got, _in(0)[:5])
            MADE[scan].over = True
            assert c.cancel(scan) == NO_SUCH
            assert c.ask(NOOP).status == SUCCESS
    finally:
        told.engine_is_well()


def a_scan_that_fails_between_its_frames_has_no_record_in_the_error():
    """More than stream and sockets hold, so that the engine stops on its way."""
    c, told = _Client(window=4096), _Client()
    told.none_is_open()
    keys = [k for k in (b"large:%05d" % i for i in range(1000))
            if vbucket_of(k, VBUCKETS) == 3][:200]
    for k in keys:
        told.say(SETQ, key=k, extras=bytes(8), value=k * 6000)
    try:
        scan = c.scan(_range(start=b"large", end=b"larger"), 3)
        told.filter(statuses="ok,internal", how="statuses", when="every:1")
        opaque = c.say_continue(scan)
        told.until_its_engine_has_stopped()
        status, got = c.rest(opaque)
        assert status == INTERNAL, hex(status)
        assert 0 < len(got) < len(keys)
        assert [(r.key, r.value) for r in got] == [(k, k * 6000) for k in keys[:len(got)]]
    finally:
        told.engine_is_well()
        for k in keys:
            assert told.ask(DELETE, key=k).status == SUCCESS


def one_that_is_being_continued_is_busy_and_is_cancelled_meanwhile():
    c, other = _Client(0x0e), _Client()
    assert 0x0e in c.features
    scan = c.scan(vbucket=1)
    try:
        other.filter(how="park", when="every:1")
        first = c.say_continue(scan)
        second = c.say_continue(scan)
        f = c.hear()
        assert (f.opcode, f.opaque, f.status) == (CONTINUE, second, BUSY), hex(f.status)
        assert other.carry_on(scan)[0] == BUSY
        cancel = c.say(CANCEL, extras=scan)
        answers = {}
        while len(answers) < 2:
            f = c.hear()
            answers[f.opaque] = f.status
        assert answers == {first: CANCELLED, cancel: SUCCESS}, answers
    finally:
        other.engine_is_well()
    assert c.carry_on(scan)[0] == NO_SUCH


def a_scan_ends_with_its_connection():
    c, other = _Client(), _Client()
    scan = c.scan()
    assert other.carry_on(scan, items=3)[0] == MORE
    c.file.close()
    c.socket.close()
    other.none_is_open()
    MADE[scan].over = True
    assert other.carry_on(scan)[0] == NO_SUCH


def who_asks_for_tokens_has_one_at_the_end_of_each_continue():
    for features in ((0xeb01,), (0xeb01, 0x0b, 0x0e, 0x0f)):
        c = _Client(*features)
        assert 0xeb01 in c.features
        _all_of(c, {}, 1, _in(1), items=50)
        _all_of(c, {"key_only": True}, 2, _in(2), documents=False, size=1000)
        keys = _in(3)
        _all_of(c, _range(start=keys[10], end=keys[90]), 3, keys[10:91], items=7)


def descending_it_is_the_other_way_round():
    c = _Client(0xeb01)
    keys = _in(3)
    _all_of(c, {"descending": True}, 3, keys[::-1], items=100)
    _all_of(c, dict(_range(excl_start=keys[10], end=keys[90]), descending=True), 3,
            keys[90:10:-1], items=7)


def a_scan_is_gone_on_with_behind_the_last_key():
    for way in (1, -1):
        keys = _in(2)[::way]
        want = {"resumable": True, "descending": way < 0}
        c = _Client(0xeb01)
        scan = c.scan(want, 2)
        opaque = c.say_continue(scan, items=33)
        frames = [c.hear()]
        while frames[-1].status == SUCCESS:
            frames.append(c.hear())
        assert (opaque, MORE) == (frames[-1].opaque, frames[-1].status)
        _are_right([r for f in frames for r in f.records], keys[:33])
        c.socket.close()
        c.file.close()
        want.update(resume=_b64(frames[-1].token), after=_b64(keys[32]))
        other = _Client(0xeb01)
        required = dict(want, **_require(1, 1))
        assert other.create(required, 2).status == WRONG
        f = other.create(want, 2)
        assert (f.status, f.value, f.extras) == (SUCCESS, scan, b"\0\0\0\1"), hex(f.status)
        status, got = other.carry_on(scan)
        assert status == COMPLETE
        _are_right(got, keys[33:])
        assert other.cancel(scan) == SUCCESS
        # and of one that is there no more what comes is a new one's
        f = other.create(want, 2)
        assert f.status == SUCCESS and f.extras == bytes(4), hex(f.status)
        status, got = other.carry_on(f.value)
        _are_right(got, keys[33:])
        assert other.cancel(f.value) == SUCCESS


def each_status_of_the_tables_was_seen():
    want = {(op, status) for op, statuses in MAY.items() for status in statuses}
    want -= {(CANCEL, NO_ACCESS), (CONTINUE, TOO_BIG)}  # see those of another server
    missing = {"%s %02x" % (NAMES[op], s) for op, s in want - SEEN}
    assert not missing, missing
    print("# %d statuses" % len(want))


def _login(user):
    c = _Client(0x0b)
    f = c.ask(0x21, key=b"PLAIN", value=b"\0%s\0secret" % user)
    assert f.status == SUCCESS, hex(f.status)
    return c


def another_user_has_no_access_to_a_scan():
    ann, bob = _login(b"ann"), _login(b"bob")
    ann.say(SETQ, key=b"key", extras=bytes(8), value=b"v")
    assert ann.ask(NOOP).status == SUCCESS
    vbucket = vbucket_of(b"key", VBUCKETS)
    scan = ann.scan(vbucket=vbucket)
    assert bob.carry_on(scan)[0] == NO_ACCESS
    assert bob.cancel(scan) == NO_ACCESS
    assert _login(b"ann").carry_on(scan)[0] == COMPLETE
    scan = ann.scan(vbucket=vbucket)
    assert _login(b"ann").cancel(scan) == SUCCESS


def a_record_that_is_larger_than_all_buffers_is_told():
    c = _Client()
    scan = c.scan(vbucket=vbucket_of(b"large", VBUCKETS))
    assert c.carry_on(scan) == (TOO_BIG, [])
    MADE[scan].over = True
    assert c.carry_on(scan)[0] == NO_SUCH


if __name__ == "__main__":
    others = {"owners": another_user_has_no_access_to_a_scan,
              "large": a_record_that_is_larger_than_all_buffers_is_told}
    if sys.argv[2] in others:
        facts = {others[sys.argv[2]].__name__: others[sys.argv[2]]}
    else:
        _fill()
        facts = {n: f for n, f in globals().items() if f not in others.values()}
    sys.exit(run_facts(dict(facts, __file__=__file__)))
