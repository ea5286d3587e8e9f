#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Pings beside four scans of a million records, all on one connection.
#
#     bench/pings.sh BUILDDIR [option of load...]    load -h lists them
#
# EWBD_OPTIONS and EWBD_ENGINE say which server.
set -u
build=$(cd "$1" && pwd) || exit 1
shift
dir=$(mktemp -d) || exit 1
mkfifo "$dir/port"
# shellcheck disable=SC2086 # words
"$build/daemon/ewbd" -p 0 --port-file "$dir/port" --vbuckets 1 \
    ${EWBD_OPTIONS-} ${EWBD_ENGINE-"$build/engines/.libs/memory.so"} &
pid=$!
status=1
if read -r port <"$dir/port"; then
	"$build/bench/load" -p "$port" -P bin -c 4 -d 64 -L -k 1000000 -v 100 -l fill &&
	    "$build/bench/load" -M pings -p "$port" -S "$pid" -c 4 -w 1 -t 10 -l pings "$@"
	status=$?
fi
kill -TERM "$pid"
wait "$pid" || status=1
rm -rf "$dir"
exit $status
