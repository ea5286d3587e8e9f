# SPDX-License-Identifier: BSD-2-Clause
"""ewbctl passwd on a terminal.  Arguments: the program, a file that is not there."""

import os
import pty
import stat
import sys
import termios

program, path = sys.argv[1:3]
PROMPTS = b"New password of alice: ", b"The same again, of alice: "


def typed(*lines):
    """Its exit status and all that was seen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(program, [program, "passwd", "--rounds", "4096", path, "alice"])
    seen = b""
    try:
        for prompt, line in zip(PROMPTS, lines):
            while not seen.endswith(prompt):
                seen += os.read(fd, 1000)
            # what is typed before it is asked for is thrown away
            while termios.tcgetattr(fd)[3] & termios.ECHO:
                pass
            os.write(fd, line)
        while True:
            seen += os.read(fd, 1000)
    except OSError:
        pass  # it has ended
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen


status, seen = typed(b"hush-hush\n", b"hush-hash\n")
assert status == 1 and b"the two are not the same" in seen, seen
status, seen = typed(b"\x03")
assert status == 1 and not os.path.exists(path), seen
status, seen = typed(b"hush-hush\n", b"hush-hush\n")
assert status == 0 and b"hush" not in seen, seen
assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
