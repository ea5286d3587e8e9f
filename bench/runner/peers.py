# SPDX-License-Identifier: BSD-2-Clause
"""Servers that are measured, on 127.0.0.1, and the programs that load them."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

PATIENCE = 60


class Failure(Exception):
    pass


class Skipped(Exception):
    """It cannot be measured here; that is nobody's fault."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A running one: pid and port.  Ended by its pid."""

    def __init__(self, process, port):
        self.process, self.port, self.pid = process, port, process.pid

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Peers:
    """Starts servers and loads, ends all of them and their files at exit.

    disk: the directory where databases are, on the disk that is measured;
    groups: one of memory cgroups, in which one more may be made; or null.

    with Peers(build) as peers: …"""

    def __init__(self, build, ewbd=None, disk=None, groups=None):
        self.build = os.path.abspath(build)
        self.disk, self.groups, self.group = disk, groups, None
        self.scratches = []
        self.ewbd_path = os.path.abspath(ewbd) if ewbd else \
            os.path.join(self.build, "daemon", "ewbd")
        self.running, self.noise, self.skipped = [], [], {}
        cpus = sorted(os.sched_getaffinity(0))
        self.all_cpus = set(cpus)
        self.load_cpu = {cpus[0]}
        self.server_cpu = {cpus[1]} if len(cpus) > 1 else {cpus[0]}

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="ewb-bench.")
        os.chmod(self.dir, 0o711)
        self.log = open(os.path.join(self.dir, "log"), "w")
        return self

    def __exit__(self, *_):
        self.stop_all()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def stop_all(self):
        """And what they had on disk is gone."""
        while self.running:
            self.running.pop().stop()
        while self.scratches:
            shutil.rmtree(self.scratches.pop(), ignore_errors=True)
        if self.group:
            os.rmdir(self.group)
            self.group = None

    def stop(self, server):
        self.running.remove(server)
        server.stop()

    def program(self, name):
        return os.path.join(self.build, "bench", name)

    def scratch(self, name):
        """A new directory on the disk, there until all is stopped."""
        path = tempfile.mkdtemp(prefix=name + ".", dir=self.disk)
        self.scratches.append(path)
        return path

    def spawn(self, argv, cpus=None, user=None, stdout=None, group=None):
        cpus = cpus or self.server_cpu

        def become():
            os.sched_setaffinity(0, cpus)
            if group:
                with open(os.path.join(group, "cgroup.procs"), "w") as f:
                    f.write("0")

        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=stdout or self.log,
            stderr=self.log, user=user, cwd=self.dir, preexec_fn=become)

    def start(self, argv, port, cpus=None, user=None, group=None):
        """A server that listens on that port; waits until it does."""
        server = Server(self.spawn(argv, cpus, user, group=group), port)
        self.running.append(server)
        until = time.monotonic() + PATIENCE
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return server
            if server.process.poll() is not None or time.monotonic() > until:
                raise Failure("%s did not start:\n%s" %
                              (os.path.basename(argv[0]), self.said()))
            time.sleep(0.02)

    def said(self):
        self.log.flush()
        with open(self.log.name, errors="replace") as f:
            return f.read()[-2000:].strip()

    # The servers.

    def engine(self, path, name):
        """A plugin beside that ewbd, or an installed one."""
        here = os.path.join(os.path.dirname(path), "..", "engines", ".libs",
                            name + ".so")
        return here if os.path.exists(here) else name

    def has_engine(self, name):
        return self.engine(self.ewbd_path, name) != name

    def ewbd(self, engine="memory", parameters=("limit=4G",), options=(),
             cpus=None, path=None, group=None):
        path = path or self.ewbd_path
        port = free_port()
        argv = [path, "-p", str(port), "-t", "1", "--stop-grace", "0"]
        return self.start(argv + list(options) +
                          [self.engine(path, engine), *parameters], port, cpus,
                          group=group)

    def has(self, program, name):
        """Is it installed?  If not, name is skipped, and the table says so."""
        if shutil.which(program):
            return True
        self.skipped[name] = "%s is not installed" % program
        return False

    def memcached(self, *options):
        if not self.has("memcached", "memcached"):
            return None
        port = free_port()
        argv = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0",
                "-t", "1", "-m", "4096", "-c", "12000"]
        if os.getuid() == 0:
            argv += ["-u", "root"]
        return self.start(argv + list(options), port)

    def redis(self, *options):
        if not self.has("redis-server", "redis"):
            return None
        port = free_port()
        return self.start(["redis-server", "--bind", "127.0.0.1", "--port",
                           str(port), "--save", "", "--appendonly", "no",
                           "--dir", self.dir, *options], port)

    def redis_blocking(self):
        module = self.program(".libs/blockmod.so")
        return self.redis("--loadmodule", module)

    def floor(self, kind, *options, cpus=None):
        port = free_port()
        return self.start([self.program("floor"), "-p", str(port), *options,
                           kind], port, cpus)

    def direct_server(self, library, *options):
        port = free_port()
        argv = [self.program("direct"), "-l", library, "-p", str(port),
                *map(str, options), "serve"]
        return self.start(argv, port)

    def move(self, server, cpus):
        """A running one, all its threads."""
        for thread in os.listdir("/proc/%d/task" % server.pid):
            os.sched_setaffinity(int(thread), cpus)

    def memory_group(self, limit):
        """A cgroup whose processes have so many bytes, with their part of the
        page cache; the same until all is stopped."""
        if not self.groups:
            raise Skipped("it takes a memory cgroup: --memory-groups")
        if self.group:
            return self.group
        path = tempfile.mkdtemp(prefix="ewb-bench.", dir=self.groups)
        for name in ("memory.max", "memory.limit_in_bytes"):
            if os.path.exists(os.path.join(path, name)):
                with open(os.path.join(path, name), "w") as f:
                    f.write(str(limit))
                self.group = path
                return path
        os.rmdir(path)
        raise Skipped("%s has no memory controller" % self.groups)

    def disk_kind(self, path):
        """The file system that a path is on, and the cache of its disk."""
        at = max((line.split() for line in open("/proc/mounts")
                  if (os.path.realpath(path) + "/").startswith(
                      line.split()[1].rstrip("/") + "/")),
                 key=lambda words: len(words[1]))
        where = os.stat(path).st_dev
        queue = "/sys/dev/block/%d:%d/queue/write_cache" % (
            os.major(where), os.minor(where))
        if not os.path.exists(queue):
            return "%s on %s" % (at[2], at[0])
        with open(queue) as f:
            return "%s on %s, %s" % (at[2], at[0], f.read().strip())

    def postgres(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        where = shutil.which("postgres") or (found[-1] if found else None)
        where = where and os.path.realpath(where)
        if where is None:
            self.skipped["postgres"] = "postgres is not installed"
            return None
        user = None
        data = tempfile.mkdtemp(prefix="pg.", dir=self.dir)
        if os.getuid() == 0:    # it refuses to run as root
            try:
                user = pwd.getpwnam("postgres").pw_uid
            except KeyError:
                self.skipped["postgres"] = "there is no user postgres"
                return None
            os.chown(data, user, -1)
        init = os.path.join(os.path.dirname(where), "initdb")
        argv = [init, "-D", data, "-U", "postgres", "-A", "trust", "-N"]
        if self.spawn(argv, user=user).wait():
            raise Failure("initdb failed:\n" + self.said())
        port = free_port()
        server = self.start(
            [where, "-D", data, "-p", str(port), "-h", "127.0.0.1",
             "-k", data, "-F", "-c", "shared_buffers=1GB",
             "-c", "autovacuum=off"], port, user=user)
        self.await_postgres(server, os.path.dirname(where))
        return server

    def await_postgres(self, server, where):
        """It listens before it answers."""
        argv = [os.path.join(where, "pg_isready"), "-h", "127.0.0.1", "-p",
                str(server.port)]
        until = time.monotonic() + PATIENCE
        while self.spawn(argv).wait():
            if time.monotonic() > until:
                raise Failure("postgres is not ready:\n" + self.said())
            time.sleep(0.05)

    # The load.

    def load_argv(self, server, args):
        return [self.program("load"), "-o", "-p", str(server.port), "-S",
                str(server.pid), *map(str, args)]

    def load(self, server, *args, cpus=None):
        """Runs it to its end; its report, as a dictionary of numbers."""
        process = self.load_begin(server, *args, cpus=cpus)
        return self.load_end(process)

    def begin(self, argv, cpus=None, group=None):
        process = self.spawn(argv, cpus, stdout=subprocess.PIPE, group=group)
        self.running.append(Server(process, None))
        return process

    def load_begin(self, server, *args, cpus=None):
        return self.begin(self.load_argv(server, args), cpus or self.load_cpu)

    def load_cut(self, process):
        """Ends one that has no end."""
        self.stop(next(s for s in self.running if s.pid == process.pid))
        process.stdout.close()

    def finished(self, process):
        """What it wrote."""
        out, _ = process.communicate()
        self.running = [s for s in self.running if s.pid != process.pid]
        if process.returncode:
            raise Failure("%s failed:\n%s" %
                          (" ".join(process.args), self.said()))
        return out.decode()

    def output(self, argv, cpus=None, group=None):
        """Of another program, on the server's CPU."""
        return self.finished(self.begin(argv, cpus, group))

    def load_output(self, server, *args):
        return self.finished(self.load_begin(server, *args))

    def load_end(self, process):
        return self.report(self.finished(process), process.args)

    def direct_argv(self, library, mode, args):
        return [self.program("direct"), "-l", library, *map(str, args), mode]

    def direct(self, library, mode, *args, cpus=None, group=None):
        """The program that uses a library itself, on the server's CPU."""
        argv = self.direct_argv(library, mode, args)
        return self.report(self.output(argv, cpus, group), argv)

    def direct_begin(self, library, mode, *args, cpus=None, group=None):
        return self.begin(self.direct_argv(library, mode, args), cpus, group)

    def report(self, out, argv):
        report = {}
        for pair in out.split():
            key, value = pair.split("=")
            report[key] = float(value)
        if report.get("misses"):
            raise Failure("%s missed" % " ".join(argv))
        if report.get("seconds", 0) > 0.1:  # it is told in ticks
            self.noise.append((report["other"], report["steal"]))
        return report
