# SPDX-License-Identifier: BSD-2-Clause
"""Many: keys, connections, parked scans, queued tasks."""
from runner.figures import Target
from runner.peers import Failure
from runner.scans import ONE_VBUCKET, PATIENT, fill

MANY = 10000        # connections
MANY_OPTIONS = ("-c", str(MANY + 1000))
ITEM = 16 + 32


def name_of(series):
    return series.split(", depth")[0]


def resident(server):
    with open("/proc/%d/status" % server.pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f
                    if line.startswith("VmRSS"))


class First:
    """The first record of a scan over many keys, and over few."""

    topics = ("first",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench = bench
        self.many = 1000000 if bench.quick else 10000000
        self.targets = [
            Target("first record of a scan, %d M keys" %
                   (self.many // 1000000), "many keys", ["10 k keys"], 1.5,
                   topic="first"),
            Target("its create alone", "create, many keys",
                   ["create, 10 k keys"], None, topic="first")]

    def set_up(self):
        peers, self.servers = self.bench.peers, {}
        for name, n in (("10 k keys", 10000), ("many keys", self.many)):
            self.servers[name] = peers.ewbd(parameters=["limit=8G"],
                                            options=ONE_VBUCKET)
            fill(peers, self.servers[name], records=n, value=32,
                 shuffled=True)

    def round(self, number):
        for name in sorted(self.servers, reverse=number % 2):
            got = self.bench.peers.load(self.servers[name], "-M", "first",
                                        "-n", 1000)
            self.bench.samples.add(name, number, got["first_us"])
            self.bench.samples.add("create, " + name, number,
                                   got["create_us"])


class Memory:
    """What an item takes, and a connection that says nothing."""

    topics = ("memory",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench = bench
        self.targets = [
            Target("memory of an item over its own %d" % ITEM, "item", [], 64,
                   unit="B", topic="memory"),
            Target("memory of an idle connection", "connection", [], 4,
                   unit="KiB", topic="memory"),
            Target("the same before its first request", "fresh", [], None,
                   unit="KiB", topic="memory")]

    def set_up(self):
        pass

    def item(self):
        peers, n = self.bench.peers, 1000000
        few = n // 1000
        server = peers.ewbd()
        # what connections take, and threads, is there already
        fill(peers, server, records=few, value=32, shuffled=True)
        before = resident(server)
        fill(peers, server, records=n, value=32, shuffled=True)
        after = resident(server)
        peers.stop(server)
        return (after - before) / (n - few) - ITEM

    def connection(self):
        peers = self.bench.peers
        server = peers.ewbd(options=MANY_OPTIONS)
        fill(peers, server, records=1000, value=32)
        got = peers.load(server, "-M", "idle", "-c", MANY, "-P", "bin", "-k",
                         1000)
        peers.stop(server)
        return got

    def round(self, number):
        add = self.bench.samples.add
        if number >= self.bench.few:
            return
        add("item", number, self.item())
        got = self.connection()
        add("connection", number, got["used_bytes"] / 1024)
        add("fresh", number, got["fresh_bytes"] / 1024)


class Connections:
    """The same load over many connections."""

    topics = ("conns",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench = bench
        self.depths = (1, 16)
        self.targets = [
            Target("get over %d connections, depth %d" % (MANY, d),
                   "%d connections, depth %d" % (MANY, d),
                   ["50 connections, depth %d" % d], 1.25, topic="conns")
            for d in self.depths]

    def set_up(self):
        self.server = self.bench.peers.ewbd(options=MANY_OPTIONS)
        fill(self.bench.peers, self.server, records=10000, value=32)

    def round(self, number):
        for depth in self.depths:
            for n in sorted((50, MANY), reverse=number % 2):
                got = self.bench.peers.load(
                    self.server, "-P", "bin", "-c", n, "-a", 50, "-d", depth,
                    "-t", self.bench.seconds)
                self.bench.samples.add("%d connections, depth %d" % (n, depth),
                                       number, got["server_us"])


class Parked:
    """Gets beside scans whose readers have stopped."""

    topics = ("parked",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench = bench
        self.targets = [
            Target("get, 100 scans parked, depth %d" % d,
                   "100 parked, depth %d" % d, ["none, depth %d" % d], 1.05,
                   topic="parked") for d in (1, 16)]

    def set_up(self):
        self.server = self.bench.peers.ewbd(options=PATIENT)
        fill(self.bench.peers, self.server)
        fill(self.bench.peers, self.server, records=10000, value=32)

    def gets(self, name, number):
        for depth in (1, 16):
            got = self.bench.peers.load(self.server, "-P", "bin", "-d", depth,
                                        "-t", self.bench.seconds)
            self.bench.samples.add("%s, depth %d" % (name, depth), number,
                                   got["server_us"])

    def parked(self, number):
        peers = self.bench.peers
        scans = peers.load_begin(self.server, "-M", "scans", "-c", 100, "-z",
                                 0)
        if not scans.stdout.readline():
            raise Failure("the scans did not start:\n" + peers.said())
        self.gets("100 parked", number)
        peers.load_cut(scans)

    def round(self, number):
        steps = [lambda: self.gets("none", number),
                 lambda: self.parked(number)]
        for step in steps[::-1 if number % 2 else 1]:
            step()


class Queue:
    """What a command, or a task, costs when so many are there already."""

    topics = ("queue",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench = bench
        self.targets = [
            Target("task of the pool, 10^6 queued", "queued 1000000",
                   ["queued 1000"], None, unit="ns", topic="queue"),
            Target("task of the pool, 10^6 asleep", "asleep 1000000",
                   ["asleep 1000"], None, unit="ns", topic="queue"),
            Target("command that blocks, 10^6 blocked", "blocked 1000000",
                   ["blocked 10000"], None, topic="queue")]

    def set_up(self):
        pass

    def add(self, kind, n, number, value):
        self.bench.samples.add("%s %d" % (kind, n), number, value)
        points = self.bench.curves.setdefault(kind, {})
        points.setdefault(n, []).append(value)

    def tasks(self, number):
        out = self.bench.peers.output([self.bench.peers.program("queue")])
        for line in out.splitlines():
            got = dict(pair.split("=") for pair in line.split())
            for kind in ("queued", "asleep"):
                self.add(kind, int(got["tasks"]), number,
                         float(got[kind + "_ns"]))

    def commands(self, number):
        peers = self.bench.peers
        server = peers.ewbd("slow", ["delay=1000s", "limit=1G"],
                            ["--deadline", "0", "--max-cookies", "1100000",
                             *MANY_OPTIONS])
        out = peers.load_output(server, "-M", "blocked", "-P", "bin", "-c",
                                MANY, "-k", 1000000)
        for line in out.splitlines():
            got = dict(pair.split("=") for pair in line.split())
            self.add("blocked", int(got["blocked"]), number,
                     float(got["server_us"]))
        peers.stop(server)

    def round(self, number):
        if number < self.bench.few:
            self.tasks(number)
            self.commands(number)


PARTS = (First, Memory, Connections, Parked, Queue)
