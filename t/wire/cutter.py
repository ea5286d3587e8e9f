# SPDX-License-Identifier: BSD-2-Clause
"""Connections that do not last.

    cutter.py PORT OWN BYTES [FIRST GO]

Takes connections, one after another, and writes the port for them into the file or
FIFO OWN; passes them on to the server at the port that the file PORT names at that
moment, and cuts each when so many bytes have come from there.  After the first cut it
writes a line to the FIFO FIRST, and goes on when there is one in GO.
"""

import socket
import sys
import threading


def requests(client, server):
    """What the client says goes on until either end is gone."""
    try:
        while part := client.recv(65536):
            server.sendall(part)
        server.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def pass_on(client, server, n):
    """True: it was cut."""
    threading.Thread(target=requests, args=(client, server), daemon=True).start()
    try:
        while n and (part := server.recv(min(n, 65536))):
            client.sendall(part)
            n -= len(part)
    except OSError:
        pass
    for s in (client, server):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()
    return n == 0


def main(port_file, own, n, *fifos):
    listener = socket.create_server(("127.0.0.1", 0))
    with open(own, "w", encoding="ascii") as f:
        print(listener.getsockname()[1], file=f)
    while True:
        client = listener.accept()[0]
        with open(port_file, encoding="ascii") as f:
            port = int(f.read())
        server = socket.create_connection(("127.0.0.1", port))
        if pass_on(client, server, int(n)) and fifos:
            with open(fifos[0], "w", encoding="ascii") as f:
                print("cut", file=f)
            with open(fifos[1], encoding="ascii") as f:
                f.readline()
            fifos = ()


if __name__ == "__main__":
    main(*sys.argv[1:])
