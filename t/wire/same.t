#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whatever it is said, ewbd answers what memcached answers: SAME_COMMANDS of them
# (200 000), three of five in text and the others binary, out of SAME_SEED (one of
# this run's own).  With SAME_COVERAGE=1 it says what was answered how often.
. "${srcdir:-.}/t/wire/lib.sh"
needs memcached
needs $python
commands=${SAME_COMMANDS:-200000} seed=${SAME_SEED:-$RANDOM$RANDOM}
[ "${SANITIZER:-no}" = no ] || commands=$((commands / 10))

start ours "$(engine memory)"
ours=$port ours_pid=$pid
memcached_there -m 1024
same() { "$python" -B "$here/$1.py" "$theirs" "$ours" "$seed" "$2"; }
text=$((commands * 3 / 5)) binary=$((commands * 2 / 5))
fact "$text commands of seed $seed are answered alike" same same $text
fact "$binary binary ones, too" same same_binary $binary
fact "ewbd ends well" stop_well ours "$ours_pid"
end
