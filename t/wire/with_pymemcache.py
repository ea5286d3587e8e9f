# SPDX-License-Identifier: BSD-2-Clause
"""Round trips of pymemcache, which talks text.  Argument: the port."""

import random
import socket
import sys
import time

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheClientError, MemcacheServerError

from facts import run_facts

port = int(sys.argv[1])
c = Client(("127.0.0.1", port), timeout=120, default_noreply=False)

MIB = 1 << 20
# What the server takes at most is a value of 1 MiB; others count what they
# need besides, so clients say "1 MiB less some".
LARGE = MIB - 512


def _bytes(n, seed):
    return random.Random(seed).randbytes(n)


def _talk(request, end):
    """By hand, what the client has no words for."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as s:
        s.sendall(request)
        got = b""
        while not got.endswith(end):
            part = s.recv(65536)
            assert part, got
            got += part
    return got


def a_value_comes_back_as_it_was_set():
    assert c.set("k", b"v")
    assert c.get("k") == b"v"
    assert c.set("k", b"\r\n\0END\r\n")
    assert c.get("k") == b"\r\n\0END\r\n"
    assert c.set("empty", b"")
    assert c.get("empty") == b""


def a_large_value_comes_back_as_it_was_set():
    for n in (2047, 2048, 16383, 16384, 65536, LARGE, MIB):
        value = _bytes(n, n)
        assert c.set("large", value)
        assert c.get("large") == value


def a_value_over_the_limit_is_refused_and_the_connection_goes_on():
    try:
        c.set("large", b"x" * (MIB + 1))
        assert False, "it was taken"
    except (MemcacheServerError, MemcacheClientError) as e:
        assert b"too large" in e.args[0] or "too large" in str(e), e
    assert c.set("k", b"after") and c.get("k") == b"after"


def flags_are_kept():
    assert c.set("flagged", b"v", flags=0xFFFFFFFF)
    raw = _talk(b"get flagged\r\n", b"END\r\n")
    assert raw == b"VALUE flagged 4294967295 1\r\nv\r\nEND\r\n", raw


def a_get_of_many_keys_gives_those_that_are_there():
    some = {"many%d" % i: b"value %d" % i for i in range(0, 500, 2)}
    assert c.set_many(some) == []
    got = c.get_many(["many%d" % i for i in range(500)])
    assert got == some


def a_missing_key_is_a_miss():
    assert c.get("missing") is None
    assert c.get("missing", b"default") == b"default"
    assert c.delete("missing") is False
    assert c.touch("missing", 10) is False


def add_and_replace_look_before_they_store():
    c.delete("a")
    assert c.replace("a", b"1") is False
    assert c.add("a", b"1") is True
    assert c.add("a", b"2") is False
    assert c.replace("a", b"3") is True
    assert c.get("a") == b"3"


def append_and_prepend_join():
    c.delete("j")
    assert c.append("j", b"x") is False
    assert c.prepend("j", b"x") is False
    assert c.set("j", b"middle")
    assert c.append("j", b"-end")
    assert c.prepend("j", b"begin-")
    assert c.get("j") == b"begin-middle-end"


def cas_stores_only_what_nobody_changed():
    assert c.set("c", b"1")
    value, cas = c.gets("c")
    assert value == b"1"
    assert c.cas("c", b"2", cas) is True
    assert c.cas("c", b"3", cas) is False
    assert c.get("c") == b"2"
    c.delete("c")
    assert c.cas("c", b"4", cas) is None


def gets_of_many_gives_each_its_own_cas():
    c.set_many({"g1": b"1", "g2": b"2"})
    got = c.gets_many(["g1", "g2"])
    assert got["g1"][0] == b"1" and got["g2"][0] == b"2"
    assert got["g1"][1] != got["g2"][1]


def what_is_deleted_is_gone():
    assert c.set("d", b"1")
    assert c.delete("d") is True
    assert c.get("d") is None


def counters_count():
    c.delete("n")
    assert c.incr("n", 1) is None
    assert c.set("n", b"10")
    assert c.incr("n", 5) == 15
    assert c.decr("n", 6) == 9
    assert c.decr("n", 100) == 0
    assert c.set("n", b"18446744073709551615")
    assert c.incr("n", 2) == 1
    assert c.get("n").strip() == b"1"
    assert c.set("n", b"not a number")
    try:
        c.incr("n", 1)
        assert False, "it counted"
    except MemcacheClientError:
        pass


def _kept(key):
    """Touched while it is there: a second may be over at once."""
    until = time.monotonic() + 60
    while True:
        assert c.set(key, b"1", expire=1)
        if c.touch(key, expire=0):
            return
        assert time.monotonic() < until, "a touch does not find it"


def what_expires_is_gone_and_what_does_not_stays():
    now = int(time.time())
    assert c.set("relative", b"1", expire=1)
    assert c.set("absolute", b"1", expire=now + 2)
    assert c.set("past", b"1", expire=-1)
    assert c.set("long", b"1", expire=2592000)
    assert c.set("far", b"1", expire=now + 2592001)
    assert c.set("never", b"1", expire=0)
    assert c.set("touched", b"1", expire=0)
    assert c.touch("touched", expire=1) is True
    _kept("kept")
    assert c.get("past") is None
    _gone(["relative", "absolute", "touched"])
    assert set(c.get_many(["long", "far", "never", "kept"])) == {
        "long", "far", "never", "kept"}


def _gone(keys):
    """Asks until they are: the server's clock is the event."""
    until = time.monotonic() + 60
    while c.get_many(keys):
        assert time.monotonic() < until, "they do not expire"


def an_expiry_in_the_past_is_gone_at_once():
    assert c.set("was", b"1", expire=int(time.time()) - 10)
    assert c.get("was") is None


def get_and_touch_gives_the_value_and_moves_its_end():
    assert c.set("gt", b"v", expire=1)
    assert _talk(b"gat 0 gt\r\n", b"END\r\n") == b"VALUE gt 0 1\r\nv\r\nEND\r\n"
    assert c.set("gone", b"v", expire=1)
    _gone(["gone"])
    assert c.get("gt") == b"v"
    assert _talk(b"gats 0 gt\r\n", b"END\r\n").startswith(b"VALUE gt 0 1 ")
    assert _talk(b"gat 0 missing\r\n", b"\r\n") == b"END\r\n"


def noreply_is_not_answered_and_done_in_order():
    for i in range(1000):
        c.set("q", b"%d" % i, noreply=True)
    assert c.get("q") == b"999"
    c.add("q", b"no", noreply=True)
    c.append("q", b"+", noreply=True)
    c.incr("q", 1, noreply=True)
    c.delete("missing", noreply=True)
    c.touch("q", 0, noreply=True)
    assert c.get("q") == b"999+"
    c.delete("q", noreply=True)
    assert c.get("q") is None


def a_key_that_cannot_be_is_refused_and_the_connection_goes_on():
    raw = _talk(b"get " + b"x" * 251 + b"\r\nget no\r\n", b"END\r\n")
    assert raw.startswith(b"CLIENT_ERROR"), raw
    assert c.set("x" * 250, b"longest") and c.get("x" * 250) == b"longest"


def it_says_its_version_and_statistics():
    assert c.version()
    stats = c.stats()
    assert int(stats[b"curr_connections"]) >= 1
    assert int(stats[b"cmd_get"]) > 0
    assert c.stats("scans")
    assert _talk(b"verbosity 1\r\n", b"\r\n") == b"OK\r\n"


def flush_empties_it():
    assert c.set("f", b"1")
    assert c.flush_all()
    assert c.get("f") is None
    assert c.set("f", b"2") and c.get("f") == b"2"


def quit_closes_the_connection():
    other = Client(("127.0.0.1", port), timeout=120)
    assert other.set("k", b"v", noreply=False)
    other.sock.sendall(b"quit\r\n")
    assert other.sock.recv(1) == b""
    other.close()


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
