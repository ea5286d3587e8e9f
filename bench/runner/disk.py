# SPDX-License-Identifier: BSD-2-Clause
"""Engines that keep records on disk, beside programs that use the same
library directly."""
import os
import signal
import time

from runner.figures import Target
from runner.peers import Failure, Skipped
from runner.scale import resident
from runner.scans import ONE_VBUCKET, fill

ENGINES = ("rocksdb", "lmdb")
CLIENTS = 64        # of durable sets, each with one under way
READERS = 16        # of the disk at once
VALUE = 100
RECORD = 6 + 16 + 28 + VALUE
HOT_KEYS, HOT_VALUE = 10000, 32
DEPTHS = (1, 16, 64)
MIB = 1 << 20
REWRITTEN = 200000  # what is in no table yet when a server is killed


def name_of(series):
    return series[0]


def settle(server, patience=120):
    """Until it has done what it does in the background."""
    last, still, until = None, 0, time.monotonic() + patience
    while still < 5 and time.monotonic() < until:
        with open("/proc/%d/stat" % server.pid) as f:
            now = f.read().rsplit(")", 1)[1].split()[11:13]
        still = still + 1 if now == last else 0
        last = now
        time.sleep(0.1)


def warm(peers, server):
    """Its hot keys are asked for until they are hot."""
    peers.load(server, "-P", "bin", "-d", 16, "-k", HOT_KEYS, "-v", HOT_VALUE,
               "-t", 1, "-w", 0)


def forget(directory):
    """What the system has of its files in memory, if they are nobody's."""
    for name in os.listdir(directory):
        fd = os.open(os.path.join(directory, name), os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


class Part:
    """What one engine's parts share."""

    topics = ("disk",)
    engine = None
    name_of = staticmethod(name_of)

    def __init__(self, bench, only):
        self.bench, self.peers = bench, bench.peers
        self.library = "direct " + self.engine
        self.targets = self.make_targets()
        for t in self.targets:
            t.topic = "disk"
            t.what = "%s: %s" % (self.engine, t.what)

    def add(self, who, what, number, value):
        self.bench.samples.add((who, what), number, value)

    def parameters(self, path, sync, **rocksdb):
        """The engine's settings: of the memory, in MiB, only RocksDB's."""
        out = ["path=" + path, "sync=" + sync]
        if self.engine == "rocksdb":
            out += ["compression=none"]
            out += ["%s=%s" % pair for pair in rocksdb.items()]
        return out

    def start(self, path, sync="commit", options=(), cpus=None, group=None,
              **rocksdb):
        return self.peers.ewbd(
            self.engine, self.parameters(path, sync, **rocksdb),
            [*ONE_VBUCKET, *options], cpus=cpus, group=group)

    def new_path(self):
        if not self.peers.has_engine(self.engine):
            raise Skipped("it is not built")
        return self.peers.scratch(self.engine)

    def both(self, number, ours, theirs):
        """Next to each other, each first in turn."""
        for step in (ours, theirs)[::-1 if number % 2 else 1]:
            step()


class Sets(Part):
    """Each of many clients has one set under way, which is on disk when it is
    answered; against as many threads that do the same."""

    keys = 100000

    def make_targets(self):
        return [
            Target("durable sets of %d clients" % CLIENTS,
                   (self.engine, "sets"), [(self.library, "sets")], 0.9, ">=",
                   "/s"),
            Target("p99 of them", (self.engine, "sets p99"),
                   [(self.library, "sets p99")], None),
            Target("CPU of one", (self.engine, "sets CPU"),
                   [(self.library, "sets CPU")], None),
            Target("one client's", (self.engine, "one"),
                   [(self.library, "one")], None, ">=", "/s")]

    def set_up(self):
        self.server = self.start(self.new_path())
        self.direct = self.peers.scratch(self.library.replace(" ", "-"))
        self.seconds = max(self.bench.seconds, 1)

    def take(self, who, clients, number, got, cpu):
        if clients == 1:
            self.add(who, "one", number, got["ops_s"])
            return
        self.add(who, "sets", number, got["ops_s"])
        self.add(who, "sets p99", number, got["p99_us"])
        self.add(who, "sets CPU", number, got[cpu])

    def ours(self, clients, number):
        got = self.peers.load(
            self.server, "-P", "bin", "-c", clients, "-r", 0, "-k", self.keys,
            "-v", VALUE, "-t", self.seconds, "-w", self.seconds / 4)
        self.take(self.engine, clients, number, got, "server_us")

    def theirs(self, clients, number):
        got = self.peers.direct(
            self.engine, "sets", "-f", self.direct, "-c", clients, "-k",
            self.keys, "-v", VALUE, "-t", self.seconds, "-w",
            self.seconds / 4)
        self.take(self.library, clients, number, got, "self_us")

    def round(self, number):
        for clients in (CLIENTS, 1):
            self.both(number, lambda: self.ours(clients, number),
                      lambda: self.theirs(clients, number))


class Hot(Part):
    """Gets of what is in memory."""

    def make_targets(self):
        return [Target("hot get, depth %d" % d, (self.engine, d),
                       [("memory", d)], 1.6) for d in DEPTHS]

    def set_up(self):
        path = self.new_path()
        self.servers = {self.engine: self.start(path, "none"),
                        "memory": self.peers.ewbd(options=ONE_VBUCKET)}
        for server in self.servers.values():
            fill(self.peers, server, records=HOT_KEYS, value=HOT_VALUE)
            warm(self.peers, server)

    def get(self, name, depth, number):
        got = self.peers.load(
            self.servers[name], "-P", "bin", "-d", depth, "-k", HOT_KEYS,
            "-v", HOT_VALUE, "-t", self.bench.seconds, "-w",
            self.bench.seconds / 4)
        self.add(name, depth, number, got["server_us"])

    def round(self, number):
        for depth in DEPTHS:
            self.both(number, lambda: self.get(self.engine, depth, number),
                      lambda: self.get("memory", depth, number))


class Big(Part):
    """A database much larger than what its engine may have in memory: cold
    gets, scans, hot gets beside both, and what is left after kill -9."""

    def make_targets(self):
        self.records = self.bench.records
        self.mib = self.records * RECORD // MIB
        many = "%.3g M records" % (self.records / 1e6)
        e, lib = self.engine, self.library
        out = [
            Target("answers after kill -9, %s" % many, (e, "start"), [], None,
                   unit="s"),
            Target("scan of %s" % many, (e, "scan"), [(lib, "scan")], 0.85,
                   ">=", "/s"),
            Target("cold gets, %d readers" % READERS, (e, "cold"),
                   [(lib, "cold")], 0.9, ">=", "/s"),
            Target("CPU of one", (e, "cold CPU"), [(lib, "cold CPU")], None),
            Target("p99 of 2000 hot gets/s beside cold gets and a scan",
                   (e, "beside"), [("alone", e)], 3),
            Target("p99 of the same in memory, beside the program's",
                   ("memory beside", lib), [("memory alone", e)], None),
            Target("p99 beside, engine's and memory's",
                   (e, "beside"), [("memory beside", lib)], None)]
        if e == "rocksdb":
            out += [
                Target("memory after kill -9", (e, "memory at start"),
                       [("cache+hot+memtable", "start")], None, unit="MiB"),
                Target("memory after cold gets and scans",
                       (e, "memory"), [("cache+hot+memtable", "cold")], None,
                       unit="MiB")]
        return out

    # The database.

    def set_up(self):
        self.path = self.new_path()
        began = time.monotonic()
        server = self.start(self.path, "none", cpus=self.peers.all_cpus)
        self.say_disk()
        got = self.peers.load(server, "-P", "bin", "-Y", "-k", self.records,
                              "-d", 64, "-v", VALUE)
        fill(self.peers, server, records=HOT_KEYS, value=HOT_VALUE)
        settle(server)
        self.bench.notes.append(
            "%s: %d records loaded, in no order and unsynced, in %.0f s: "
            "%.0f/s; all settled %.0f s after" %
            (self.engine, self.records, got["seconds"], got["ops_s"],
             time.monotonic() - began - got["seconds"]))
        self.peers.stop(server)
        # as much for the program as for the engine
        self.small = {"cache": max(8, self.mib // 20),
                      "hot": max(2, self.mib // 160)}

    def say_disk(self):
        got = self.peers.direct("", "sync", "-f", self.path, "-t", 1)
        self.bench.notes.append(
            "Disk, before %s: %s; 4 KiB more and fdatasync() take %.0f us "
            "(p50), %.0f us (p99)" %
            (self.engine, self.peers.disk_kind(self.path), got["p50_us"],
             got["p99_us"]))

    def rocksdb_like(self, cache=256):
        return ["-C", cache] if self.engine == "rocksdb" else []

    # Rounds.

    def round(self, number):
        server = self.start(self.path, "none")
        if number < self.bench.few:
            server = self.kill_and_start(server, number)
        settle(server)
        self.scans(server, number)
        self.peers.stop(server)
        try:
            server = self.start_cold()
        except Skipped as e:
            self.peers.skipped["cold gets of " + self.engine] = str(e)
            return
        settle(server)
        # all CPUs: it is the disk that is to be busy
        self.peers.move(server, self.peers.all_cpus)
        self.both(number, lambda: self.cold(server, number),
                  lambda: self.cold_direct(number))
        self.beside(server, number)
        self.add(self.engine, "memory", number, resident(server) / MIB)
        self.add("cache+hot+memtable", "cold", number,
                 sum(self.small.values()) + 64)
        self.peers.stop(server)
        self.beside_direct(number)

    def kill_and_start(self, server, number):
        self.peers.load(server, "-P", "bin", "-r", 0, "-k", self.records,
                        "-v", VALUE, "-d", 64, "-n", REWRITTEN)
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
        self.peers.stop(server)
        began = time.monotonic()
        server = self.start(self.path, "none")
        self.peers.load(server, "-P", "bin", "-c", 1, "-n", 1, "-k",
                        self.records, "-v", VALUE, "-w", 0)
        self.add(self.engine, "start", number, time.monotonic() - began)
        self.add(self.engine, "memory at start", number,
                 resident(server) / MIB)
        self.add("cache+hot+memtable", "start", number, 128 + 128 + 64)
        return server

    def scans(self, server, number):
        direct = self.peers.direct_server(
            self.engine, "-f", self.path, *self.rocksdb_like())
        self.both(number,
                  lambda: self.scan(self.engine, server, number),
                  lambda: self.scan(self.library, direct, number))
        self.peers.stop(direct)

    def scan(self, name, server, number):
        if number == 0:     # that all of it comes; and it is in memory then
            got = self.peers.load(server, "-M", "scans", "-c", 1, "-n", 1,
                                  "-V")
            if got["records"] != self.records + HOT_KEYS:
                raise Failure("%s: a scan of %d records has %d" %
                              (name, self.records + HOT_KEYS,
                               got["records"]))
        got = self.peers.load(server, "-M", "scans", "-c", 1, "-n", 1, "-T")
        self.add(name, "scan", number,
                 (self.records + HOT_KEYS) / got["seconds"])

    def start_cold(self):
        pool = ["--pool", "reader=%d" % READERS]
        if self.engine == "rocksdb":
            return self.start(self.path, "none", pool, direct="yes",
                              readers=READERS,
                              **{k: "%dM" % v for k, v in self.small.items()})
        group = self.peers.memory_group(self.mib * MIB // 8)
        forget(self.path)   # what the group's processes read is the group's
        return self.start(self.path, "none", pool, group=group)

    def cold_load(self, *args):
        return ["-P", "bin", "-c", 4 * READERS, "-k", self.records, "-v",
                VALUE, *args]

    def cold_seconds(self):
        return max(self.bench.seconds, 1)

    def cold(self, server, number):
        t = self.cold_seconds()
        got = self.peers.load(server, *self.cold_load("-t", t, "-w", 2 * t),
                              cpus=self.peers.all_cpus)
        self.add(self.engine, "cold", number, got["ops_s"])
        self.add(self.engine, "cold CPU", number, got["server_us"])

    def like_cold(self):
        """As the engine that gets cold ones, for the program."""
        group = self.peers.group if self.engine == "lmdb" else None
        args = ["-f", self.path, "-D", "-c", READERS, "-k", self.records,
                "-v", VALUE, *self.rocksdb_like(sum(self.small.values()))]
        return args, {"group": group, "cpus": self.peers.all_cpus}

    def cold_direct(self, number):
        t = self.cold_seconds()
        args, where = self.like_cold()
        got = self.peers.direct(self.engine, "gets", *args, "-t", t, "-w",
                                2 * t, **where)
        self.add(self.library, "cold", number, got["ops_s"])
        self.add(self.library, "cold CPU", number, got["self_us"])

    def begin(self, server, *args):
        return self.peers.load_begin(server, *args, cpus=self.peers.all_cpus)

    def hot(self, server):
        t = max(self.bench.seconds, 1)
        warm(self.peers, server)
        return self.peers.load_end(self.begin(
            server, "-P", "bin", "-R", 2000, "-k", HOT_KEYS, "-v", HOT_VALUE,
            "-t", t, "-w", t / 2))["p99_us"]

    def beside(self, server, number):
        self.add("alone", self.engine, number, self.hot(server))
        others = [self.begin(server, *self.cold_load("-t", 1000)),
                  self.begin(server, "-M", "scans", "-c", 1, "-t", 1000,
                             "-T")]
        self.add(self.engine, "beside", number, self.hot(server))
        for one in others:
            self.peers.load_cut(one)

    def beside_direct(self, number):
        """What becomes of a server that has nothing to do with it, when the
        disk is that busy: the machine's part."""
        server = self.peers.ewbd("memory", [], ONE_VBUCKET,
                                 cpus=self.peers.all_cpus)
        fill(self.peers, server, records=HOT_KEYS, value=HOT_VALUE)
        self.add("memory alone", self.engine, number, self.hot(server))
        args, where = self.like_cold()
        other = self.peers.direct_begin(self.engine, "gets", *args, "-t",
                                        1000, **where)
        self.add("memory beside", self.library, number, self.hot(server))
        self.peers.load_cut(other)
        self.peers.stop(server)


class Held(Part):
    """Sets while a scan stands still, which holds what there was when it
    began."""

    keys = 1000000

    def make_targets(self):
        self.seconds = 10 if self.bench.quick else 60
        return [Target("sets while a scan is held for %d s" % self.seconds,
                       (self.engine, "held"), [("without", self.engine)], 0.8,
                       ">=", "/s")]

    def set_up(self):
        self.path = self.new_path()
        more = {"scan-age": "1000s"} if self.engine == "lmdb" else {}
        parameters = self.parameters(self.path, "none")
        parameters += ["%s=%s" % pair for pair in more.items()]
        self.server = self.peers.ewbd(self.engine, parameters, ONE_VBUCKET)
        self.peers.load(self.server, "-P", "bin", "-Y", "-k", self.keys, "-d",
                        64, "-v", VALUE)

    def sets(self, who, what, number):
        settle(self.server)
        got = self.peers.load(
            self.server, "-P", "bin", "-r", 0, "-d", 16, "-k", self.keys,
            "-v", VALUE, "-t", self.seconds, "-w", 1)
        self.add(who, what, number, got["ops_s"])

    def held(self, number):
        scan = self.peers.load_begin(self.server, "-M", "scans", "-c", 1,
                                     "-z", 0)
        if not scan.stdout.readline():
            raise Failure("the scan did not start:\n" + self.peers.said())
        self.sets(self.engine, "held", number)
        self.peers.load_cut(scan)

    def round(self, number):
        if number < self.bench.few:
            self.both(number, lambda: self.held(number),
                      lambda: self.sets("without", self.engine, number))


PARTS = [type(part.__name__, (part,), {"engine": engine})
         for engine in ENGINES for part in (Sets, Hot, Big, Held)]
