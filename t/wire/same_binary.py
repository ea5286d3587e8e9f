# SPDX-License-Identifier: BSD-2-Clause
"""As same.py, in the binary protocol: frame by frame, and byte by byte but for
what SAME_BUT_FOR says (doc/protocol.md has it for users).

    same_binary.py PORT PORT SEED COMMANDS     memcached's port, ewbd's

With SAME_COVERAGE set it prints which opcode was answered how, and how often."""

import collections
import struct
import sys

import same

SAME_BUT_FOR = """
- what an error says in its body: JSON, or nothing; memcached has words
- a cas is another number, and a touch and a gat give an item a new one: what is
  compared is whether there is one, and whether it is the one that was told last
- a touch is answered without the flags, as in Couchbase
- a datatype is kept, and told to who gets the item; memcached has none
- a counter of 2^63 or more is one; memcached says that it is none if its memory
  happens to have a '-' behind it (see NUMERALS, and join)
- verbosity (0x1b) is answered; it is unknown to memcached (there is none here), as
  are the opcodes of scans and of an engine's own
- a frame that is wrong in itself is answered as in memcached, which then hangs up
- a header whose lengths contradict each other is not answered (there are none here)
- an unknown opcode's frame is skipped whole; memcached skips what follows it, as much
  as it has of extras and key (there is none here that has some)
- a gat, touch or stat with a value is refused; memcached takes the value for the next
  frame (there are none here)
- of 64 MiB and more nothing is skipped: the connection is closed (there are none)
- an append to more than may be is too large, and memcached's not stored
- a value that is too large leaves the item as it was, and memcached removes it
- what was flushed stays so; a flush with a delay brings it back in memcached, if
  nobody has asked for it since (all is asked for before one here)
- the statistics: what is compared is how they are answered
- what version answers
"""

HEAD = struct.Struct(">BBHBBHI4sQ")
(GET, SET, ADD, REPLACE, DELETE, INCR, DECR, QUIT, FLUSH, GETQ, NOOP, VERSION, GETK,
 GETKQ, APPEND, PREPEND, STAT) = range(0x11)
QUITQ, FLUSHQ, TOUCH, GAT, GATQ, GATK, GATKQ = 0x17, 0x18, 0x1c, 0x1d, 0x1e, 0x23, 0x24
STORES = {0x01: "set", 0x02: "add", 0x03: "replace", 0x11: "setq", 0x12: "addq",
          0x13: "replaceq"}
COUNTS = {0x05: "incr", 0x06: "decr", 0x15: "incrq", 0x16: "decrq"}
JOINS = {0x0e: "append", 0x0f: "prepend", 0x19: "appendq", 0x1a: "prependq"}
DELETES = {0x04: "delete", 0x14: "deleteq"}
GETS = {0x00: "get", 0x09: "getq", 0x0c: "getk", 0x0d: "getkq"}
GATS = {0x1c: "touch", 0x1d: "gat", 0x1e: "gatq", 0x23: "gatk", 0x24: "gatkq"}
REST = {0x07: "quit", 0x17: "quitq", 0x08: "flush", 0x18: "flushq", 0x0a: "noop",
        0x0b: "version", 0x10: "stat"}
NAMES = {**STORES, **COUNTS, **JOINS, **DELETES, **GETS, **GATS, **REST}
SASL_LIST, SASL = 0x20, (0x21, 0x22)
# but verbosity and hello, and those above 0x7f
UNKNOWN = [op for op in range(0x80)
           if op not in NAMES and op not in (0x1b, 0x1f, SASL_LIST, *SASL)]

KEYS = [b"b%d" % i for i in range(20)] + [b"B" * 250, b"a b", b"\r\n", b"\x00",
                                          b"\xff\xfe"]
FLAGS = (0, 1, 0xdeadbeef, 0xffffffff)
TIMES = (0, 0, 0, 0, 100, 2592000, 2592001, 0x7fffffff, 0x80000000, 0xfffffffe)
NUMBERS = (0, 1, 2, 9, 10, 99, 1000, 99999999999, 2 ** 64 - 2, 2 ** 64 - 1)
# none from 2^63 up to 2^64 - 1
NUMERALS = (b"1", b"2", b"9", b"10", b"99", b"1000", b"99999999999",
            b"9223372036854775807", b"18446744073709551616")
TEXTS = NUMERALS + (b"", b"v", b" 7", b"7x")
LONG = (b"v", b"v\r\n", b"\x80\x0a\x00", b"_\x00")


class Peer(same.Peer):
    """last: of each key, the cas that was told last."""

    def __init__(self, port):
        super().__init__(port)
        self.last = {}

    def data(self, frames):
        out = []
        for head, cas, body in frames:
            if isinstance(cas, tuple):
                cas = self.last.get(cas[0], 10 ** 18) - cas[1]
            out += (head, cas.to_bytes(8, "big"), body)
        return b"".join(out)

    def send(self, data, cuts):
        at = 0
        for cut in [int(c * len(data)) for c in cuts] + [len(data)]:
            self.sock.sendall(data[at:cut])
            at = cut


def frames(got):
    """(header's fields, body) of each."""
    out, at = [], 0
    while len(got) - at >= 24:
        head = HEAD.unpack_from(got, at)
        end = at + 24 + head[6]
        out.append((head, got[at + 24:end]))
        at = end
    if at != len(got):
        out.append((None, got[at:]))
    return out


class Chance:
    """The commands: each a list of frames, and those of a head, a cas and a body; the
    cas is a number, or a key and how much less than what was told of it."""

    def __init__(self, random):
        self.r = random
        self.before = {}
        self.begin()

    def begin(self):
        self.opaque = self.r.getrandbits(31) << 1 & 0xffffff00
        self.keys = {}      # of opaques
        self.said = collections.Counter()   # keys, since cas were told

    def frame(self, op, key=b"", extras=b"", value=b"", cas=0, nkey=None,
              nextras=None):
        r = self.r
        self.opaque = self.opaque + 1 & 0xffffffff
        opaque = self.opaque.to_bytes(4, "big")
        self.keys[opaque] = key
        odd = r.random() < 0.05
        head = HEAD.pack(0x80, op, len(key) if nkey is None else nkey,
                         len(extras) if nextras is None else nextras,
                         r.getrandbits(3) if odd else 0,
                         r.getrandbits(16) if odd else 0,
                         len(extras) + len(key) + len(value), opaque, 0)[:16]
        return head, cas, extras + key + value

    def key(self):
        key = self.r.choice(KEYS)
        self.said[key] += 1
        return key

    def value(self):
        r = self.r
        kind = r.random()
        if kind < 0.5:
            return r.choice(TEXTS)
        if kind < 0.995:
            return r.choice(LONG) * r.choice((1, 2, 5, 20, 100, 1000))
        return r.choice(LONG) * 20000

    def cas(self, key):
        r = self.r
        if r.random() < 0.7:
            return 0
        if self.said[key] > 1:
            return 10 ** 18     # it may be another by now
        return r.choice(((key, 0), (key, 0), (key, 1), 10 ** 18))

    def store(self, op):
        key = self.key()
        extras = struct.pack(">II", self.r.choice(FLAGS), self.r.choice(TIMES))
        return [self.frame(op, key, extras, self.value(), self.cas(key))]

    def join(self, op):
        key, value = self.key(), self.value()
        if value in NUMERALS:   # nothing grows digit by digit to 2^63
            value = value[:1]
        return [self.frame(op, key, b"", value, self.cas(key))]

    def count(self, op):
        r, key = self.r, self.key()
        cas = self.cas(key)
        time = r.choice(TIMES + (0xffffffff,) * 10)
        extras = struct.pack(">QQI", r.choice(NUMBERS), r.choice(NUMBERS), time)
        # anew, for it is not told whether it is the item that was
        return [self.frame(op, key, extras, b"", cas),
                self.frame(r.choice((0x01, 0x11)), key, bytes(8),
                           b"%d" % r.randint(0, 9))]

    def delete(self, op):
        key = self.key()
        return [self.frame(op, key, cas=self.cas(key))]

    def get(self, op):
        return [self.frame(op, self.key(), cas=self.r.choice((0, 0, 0, 5)))]

    def gat(self, op):
        time = self.r.choice(TIMES).to_bytes(4, "big")
        return [self.frame(op, self.key(), time)]

    def many(self):
        """As a client gets many: quietly, to the end."""
        r = self.r
        op = r.choice((GETQ, GETKQ, GETKQ, GATKQ, GATQ))
        make = self.get if op in GETS else self.gat
        out = []
        for _ in range(r.randint(2, 15)):
            out += make(op)
        return out + [self.frame(NOOP)]

    def flush(self):
        """Also one that is due some day, till the next."""
        r = self.r
        now = r.choice((b"", b"\0\0\0\0"))
        out = [self.frame(r.choice((FLUSH, FLUSHQ)), b"", now)]
        if r.random() < 0.5:
            out += [self.frame(GETQ, k) for k in KEYS + [b"large"]]
            later = r.choice((1000, 2592000, 0x7fffffff, 0x80000000, 0xffffffff))
            out.append(self.frame(r.choice((FLUSH, FLUSHQ)), b"",
                                  later.to_bytes(4, "big")))
            for _ in range(3):
                out += self.store(SET)
            out += self.get(GETK)
            out.append(self.frame(FLUSH, b"", now))
        return out

    def unknown(self):
        """SASL too, for nobody has to say who he is."""
        r = self.r
        if r.random() < 0.1:
            return [self.frame(SASL_LIST)] + \
                [self.frame(r.choice(SASL), b"PLAIN", b"", b"\0me\0secret")]
        return [self.frame(r.choice(UNKNOWN),
                           value=r.choice((b"", b"", b"x", b"\x80" * 50)))]

    def large(self):
        """Too large: it is skipped; or an item becomes so."""
        if self.r.random() < 0.3:
            return [self.frame(SET, b"large", bytes(8), b"x" * 600000),
                    self.frame(self.r.choice(tuple(JOINS)), b"large", b"",
                               b"x" * 600000)]
        n = self.r.choice(((1 << 20) + 100, 2 << 20))
        op = self.r.choice(sorted(STORES) + sorted(JOINS))
        extras = bytes(8) if op in STORES else b""
        return [self.frame(op, b"large", extras, b"x" * n)]

    def stat(self):
        return [self.frame(STAT, self.r.choice((b"", b"no such group", b"\xff")))]

    def command(self):
        r = self.r
        kind = r.random()
        if kind < 0.30:
            return self.store(r.choice((0x01, 0x01, 0x11) + tuple(STORES)))
        if kind < 0.40:
            return self.join(r.choice(tuple(JOINS)))
        if kind < 0.52:
            return self.count(r.choice(tuple(COUNTS)))
        if kind < 0.60:
            return self.delete(r.choice(tuple(DELETES)))
        if kind < 0.77:
            return self.get(r.choice(tuple(GETS)))
        if kind < 0.90:
            return self.gat(r.choice(tuple(GATS)))
        if kind < 0.93:
            return self.many()
        if kind < 0.96:
            return self.unknown()
        if kind < 0.98:
            return [self.frame(NOOP, cas=r.choice((0, 7)))]
        if kind < 0.99:
            return [self.frame(VERSION)]
        if kind < 0.9945:
            return self.flush()
        return self.stat() if kind < 0.9997 else self.large()

    def broken(self):
        """Wrong in itself: memcached answers it, and nothing more."""
        r = self.r
        key = self.key()
        op = r.choice(tuple(NAMES))
        right = 8 if op in STORES else 20 if op in COUNTS else 4 if op in GATS else 0
        wrong = r.choice([n for n in (0, 1, 3, 4, 7, 8, 9, 19, 20, 21)
                          if n != right and (op not in (FLUSH, FLUSHQ) or n != 4)])
        kinds = ["extras"]
        if op not in REST:
            kinds += ["no key", "long key"]
        elif op != STAT:
            kinds += ["key"]
        if op in GETS or op in DELETES or op in COUNTS or \
                op in REST and op != STAT:
            kinds += ["value"]
        kind = r.choice(kinds)
        extras = bytes(right)
        if op in REST:
            key = b""
        if kind == "extras":
            extras = bytes(wrong)
        elif kind == "no key":
            key = b""
        elif kind == "long key":
            key = b"k" * r.choice((251, 300, 5000))
        elif kind == "key":
            key = b"k"
        return [self.frame(op, key, extras, b"v" if kind == "value" else b"")]

    def last(self):
        """What ends a batch, and the connection; or nothing does."""
        kind = self.r.random()
        if kind < 0.10:
            return "broken", self.broken()
        if kind < 0.12:
            return "closed", [self.frame(self.r.choice((QUIT, QUITQ)))]
        if kind < 0.13:
            magic = self.r.choice((0x00, 0x79, 0x81, 0x82, 0xff))
            return "magic", [(bytes((magic,)) + bytes(15), 0, b"")]
        return "open", []


def plain(head, body, theirs, key):
    """What is compared: the fields but the cas, and the body."""
    if head is None:
        return body
    magic, op, nkey, nextras, datatype, status, nbody, opaque, _ = head
    if op in JOINS and status == 5 and theirs and key == b"large":
        status = 3
    if status and not nkey:     # a getk's miss has its key
        nbody, body = None, None
    elif status == 0 and op == TOUCH and theirs:
        nextras, nbody, body = 0, nbody - nextras, body[nextras:]
    elif op == VERSION:
        nbody = body = None
    if not theirs:
        datatype = 0 if op in GETS or op in GATS else datatype
    return magic, op, nkey, nextras, datatype, status, nbody, opaque, body


def without_stats(said):
    """Of statistics, how they end."""
    return [one for one in said
            if one[0] is None or one[0][1] != STAT or one[0][2] == 0]


class Relations:
    """Is a cas the one that was told last of its key?  A touch is not asked."""

    def __init__(self):
        self.touched = set()

    def same(self, key, ours, theirs, peers):
        if bool(ours[8]) != bool(theirs[8]):
            return False
        if ours[8] == 0:
            return True
        op, fine = ours[1], True
        if op in GATS:
            self.touched.add(key)
        elif key in self.touched:
            self.touched.discard(key)
        elif all(key in p.last for p in peers):
            fine = (theirs[8] == peers[0].last[key]) == \
                   (ours[8] == peers[1].last[key])
        peers[0].last[key], peers[1].last[key] = theirs[8], ours[8]
        return fine


def show(frame, keys):
    if frame is None or frame[0] is None:
        return repr(frame)
    head, body = frame
    return "%s key=%r status=%#x extras=%d nkey=%d body=%.60r cas=%d" % (
        NAMES.get(head[1], hex(head[1])), keys.get(head[7], b"?")[:20], head[5],
        head[3], head[2], body, head[8])


def said(frame):
    head = HEAD.unpack(frame[0] + bytes(8))
    return "%s nkey=%d nextras=%d cas=%s body=%.60r" % (
        NAMES.get(head[1], hex(head[1])), head[2], head[3], frame[1], frame[2])


def concerns(chance, key, one):
    return key is None or chance.keys.get(one[0][12:16]) == key or \
        one[0][1] in (FLUSH, FLUSHQ)


def tell(chance, commands, frame):
    """What was said that has to do with it, and before."""
    key = frame[0] and chance.keys.get(frame[0][7])
    for line in chance.before.get(key, ()):
        print("   (before)", line)
    for one in sum(commands, []):
        if concerns(chance, key, one):
            print("   ", said(one))


def remember(chance, commands):
    """Of each key, what was said last, for who has to find out why."""
    for key in set(chance.keys.values()):
        last = chance.before.setdefault(key, collections.deque(maxlen=12))
        last.extend(said(one) for one in sum(commands, [])
                    if concerns(chance, key, one))


def compare(chance, commands, heard, peers, relations, coverage):
    theirs, ours = (without_stats(frames(h)) for h in heard)
    for i in range(max(len(theirs), len(ours))):
        a = theirs[i] if i < len(theirs) else None
        b = ours[i] if i < len(ours) else None
        key = a and a[0] and chance.keys.get(a[0][7])
        good = a and b and plain(*a, True, key) == plain(*b, False, key)
        if good and a[0]:
            good = relations.same(key, b[0], a[0], peers)
            coverage[NAMES.get(a[0][1], "unknown"), hex(a[0][5])] += 1
        if not good:
            tell(chance, commands, a or b)
            print("memcached:", show(a, chance.keys), "\newbd:     ",
                  show(b, chance.keys))
            return False
    return True


def talk(chance, peers, batch):
    """One batch: what was said, and what each answered to it."""
    r = chance.r
    how, last = chance.last()
    if how != "open":
        batch = r.randint(0, 6)
    commands = [chance.command() for _ in range(batch)]
    cuts = sorted(r.random() for _ in range(r.choice((0, 0, 3))))
    first = [f for c in commands for f in c]
    noop = chance.frame(NOOP)
    ends = [b"\x81\x0a" + bytes(10) + noop[0][12:16] + bytes(8)] * 2
    if how == "broken":
        # in one piece: if all that was said is read, its end is no reset
        ends[0] = same.HUNG_UP
        peers[0].send(peers[0].data(first + last), ())
        peers[1].send(peers[1].data(first + last + [noop]), ())
    else:
        for p in peers:
            p.send(p.data(first + [noop]), cuts)
    heard = [p.hear(end).removesuffix(end) for p, end in zip(peers, ends)]
    if how in ("closed", "magic"):
        for p in peers:
            p.send(p.data(last), ())
        heard = [h + p.hear(same.HUNG_UP) for p, h in zip(peers, heard)]
    for i, p in enumerate(peers):
        if how != "open" and (i == 0 or how != "broken"):
            p.connect()
    return commands + [last], heard


def main(theirs, ours, seed, total, batch=40):
    peers = [Peer(theirs), Peer(ours)]
    chance = Chance(same.random.Random(seed))
    relations, coverage = Relations(), collections.Counter()
    done = number = 0
    for p in peers:
        p.connect()
        p.send(p.data([chance.frame(FLUSH)]), [])
        p.hear(bytes(8))
    while done < total:
        number += 1
        chance.begin()
        commands, heard = talk(chance, peers, batch)
        if not compare(chance, commands, heard, peers, relations, coverage):
            print("seed %d, batch %d" % (seed, number))
            return 1
        remember(chance, commands)
        done += sum(map(len, commands)) + 1
    if same.COVERAGE:
        same.table(coverage)
    print("%d frames, seed %d: the same" % (done, seed))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
