# SPDX-License-Identifier: BSD-2-Clause
"""Says the same to memcached and to ewbd, and compares what they answer, byte for
byte but for what SAME_BUT_FOR says (doc/protocol.md has it for users).

    same.py PORT PORT SEED COMMANDS [BATCH]     memcached's port, ewbd's

The commands are made by chance out of the seed: valid ones, odd ones, broken
ones.  They are said BATCH (40) at once, in pieces, with one at the end whose
answer is like no other's."""

import base64
import collections
import os
import random
import re
import socket
import sys
import time

SAME_BUT_FOR = """
- a cas is another number, and a touch, a gat and mg's T, N and R give an item a
  new one: what is compared is whether there is one
- a time to live may be two seconds less, for memcached has a clock that ticks once a
  second, and as many more as they took for their answers
- the time since an item was stored may be a second more or less: seconds begin at
  other moments
- mg's l counts from the last get, too; memcached's from the store and, seldom, from
  a later get (it is asked for right after a store)
- an mg whose opaque is too long has not asked for its item, and in memcached it has
  (there are none here whose item is there)
- me's exp is what is left, not that below 0; there is no cls, and size is that of
  the key and the value (what is compared is la and fetch)
- an exptime in the past makes mg's t say 0, not a number below 0 without its sign
- an exptime of 2^31 or more is late, not gone (there are none here)
- ma's T counts also where the number becomes longer, and one in the past (there is
  none here)
- a value of nothing but blanks is no number; memcached reads on behind it (there are
  none here)
- a counter of 2^63 or more is one; memcached says that it is none if its memory
  happens to have a '-' behind it (nothing is counted that large here)
- a get with a key that is too long has the items of the keys before it, and then
  the error; memcached drops these and the replies of earlier commands that it has
  not sent yet (there are none here)
- what has been counted is the item that was, with blanks behind a shorter number,
  unless the number is longer; in memcached a new one whenever anybody else holds
  it just then (each is set anew here)
- a key that could not stand in a line is said in base64, even of an item that N has
  made (there are none here)
- a value that is too large leaves the item as it was, and memcached removes it
- what is no base64 is refused, not read without what is wrong in it
- what a value has more than it said, to the end of its line, is thrown away: it is
  no command, and so has no ERROR
- what was flushed stays so; a flush with a delay brings it back in memcached, if
  nobody has asked for it since (all is asked for before one here)
- a flush at a time before memcached began is none, and undoes one that is due; one of
  2^31 or more is another time (there are none here)
- a line of more than 2048 bytes that is no get's is answered, and then the connection
  closed; memcached runs it, or hangs up, as it comes (there are none here)
- the statistics: what is compared is how they end
- what version answers
"""

HUNG_UP = b"<hung up>"
KEYS = [b"k%d" % i for i in range(24)] + [b"K" * 250, b"'", b"\xff\xfe"]
FLAGS = b"0 1 5 65535 4294967295".split()
TIMES = b"0 0 0 0 100 1000 2592000 2147483647 -1 -5".split()
NUMBERS = b"0 1 2 9 10 99 1000 99999999999".split()
HUGE = b"18446744073709551615 18446744073709551614".split()
ODD = (b"", b"x", b"-", b"-1", b"+1000", b"1x", b"0x1", b"1.5",
       b"99999999999999999999", b"18446744073709551616", b"k" * 251,
       b"noreply", b"\x01", b"\t")
BROKEN = (
    b"", b" ", b"\x00", b"foo", b"GET k1", b"get", b"gets", b"get ", b"gat",
    b"gat 0", b"gat x k1", b"set", b"set k1", b"set k1 0 0", b"add k1 0 0",
    b"cas k1 0 0 1", b"delete", b"delete k1 1", b"delete k1 0 noreply",
    b"delete k1 5 noreply", b"incr", b"incr k1", b"decr k1", b"incr k1 x",
    b"decr k1 -1", b"touch", b"touch k1", b"touch k1 x", b"verbosity",
    b"mg", b"ms", b"ms k1", b"ms k1 x", b"ms k1 -1", b"md", b"ma", b"mn x y",
    b"me", b"mx k1", b"mg k1 v v", b"mg k1 !", b"mg k1 noreply", b"ma k1 M",
    b"ma k1 Mx", b"ma k1 Dx", b"md k1 Cx", b"mg k1 Tx", b"mg absent O" + b"o" * 40,
    b"mg k1 M", b"mg Zm8 b", b"mg " + b"k" * 251 + b" v",
    b"incr " + b"k" * 251 + b" 1", b"delete " + b"k" * 251, b"set k1 0 0 -1",
    b"append k1 0 0 x", b"verbosity x", b"verbosity -1", b"verbosity 1 2 3",
    b"verbosity noreply", b"flush_all x", b"flush_all x noreply", b"flush_all 1 2 3",
    b"flush_all noreply x", b"flush_all 0x1", b"flush_all 99999999999999999999",
    b"stats nosuch",
)
# What has no key.
OTHERS = (
    b"verbosity 0", b"verbosity 0 noreply", b"verbosity 0 2", b"verbosity 0 x",
    b"version", b"version x", b"stats", b"shutdown", b"shutdown graceful",
    b"shutdown x", b"shutdown x y", b"mn x",
)


class Peer:
    def __init__(self, port):
        self.port = port
        self.cas = {}
        self.sock = None

    def connect(self):
        if self.sock:
            self.sock.close()
        self.sock = socket.create_connection(("127.0.0.1", self.port))
        self.sock.settimeout(60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, said, cuts):
        data = b"".join(part if isinstance(part, bytes) else
                        b"%d" % (self.cas.get(part[0], 10 ** 18) - part[1])
                        for part in said)
        at = 0
        for cut in [int(c * len(data)) for c in cuts] + [len(data)]:
            self.sock.sendall(data[at:cut])
            at = cut

    def hear(self, last):
        """Up to what ends with last, or till it hangs up."""
        got = bytearray()
        while not got.endswith(last):
            part = self.sock.recv(1 << 16)
            if not part:
                got += HUNG_UP
                break
            got += part
        return bytes(got)


VALUE = re.compile(rb"VALUE (\S+) \d+ (\d+)( \d+)?\r\n")
VA = re.compile(rb"VA (\d+)([^\r\n]*)\r\n")


def replies(got):
    """Its lines, each with the value that follows it, or with nothing."""
    out, at = [], 0
    while at < len(got):
        found = VALUE.match(got, at) or VA.match(got, at)
        end = got.find(b"\n", at) + 1 or len(got)
        line, value = got[at:end], None
        if found:
            n = int(found[1] if line[:3] == b"VA " else found[2])
            value, end = got[end:end + n], end + n + 2
        out.append((line, value))
        at = end
    return out


def plain(reply):
    """What is compared of a line and a value."""
    line, value = reply
    if line.startswith(b"VALUE "):
        words = line.split(b" ")
        if len(words) == 5:
            words[4] = b"CAS"
        line = b" ".join(words)
    elif line[:3] in (b"HD ", b"VA "):
        line = re.sub(rb" c\d+", b" cCAS", line)
    elif line.startswith(b"ME "):
        line = re.sub(rb" (exp|cls|cas|size)=-?\d+", b"", line)
    elif line.startswith(b"VERSION "):
        line = b"VERSION"
    return line, value


def without_stats(said):
    return [one for one in said if not one[0].startswith(b"STAT ")]


def without_rests(said):
    """memcached's, without the answer to the rest of a value's line."""
    return [one for i, one in enumerate(said)
            if one[0] != b"ERROR\r\n" or i == 0 or
            said[i - 1][0] != b"CLIENT_ERROR bad data chunk\r\n"]


SECONDS = re.compile(rb" (t|l|la=)(-?\d+)(?= |\r)")


def same(a, b, late):
    if a == b:
        return True
    if a[1] != b[1] or SECONDS.sub(rb" \1", a[0]) != SECONDS.sub(rb" \1", b[0]):
        return False
    for theirs, ours in zip(SECONDS.findall(a[0]), SECONDS.findall(b[0])):
        if int(theirs[1]) > 4000000000 and ours[1] == b"0":
            continue
        most = (2 if ours[0] == b"t" else 1) + late
        if abs(int(ours[1]) - int(theirs[1])) > most:
            return False
    return True


class Chance:
    """The commands: each a list of bytes, and where a key's cas goes, the key and
    how much less than that."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.said = collections.Counter()   # keys, since cas were told

    def key(self):
        key = self.r.choice(KEYS)
        self.said[key] += 1
        return key

    def value(self):
        kind = self.r.random()
        if kind < 0.4:
            return self.r.choice(NUMBERS[1:])   # none becomes shorter
        n = self.r.choice((0, 1, 2, 5, 20, 100, 100, 3000))
        if kind > 0.998:
            n = 30000
        return self.r.choice((b"v", b"v\r\n", b"END\r\n", b"_\x00")) * n

    def more(self):
        """What is joined: nothing grows digit by digit to 2^63."""
        value = self.value()
        return value[:1] if value.isdigit() else value

    def cas(self, key):
        """As it was told last; an older one; one that is yet to come."""
        new = b"1" + b"0" * 18
        if self.said[key] > 1:
            return new  # it may be another by now
        return self.r.choice(((key, 0), (key, 0), (key, 1), new))

    def anew(self, key):
        """After a count: whether it is the item that was, or a new one which has
        neither blanks nor bits of the old one, is not told in memcached."""
        return b"set %s 1 0 1\r\n%d\r\n" % (key, self.r.randint(0, 9))

    def noreply(self):
        return self.r.choice((b"", b"", b"", b" noreply"))

    def classic(self):
        r, key = self.r, self.key()
        verb = r.choice((b"set",) * 4 + (b"add", b"replace", b"append",
                        b"prepend", b"cas", b"get", b"get", b"gets", b"gats",
                        b"gat", b"incr", b"decr", b"delete", b"touch", b"many"))
        if verb in (b"get", b"gets"):
            return [b"%s %s\r\n" % (verb, key)]
        if verb in (b"gat", b"gats"):
            return [b"%s %s %s\r\n" % (verb, r.choice(TIMES), key)]
        if verb == b"many":
            return [r.choice((b"get ", b"gets ")),
                    b" ".join(self.key() for _ in range(r.choice((2, 5, 12, 12,
                                                                  150)))),
                    b"\r\n"]
        if verb == b"delete":
            return [b"delete %s%s\r\n" % (key, self.noreply())]
        if verb == b"touch":
            return [b"touch %s %s%s\r\n" % (key, r.choice(TIMES), self.noreply())]
        if verb in (b"incr", b"decr"):
            return [b"%s %s %s%s\r\n" % (verb, key, r.choice(NUMBERS + HUGE),
                                         self.noreply()),
                    self.anew(key)]
        value = self.more() if verb.endswith(b"pend") else self.value()
        out = [b"%s %s %s %s %d" % (verb, key, r.choice(FLAGS), r.choice(TIMES),
                                    len(value))]
        if verb == b"cas":
            out += [b" ", self.cas(key)]
        return out + [b"%s\r\n%s\r\n" % (self.noreply(), value)]

    def debug(self):
        """Likewise right after a store, and a get or a touch."""
        key = self.key()
        between = self.r.choice((b"", b"mg %s u\r\n", b"mg %s k v\r\n",
                                 b"get %s\r\n", b"touch %s 0\r\n",
                                 b"gat 0 %s\r\n", b"append %s 0 0 1\r\nx\r\n",
                                 b"incr %s 0\r\n", b"md %s I\r\n",
                                 b"me %s\r\n", b"add %s 0 0 1\r\nx\r\n",
                                 b"ms %s 1 ME\r\nx\r\n", b"mg %s T100\r\n"))
        return [b"set %s 0 0 1\r\n1\r\n" % key,
                between % key if between else between, b"me %s\r\n" % key]

    def some(self, flags, most):
        """Flags, each once at most."""
        return self.r.sample(flags, self.r.randint(0, min(most, len(flags))))

    def meta(self):
        r, key = self.r, self.key()
        verb = r.choice((b"mg",) * 5 + (b"ms",) * 5 + (b"md", b"ma", b"ma",
                                                       b"mn"))
        if verb == b"mn":
            return [b"mn\r\n"]
        shared = [b"k", b"q", b"O%d" % r.randint(0, 99999), b"P/a", b"Lb"]
        time = r.choice(TIMES)
        own = {
            b"mg": [b"c", b"f", b"s", b"t", b"v", b"v", b"u", b"h", b"h", b"l",
                    b"N" + r.choice((b"0", b"60", b"1000")),
                    b"R" + r.choice((b"0", b"30", b"500")), b"T" + time],
            b"ms": [b"c", b"I", b"T" + time, b"F" + r.choice(FLAGS),
                    b"M" + r.choice(b"S E A P R".split()), b"C"],
            b"md": [b"I", b"I", b"T" + time, b"C"],
            b"ma": [b"c", b"t", b"v", b"N" + r.choice((b"0", b"90")),
                    b"J" + r.choice(NUMBERS + HUGE),
                    b"D" + r.choice(NUMBERS + HUGE),
                    b"M" + r.choice(b"I D + -".split()), b"C"],
        }[verb]
        flags = {f[:1]: f for f in self.some(own + shared, 6)}
        if r.random() < 0.2:
            flags[b"b"] = b"b"
            name = base64.b64encode(key)
            if len(name) > 250:
                name, key = b"azk5", b"k99"
        else:
            name = key
        joins = flags.get(b"M", b"")[1:2] in (b"A", b"P")
        value = self.more() if joins else self.value()
        out = [b"%s %s" % (verb, name)]
        if verb == b"ms":
            out[0] += b" %d" % len(value)
        flags = list(flags.values())
        r.shuffle(flags)
        for flag in flags:
            out.append(b" " + flag)
            if flag == b"C":
                out.append(self.cas(key))
        out.append(b"\r\n")
        if verb == b"ms":
            out.append(value + b"\r\n")
        if b"l" in flags:   # a get that memcached does not count would show
            out.insert(0, b"set %s 0 0 1\r\nl\r\n" % key)
        if verb == b"ma":
            out.append(self.anew(key))
        return out

    def odd(self):
        """A word of a valid one is another."""
        r = self.r
        said = r.choice((self.classic, self.meta))()
        text = b"".join(p if isinstance(p, bytes) else b"7" * 18 for p in said)
        line, end, rest = text.partition(b"\r\n")
        words = line.split(b" ")
        at = r.randrange(len(words))
        was = words[at]
        if at == 0:
            words[at] = r.choice((was.upper(), was + b"x", was[:-1]))
        elif rest and words[at].isdigit() and at in (2, 4):
            return [text]   # a length: what follows would be something else
        elif r.random() < 0.5:
            words[at] = r.choice(ODD)
        else:
            words.insert(at, r.choice(ODD))
        if rest or words[0][:1] == b"g" and max(map(len, words)) > 250:
            return [text]   # likewise; or a get with such a key
        if words[0] in (b"incr", b"ma"):
            return [text]   # by more, perhaps
        if at == 0 and len(line) > 2000:
            return [text]   # a line that long is a get's
        return [b" ".join(words) + end]

    def long_value(self):
        """Longer than it says: the rest of the line is thrown away."""
        value = b"x" * self.r.randint(3, 50)
        verb = self.r.choice((b"set %s 0 0 %d", b"ms %s %d"))
        return [verb % (self.key(), len(value) - self.r.randint(1, 2)),
                b"\r\n%s\r\n" % value]

    def flush(self):
        """Also one that is due some day, till the next."""
        r = self.r
        out = [r.choice((b"flush_all", b"flush_all 0", b"flush_all -1",
                         b"flush_all -2147483648")), self.noreply(), b"\r\n"]
        if r.random() < 0.5:
            later = r.choice((1000, 2592000, 2147483647))
            out += [b"get large same k99 " + b" ".join(KEYS), b"\r\n",
                    b"flush_all %d%s\r\n" % (later, self.noreply())]
            for _ in range(3):
                out += self.classic()
            out += [b"flush_all 0\r\n"]
        return out

    def other(self):
        return [self.r.choice(OTHERS), b"\r\n"]

    def large(self):
        """Too large: it is skipped; or an item becomes so."""
        if self.r.random() < 0.3:
            more = self.r.choice((b"append large 0 0 %d", b"prepend large 0 0 %d",
                                  b"ms large %d MA", b"ms large %d MP"))
            return [b"set large 0 0 600000\r\n", b"x" * 600000, b"\r\n",
                    more % 600000, b"\r\n", b"x" * 600000, b"\r\n"]
        n = self.r.choice(((1 << 20) + 100, 2 << 20))
        verb = self.r.choice((b"set %s 0 0 %d\r\n", b"ms %s %d q\r\n",
                              b"append %s 0 0 %d\r\n", b"add %s 0 0 %d noreply\r\n"))
        return [verb % (b"large", n), b"x" * n, b"\r\n"]

    def command(self):
        kind = self.r.random()
        if kind < 0.43:
            return self.classic()
        if kind < 0.45:
            return self.debug()
        if kind < 0.85:
            return self.meta()
        if kind < 0.92:
            return self.odd()
        if kind < 0.925:
            return self.flush()
        if kind < 0.93:
            return self.other()
        if kind < 0.98:
            return [self.r.choice(BROKEN) + self.r.choice((b"\r\n", b"\n"))]
        if kind < 0.9995:
            return self.long_value()
        return self.large()


def learn(peer, got):
    """The cas of the keys that it has told."""
    for line, _ in got:
        words = line.split()
        if words[:1] == [b"VALUE"] and len(words) == 5:
            peer.cas[words[1]] = int(words[4])


def text(command):
    return b"".join(p if isinstance(p, bytes) else b"<cas>" for p in command)[:100]


def fail(seed, number, before, commands, pair):
    print("seed %d, batch %d:" % (seed, number))
    for one in commands:
        print("   ", text(one))
    if len(commands) == 1:  # what its key has seen
        name = text(commands[0]).split()[1:2]
        names = name + [base64.b64encode(n) for n in name]
        if b" b" in text(commands[0]):
            names += [base64.b64decode(n + b"==") for n in name]
        for one in before[-5000:]:
            if text(one).split()[1:2] and text(one).split()[1] in names:
                print("    before:", text(one))
    print("memcached: %.300s\newbd:      %.300s" % pair)


def compare(seed, number, before, commands, heard, late):
    theirs, ours = ([plain(r) for r in replies(h)] for h in heard)
    theirs, ours = without_rests(without_stats(theirs)), without_stats(ours)
    for i, pair in enumerate(zip(theirs + [None], ours + [None])):
        if None in pair and pair != (None, None) or \
                None not in pair and not same(*pair, late):
            fail(seed, number, before, commands, pair)
            return False
    return True


COVERAGE = os.environ.get("SAME_COVERAGE")


def cover(coverage, command, heard):
    """How the only command of a batch was answered; behind it stands an mn."""
    verb = (text(command).split() or [b"(none)"])[0].decode("latin-1")
    line = replies(heard)[0][0].split(b"\r")[0]
    kind = line.split(b" ")[0].decode("latin-1")
    if kind.isdigit():
        kind = "NUMBER"
    if kind.endswith("_ERROR"):
        kind = line.decode("latin-1")
    coverage[verb, "(nothing)" if kind == "MN" != verb.upper() else kind] += 1


def table(coverage):
    for verb in sorted({verb for verb, _ in coverage}):
        print("%-12s" % verb, ", ".join("%s %d" % (kind, n) for (v, kind), n
                                        in coverage.most_common() if v == verb))


def main(theirs, ours, seed, total, batch=40):
    peers = [Peer(theirs), Peer(ours)]
    chance = Chance(seed)
    done = number = worst = 0
    before, coverage = [], collections.Counter()
    if COVERAGE:
        batch = 1
    for p in peers:
        p.connect()
        # so that nobody's cas is 1, and one less 0
        p.say([b"set warm 0 0 1\r\nw\r\n" * 9], [])
        p.hear(b"STORED\r\n" * 9)
    while done < total:
        number += 1
        chance.said.clear()
        commands = [chance.command() for _ in range(batch)]
        gets = [b"gets " + b" ".join(KEYS) + b"\r\n"]
        if COVERAGE:
            gets.insert(0, b"mn\r\n")
        last = b"EN Osame%d\r\n" % number
        cuts = sorted(chance.r.random() for _ in range(chance.r.choice((0, 0, 3))))
        end = b"mg same Osame%d\r\n" % number
        if chance.r.random() < 0.01:    # nothing is behind it
            end, last = b"quit\r\n", HUNG_UP
        began = time.monotonic()
        for p in peers:
            p.say([part for c in commands + [gets] for part in c] + [end], cuts)
        heard = [p.hear(last) for p in peers]
        # what an earlier one said last may have been late, too
        took = time.monotonic() - began
        worst = max(worst, took)
        late = worst + took
        if not compare(seed, number, before, commands, heard, late):
            return 1
        if COVERAGE:
            cover(coverage, commands[0], heard[0])
        for p, h in zip(peers, heard):
            learn(p, replies(h))
            if h.endswith(HUNG_UP):
                p.connect()
        before = (before + commands)[-5000:]
        done += len(commands) + 2
    table(coverage)
    print("%d commands, seed %d: the same" % (done, seed))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
