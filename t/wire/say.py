# SPDX-License-Identifier: BSD-2-Clause
"""Says the text (with \\r, \\n and \\xNN) to a server at PORT, and no more, and
prints what it answers."""

import socket
import sys

s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=120)
s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
s.shutdown(socket.SHUT_WR)
while part := s.recv(65536):
    sys.stdout.buffer.write(part)
