# SPDX-License-Identifier: BSD-2-Clause
"""Round trips of pylibmc, which is libmemcached, over text and over binary.
Arguments: the port, and "text" or "binary"."""

import random
import sys
import time

import pylibmc

from facts import run_facts

port, kind = int(sys.argv[1]), sys.argv[2]
MIB = 1 << 20


def _client(**behaviors):
    behaviors.setdefault("_poll_timeout", 120000)
    return pylibmc.Client(["127.0.0.1:%d" % port], binary=kind == "binary",
                          behaviors=behaviors)


c = _client(cas=True)


def _refused(fn, *args):
    """The client says it in more ways than one."""
    try:
        return fn(*args) is False
    except pylibmc.NotFound:
        return True


def a_value_comes_back_as_it_was_set():
    for value in (b"v", b"", b"\r\n\0END\r\n", "text \u00e9\u4e2d", 7, 2**40,
                  True, ["a", {"list": 1}]):
        assert c.set("k", value)
        assert c.get("k") == value


def a_large_value_comes_back_as_it_was_set():
    # libmemcached thinks that a server needs some bytes for itself
    for n in (2047, 2048, 16383, 16384, 65536, MIB - 512):
        value = random.Random(n).randbytes(n)
        assert c.set("large", value)
        assert c.get("large") == value


def a_value_over_the_limit_is_refused_and_the_connection_goes_on():
    try:
        c.set("large", random.Random(1).randbytes(MIB + 1))
        assert False, "it was taken"
    except pylibmc.Error:
        pass
    assert c.set("k", b"after") and c.get("k") == b"after"


def a_compressed_value_comes_back_as_it_was_set():
    assert c.set("zipped", b"a" * 200000, min_compress_len=100)
    assert c.get("zipped") == b"a" * 200000


def a_get_of_many_keys_gives_those_that_are_there():
    some = {"many%d" % i: "value %d" % i for i in range(0, 1000, 2)}
    assert c.set_multi(some) == []
    assert c.get_multi(["many%d" % i for i in range(1000)]) == some
    assert c.delete_multi(list(some)) is True
    assert c.get_multi(list(some)) == {}


def a_missing_key_is_a_miss():
    assert c.get("missing") is None
    assert c.delete("missing") is False
    assert "missing" not in c


def add_and_replace_look_before_they_store():
    c.delete("a")
    assert _refused(c.replace, "a", b"1")
    assert c.add("a", b"1") is True
    assert _refused(c.add, "a", b"2")
    assert c.replace("a", b"3") is True
    assert c.get("a") == b"3"


def append_and_prepend_join():
    c.delete("j")
    assert _refused(c.append, "j", b"x")
    assert _refused(c.prepend, "j", b"x")
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
    assert _refused(c.cas, "c", b"4", cas)


def counters_count():
    assert c.set("n", 10)
    assert c.incr("n", 5) == 15
    assert c.decr("n", 6) == 9
    assert c.decr("n", 100) == 0
    assert c.incr_multi(["n"], delta=3) is None
    assert int(c.get("n")) == 3
    c.delete("n")
    try:
        c.incr("n")
        assert False, "it counted"
    except pylibmc.NotFound:
        pass
    assert c.set("n", b"not a number")
    try:
        c.incr("n")
        assert False, "it counted"
    except pylibmc.Error:
        pass


def _gone(keys):
    """Asks until they are: the server's clock is the event."""
    until = time.monotonic() + 60
    while c.get_multi(keys):
        assert time.monotonic() < until, "they do not expire"


def _kept(key):
    """Touched while it is there: a second may be over at once."""
    until = time.monotonic() + 60
    while True:
        assert c.set(key, b"1", time=1)
        if c.touch(key, 0):
            return
        assert time.monotonic() < until, "a touch does not find it"


def what_expires_is_gone_and_what_does_not_stays():
    now = int(time.time())
    assert c.set("relative", b"1", time=1)
    assert c.set("absolute", b"1", time=now + 2)
    assert c.set("long", b"1", time=2592000)
    assert c.set("far", b"1", time=now + 2592001)
    assert c.set("never", b"1", time=0)
    assert c.set("past", b"1", time=now - 10)
    assert c.set("touched", b"1", time=0)
    assert c.touch("touched", 1)
    _kept("kept")
    assert c.get("past") is None
    _gone(["relative", "absolute", "touched"])
    assert set(c.get_multi(["long", "far", "never", "kept"])) == {
        "long", "far", "never", "kept"}


def what_is_not_to_be_answered_is_done_in_order():
    q = _client(_noreply=True)
    for i in range(1000):
        q.set("q", b"%d" % i)
    assert q.get("q") == b"999"
    q.delete("q")
    assert q.get("q") is None


def what_is_buffered_arrives_with_the_next_question():
    b = _client(buffer_requests=True)
    for i in range(100):
        try:
            b.set("b%d" % i, b"%d" % i)
        except pylibmc.Error as e:
            assert "error 32" in str(e), e  # "buffered"
    assert b.get("b99") == b"99" and b.get("b0") == b"0"


def many_clients_at_once_are_all_served():
    clients = [_client() for _ in range(50)]
    for i, one in enumerate(clients):
        assert one.set("one%d" % i, i)
    for i, one in enumerate(clients):
        assert one.get("one%d" % (49 - i)) == 49 - i


def it_says_its_statistics():
    (_, stats), = c.get_stats()
    assert int(stats["curr_connections"]) >= 1
    assert stats["version"]


def flush_empties_it():
    assert c.set("f", b"1")
    assert c.flush_all()
    assert c.get("f") is None


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
