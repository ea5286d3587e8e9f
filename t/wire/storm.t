#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A storm of connections, more than are taken at a time, idle, slow, deaf, with
# requests that are too large, half closed and reset: who was there before is
# served, memory is bounded, and nothing is left of it.  bench/storm.c is the
# storm; no condition is on how long anything takes.
. "${srcdir:-.}/t/wire/lib.sh"
[ "${SANITIZER:-no}" = no ] || skip "its bounds are those of an ordinary build"
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 700 ] || skip "there are too few descriptors"
storm=$build/bench/storm
grow=50
# --no-progress: of a deaf one the network may lose the end, too

start storm -t 2 -c 140 --no-progress 3 --buffer-memory 16M "$(engine memory)"
fact "others are served in a storm, and it leaves nothing" \
    "$storm" -p "$port" -P "$pid" -n 330 -c 4 -r 0 -g 1000 -t 0 -x 200 -d 20 \
    -m $grow -k $grow
fact "its server ends well" stop_well storm "$pid"
end
