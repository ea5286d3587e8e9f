#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A client that has asked for no order: gets, scans and noops on one connection.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

start memory --vbuckets 1 --high 65536 "$(engine memory)"
"$python" -B "$here/unordered.py" "$port" scans || failed=1
stop "$pid"
fact "the server ends well" test $? = 0

start slow-blocking "$(engine slow-blocking)" delay=5ms every=2
"$python" -B "$here/unordered.py" "$port" gets || failed=1
stop "$pid"
fact "that of slow-blocking too" test $? = 0
end
