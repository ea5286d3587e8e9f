# SPDX-License-Identifier: BSD-2-Clause
"""A client of an engine that misbehaves: keeps in mind what each key may have,
and says what it saw.  Argument: the port.  An answer may be an error; a value
that was never stored under that key, or a reply to something else, is none, and
then the status is 1."""

import collections
import socket
import sys

seen = collections.Counter()
wrong = []
GONE = None


class Client:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.f = self.s.makefile("rb")

    def line(self, command):
        self.s.sendall(command)
        answer = self.f.readline()
        if not answer.endswith(b"\r\n"):
            wrong.append(f"{command!r}: the connection ended")
            sys.exit(say())
        return answer[:-2]

    def get(self, key):
        """A value, GONE, or an error's line as a str."""
        line = self.line(b"get %s\r\n" % key)
        if line == b"END":
            return GONE
        if not line.startswith(b"VALUE "):
            return line.decode()
        name, size = line.split()[1], int(line.split()[3])
        value = self.f.read(size + 2)[:-2]
        if name != key:
            wrong.append(f"get {key}: it is of {name}")
        if self.f.readline() != b"END\r\n":
            wrong.append(f"get {key}: no END")
        return value


def is_error(line):
    return line.startswith((b"SERVER_ERROR", b"CLIENT_ERROR"))


def note(what, text):
    seen[f"{what}: {text}"] += 1


def mutate(client, what, command, may, good):
    """may: what the key may have now; good: by answer, what it has then.  An
    error leaves both possible."""
    line = client.line(command)
    if is_error(line):
        note(what, line.decode())
        return may | {v for values in good.values() for v in values}
    if line not in good:
        wrong.append(f"{command!r}: {line!r}")
        return may
    note(what, "ok")
    return good[line]


def check(client, key, may):
    got = client.get(key)
    if isinstance(got, str):
        note("get", got)
    elif got in may:
        note("get", "ok")
    else:
        wrong.append(f"get {key}: {got} is none of {may}")


def more(may):
    """What a number may be after an increment."""
    return {v if v is GONE else b"%d" % (int(v) + 1) for v in may}


def play(client, n):
    key = b"key%d" % n
    first, second = b"%d" % (n * 1000), b"%d" % (n * 1000 + 500)
    may = mutate(client, "set", b"set %s 0 0 %d\r\n%s\r\n"
                 % (key, len(first), first), {GONE}, {b"STORED": {first}})
    check(client, key, may)
    after = more(may)
    good = {v or b"NOT_FOUND": {v} for v in after}
    may = mutate(client, "incr", b"incr %s 1\r\n" % key, may, good)
    check(client, key, may)
    may = mutate(client, "set", b"set %s 0 0 %d\r\n%s\r\n"
                 % (key, len(second), second), may, {b"STORED": {second}})
    check(client, key, may)
    may = mutate(client, "delete", b"delete %s\r\n" % key, may,
                 {b"DELETED": {GONE}} |
                 ({b"NOT_FOUND": {GONE}} if GONE in may else {}))
    check(client, key, may)


def say():
    for text, n in sorted(seen.items()):
        print(f"{n:5} {text}")
    for text in wrong:
        print("WRONG", text)
    return 1 if wrong else 0


def main():
    client = Client(int(sys.argv[1]))
    for n in range(1, 1 + int(sys.argv[2])):
        play(client, n)
    line = client.line(b"flush_all\r\n")
    note("flush_all", "ok" if line == b"OK" else line.decode())
    return say()


if __name__ == "__main__":
    sys.exit(main())
