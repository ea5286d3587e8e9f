# SPDX-License-Identifier: BSD-2-Clause
"""A scan that goes on after its connection was lost, and after its server was."""

import base64
import socket
import struct
import sys

from facts import run_facts
from scan_check import (CANCEL, COMPLETE, CONTINUE, CREATE, HELLO, MORE, NO_SUCH, NOOP, RESUME, SETQ,
                        SUCCESS, frame, framing_extras, read_frame, records, vbucket_of)

_step, _port, _state = sys.argv[1], int(sys.argv[2]), sys.argv[3]
_KEYS = [b"k%05d" % i for i in range(3000)]
_MINE = [k for k in _KEYS if vbucket_of(k, 4) == 1]


class _Client:
    def __init__(self):
        self.s = socket.create_connection(("127.0.0.1", _port))
        self.f = self.s.makefile("rb")
        got = self.ask(frame(HELLO, value=struct.pack(">H", RESUME)))
        assert got.value == struct.pack(">H", RESUME), got.value

    def ask(self, data):
        self.s.sendall(data)
        return read_frame(self.f.read)

    def store(self, keys, value):
        for i in range(0, len(keys), 100):
            self.s.sendall(b"".join(
                frame(SETQ, key=k, extras=bytes(8), value=value, vbucket=0)
                for k in keys[i:i + 100]))
            assert self.ask(frame(NOOP)).opcode == NOOP

    def create(self, **members):
        text = ",".join('"%s":%s' % (k, v) for k, v in members.items())
        return self.ask(frame(CREATE, value=("{%s}" % text).encode(), datatype=1, vbucket=1))

    def resume(self, token, after, **members):
        return self.create(resumable="true", resume='"%s"' % base64.b64encode(token).decode(),
                           after='"%s"' % base64.b64encode(after).decode(), **members)

    def go_on(self, scan, items):
        """(records, token, progress, status)"""
        self.s.sendall(frame(CONTINUE, extras=scan + struct.pack(">III", items, 0, 0)))
        out = []
        while True:
            f = read_frame(self.f.read)
            assert f.status in (SUCCESS, MORE, COMPLETE), hex(f.status)
            out += records(f.value, True)
            if f.status != SUCCESS:
                extras = framing_extras(f.framing)
                return out, extras[14], struct.unpack(">H", extras[13])[0], f.status


def _begin(reverse):
    c = _Client()
    c.store(_KEYS, b"old")
    got = c.create(resumable="true", descending="true" if reverse else "false")
    assert got.status == SUCCESS and not got.extras, hex(got.status)
    out, token, progress, status = c.go_on(got.value, 200)
    assert status == MORE and len(out) == 200 and 0 < progress < 10000, (status, progress)
    assert token[:16] == got.value and struct.unpack(">Q", token[16:])[0] == 200
    return c, out, token, progress


def _lost_and_resumed(reverse):
    keys = _MINE[::-1] if reverse else _MINE
    c, out, token, progress = _begin(reverse)
    # a second portion is under way, and its client crashes
    c.s.sendall(frame(CONTINUE, extras=token[:16] + struct.pack(">III", 0, 0, 0)))
    c.f.close()
    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.s.close()
    c = _Client()
    c.store(_KEYS, b"new")
    got = c.resume(token, out[-1].key, descending="true" if reverse else "false")
    assert got.status == SUCCESS, hex(got.status)
    old = struct.unpack(">I", got.extras)[0]
    # that portion may have come to the end, and the scan with it
    assert (got.value == token[:16]) == (old == 1)
    rest, token, last, status = c.go_on(got.value, 0)
    assert status == COMPLETE and last == 10000
    assert [r.key for r in out + rest] == keys
    assert {r.value for r in rest} == ({b"old"} if old else {b"new"})
    return old


def _idle_and_resumed(reverse):
    keys = _MINE[::-1] if reverse else _MINE
    c, out, token, progress = _begin(reverse)
    c.s.close()
    c.f.close()
    c = _Client()
    c.store(_KEYS, b"new")
    got = c.resume(token, out[-1].key, descending="true" if reverse else "false")
    assert got.status == SUCCESS and got.extras == b"\0\0\0\1" and got.value == token[:16]
    rest, token, last, status = c.go_on(got.value, 0)
    assert status == COMPLETE and last == 10000
    assert [r.key for r in out + rest] == keys
    assert {r.value for r in rest} == {b"old"}
    # whether the end has arrived it cannot know, and keeps the scan until it is told
    got = c.resume(token, keys[-1], descending="true" if reverse else "false")
    assert got.status == SUCCESS and got.extras == b"\0\0\0\1", hex(got.status)
    assert c.go_on(got.value, 0)[::3] == ([], COMPLETE)
    assert c.ask(frame(CANCEL, extras=token[:16])).status == SUCCESS
    got = c.resume(token, keys[-1], descending="true" if reverse else "false")
    assert got.status == NO_SUCH, hex(got.status)


if _step == "lost":
    def a_scan_goes_on_in_its_snapshot_after_its_connection_was_lost():
        _idle_and_resumed(False)

    def and_backwards():
        _idle_and_resumed(True)

    def a_scan_that_was_continued_when_it_was_lost_leaves_nothing_out():
        for reverse in (False, True):
            _lost_and_resumed(reverse)
elif _step == "before":
    def a_scan_is_begun():
        c, out, token, progress = _begin(False)
        with open(_state, "wb") as f:
            f.write(token + out[-1].key)
else:
    def a_scan_goes_on_in_a_new_snapshot_after_its_server_was_lost():
        with open(_state, "rb") as f:
            token, after = f.read(24), f.read()
        c = _Client()
        got = c.resume(token, after)
        assert got.status == SUCCESS and got.extras == bytes(4), got.extras
        rest, token, last, status = c.go_on(got.value, 0)
        assert status == COMPLETE and last == 10000
        assert [r.key for r in rest] == [k for k in _MINE if k > after]
        assert struct.unpack(">Q", token[16:])[0] == len(_MINE)

sys.exit(run_facts(globals()))
