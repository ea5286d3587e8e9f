# SPDX-License-Identifier: BSD-2-Clause
"""Scans: GiB a second and CPU for one GiB, against floors and peers."""
import time

from runner.figures import Comparison, Target
from runner.peers import Failure

RECORDS = 1000000
VALUE = 200
PATIENT = ("--no-progress", "0", "--scan-lifetime", "0", "--scan-idle", "0")
ONE_VBUCKET = ("--vbuckets", "1", *PATIENT)
CHUNK = 32768
# A stream's chunks are at most a quarter of its high mark.
MARKS = ("--high", str(4 * CHUNK), "--low", str(2 * CHUNK))
STREAMS = (("stream, 32 KiB", MARKS), ("stream, default marks", ()))
# Chunk, and send buffer of the socket (0: the kernel's own).
LIMITS = ((65536, 131072), (262144, 131072), (262144, 0), (1048576, 0))
LIMIT_NAMES = ["loopback limit, %d KiB, buffer %s" %
               (c // 1024, b // 1024 if b else "auto") for c, b in LIMITS]


def fill(peers, server, protocol="bin", records=RECORDS, value=VALUE,
         shuffled=False):
    peers.load(server, "-P", protocol, "-Y" if shuffled else "-L", "-k",
               records, "-d", 64, "-v", value)


def speed(name):
    return name, "GiB/s"


def cost(name):
    return name, "s/GiB"


def rate(name):
    return name, "records/s"


def name_of(series):
    return series[0]


class Scans:
    """One connection, all records, again and again."""

    topics = ("scan",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench, self.servers = bench, {}
        self.targets = self.pinned() + self.peers() + self.handed_over()
        if bench.before:
            self.targets += [
                Comparison("scan, GiB/s", speed("ewbd"),
                           speed("ewbd, before"), ">=", "GiB/s"),
                Comparison("scan, CPU s/GiB", cost("ewbd"),
                           cost("ewbd, before"), "<=", "s")]
        for t in self.targets:
            t.topic = "scan"

    def pinned(self):
        limit_speed = [speed(n) for n in LIMIT_NAMES]
        limit_cost = [cost(n) for n in LIMIT_NAMES]
        return [
            Target("scan, GiB/s", speed("ewbd"), [speed("bare C loop")], 0.95,
                   ">=", "GiB/s"),
            Target("scan, CPU s/GiB", cost("ewbd"), [cost("bare C loop")],
                   1.10, "<=", "s"),
            Target("scan, GiB/s", speed("ewbd"), limit_speed, 0.65, ">=",
                   "GiB/s", tried=True),
            Target("scan, CPU s/GiB", cost("ewbd"), limit_cost, 1.8, "<=",
                   "s", tried=True)]

    def peers(self):
        return [
            Target("scan, records/s", rate("ewbd"), [rate(name)], limit, ">=",
                   "/s")
            for name, limit in (("postgres COPY", 6), ("redis SCAN+MGET", 15),
                                ("memcached metadump", 4))]

    def handed_over(self):
        """Records of one array, so that only the way to the loop differs."""
        out = []
        for free, at_least, at_most in (("", 2.0, 0.50),
                                        (", free", 2.8, 0.42)):
            for ours, theirs, owed in (
                    ("stream, 32 KiB", "enter and wait", True),
                    ("stream, 32 KiB", "stop and wait", False),
                    ("stream, default marks", "enter and wait", False)):
                a, b = ours + free, theirs + free
                out += [
                    Target(a + ": GiB/s", speed(a), [speed(b)],
                           at_least if owed else None, ">=", "GiB/s"),
                    Target(a + ": CPU s/GiB", cost(a), [cost(b)],
                           at_most if owed else None, "<=", "s")]
        return out

    def set_up(self):
        peers = self.bench.peers
        s = self.servers
        s["ewbd"] = peers.ewbd(options=ONE_VBUCKET)
        fill(peers, s["ewbd"])
        if self.bench.before:
            s["ewbd, before"] = peers.ewbd(options=ONE_VBUCKET,
                                           path=self.bench.before)
            fill(peers, s["ewbd, before"])
        s["bare C loop"] = peers.floor("copy")
        for name, (chunk, buffer) in zip(LIMIT_NAMES, LIMITS):
            s[name] = peers.floor("limit", "-c", str(chunk), "-b",
                                  str(buffer))
        self.set_up_hand_overs()
        self.set_up_peers()
        self.check()

    def set_up_hand_overs(self):
        peers, s = self.bench.peers, self.servers
        for free, cpus in (("", None), (", free", peers.all_cpus)):
            for name, marks in STREAMS:
                s[name + free] = peers.ewbd(
                    peers.program(".libs/stream_engine.so"),
                    ("records=%d" % RECORDS,), (*ONE_VBUCKET, *marks), cpus)
            for name in ("enter", "stop"):
                s[name + " and wait" + free] = peers.floor(
                    name, "-c", str(CHUNK), cpus=cpus)

    def set_up_peers(self):
        peers, s = self.bench.peers, self.servers
        s["redis SCAN+MGET"] = peers.redis()
        if s["redis SCAN+MGET"]:
            fill(peers, s["redis SCAN+MGET"], "resp")
        s["memcached metadump"] = peers.memcached()
        if s["memcached metadump"]:
            fill(peers, s["memcached metadump"], "text")
        s["postgres COPY"] = peers.postgres()
        if s["postgres COPY"]:
            for query in ("CREATE TABLE records (key bytea, value bytea)",
                          "INSERT INTO records SELECT convert_to("
                          "'k0200:' || lpad(i::text, 10, '0'), 'UTF8'), "
                          "convert_to(repeat('v', %d), 'UTF8') "
                          "FROM generate_series(0, %d) AS i" %
                          (VALUE, RECORDS - 1), "VACUUM records"):
                peers.load(s["postgres COPY"], "-M", "postgres", "-q", query)

    def check(self):
        """That all of it comes."""
        for name in ("ewbd", "bare C loop", "enter and wait",
                     "stop and wait", *[stream for stream, _ in STREAMS]):
            got = self.bench.peers.load(self.servers[name], "-M", "scans",
                                        "-c", 1, "-n", 1, "-V")
            if got["records"] != RECORDS:
                raise Failure("%s: a scan of %d records has %d" %
                              (name, RECORDS, got["records"]))

    def scan(self, name, number):
        peers, times = self.bench.peers, 2 if self.bench.quick else 4
        cpus = peers.all_cpus if name.endswith(", free") else None
        got = peers.load(self.servers[name], "-M", "scans", "-c", 1, "-n",
                         times, "-T", cpus=cpus)
        add = self.bench.samples.add
        add(speed(name), number, got["gib_s"])
        add(cost(name), number, got["server_s_gib"])
        add(rate(name), number, times * RECORDS / got["seconds"])

    def dump(self, name, number):
        how = {"postgres COPY": ("-M", "postgres", "-q",
                                 "COPY records TO STDOUT (FORMAT binary)"),
               "redis SCAN+MGET": ("-M", "redis-scan", "-d", 1000),
               "memcached metadump":
                   ("-M", "drain", "-q", "lru_crawler metadump all\\r\\n",
                    "-e", "END\\r\\n")}
        got = self.bench.peers.load(self.servers[name], *how[name])
        self.bench.samples.add(rate(name), number, got["records_s"])

    def round(self, number):
        names = [n for n in self.servers if self.servers[n]]
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if name.startswith(("postgres", "redis", "memcached")):
                self.dump(name, number)
            else:
                self.scan(name, number)


class Fair:
    """A fast reader beside one that takes 64 MiB/s, on one thread."""

    topics = ("fair",)
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench = bench
        self.targets = [Target("fast reader beside a slow one, GiB/s",
                               speed("beside a slow one"), [speed("alone")],
                               0.9, ">=", "GiB/s", topic="fair")]

    def set_up(self):
        self.server = self.bench.peers.ewbd(
            options=[*ONE_VBUCKET, "--pool", "reader=1", "--pool", "aux=1"])
        fill(self.bench.peers, self.server)

    def fast(self, name, number):
        got = self.bench.peers.load(self.server, "-M", "scans", "-c", 1, "-n",
                                    3, "-T")
        self.bench.samples.add(speed(name), number, got["gib_s"])

    def beside(self, number):
        peers = self.bench.peers
        slow = peers.load_begin(self.server, "-M", "scans", "-c", 1, "-z", 64,
                                "-t", 1000, "-T")
        time.sleep(0.1)
        self.fast("beside a slow one", number)
        peers.load_cut(slow)

    def round(self, number):
        order = [lambda: self.fast("alone", number),
                 lambda: self.beside(number)]
        for step in order[::-1 if number % 2 else 1]:
            step()


class Mixed:
    """Gets beside four scans at full speed, the server on all CPUs.

    So many gets a second as a server has that is not at its limit: of those
    that come as fast as they are answered, which take all CPUs, nobody can say
    how much they should leave to scans."""

    topics = ("mixed",)
    name_of = staticmethod(name_of)
    kinds = (("2000 gets/s", ("-R", 2000)), ("gets without a pause", ()))

    def __init__(self, bench, only):
        self.bench, self.targets = bench, []
        for kind, _ in self.kinds:
            owed = kind == self.kinds[0][0]
            self.targets += [
                Target("p99 of %s beside 4 scans" % kind,
                       ("beside 4 scans", kind), [("without scans", kind)],
                       3 if owed else None, "<=", "us", topic="mixed"),
                Target("4 scans beside %s, GiB/s" % kind,
                       ("beside " + kind, "scans"),
                       [("without gets", "scans")],
                       0.5 if owed else None, ">=", "GiB/s", topic="mixed")]

    def set_up(self):
        peers = self.bench.peers
        self.server = peers.ewbd(options=PATIENT, cpus=peers.all_cpus)
        fill(peers, self.server)
        fill(peers, self.server, records=10000, value=32)

    def begin(self, *args):
        t = max(self.bench.seconds, 0.4)
        return self.bench.peers.load_begin(
            self.server, *args, "-t", t, "-w", t / 2,
            cpus=self.bench.peers.all_cpus)

    def gets(self, *args):
        return self.begin("-P", "bin", "-v", 32, *args)

    def scans(self):
        return self.begin("-M", "scans", "-c", 4, "-T")

    def round(self, number):
        end, add = self.bench.peers.load_end, self.bench.samples.add
        add(("without gets", "scans"), number, end(self.scans())["gib_s"])
        for kind, args in self.kinds:
            add(("without scans", kind), number,
                end(self.gets(*args))["p99_us"])
            scans, gets = self.scans(), self.gets(*args)
            add(("beside 4 scans", kind), number, end(gets)["p99_us"])
            add(("beside " + kind, "scans"), number, end(scans)["gib_s"])
