# SPDX-License-Identifier: BSD-2-Clause
"""Round trips of pylibmc, which is libmemcached, over text and over binary.
Arguments: the port, "text" or "binary", and the longest key that the engine
takes."""

import random
import sys
import threading
import time

import pylibmc

from facts import run_facts

port, kind, LONGEST = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
MIB = 1 << 20


def _client(speaks=kind, **behaviors):
    behaviors.setdefault("_poll_timeout", 120000)
    return pylibmc.Client(["127.0.0.1:%d" % port], binary=speaks == "binary",
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


def a_cas_is_another_one_after_each_change():
    assert c.gets("missing") == (None, None)
    seen = set()
    for change in (lambda: c.set("c", b"1"), lambda: c.replace("c", b"2"),
                   lambda: c.append("c", b"3"), lambda: c.prepend("c", b"1"),
                   lambda: c.incr("c"), lambda: c.delete("c") and c.add("c", b"4")):
        assert change()
        _, cas = c.gets("c")
        assert cas not in seen, (cas, seen)
        seen.add(cas)
    for old in seen - {cas}:
        assert c.cas("c", b"5", old) is False
    assert c.cas("c", b"5", cas, time=1000) is True and c.get("c") == b"5"


def many_have_a_prefix():
    some = {"m%d" % i: i for i in range(100)}
    assert c.set_multi(some, key_prefix="p:") == []
    assert c.get_multi(list(some), key_prefix="p:") == some
    assert c.get("p:m7") == 7 and c.get("m7") is None
    assert c.incr_multi(list(some), key_prefix="p:", delta=2) is None
    assert c.get_multi(list(some), key_prefix="p:") == {
        k: v + 2 for k, v in some.items()}
    assert c.delete_multi(list(some), key_prefix="p:") is True
    assert c.get_multi(list(some), key_prefix="p:") == {}


def many_are_added_where_there_are_none():
    assert c.set("m1", b"old")
    c.delete("m2")
    assert c.add_multi({"m1": b"new", "m2": b"new"}) == ["m1"]
    assert c.get_multi(["m1", "m2"]) == {"m1": b"old", "m2": b"new"}
    assert c.delete_multi(["m1", "m2"]) is True
    assert c.delete_multi(["m1", "m2"]) is False
    try:
        c.incr_multi(["m1", "m2"])
        assert False, "they counted"
    except pylibmc.NotFound:
        pass


def it_may_be_used_as_a_dictionary():
    c["item"] = b"v"
    assert c["item"] == b"v" and "item" in c
    del c["item"]
    assert "item" not in c and c.get("item", b"default") == b"default"
    try:
        c["item"]
        assert False, "it is there"
    except KeyError:
        pass


def keys_of_all_lengths_are_kept_apart():
    some = {"x" * n: n for n in (1, 2, LONGEST - 1, LONGEST)}
    assert c.set_multi(some) == []
    assert c.get_multi(list(some)) == some
    for key in ["x" * 251] + ["x" * (LONGEST + 1)] * (LONGEST < 250):
        try:
            c.set(key, b"v")
            assert False, "it was taken"
        except (pylibmc.Error, ValueError):
            pass
    assert c.get("x" * LONGEST) == LONGEST


def both_protocols_give_the_same():
    o = _client("text" if kind == "binary" else "binary", cas=True)
    for value in (b"bytes", "text", 7, [1], b"z" * 100000):
        assert o.set("both", value) and c.get("both") == value
        assert c.gets("both") == o.gets("both")
        assert c.replace("both", value) and o.get("both") == value
    assert o.set("both", 1) and c.incr("both", 4) == 5 and o.decr("both") == 4
    assert c.delete("both") and o.get("both") is None


def counters_keep_to_64_bits():
    assert c.set("n", b"18446744073709551614")
    assert c.incr("n") == 2**64 - 1
    assert c.incr("n", 2) == 1
    assert c.incr("n", 2**31 - 1) == 2**31
    assert c.decr("n", 2**31 - 1) == 1
    assert c.decr("n", 2) == 0


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
    """Asks now and then until they are: the server's clock is the event."""
    until = time.monotonic() + 60
    while c.get_multi(keys):
        assert time.monotonic() < until, "they do not expire"
        time.sleep(0.02)


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
    assert c.set("absolute", b"1", time=now + 1)
    assert c.set("long", b"1", time=2592000)
    assert c.set("far", b"1", time=now + 2592001)
    assert c.set("never", b"1", time=0)
    assert c.set("past", b"1", time=now - 10)
    assert c.set("touched", b"1", time=0)
    assert c.touch("touched", 1)
    assert c.touch("missing", 1) is False
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


def a_client_that_was_disconnected_or_copied_goes_on():
    assert c.set("k", b"v")
    c.disconnect_all()
    assert c.get("k") == b"v"
    assert c.clone().get("k") == b"v"


def a_pool_of_clients_serves_many_threads():
    pool = pylibmc.ThreadMappedPool(c)
    assert c.set("sum", 0)
    wrong = []

    def count():
        try:
            with pool.reserve() as mine:
                for _ in range(40):
                    mine.incr("sum")
        except Exception as e:
            wrong.append(e)
        pool.relinquish()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == [] and c.get("sum") == 320, wrong


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
    assert len(c.get_stats("scans")) == 1  # of which it knows no name


def flush_empties_it():
    assert c.set("f", b"1")
    assert c.flush_all()
    assert c.get("f") is None


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
