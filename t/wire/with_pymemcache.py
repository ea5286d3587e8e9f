# SPDX-License-Identifier: BSD-2-Clause
"""Round trips of pymemcache, which talks text.  Arguments: the port, and the
longest key that the engine takes."""

import random
import socket
import sys
import threading
import time

from pymemcache import serde
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from pymemcache.client.retrying import RetryingClient
from pymemcache.exceptions import (
    MemcacheClientError, MemcacheIllegalInputError, MemcacheServerError,
    MemcacheUnknownCommandError)

from facts import run_facts

port = int(sys.argv[1])
LONGEST = int(sys.argv[2])
SERVER = ("127.0.0.1", port)


def _client(kind=Client, server=SERVER, **options):
    options.setdefault("default_noreply", False)
    return kind(server, timeout=120, **options)


c = _client()

MIB = 1 << 20
# What the server takes at most is a value of 1 MiB; others count what they
# need besides, so clients say "1 MiB less some".
LARGE = MIB - 512


def _bytes(n, seed):
    return random.Random(seed).randbytes(n)


def _raises(kind, fn, *args, **names):
    """It has to; what it says."""
    try:
        got = fn(*args, **names)
    except kind as e:
        return str(e)
    raise AssertionError("%s, not %s" % (got, kind.__name__))


def _talk(request, end):
    """By hand, what the client has no words for."""
    with socket.create_connection(SERVER, timeout=120) as s:
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


def a_cas_may_be_a_number_or_text_and_is_none_for_a_miss():
    c.delete("c")
    assert c.gets("c") == (None, None)
    assert c.gets("c", "other", "still") == ("other", "still")
    assert c.gets_many(["c", "missing"]) == {}
    assert c.set("c", b"1")
    _, cas = c.gets("c")
    assert c.cas("c", b"2", int(cas)) is True
    assert c.cas("c", b"3", cas.decode()) is False
    _, cas = c.gets("c")
    assert c.cas("c", b"4", cas, noreply=True) is True
    assert c.cas("c", b"5", cas, noreply=True) is True
    assert c.get("c") == b"4"
    _, cas = c.gets("c")
    assert c.append("c", b"4") and c.cas("c", b"6", cas) is False
    _, cas = c.gets("c")
    assert c.cas("c", b"7", cas, expire=-1) is True
    assert c.get("c") is None


def many_at_once_are_stored_and_deleted():
    some = {"m%d" % i: b"%d" % i for i in range(1000)}
    for noreply in (False, True):
        assert c.set_many(some, noreply=noreply, flags=7) == []
        assert c.get_multi(list(some)) == some
        cas = [v[1] for v in c.gets_many(list(some)).values()]
        assert len(set(cas)) == 1000
        assert c.delete_many(list(some), noreply=noreply) is True
        assert c.get_many(list(some)) == {}
    assert c.delete_many(["missing", "too"]) is True
    assert c.get_many([]) == {}


def large_ones_are_among_many():
    some = {"big%d" % i: _bytes(i * 20000, i) for i in range(12)}
    assert c.set_many(some) == []
    assert c.get_many(list(some)) == some
    assert c.delete_many(list(some))


def it_may_be_used_as_a_dictionary():
    c["item"] = b"v"
    assert c["item"] == b"v"
    del c["item"]
    _raises(KeyError, lambda: c["item"])


def objects_come_back_with_their_types():
    p = _client(serde=serde.pickle_serde)
    some = {"i": 7, "l": 2**70, "s": "text \u00e9", "b": b"bytes", "t": (1, [2]),
            "d": {"k": None}, "f": 1.5, "e": ""}
    assert p.set_many(some) == []
    assert p.get_many(list(some)) == some
    assert p.set("i", 41) and p.incr("i", 1) == 42 and p.get("i") == 42
    for key, value in some.items():
        assert p.replace(key, value) and p.gets(key)[0] == value


def a_prefix_is_a_part_of_the_key():
    p = _client(key_prefix=b"pre:")
    assert p.set_many({"a": b"1", "b": b"2"}) == []
    assert p.get_many(["a", "b"]) == {"a": b"1", "b": b"2"}
    assert c.get("pre:a") == b"1"
    assert p.delete("a") and c.get("pre:a") is None


def a_key_may_have_any_letters():
    u = _client(allow_unicode_keys=True)
    for key in ("\u043a\u043b\u044e\u0447", "\u9375", "\u00e9" * (LONGEST // 2)):
        assert u.set(key, b"v") and u.get(key) == b"v"
        assert u.get_many([key]) == {key: b"v"}
        assert u.delete(key)


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


def counters_keep_to_64_bits():
    assert c.set("n", b"18446744073709551614")
    assert c.incr("n", 1) == 2**64 - 1
    assert c.incr("n", 0) == 2**64 - 1
    assert c.decr("n", 2**64 - 1) == 0
    assert c.incr("n", 2**64 - 1) == 2**64 - 1
    assert c.incr("n", 1) == 0
    for delta in (2**64, -1):
        assert "invalid numeric delta" in _raises(
            MemcacheClientError, c.incr, "n", delta)
    assert c.set("n", b"18446744073709551616")
    assert "non-numeric" in _raises(MemcacheClientError, c.decr, "n", 1)
    assert c.set("n", b"")
    assert "non-numeric" in _raises(MemcacheClientError, c.incr, "n", 1)
    assert c.set("n", b"100", flags=9)
    assert c.decr("n", 1, noreply=True) is None
    assert c.get("n") == b"99 "
    raw = _talk(b"get n\r\n", b"END\r\n")
    assert raw == b"VALUE n 9 3\r\n99 \r\nEND\r\n", raw


def _kept(key, keep):
    """Touched while it is there: a second may be over at once."""
    until = time.monotonic() + 60
    while True:
        assert c.set(key, b"1", expire=1)
        if keep(key):
            return
        assert time.monotonic() < until, "a touch does not find it"


def _get_and_touch(key):
    return _talk(b"gat 0 %s\r\n" % key.encode(), b"END\r\n") != b"END\r\n"


def what_expires_is_gone_and_what_does_not_stays():
    now = int(time.time())
    assert c.set("relative", b"1", expire=1)
    assert c.set("absolute", b"1", expire=now + 1)
    assert c.set("past", b"1", expire=-1)
    assert c.set("long", b"1", expire=2592000)
    assert c.set("far", b"1", expire=now + 2592001)
    assert c.set("never", b"1", expire=0)
    assert c.set("touched", b"1", expire=0)
    assert c.touch("touched", expire=1) is True
    _kept("kept", lambda key: c.touch(key, expire=0))
    _kept("got", _get_and_touch)
    assert c.get("past") is None
    _gone(["relative", "absolute", "touched"])
    stay = ["long", "far", "never", "kept", "got"]
    assert set(c.get_many(stay)) == set(stay)


def _gone(keys):
    """Asks now and then until they are: the server's clock is the event."""
    until = time.monotonic() + 60
    while c.get_many(keys):
        assert time.monotonic() < until, "they do not expire"
        time.sleep(0.02)


def an_expiry_in_the_past_is_gone_at_once():
    assert c.set("was", b"1", expire=int(time.time()) - 10)
    assert c.get("was") is None


def get_and_touch_gives_the_value():
    assert c.set("gt", b"v", expire=1000)
    assert _talk(b"gat 0 gt\r\n", b"END\r\n") == b"VALUE gt 0 1\r\nv\r\nEND\r\n"
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
    longest = "x" * LONGEST
    assert c.set(longest, b"longest") and c.get(longest) == b"longest"
    if LONGEST < 250:
        _raises(MemcacheServerError, c.set, longest + "x", b"v")
    _raises(MemcacheIllegalInputError, c.set, "x" * 251, b"v")
    _raises(MemcacheIllegalInputError, c.set, "a b", b"v")
    assert c.get(longest) == b"longest"


def it_says_its_version_and_statistics():
    assert c.version()
    stats = c.stats()
    assert int(stats[b"curr_connections"]) >= 1
    assert int(stats[b"cmd_get"]) > 0
    assert c.stats("scans")
    assert _talk(b"verbosity 1\r\n", b"\r\n") == b"OK\r\n"


def an_unknown_group_or_command_is_refused_and_the_connection_goes_on():
    first = _client()
    for line in (b"nonsense", b"get", b"set k 0 0", b"incr k", b"touch k"):
        assert _talk(line + b"\r\nmn\r\n", b"MN\r\n").split(b"\r\n")[0] == b"ERROR"
    _raises((MemcacheClientError, MemcacheServerError), first.stats, "nonsense")
    assert first.get("never") == b"1"


def it_does_not_shut_down_because_a_client_says_so():
    _raises(MemcacheClientError, c.shutdown)
    _raises(MemcacheClientError, c.shutdown, graceful=True)
    assert c.get("never") == b"1"


def a_pool_of_clients_serves_many_threads():
    p = _client(PooledClient, max_pool_size=8)
    assert p.set("sum", b"0") and p.get("sum") == b"0"
    wrong = []

    def count(n):
        try:
            for i in range(20):
                p.incr("sum", 1)
                key = "t%d.%d" % (n, i)
                assert p.add(key, b"%d" % i) is True
                assert p.gets(key)[0] == b"%d" % i
                assert p.delete(key) is True
        except Exception as e:
            wrong.append(e)

    threads = [threading.Thread(target=count, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == [] and p.get("sum") == b"160", wrong
    p.quit()
    assert p.get("sum") == b"160"
    p.close()


def a_client_of_several_servers_has_one_for_each_key():
    for pooling in (False, True):
        h = _client(HashClient, [SERVER, ("127.1", port)],
                    use_pooling=pooling)
        some = {"h%d" % i: b"%d" % i for i in range(100)}
        assert h.set_many(some) == []
        assert h.get_many(list(some)) == some
        assert h.gets("h7")[0] == b"7"
        assert h.incr("h7", 1) == 8 and h.touch("h7", 0)
        assert h.delete_many(list(some)) is True
        assert h.get_many(list(some)) == {}
        h.close()


def a_client_that_tries_again_has_no_need_to():
    r = RetryingClient(_client(), attempts=1)
    assert r.set("r", b"v") and r.get("r") == b"v"
    _raises(MemcacheIllegalInputError, r.set, "a b", b"v")


def flush_empties_it():
    assert c.set("f", b"1")
    assert c.flush_all(noreply=True)
    assert c.get("f") is None
    assert c.set("f", b"1")
    assert c.flush_all()
    assert c.get("f") is None
    assert c.set("f", b"2") and c.get("f") == b"2"


def quit_closes_the_connection():
    other = _client()
    assert other.set("k", b"v")
    other.sock.sendall(b"quit\r\n")
    assert other.sock.recv(1) == b""
    other.close()
    other.quit()
    assert other.get("k") == b"v"


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
