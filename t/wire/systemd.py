# SPDX-License-Identifier: BSD-2-Clause
"""A server as systemd starts it, without systemd.  Arguments: ewbd, an engine, a
directory, and whether it was built with libsystemd: yes or no."""

import os
import signal
import socket
import sys

from facts import run_facts

ewbd, engine, place, built = sys.argv[1:5]
enough = 120


def _start(fds, *options, env=(), notify=None):
    """The process, its descriptors from 3 on being these; its stderr is in a file."""
    pid = os.fork()
    if pid:
        return pid
    # away from where they go
    fds = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
    for i, fd in enumerate(fds):
        os.dup2(fd, 3 + i)
    os.closerange(3 + len(fds), 200)
    os.dup2(os.open(place + "/err", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
    os.closerange(3 + len(fds), 200)
    new = {**os.environ, "LISTEN_PID": str(os.getpid()),
           "LISTEN_FDS": str(len(fds)), **dict(env)}
    if notify:
        new["NOTIFY_SOCKET"] = notify
    try:
        os.execve(ewbd, [ewbd, *options, engine], new)
    finally:
        os._exit(99)


def _ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _said():
    with open(place + "/err") as f:
        return f.read()


def _notify():
    path = place + "/notify"
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(enough)
    return s, path


def _tcp():
    s = socket.create_server(("127.0.0.1", 0))
    return s, s.getsockname()


def _unix():
    path = place + "/listen"
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    return s, path


def _connect(to):
    s = socket.socket(socket.AF_UNIX if isinstance(to, str) else socket.AF_INET)
    s.settimeout(enough)
    s.connect(to)
    s.sendall(b"version\r\n")
    return s


def _answers(s):
    with s:
        return s.recv(100).startswith(b"VERSION")


def _refused(status, text, *how, **more):
    """It ends with that status, and says that, in one line."""
    got = _ended(_start(*how, **more))
    said = _said()
    assert got == status, (got, said)
    assert said.startswith("ewbd: ") and said.count("\n") == 1, said
    assert text in said, said


if built == "yes":
    def a_service_takes_the_sockets_and_says_when_it_serves_and_when_it_stops():
        (tcp, at), (unix, path), (notify, to) = _tcp(), _unix(), _notify()
        with tcp, unix, notify, socket.socket() as other:
            try:  # whatever is on the port that it would take
                other.bind(("127.0.0.1", 11211))
                other.listen()
            except OSError:
                pass
            pid = _start([tcp.fileno(), unix.fileno()], notify=to)
            assert notify.recv(100) == b"READY=1"
            assert _answers(_connect(at)) and _answers(_connect(path))
            os.kill(pid, signal.SIGTERM)
            assert notify.recv(100) == b"STOPPING=1"
            assert _ended(pid) == 0, _said()
            assert _said() == ""
            # whoever comes now is served by the next one
            first, second = _connect(at), _connect(path)
            pid = _start([unix.fileno(), tcp.fileno()], notify=to)
            assert notify.recv(100) == b"READY=1"
            assert _answers(first) and _answers(second)
            os.kill(pid, signal.SIGTERM)
            assert _ended(pid) == 0, _said()
            assert os.path.exists(path)

    def what_is_said_of_a_port_is_done_too():
        (tcp, at), (notify, to) = _tcp(), _notify()
        with tcp, notify:
            pid = _start([tcp.fileno()], "-l", "127.0.0.2", "-p", "0",
                         "--port-file", place + "/port", notify=to)
            assert notify.recv(100) == b"READY=1"
            with open(place + "/port") as f:
                port = int(f.read())
            assert _answers(_connect(at))
            # the first one's port, for an address without one
            assert port == at[1]
            assert _answers(_connect(("127.0.0.2", port)))
            os.kill(pid, signal.SIGTERM)
            assert _ended(pid) == 0, _said()

    def sockets_of_another_process_are_not_taken():
        (tcp, _), (notify, to) = _tcp(), _notify()
        with tcp, notify:
            pid = _start([tcp.fileno()], "-p", "0", "--port-file",
                         place + "/port", env={"LISTEN_PID": "1"}, notify=to)
            assert notify.recv(100) == b"READY=1"
            with open(place + "/port") as f:
                port = int(f.read())
            assert port != tcp.getsockname()[1]
            assert _answers(_connect(("127.0.0.1", port)))
            os.kill(pid, signal.SIGTERM)
            assert _ended(pid) == 0, _said()

    def what_is_wrong_with_the_sockets_is_said():
        wrong = "not a number of sockets and a process"
        _refused(1, "LISTEN_FDS=x with LISTEN_PID=", [], env={"LISTEN_FDS": "x"})
        _refused(1, wrong, [], env={"LISTEN_FDS": "-1"})
        _refused(1, wrong, [], env={"LISTEN_PID": "me"})
        _refused(1, "not open", [], env={"LISTEN_FDS": "1"})
        with open("/dev/null") as f:
            _refused(1, "listen fd 3: not a socket", [f.fileno()])
        with socket.socket() as s:
            _refused(1, "listen fd 3: it does not listen", [s.fileno()])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            _refused(1, "listen fd 3: not a stream socket", [s.fileno()])
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as s, _tcp()[0] as t:
            _refused(1, "listen fd 4: neither a TCP nor a Unix socket",
                     [t.fileno(), s.fileno()])
else:
    def without_libsystemd_sockets_are_refused():
        with _tcp()[0] as s:
            _refused(1, "without libsystemd", [s.fileno()])

    def without_libsystemd_nobody_is_told_and_that_is_said():
        notify, to = _notify()
        with notify:
            pid = _start([], "-p", "0", "--port-file", place + "/port",
                         env={"LISTEN_PID": "1"}, notify=to)
            while "\n" not in (_said() if os.path.exists(place + "/err") else ""):
                assert os.waitpid(pid, os.WNOHANG) == (0, 0)
            os.kill(pid, signal.SIGTERM)
            assert _ended(pid) == 0, _said()
            assert _said().count("without libsystemd") == 1, _said()


def a_service_does_not_detach():
    with _tcp()[0] as s:
        _refused(1, "--daemon: systemd wants its services in the foreground",
                 [s.fileno()], "-d")
    _refused(1, "--daemon: systemd", [], "-d", env={"LISTEN_PID": "1"},
             notify="/nowhere")


if __name__ == "__main__":
    sys.exit(run_facts(globals()))
