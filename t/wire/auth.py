# SPDX-License-Identifier: BSD-2-Clause
"""Logging in, from outside, with a SCRAM that is written anew.  Arguments: the port
and the process of a server with --auth-timeout 8, the passwords of alice and b,o=b.
Rounds are 4096."""

import base64
import hashlib
import hmac
import os
import re
import socket
import struct
import sys

from facts import run_facts

port, pid, ALICE, BOB = int(sys.argv[1]), sys.argv[2], *sys.argv[3:5]
ENOUGH = 120
SANITIZED = os.environ.get("SANITIZER", "no") not in ("no", "")
LIST, AUTH, STEP, GET, SET, NOOP, STAT, HELLO = 0x20, 0x21, 0x22, 0, 1, 0x0a, 0x10, 0x1f
OK, REFUSED, GO_ON, NO_ACCESS = 0, 0x20, 0x21, 0x24
HASHES = {"SCRAM-SHA512": hashlib.sha512, "SCRAM-SHA256": hashlib.sha256,
          "SCRAM-SHA1": hashlib.sha1}


def _frame(opcode, key=b"", value=b"", extras=b""):
    return struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                       len(extras) + len(key) + len(value), 7, 0) + extras + key + value


class _Connection:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", port), ENOUGH)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        """Status, key and value."""
        head = self.file.read(24)
        magic, _, nkey, nextras, _, status, n, _, _ = struct.unpack(">BBHBBHIIQ", head)
        assert magic == 0x81, head
        body = self.file.read(n)
        return status, body[nextras:nextras + nkey], body[nextras + nkey:]

    def ask(self, *frame, **more):
        self.say(_frame(*frame, **more))
        status, _, value = self.hear()
        return status, value

    def plain(self, user, password):
        return self.ask(AUTH, b"PLAIN", b"\0%s\0%s" % (user.encode(), password.encode()))

    def ended(self):
        return self.file.read(1) == b""

    def stats(self, group=b""):
        self.say(_frame(STAT, group))
        got = {}
        while True:
            status, key, value = self.hear()
            assert status == OK
            if not key:
                return got
            got[key.decode()] = value.decode()


class _Scram:
    """One exchange, as RFC 5802 has it."""

    def __init__(self, mechanism, user, password, nonce="0xffffffc0 0x1e 0x6a"):
        self.hash = HASHES[mechanism]
        self.mechanism, self.password, self.nonce = mechanism.encode(), password, nonce
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.bare = "n=%s,r=%s" % (name, nonce)

    def first(self):
        return ("n,," + self.bare).encode()

    def hmac(self, key, text):
        return hmac.new(key, text, self.hash).digest()

    def last(self, answer):
        answer = answer.decode()
        nonce, salt, rounds = re.fullmatch(r"r=([^,]*),s=([^,]*),i=(\d+)", answer).groups()
        assert nonce.startswith(self.nonce) and len(nonce) >= len(self.nonce) + 24
        salted = hashlib.pbkdf2_hmac(self.hash().name, self.password.encode(),
                                     base64.b64decode(salt), int(rounds))
        key = self.hmac(salted, b"Client Key")
        bare = "c=biws,r=" + nonce
        signed = ",".join((self.bare, answer, bare)).encode()
        signature = self.hmac(self.hash(key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        self.server = self.hmac(self.hmac(salted, b"Server Key"), signed)
        return ("%s,p=%s" % (bare, base64.b64encode(proof).decode())).encode()

    def begin(self, c):
        status, answer = c.ask(AUTH, self.mechanism, self.first())
        assert status == GO_ON, status
        return answer

    def log_in(self, c):
        """The status; if it is good, so is the server's proof."""
        status, value = c.ask(STEP, self.mechanism, self.last(self.begin(c)))
        if status == OK:
            assert value == b"v=" + base64.b64encode(self.server), value
        return status


def _in(mechanism="SCRAM-SHA512"):
    c = _Connection()
    assert _Scram(mechanism, "alice", ALICE).log_in(c) == OK
    return c


def the_mechanisms_are_listed():
    with _Connection() as c:
        assert c.ask(LIST) == (OK, b"SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN")


def each_mechanism_logs_in():
    for mechanism in HASHES:
        for user, password in (("alice", ALICE), ("b,o=b", BOB)):
            with _Connection() as c:
                assert c.ask(NOOP)[0] == NO_ACCESS
                assert _Scram(mechanism, user, password).log_in(c) == OK
                assert c.ask(NOOP)[0] == OK
    with _Connection() as c:
        assert c.plain("b,o=b", BOB)[0] == OK
        assert c.ask(NOOP)[0] == OK


# A refusal is late: those that can wait together do.

def a_wrong_password_and_an_unknown_user_are_refused_alike():
    waiting = []
    for mechanism in HASHES:
        answers = []
        for user in ("alice", "carol", "carol"):
            c, x = _Connection(), _Scram(mechanism, user, "another")
            answer = x.begin(c)
            answers.append(re.sub(rb"^r=[^,]*", b"", answer))
            c.say(_frame(STEP, x.mechanism, x.last(answer)) + _frame(NOOP))
            waiting.append(c)
        assert len(set(map(len, answers))) == 1 and answers[1] == answers[2]
    for c in waiting:
        with c:
            assert c.hear() == (REFUSED, b"", b"")
            assert c.hear()[0] == NO_ACCESS
    with _in() as admin:
        rounds = [int(admin.stats()["auth_rounds"])]
        for user in ("alice", "carol"):
            with _Connection() as c:
                assert c.plain(user, "another") == (REFUSED, b"")
                rounds.append(int(admin.stats()["auth_rounds"]))
        assert rounds[2] - rounds[1] == rounds[1] - rounds[0] == 4096, rounds


def an_exchange_that_is_cut_short_or_was_said_before_is_refused():
    x = _Scram("SCRAM-SHA512", "alice", ALICE)
    with _Connection() as first, _Connection() as last, _in() as twice, _Connection() as again:
        first.say(_frame(AUTH, x.mechanism, x.first()[:-len(x.nonce)]))
        whole = x.last(x.begin(last))
        # the second one is right, but the exchange has had its only step
        last.say(_frame(STEP, x.mechanism, whole[:-1]) + _frame(STEP, x.mechanism, whole))
        said = x.last(x.begin(twice))
        assert twice.ask(STEP, x.mechanism, said)[0] == OK
        twice.say(_frame(STEP, x.mechanism, said))
        x.begin(again)
        again.say(_frame(STEP, x.mechanism, said))
        for c, n in (first, 1), (last, 2), (twice, 1), (again, 1):
            for _ in range(n):
                assert c.hear()[0] == REFUSED
            assert c.ask(NOOP)[0] == NO_ACCESS


def channel_binding_and_other_users_are_refused():
    waiting = []
    for first in (b"p=tls-unique,,n=alice,r=x", b"y,,n=alice,r=x", b"n,a=bob,n=alice,r=x"):
        waiting.append(_Connection())
        waiting[-1].say(_frame(AUTH, b"SCRAM-SHA512", first))
    for c in waiting:
        with c:
            assert c.hear()[0] == REFUSED


def what_is_sent_in_one_go_is_answered_in_order():
    x = _Scram("SCRAM-SHA512", "alice", ALICE)
    with _Connection() as c:
        # as Couchbase's clients begin
        c.say(_frame(HELLO, b"agent", b"\0\3") + _frame(LIST) +
              _frame(AUTH, x.mechanism, x.first()))
        assert c.hear()[0] == OK and c.hear()[0] == OK
        status, _, answer = c.hear()
        assert status == GO_ON
        c.say(_frame(STEP, x.mechanism, x.last(answer)) + _frame(NOOP) +
              _frame(SET, b"k", b"v", bytes(8)) + _frame(GET, b"k"))
        assert [c.hear()[0] for _ in range(4)] == [OK] * 4
    with _Connection() as c:
        c.say(_frame(AUTH, b"PLAIN", b"\0alice\0" + ALICE.encode()) + _frame(NOOP) +
              _frame(AUTH, b"PLAIN", b"\0alice\0another") + _frame(NOOP))
        assert [c.hear()[0] for _ in range(4)] == [OK, OK, REFUSED, NO_ACCESS]


def five_failures_end_the_connection():
    with _in() as admin:
        before = admin.stats()
        with _Connection() as c:
            for _ in range(5):
                assert c.plain("alice", "another")[0] == REFUSED
            assert c.ended()
        after = admin.stats()
        for name, more in (("auth_cmds", 5), ("auth_errors", 5)):
            assert int(after[name]) - int(before[name]) == more, name


def in_text_the_first_set_is_the_login():
    with _Connection() as c:
        c.say(b"get a b\r\n")
        assert c.file.readline() == b"CLIENT_ERROR unauthenticated\r\n"
        for login, answer in (
                ("alice another", b"CLIENT_ERROR authentication failure\r\n"),
                ("alice", b"CLIENT_ERROR bad authentication token format\r\n"),
                ("alice " + ALICE, b"STORED\r\n")):
            c.say(b"set x 0 0 %d\r\n%s\r\n" % (len(login), login.encode()))
            assert c.file.readline() == answer, login
        c.say(b"get x\r\n")
        assert c.file.readline() == b"END\r\n"  # it was no store


def settings_tell_it():
    with _in() as c:
        got = c.stats(b"settings")
        assert got["auth_enabled_sasl"] == got["auth_enabled_ascii"] == "yes"
        assert got["auth_timeout"] == "120"


def _memory():
    with open("/proc/%s/status" % pid) as f:
        return int(re.search(r"VmRSS:\s*(\d+) kB", f.read()).group(1)) * 1024


def a_flood_before_a_login_is_bounded_and_others_are_served():
    n = 30 if SANITIZED else 120
    large = _frame(SET, b"k", b"", bytes(8))[:8] + struct.pack(">I", 60 << 20) + \
        bytes(12) + bytes(8) + b"k"
    with _in() as c:
        assert c.ask(SET, b"mine", b"v", extras=bytes(8))[0] == OK
        before, errors = _memory(), int(c.stats()["auth_errors"])
        flood = [_Connection() for _ in range(n)]
        for i, f in enumerate(flood):
            f.socket.setblocking(False)
            try:
                if i % 3 == 0:  # a large value, a megabyte of it
                    f.socket.send(large + bytes(1 << 20))
                elif i % 3 == 1:  # passwords, more than are looked at
                    f.socket.send(_frame(AUTH, b"PLAIN", b"\0alice\0x") * 100)
                else:  # exchanges that are never finished
                    f.socket.send(_frame(AUTH, b"SCRAM-SHA1", b"n,,n=alice,r=x") * 100)
            except BlockingIOError:
                pass
            assert c.ask(GET, b"mine") == (OK, b"v")
        for _ in range(100):
            assert c.ask(GET, b"mine") == (OK, b"v")
        assert int(c.stats()["receiving_bytes"]) == 0
        if not SANITIZED:
            assert _memory() - before < 16 << 20, _memory() - before
        # who knows his password comes in beside them, with SCRAM
        _in().__exit__()
        # those who began anew and anew had five each
        while int(c.stats()["auth_errors"]) - errors < 5 * (n // 3):
            pass
        for f in flood:
            f.__exit__()


def _find_in_memory(*texts):
    """Those that are in what the process may write to; None: we may not look."""
    found = set()
    try:
        with open("/proc/%s/maps" % pid) as maps, open("/proc/%s/mem" % pid, "rb", 0) as mem:
            for line in maps:
                if line.split()[1][:2] != "rw":
                    continue
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                try:
                    mem.seek(start)
                    here = mem.read(end - start)
                except OSError:
                    continue  # such as [vvar]
                found.update(t for t in texts if t.encode() in here)
    except PermissionError:
        return None
    return found


def _have_read(admin, c, data):
    """The server has read it; nobody else says anything."""
    before, asked = int(admin.stats()["bytes_read"]), 0
    c.say(data)
    while True:
        asked += 24
        if int(admin.stats()["bytes_read"]) - before >= len(data) + asked:
            return


def no_password_is_in_the_memory_of_the_server():
    if SANITIZED:
        return  # its memory is many times larger
    with _in() as c:
        # what is looked for is found
        assert c.ask(SET, b"looked-for", b"a-value-like-no-other", extras=bytes(8))[0] == OK
        found = _find_in_memory("a-value-like-no-other")
        if found is None:
            print("left out: nobody may look into that process")
            return
        assert found == {"a-value-like-no-other"}
        wrong = "glimmer-wrong-73"
        text = b"set x 0 0 %d\r\nalice %s\r\n" % (len(ALICE) + 6, ALICE.encode())
        plain = _frame(AUTH, b"PLAIN", b"\0alice\0" + ALICE.encode())
        cut = b"set x 0 0 %d\r\nalice %s" % (len(wrong) + 6, wrong.encode())
        held = [_Connection() for _ in range(5)]
        assert held[0].plain("alice", ALICE)[0] == OK
        assert held[1].plain("alice", wrong)[0] == REFUSED
        held[2].say(text)
        assert held[2].file.readline() == b"STORED\r\n"
        # in two pieces, of which the server has had the first
        for i, data in ((3, text), (4, plain)):
            _have_read(c, held[i], data[:-4])
            held[i].say(data[-4:])
        assert held[3].file.readline() == b"STORED\r\n" and held[4].hear()[0] == OK
        # by who has logged in, whole and in pieces
        assert held[4].plain("alice", ALICE)[0] == OK
        _have_read(c, held[4], plain[:-4])
        held[4].say(plain[-4:])
        assert held[4].hear()[0] == OK
        # one that never becomes whole
        with _Connection() as never:
            _have_read(c, never, cut)
            where = "tcp:127.0.0.1:%d" % never.socket.getsockname()[1]
            assert where in c.stats(b"conns").values()
        while where in c.stats(b"conns").values():
            pass
        secrets = (ALICE, BOB, wrong)
        assert not _find_in_memory(*secrets, *(s[:-4] for s in secrets))
        for h in held:
            h.__exit__()


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
