# SPDX-License-Identifier: BSD-2-Clause
"""Gets and sets: CPU of the server for one operation."""
from collections import namedtuple

from runner.figures import Comparison, Target

TOPICS = ("get", "set", "text", "1k", "blocked")
DEPTHS = (1, 16, 64)
GET = dict(zip(DEPTHS, (1.00, 0.70, 0.55)))
SET = dict(zip(DEPTHS, (1.00, 0.75, 0.60)))
TEXT = dict(zip(DEPTHS, (1.00, 0.08, 0.05)))
BIG = dict(zip(DEPTHS, (1.00, 0.75, 0.65)))
BLOCKED = dict(zip(DEPTHS, (0.60, 0.10, 0.05)))
LAZY = dict(zip(DEPTHS, (1.20, 1.60, 2.00)))

Series = namedtuple("Series", "server protocol op size depth")


def name_of(series):
    names = {"meta": " meta", "text": " text", "bin": " binary"}
    if series.server.endswith("before"):
        return series.server
    return series.server + names.get(series.protocol, "")


def plain_peers(op, size, depth):
    return [Series("memcached", "meta", op, size, depth),
            Series("memcached -R", "meta", op, size, depth),
            Series("redis", "resp", op, size, depth)]


def ours(protocol, op, size, depth, server="ewbd"):
    return Series(server, protocol, op, size, depth)


def targets_at(depth):
    def what(text):
        return "%s, depth %d" % (text, depth)

    def against_peers(topic, op, size, limit, protocols):
        kind = {32: "", 1024: " of 1 KiB"}[size]
        return [Target(what("%s%s, %s" % (op, kind, name)),
                       ours(p, op, size, depth), plain_peers(op, size, depth),
                       limit[depth], topic=topic) for p, name in protocols]

    both = (("bin", "binary"), ("text", "text"))
    blocked = ours("bin", "blocked", 32, depth, "ewbd blocking")
    return [
        *against_peers("get", "get", 32, GET, both),
        *against_peers("set", "set", 32, SET, both),
        Target(what("text get"), ours("text", "get", 32, depth),
               [Series("memcached", "text", "get", 32, depth)], TEXT[depth],
               topic="text"),
        *against_peers("1k", "get", 1024, BIG, both[:1]),
        *against_peers("1k", "set", 1024, BIG, both[:1]),
        Target(what("blocked get"), blocked,
               [Series("redis blocked", "resp", "blocked", 32, depth)],
               BLOCKED[depth], topic="blocked"),
        Target(what("blocked get"), blocked,
               [Series("floor, thread", "echo", "blocked", 32, depth)],
               LAZY[depth], topic="blocked"),
        Target(what("get, binary"), ours("bin", "get", 32, depth),
               [Series("floor, inline", "echo", "get", 32, depth)], None,
               topic="get"),
    ]


def with_before(targets):
    """The same for the earlier ewbd, to say what has become worse."""
    seen, more = set(), []
    for t in targets:
        if t.ours in seen:
            continue
        seen.add(t.ours)
        before = t.ours._replace(server=t.ours.server + ", before")
        more.append(Comparison(t.what, t.ours, before, topic=t.topic))
    return targets + more


class Part:
    topics = TOPICS

    def __init__(self, bench, only):
        self.bench = bench
        each = zip(*(targets_at(d) for d in DEPTHS))
        self.targets = [t for same in each for t in same if t.topic in only]
        if bench.before:
            self.targets = with_before(self.targets)
        self.name_of = name_of
        needed = {s for t in self.targets for s in [t.ours, *t.theirs]}
        self.needed = sorted(needed)

    def start(self, name):
        peers, before = self.bench.peers, self.bench.before
        return {
            "ewbd": lambda: peers.ewbd(),
            "ewbd, before": lambda: peers.ewbd(path=before),
            "ewbd blocking": lambda: self.blocking(None),
            "ewbd blocking, before": lambda: self.blocking(before),
            "memcached": lambda: peers.memcached(),
            "memcached -R": lambda: peers.memcached("-R", "1000"),
            "redis": lambda: peers.redis(),
            "redis blocked": lambda: peers.redis_blocking(),
            "floor, inline": lambda: peers.floor("ev"),
            "floor, thread": lambda: peers.floor("worker", "-w", "lazy"),
        }[name]()

    def blocking(self, path):
        return self.bench.peers.ewbd("slow-blocking", ["delay=0us"],
                                     ["--pool", "reader=1"], path=path)

    def set_up(self):
        names = sorted({s.server for s in self.needed})
        self.servers = {n: self.start(n) for n in names}
        filled = set()
        for s in self.needed:
            server = self.servers[s.server]
            if server is None or s.protocol == "echo" or \
                    (s.server, s.size) in filled:
                continue
            filled.add((s.server, s.size))
            self.bench.peers.load(server, "-P", s.protocol, "-L", "-d", 16,
                                  "-v", s.size)

    def groups(self):
        """Series that are compared, next to each other."""
        groups = {}
        for s in self.needed:
            if self.servers[s.server] is not None:
                groups.setdefault((s.op, s.size, s.depth), []).append(s)
        return [groups[k] for k in sorted(groups)]

    def measure(self, series, seconds):
        args = ["-P", series.protocol, "-d", series.depth, "-v", series.size,
                "-r", 0 if series.op == "set" else 100, "-t", seconds,
                "-w", seconds / 4]
        if series.server == "redis blocked":
            args += ["-x", "blk.get %d" % series.size]
        return self.bench.peers.load(self.servers[series.server], *args)

    def round(self, number):
        for group in self.groups():
            turn = number % len(group)
            for s in group[turn:] + group[:turn]:
                report = self.measure(s, self.bench.seconds)
                self.bench.samples.add(s, number, report["server_us"])
