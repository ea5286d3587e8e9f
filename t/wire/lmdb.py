# SPDX-License-Identifier: BSD-2-Clause
"""What the engine lmdb does on the wire.  Arguments: the port, which facts, and
the file of the server's log."""

import base64
import json
import socket
import struct
import sys
import time

from facts import run_facts

port, which, log = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def _open():
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def _ask(f, text):
    f.write(text)
    f.flush()
    return f.readline()


def _set(f, key, value, expiry=0):
    return _ask(f, b"set %s 0 %d %d\r\n%s\r\n" % (key, expiry, len(value), value))


def _get(f, key):
    line = _ask(f, b"get %s\r\n" % key)
    if line == b"END\r\n":
        return None
    value = f.read(int(line.split()[3]) + 2)[:-2]
    assert f.readline() == b"END\r\n"
    return value


def _stats(f, group=b""):
    f.write(b"stats%s\r\n" % (group and b" " + group))
    f.flush()
    got = {}
    while (line := f.readline()) != b"END\r\n":
        _, name, value = line.decode().rstrip().split(" ", 2)
        got[name] = value
    return got


def _file():
    return _open().makefile("rwb")


def _frame(opcode, extras=b"", value=b""):
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, 0, len(extras), 0, 0,
                       len(extras) + len(value), 7, 0) + extras + value


def _talk(f, frame):
    f.write(frame)
    f.flush()
    head = f.read(24)
    _, _, nkey, nextras, _, status, n, _, _ = struct.unpack(">BBHBBHIIQ", head)
    return status, f.read(n)


def _said():
    with open(log) as f:
        return f.read()


def _until(cond):
    end = time.monotonic() + 60
    while not cond():
        assert time.monotonic() < end
        time.sleep(0.01)


# A server with map=1M.

def _full_a_store_alone_is_refused():
    f = _file()
    assert _set(f, b"small", b"1") == b"STORED\r\n"
    n = 0
    while (answer := _set(f, b"fill%d" % n, b"x" * 3000)) == b"STORED\r\n":
        n += 1
    assert b"memory" in answer, answer
    assert 100 < n < 256, n
    # side by side with what needs none
    many = [_file() for _ in range(8)]
    for i, g in enumerate(many):
        if i % 2:
            g.write(b"delete fill%d\r\n" % i)
        else:
            g.write(b"set more%d 0 0 100000\r\n%s\r\n" % (i, b"y" * 100000))
        g.flush()
    answers = [g.readline() for g in many]
    for i, answer in enumerate(answers):
        assert (answer == b"DELETED\r\n") if i % 2 else (b"memory" in answer), answers
    assert _said().count(": full") == 1, _said()
    assert _get(f, b"small") == b"1"


def _full_what_is_there_can_be_removed_and_then_there_is_room():
    f = _file()
    n = 0
    for i in range(300):
        n += _ask(f, b"delete fill%d\r\n" % i) == b"DELETED\r\n"
    assert n > 90, n
    assert _set(f, b"fill", b"x" * 3000) == b"STORED\r\n"
    assert _ask(f, b"flush_all\r\n") == b"OK\r\n"
    assert _get(f, b"fill") is None
    for i in range(50):
        assert _set(f, b"again%d" % i, b"x" * 3000) == b"STORED\r\n"


# One with scan-age=50ms and --vbuckets 1.

def _age_an_old_scan_is_ended_and_it_is_said_why():
    f, b = _file(), _file()
    for i in range(10):
        assert _set(f, b"k%d" % i, b"v") == b"STORED\r\n"
    # on a busy machine one may be that old before its first record is found
    ended = 0
    while (answer := _talk(b, _frame(0xda, value=b"{}")))[0] == 0x86:
        ended += 1
    status, scan = answer
    assert status == 0, status
    _until(lambda: _stats(f)["scans_ended"] == str(ended + 1))
    _until(lambda: "scan-age" in _said())
    assert ("a scan was ended after 50 ms: while one is open the file grows "
            "(scan-age=50ms)") in _said()
    status, body = _talk(b, _frame(0xdb, scan + bytes(12)))
    assert status == 0xa5, (status, body)


def _bounds_longer_than_a_key_are_bounds():
    f, b = _file(), _file()
    longest = b"q" * 250
    for key in b"a", longest:
        assert _set(f, key, b"v") == b"STORED\r\n"
    for n in 249, 250, 251, 256:
        for name, inside in (("start", n <= 250), ("excl_start", n < 250),
                             ("end", n >= 250), ("excl_end", n > 250)):
            bound = base64.b64encode(b"q" * n).decode()
            value = json.dumps({"range": {name: bound}}).encode()
            status, scan = _talk(b, _frame(0xda, value=value))
            if name.endswith("start") and not inside:
                assert status == 1, (name, n, status)  # nothing is
                continue
            assert status == 0, (name, n, status)
            _, body = _talk(b, _frame(0xdb, scan + bytes(12)))
            assert (longest in body) == inside, (name, n)


# One with memory=1.

def _away_gets_are_answered_behind():
    f = _file()
    assert _set(f, b"k", b"v" * 100) == b"STORED\r\n"
    assert _get(f, b"k") == b"v" * 100
    assert _get(f, b"none") is None
    got = _stats(f)
    assert got["resident"] == "0", got
    assert (got["gets_at_once"], got["gets_behind"]) == ("0", "2"), got


# One without parameters.

def _plain_gets_are_answered_at_once():
    f = _file()
    assert _set(f, b"k", b"v" * 100) == b"STORED\r\n"
    assert _get(f, b"k") == b"v" * 100
    got = _stats(f)
    assert got["resident"] == "1", got
    assert (got["gets_at_once"], got["gets_behind"]) == ("1", "0"), got


def _plain_there_are_more_statistics_for_who_asks():
    got = _stats(_file(), b"lmdb")
    assert got["page"] and got["vb_0"].startswith("uuid "), got
    assert int(got["map"]) >= 1 << 30, got


def _plain_what_has_expired_is_removed():
    f = _file()
    before = int(_stats(f)["curr_items"])
    for i in range(100):
        assert _set(f, b"e%d" % i, b"v", 1) == b"STORED\r\n"
    _until(lambda: _stats(f)["expired"] == "100")
    assert int(_stats(f)["curr_items"]) == before


sys.exit(run_facts({name[len(which) + 2:]: fn for name, fn in globals().items()
                    if name.startswith("_%s_" % which)} | {"__file__": __file__}))
