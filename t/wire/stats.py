# SPDX-License-Identifier: BSD-2-Clause
"""stats.py PORT PORT: memcached's, and ewbd's."""

import socket
import struct
import sys
import threading
import time

from facts import run_facts

THEIRS, OURS = int(sys.argv[1]), int(sys.argv[2])
COUNTED = """cmd_get cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses
    delete_hits delete_misses incr_hits incr_misses decr_hits decr_misses cas_hits
    cas_misses cas_badval touch_hits touch_misses""".split()


class _Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def say(self, data):
        self.socket.sendall(data)

    def lines(self, end):
        """Up to one that is in end, without it."""
        lines = []
        while True:
            line = self.file.readline()
            assert line, lines
            if line.rstrip(b"\r\n") in end:
                return lines
            lines.append(line.rstrip(b"\r\n").decode("latin-1"))

    def text(self, data):
        self.say(data + b"mn\r\n")
        return self.lines((b"MN",))

    def stats(self, group=""):
        self.say(("stats " + group).strip().encode() + b"\r\n")
        return dict(line.split(" ", 2)[1:] for line in self.lines((b"END",)))

    def binary(self, opcode, key=b"", extras=b"", value=b"", cas=0):
        """The status, and the cas."""
        body = extras + key + value
        self.say(struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras),
                             0, 0, len(body), 0, cas) + body)
        head = self.file.read(24)
        self.file.read(struct.unpack(">I", head[8:12])[0])
        return struct.unpack(">H", head[6:8])[0], struct.unpack(">Q", head[16:])[0]


def _counted(port):
    stats = _Client(port).stats()
    return {name: int(stats[name]) for name in COUNTED}


def _compare(says):
    """says: a function of a client, for each step."""
    clients = {port: _Client(port) for port in (THEIRS, OURS)}
    before = {port: _counted(port) for port in clients}
    for number, say in enumerate(says):
        more = {}
        for port, client in clients.items():
            say(client)
            now = _counted(port)
            more[port] = {n: now[n] - before[port][n] for n in COUNTED
                          if now[n] != before[port][n]}
            before[port] = now
        assert more[THEIRS] == more[OURS], (number, more[THEIRS], more[OURS])


TEXT = """set a 0 0 1|5
get a
get n
gets a n a
gat 0 a
gat 0 n
gats 0 a n
touch a 0
touch n 0
incr a 1
incr n 1
decr a 1
decr n 1
set t 0 0 1|x
incr t 1
delete t
delete t
cas a 0 0 1 999999|5
cas n 0 0 1 9|5
add a 0 0 1|5
replace n 0 0 1|5
append a 0 0 1|5
append n 0 0 1|5
set b 0 0 x
bogus
version
flush_all
set a 0 0 1|5
mg a v
mg n v
mg a t T30
mg n T30
mg n2 N30 v
ms m 1|5
ms m 1 C999999|x
ms zz 1 C999999|x
ma m
ma nn
ma m MD
ma nn MD
ma nn N0
md m
md m
md a I
me a
me n
mg n q
set q 0 0 1 noreply|x
get q
delete q noreply
incr zz 1 noreply"""


def text_commands_count_as_in_memcached():
    _compare([lambda c, t=line: c.text(t.replace("|", "\r\n").encode() + b"\r\n")
              for line in TEXT.split("\n")])


def a_cas_that_is_right_is_a_hit():
    def say(c):
        c.text(b"set c 0 0 1\r\n5\r\n")
        cas = c.text(b"gets c\r\n")[0].split()[-1]
        assert c.text(b"cas c 0 0 1 %s\r\n5\r\n" % cas.encode()) == ["STORED"]
    _compare([say])


def binary_commands_count_as_in_memcached():
    none = b"\0" * 8
    step = struct.pack(">QQI", 1, 1, 0)
    no_make = struct.pack(">QQI", 1, 1, 0xffffffff)

    def right_cas(c):
        cas = c.binary(1, b"B", none, b"5")[1]
        assert c.binary(1, b"B", none, b"5", cas)[0] == 0

    steps = [right_cas] + [lambda c, a=a: c.binary(*a) for a in (
        (1, b"B", none, b"5", 99999), (1, b"BN", none, b"5", 99999),
        (3, b"B", none, b"5", 99999),
        (0xe, b"B", b"", b"5"), (0xe, b"B", b"", b"5", 9999),
        (0xe, b"BNN", b"", b"5", 9999), (0, b"B"), (0, b"BNN"),
        (0x1d, b"B", b"\0\0\0\0"), (0x1d, b"BNN", b"\0\0\0\0"),
        (0x1c, b"B", b"\0\0\0\0"), (0x1c, b"BNN", b"\0\0\0\0"),
        (5, b"B", step), (6, b"B", step), (5, b"BNN", no_make),
        (5, b"BNN", step), (5, b"B", step, b"", 9999), (4, b"B"), (4, b"B"),
        (4, b"BNN", b"", b"", 9999), (8,), (0xa,), (0xb,))]
    _compare(steps)


# What is told of memcached's inside, or of what there is none here.
NOT_OURS = """libevent connection_structures response_obj_oom response_obj_count
    response_obj_bytes read_buf_count read_buf_bytes read_buf_bytes_free
    read_buf_oom reserved_fds get_expired get_flushed store_too_large
    store_no_memory auth_cmds auth_errors time_in_listen_disabled_us
    hash_power_level hash_bytes hash_is_expanding malloc_fails
    unexpected_napi_ids round_robin_fallback slab_global_page_pool
    expired_unfetched evicted_unfetched evicted_active crawler_reclaimed
    crawler_items_checked lrutail_reflocked moves_to_cold moves_to_warm
    moves_within_lru direct_reclaims lru_bumps_dropped slabs_moved
    limit_maxbytes bytes curr_items total_items evictions reclaimed""".split()


def names_are_memcacheds():
    theirs, ours = _Client(THEIRS).stats(), _Client(OURS).stats()
    lacks = [n for n in theirs if n not in ours and n not in NOT_OURS
             and not n.startswith(("slab_reassign", "lru_", "log_"))]
    assert not lacks, lacks
    for name in ("rusage_user", "rusage_system"):
        whole, part = ours[name].split(".")
        assert len(part) == 6 and whole.isdigit() and part.isdigit(), ours[name]


def settings_are_in_memcacheds_words():
    theirs, ours = (_Client(p).stats("settings") for p in (THEIRS, OURS))
    for name in ("udpport inter item_size_max cas_enabled flush_enabled "
                 "binding_protocol maxconns domain_socket idle_timeout").split():
        assert theirs[name] == ours[name], (name, theirs[name], ours[name])
    assert ours["tcpport"] == str(OURS)
    assert ours["num_threads"] == "2"


def connections_are_listed_in_memcacheds_form():
    for port in (THEIRS, OURS):
        idle, asks = _Client(port), _Client(port)
        idle.text(b"version\r\n")
        for client, state in ((idle, "conn_read"), (asks, "conn_parse_cmd")):
            address = "tcp:127.0.0.1:%d" % client.socket.getsockname()[1]
            end = time.monotonic() + 120
            while True:
                conns = asks.stats("conns")
                fd, = [n.split(":")[0] for n in conns if conns[n] == address]
                # who is answered may still be on the way back to its rest
                if conns[fd + ":state"] == state or time.monotonic() > end:
                    break
            assert conns[fd + ":listen_addr"] == "tcp:127.0.0.1:%d" % port, conns
            assert conns[fd + ":state"] == state, conns
            assert conns[fd + ":secs_since_last_cmd"].isdigit(), conns
        assert "conn_listening" in conns.values()


def a_reset_is_answered_alike_in_both_protocols():
    for port in (THEIRS, OURS):
        assert _Client(port).text(b"stats reset\r\n") == ["RESET"]
        c = _Client(port)
        c.say(struct.pack(">BBHBBHIIQ", 0x80, 0x10, 5, 0, 0, 0, 5, 77, 0) + b"reset")
        assert c.file.read(24) == struct.pack(">BBHBBHIIQ", 0x81, 0x10, 0, 0, 0,
                                              0, 0, 77, 0)


def a_reset_while_commands_run_loses_and_invents_nothing():
    rounds, batch, busy = 40, 50, 4

    def gets():
        c = _Client(OURS)
        for _ in range(rounds):
            c.text(b"get none\r\n" * batch)

    threads = [threading.Thread(target=gets) for _ in range(busy)]
    c = _Client(OURS)
    for t in threads:
        t.start()
    most = rounds * batch * busy
    while any(t.is_alive() for t in threads):
        assert c.text(b"stats reset\r\n") == ["RESET"]
        last = 0
        for _ in range(3):
            now = int(c.stats()["cmd_get"])
            assert last <= now <= most, (last, now, most)
            last = now
    for t in threads:
        t.join()
    assert c.text(b"stats reset\r\n") == ["RESET"]
    c.text(b"get none\r\n" * 777)
    stats = c.stats()
    assert (stats["cmd_get"], stats["get_misses"]) == ("777", "777"), stats
    assert stats["get_hits"] == "0"


def latencies_have_each_step_of_a_command():
    c = _Client(OURS)
    blocks = c.stats("settings")["filters"] == "wouldblock"
    c.text(b"stats reset\r\n")
    c.text(b"get none\r\n" * 1270)
    stats = c.stats("latency")
    want = ["parse", "run", "drain"]
    if blocks:
        want += ["background", "notify"]
    for step in want:
        name = "latency_get_%s_" % step
        assert int(stats[name + "count"]) > 0, name
        p50, p99, top = (float(stats[name + "us_" + p])
                         for p in ("p50", "p99", "max"))
        assert 0 <= p50 <= p99 <= top < 1e8, (name, p50, p99, top)
    if blocks:
        assert stats["latency_get_notify_count"] == "1270", stats
    assert float(stats["latency_get_run_us_max"]) > 0


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
