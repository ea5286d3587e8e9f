# SPDX-License-Identifier: BSD-2-Clause
"""Meta commands, as a client sees them: meta.py PORT [forgets].  forgets: the
engine does not know when its items were asked for."""

import re
import socket
import sys

import facts

PORT = int(sys.argv[1])
FORGETS = sys.argv[2:] == ["forgets"]


class _Client:
    def __init__(self):
        self.file = socket.create_connection(("127.0.0.1", PORT)).makefile("rwb")

    def say(self, text):
        """What is answered, without the last line's end."""
        self.file.write(text.encode("latin-1") + b"\r\nmn\r\n")
        self.file.flush()
        out = b""
        while not out.endswith(b"MN\r\n"):
            line = self.file.readline()
            assert line, out
            out += line
        return out[:-6].decode("latin-1")

    def talk(self, *pairs):
        for said, heard in pairs:
            got = self.say(said)
            assert re.fullmatch(heard, got, re.S), (said, got)


def _talk(*pairs):
    _Client().talk(*pairs)


def a_miss_says_so_with_its_key_and_opaque():
    _talk(("mg miss", "EN"), ("mg miss k v O77 s", "EN kmiss O77"),
          ("mg miss q", ""), ("md miss k", "NF kmiss"), ("ma miss", "NF"),
          ("ms miss 1 MR\r\nx", "NS"), ("ms miss 1 MA\r\nx", "NS"),
          ("ms miss 1 C5\r\nx", "NF"), ("me miss", "EN"))


def an_item_is_stored_and_said_in_the_order_of_the_flags():
    _talk(("ms a 2 T100 F5 c k Oqq\r\nhi", r"HD c\d+ ka Oqq"),
          ("mg a", "HD"),
          ("mg a v s t f c k Oxy",
           r"VA 2 s2 t(100|9\d) f5 c\d+ ka Oxy\r\nhi"),
          ("mg a f v", "VA 2 f5\r\nhi"), ("ms a 0\r\n", "HD"),
          ("mg a v t", "VA 0 t-1\r\n"), ("ms a 1 q\r\nx", ""),
          ("get a", "VALUE a 0 1\r\nx\r\nEND"))


def the_modes_of_a_store_are_add_append_prepend_and_replace():
    _talk(("md modes q", "(NF)?"), ("ms modes 1 ME\r\nm", "HD"),
          ("ms modes 1 ME k\r\nx", "NS kmodes"), ("ms modes 1 MA\r\n>", "HD"),
          ("ms modes 1 MP c\r\n<", r"HD c\d+"), ("mg modes v", "VA 3\r\n<m>"),
          ("ms modes 1 MR\r\nr", "HD"), ("mg modes v", "VA 1\r\nr"))


def a_cas_that_is_another_is_refused():
    c = _Client()
    cas = c.say("ms cas 1 c\r\na")[4:]
    c.talk(("ms cas 1 C%d\r\nb" % (int(cas) + 1), "EX"),
           ("md cas C%d k" % (int(cas) + 1), "EX kcas"), ("md cas C0", "EX"),
           ("ms cas 1 C%s MA\r\nb" % cas, "HD"), ("ms cas 1 C%s\r\nb" % cas, "EX"),
           ("mg cas v", "VA 2\r\nab"))
    cas = c.say("mg cas c")[4:]
    c.talk(("md cas C%s" % cas, "HD"), ("mg cas", "EN"))


def a_time_to_live_is_set_and_said():
    _talk(("ms ttl 1\r\nx", "HD"), ("mg ttl t", "HD t-1"),
          ("mg ttl T90 t", r"HD t(90|8\d)"), ("mg ttl t", r"HD t(90|8\d)"),
          ("mg ttl T0 t v", "VA 1 t-1\r\nx"), ("mg ttl T-1", "HD"),
          ("mg ttl", "EN"))


def it_is_told_whether_an_item_was_asked_for_and_when_if_that_is_known():
    if FORGETS:
        _talk(("ms use 1\r\nx", "HD"), ("mg use h l t", "HD t-1"),
              ("mg use h l", "HD"),
              ("me use", r"ME use exp=-1 cas=\d+ size=4"))
        return
    _talk(("ms use 1\r\nx", "HD"), ("mg use u h", "HD h0"),
          ("me use", r"ME use exp=-1 la=\d+ cas=\d+ fetch=no size=4"),
          ("mg use h l t", r"HD h0 l\d+ t-1"), ("mg use h", "HD h1"),
          ("me use", r"ME use exp=-1 la=\d+ cas=\d+ fetch=yes size=4"),
          ("ms use 1 MA\r\ny", "HD"), ("mg use h u", "HD h0"),
          ("touch use 90", "TOUCHED"), ("mg use h l", r"HD h1 l\d+"),
          ("ms use 1\r\n1", "HD"), ("ma use", "HD"), ("mg use h u", "HD h0"),
          ("mg use T50 h", "HD h0"), ("mg use h", "HD h1"),
          ("md use I", "HD"), ("mg use h", "HD h1 X W"), ("md use", "HD"),
          ("mg use h l N30", r"HD h0 l\d+ W"), ("mg use h", "HD h1 Z"),
          ("md use", "HD"), ("mg use h l", "EN"))


def the_group_items_has_nothing_else_and_of_other_engines_nothing():
    _talk(("ms some 1\r\nx", "HD"),
          ("stats items", "END" if FORGETS else
           r"STAT items:1:number \d+\r\n(STAT items:1:\w+ \d+\r\n)+END"))


def who_wins_a_stale_item_is_told_what_was_before():
    _talk(("ms won 1\r\nx", "HD"), ("md won I", "HD"),
          ("mg won h", "HD%s X W" % ("" if FORGETS else " h0")),
          ("mg won h", "HD%s Z X" % ("" if FORGETS else " h1")))


def a_counter_counts_and_is_made():
    _talk(("md n q", "(NF)?"), ("ma n N0 J13 v", "VA 2\r\n13"),
          ("ma n", "HD"), ("ma n v D6", "VA 2\r\n20"),
          ("ma n MD v", "VA 2\r\n19"), ("ma n M- D100 v", "VA 1\r\n0"),
          ("ma n M+ v T90 t c k Oz", r"VA 1 t(90|8\d) c\d+ kn Oz\r\n1"),
          ("ma n q v", ""), ("get n", "VALUE n 0 2\r\n2 \r\nEND"),
          ("ms n 3\r\nabc", "HD"),
          ("ma n q", "CLIENT_ERROR cannot increment or decrement "
                     "non-numeric value"))


def a_key_in_base64_may_be_any_bytes():
    _talk(("ms Zm9v 2 b k\r\nhi", "HD kZm9v b"), ("mg foo v", "VA 2\r\nhi"),
          ("get foo", "VALUE foo 0 2\r\nhi\r\nEND"),
          ("mg Zm9v k b v", "VA 2 kZm9v b\r\nhi"),
          ("ms AAEgDQo= 1 b\r\nx", "HD"), ("mg AAEgDQo= b k v",
                                           "VA 1 kAAEgDQo= b\r\nx"),
          ("md AAEgDQo= b", "HD"), ("mg AAEgDQo= b k", "EN kAAEgDQo= b"),
          ("mg Zm8 b", "CLIENT_ERROR error decoding key"),
          # no client should find a line's end in a key
          ("mg AAEgDQo= b k N60", "HD kAAEgDQo= b W"),
          ("mg AAEgDQo= b k", "HD kAAEgDQo= b Z"))


def of_those_who_miss_one_is_told_to_store_it():
    _talk(("md v q", "(NF)?"),
          ("mg v N60 t s v k O1", r"VA 0 t(60|5\d) s0 kv O1 W\r\n"),
          ("mg v N60 v", "VA 0 Z\r\n"), ("mg v", "HD Z"),
          ("ms v 3\r\nabc", "HD"), ("mg v N60 v", "VA 3\r\nabc"))


def of_those_who_come_near_its_end_one_is_told_to_store_it():
    _talk(("ms r 1 T3000\r\nx", "HD"), ("mg r R1000", "HD"),
          ("mg r R6000 t", r"HD t(3000|29\d\d) W"), ("mg r R6000", "HD Z"),
          ("mg r", "HD Z"), ("ms r 1\r\ny", "HD"), ("mg r R6000 v", "VA 1\r\ny"))


def what_is_marked_is_stale_and_one_is_told_to_store_it():
    _talk(("ms s 1\r\nx", "HD"), ("md s I T50", "HD"),
          ("mg s t v", r"VA 1 t(50|4\d) X W\r\nx"), ("mg s v", "VA 1 Z X\r\nx"),
          ("touch s 90", "TOUCHED"), ("mg s", "HD Z X"),
          ("get s", "VALUE s 0 1\r\nx\r\nEND"), ("md s I", "HD"),
          ("mg s", "HD X W"), ("append s 0 0 1\r\ny", "STORED"),
          ("mg s v", "VA 2\r\nxy"), ("md none I", "NF"))


def _winners(clients, said):
    """How often each key's was told to one of many who ask at once."""
    for c in clients:
        c.file.write(b"".join(b"%s O%d\r\n" % (s, i) for i, s in enumerate(said))
                     + b"mn\r\n")
        c.file.flush()
    won = [0] * len(said)
    for c in clients:
        for line in iter(c.file.readline, b"MN\r\n"):
            words = line.split()
            assert words[0] == b"HD", line
            won[int(words[1][1:])] += b"W" in words
    return won


def of_many_who_come_at_once_one_wins():
    clients = [_Client() for _ in range(12)]
    names = [b"race%d" % i for i in range(40)]
    assert _winners(clients, [b"mg %s N60" % n for n in names]) == [1] * 40
    for n in names:
        clients[0].talk(("ms %s 1 T3000\r\nx" % n.decode(), "HD"))
    assert _winners(clients, [b"mg %s R6000" % n for n in names]) == [1] * 40
    for n in names:
        clients[0].talk(("md %s I" % n.decode(), "HD"))
    assert _winners(clients, [b"mg %s" % n for n in names]) == [1] * 40


def a_store_that_comes_late_is_stale_at_once():
    c = _Client()
    old = c.say("ms late 1 c T90\r\na")[4:]
    new = c.say("ms late 1 c T90\r\nb")[4:]
    assert int(new) > int(old), (new, old)
    c.talk(("ms late 1 C%s\r\nc" % old, "EX"),
           ("ms late 1 I C%d\r\nc" % (int(new) + 9), "EX"),
           ("ms late 1 I C%s\r\nc" % old, "HD"),
           ("mg late v t", r"VA 1 t(90|8\d) X W\r\nc"),
           ("ms none 1 I C1\r\nc", "NF"))


def what_is_wrong_is_said_and_the_next_one_is_answered():
    _talk(("mg", "ERROR"), ("mg a v v", "CLIENT_ERROR duplicate flag"),
          ("mg a noreply", "CLIENT_ERROR invalid flag"),
          ("md a noreply", "CLIENT_ERROR invalid or duplicate flag"),
          ("mg a Tx", "CLIENT_ERROR bad token in command line format"),
          ("ms a 2 Mx\r\nhi", "CLIENT_ERROR invalid mode for ms M token"),
          ("ms a x", "CLIENT_ERROR bad command line format"),
          ("mg %s" % ("k" * 251), "CLIENT_ERROR bad command line format"),
          ("ms a 2\r\nhix", "CLIENT_ERROR bad data chunk"))


def a_large_value_comes_whole():
    big = "0123456789" * 20000
    _talk(("ms big %d\r\n%s" % (len(big), big), "HD"),
          ("mg big v s", "VA 200000 s200000\r\n" + big),
          ("ms YmlnMg== %d b k\r\n%s" % (len(big), big), "HD kYmlnMg== b"),
          ("mg big2 v", "VA 200000\r\n" + big))


sys.exit(facts.run_facts(globals()))
