# SPDX-License-Identifier: BSD-2-Clause
"""A client that has asked for unordered execution.  Arguments: the port, and which
of the facts: scans, gets."""

import socket
import struct
import sys

from facts import run_facts

port = int(sys.argv[1])
ENOUGH = 120
RECORDS = 20000
VALUE = b"v" * 400
GET, SET, DELETE, NOOP, SETQ, HELLO = 0, 1, 4, 0x0a, 0x11, 0x1f
CREATE, CONTINUE, CANCEL = 0xda, 0xdb, 0xdc
SUCCESS, MORE, COMPLETE, CANCELLED = 0, 0xa6, 0xa7, 0xa5


def _frame(opcode, opaque, key=b"", extras=b"", value=b"", datatype=0, barrier=False):
    framing = b"\0" if barrier else b""
    n = len(framing) + len(extras) + len(key) + len(value)
    head = (struct.pack(">BBBB", 0x08, opcode, 1, len(key)) if barrier else
            struct.pack(">BBH", 0x80, opcode, len(key)))
    return (head + struct.pack(">BBHIIQ", len(extras), datatype, 0, n, opaque, 0) +
            framing + extras + key + value)


class Connection:
    def __init__(self, unordered=True):
        self.socket = socket.create_connection(("127.0.0.1", port), ENOUGH)
        self.file = self.socket.makefile("rb")
        if unordered:
            self.say(_frame(HELLO, 0, b"test", value=b"\x00\x0e"))
            assert self.hear() == (HELLO, SUCCESS, 0, b"\x00\x0e")

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        """Opcode, status, opaque, and the value."""
        head = self.file.read(24)
        magic, opcode, nkey, nextras, _, status, n, opaque, _ = struct.unpack(
            ">BBHBBHIIQ", head)
        assert magic == 0x81, head
        return opcode, status, opaque, self.file.read(n)[nextras + nkey:]

    def ask(self, data):
        self.say(data)
        return self.hear()

    def create(self, opaque):
        opcode, status, got, uuid = self.ask(
            _frame(CREATE, opaque, value=b"{}", datatype=1))
        assert (opcode, status, got) == (CREATE, SUCCESS, opaque), status
        return uuid


def _continue(opaque, uuid):
    return _frame(CONTINUE, opaque, extras=uuid + bytes(12))


def _fill():
    c = Connection(unordered=False)
    c.say(b"".join(_frame(SETQ, 0, b"%08d" % i, bytes(8), VALUE)
                   for i in range(RECORDS)) + _frame(NOOP, 1))
    assert c.hear() == (NOOP, SUCCESS, 1, b"")


def _keys(frames):
    """Of records of that one size."""
    data, at, keys = b"".join(frames), 0, []
    while at < len(data):
        keys.append(data[at + 26:at + 34])
        at += 25 + 1 + 8 + 2 + len(VALUE)
    assert at == len(data)
    return keys


def a_noop_and_a_get_overtake_a_scan():
    c = Connection()
    c.say(_continue(7, c.create(1)) + _frame(NOOP, 8) + _frame(GET, 9, b"%08d" % 5))
    order, frames = [], []
    while 7 not in order:
        opcode, status, opaque, value = c.hear()
        if opcode == CONTINUE and status == SUCCESS:
            frames.append(value)
            continue
        order.append(opaque)
        if opcode == CONTINUE:
            assert status == COMPLETE, status
            frames.append(value)
        if opcode == GET:
            assert value == VALUE
    assert order == [8, 9, 7], order
    assert _keys(frames) == [b"%08d" % i for i in range(RECORDS)]


def several_scans_share_a_connection():
    c = Connection()
    uuids = {i: c.create(i) for i in range(1, 5)}
    c.say(b"".join(_continue(i, uuids[i]) for i in uuids))
    frames, done, turns, last = {i: [] for i in uuids}, set(), 0, 0
    while len(done) < 4:
        opcode, status, opaque, value = c.hear()
        assert opcode == CONTINUE and opaque not in done, opaque
        frames[opaque].append(value)
        turns += opaque != last
        last = opaque
        if status != SUCCESS:
            assert status == COMPLETE, status
            done.add(opaque)
    for i in uuids:
        assert _keys(frames[i]) == [b"%08d" % j for j in range(RECORDS)], i
    assert turns > 20, turns  # they took turns


def a_scan_is_cancelled_among_its_records():
    c = Connection()
    uuid = c.create(1)
    c.say(_continue(2, uuid) + _frame(CANCEL, 3, extras=uuid))
    status, order = {}, []
    while len(status) < 2:
        opcode, was, opaque, _ = c.hear()
        if opcode == CONTINUE and was == SUCCESS:
            continue
        status[opaque] = was
        order.append(opaque)
    assert status == {2: CANCELLED, 3: SUCCESS}, status
    assert c.ask(_continue(4, uuid))[1] == 1


def a_barrier_waits_for_a_scan():
    c = Connection()
    c.say(_continue(2, c.create(1)) + _frame(NOOP, 3, barrier=True) + _frame(NOOP, 4))
    order = []
    while len(order) < 3:
        opcode, status, opaque, _ = c.hear()
        if opcode != CONTINUE or status != SUCCESS:
            order.append(opaque)
    assert order == [2, 3, 4], order


def in_order_a_noop_waits_for_a_scan():
    c = Connection(unordered=False)
    c.say(_continue(2, c.create(1)) + _frame(NOOP, 3))
    order = []
    while len(order) < 2:
        opcode, status, opaque, _ = c.hear()
        if opcode != CONTINUE or status != SUCCESS:
            order.append(opaque)
    assert order == [2, 3], order


def answers_of_a_slow_engine_come_in_any_order():
    c = Connection()
    n = 100
    c.say(b"".join(_frame(SET, i, b"k%d" % i, bytes(8), b"%d" % i) for i in range(n)))
    assert sorted(c.hear()[1:3] for _ in range(n)) == [(0, i) for i in range(n)]
    for _ in range(100):  # if one of its threads has no processor, they are in order
        c.say(b"".join(_frame(GET, i, b"k%d" % i) for i in range(n)))
        got = [c.hear() for _ in range(n)]
        assert sorted(g[2] for g in got) == list(range(n))
        assert all(g[3] == b"%d" % g[2] for g in got)
        if [g[2] for g in got] != list(range(n)):
            return
    assert False, "always in order"


def a_key_s_own_do_not():
    c = Connection()
    n = 50
    c.say(b"".join(_frame(SET, 2 * i, b"one", bytes(8), b"%d" % i) +
                   _frame(GET, 2 * i + 1, b"one") for i in range(n)))
    got = [c.hear() for _ in range(2 * n)]
    assert [g[2] for g in got] == list(range(2 * n))
    assert [g[3] for g in got[1::2]] == [b"%d" % i for i in range(n)]


SCANS = (a_noop_and_a_get_overtake_a_scan, several_scans_share_a_connection,
         a_scan_is_cancelled_among_its_records, a_barrier_waits_for_a_scan,
         in_order_a_noop_waits_for_a_scan)
GETS = (answers_of_a_slow_engine_come_in_any_order, a_key_s_own_do_not)

if sys.argv[2] == "scans":
    _fill()
facts = SCANS if sys.argv[2] == "scans" else GETS
sys.exit(run_facts({f.__name__: f for f in facts} | {"__file__": __file__}))
