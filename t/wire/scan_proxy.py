# SPDX-License-Identifier: BSD-2-Clause
"""Stands between a client and a server, passes everything on, and checks each frame of
range scans on its way.  Arguments: the server's port, its vbuckets, and a file into
which its own port is written.  When its standard input ends it says what it has seen;
the status is 1 if anything was wrong."""

import re
import socket
import sys
import threading

from scan_check import NAMES, Checker, read_frame

UPSTREAM, VBUCKETS = int(sys.argv[1]), int(sys.argv[2])
CONFIG, ELSEWHERE = 0xb5, 7
wrong, seen, checkers = [], set(), []
listener = socket.create_server(("127.0.0.1", 0))
PORT = listener.getsockname()[1]


def _with_this_port(f):
    """The configuration of the cluster names this one, or who reads it would go past."""
    body = re.sub(rb'("kv": *)%d\b' % UPSTREAM, rb"\g<1>%d" % PORT, f.body)
    return f.head[:8] + len(body).to_bytes(4, "big") + f.head[12:] + body


def _pass_on(checker, from_socket, to, check, change):
    from_file = from_socket.makefile("rb")
    try:
        while (f := read_frame(from_file.read)) is not None:
            with checker.lock:
                check(f)
            to.sendall(change(f))
    except (OSError, ValueError):
        pass  # one of them has gone
    except Exception as e:  # what is wrong is for the end
        wrong.append(repr(e))
    for s in (to, from_socket):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _pass_text(source, to):
    while data := source.recv(65536):
        to.sendall(data)
    to.shutdown(socket.SHUT_WR)


def _serve(client):
    server = socket.create_connection(("127.0.0.1", UPSTREAM))
    if client.recv(1, socket.MSG_PEEK).isalpha():
        for pair in ((client, server), (server, client)):
            threading.Thread(target=_pass_text, args=pair, daemon=True).start()
        return
    checker = Checker(VBUCKETS, seen)
    checker.lock = threading.Lock()
    checkers.append(checker)
    as_it_is = lambda f: f.head + f.body  # noqa: E731
    here = (lambda f: _with_this_port(f) if f.opcode == CONFIG or f.status == ELSEWHERE
            else as_it_is(f))
    for args in ((client, server, checker.request, as_it_is),
                 (server, client, checker.answer, here)):
        threading.Thread(target=_pass_on, args=(checker, *args), daemon=True).start()


def _accept():
    while True:
        client = listener.accept()[0]
        threading.Thread(target=_serve, args=(client,), daemon=True).start()


threading.Thread(target=_accept, daemon=True).start()
with open(sys.argv[3], "w") as f:
    f.write("%d\n" % PORT)
sys.stdin.read()
for text in wrong:
    print("wrong:", text)
print("frames %d, records %d, statuses %s" % (
    sum(c.frames for c in checkers), sum(c.nrecords for c in checkers),
    ", ".join(sorted("%s %02x" % (NAMES[op], s) for op, s in seen))))
sys.exit(bool(wrong))
