#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A storm of 10 000 connections, more than the server takes at a time, while
# others are served.
#
#     bench/storm.sh BUILDDIR [option of storm...]    storm -h lists them
#
# EWBD_OPTIONS and EWBD_ENGINE say which server.
set -u
build=$(cd "$1" && pwd) || exit 1
shift
ulimit -n "$(ulimit -Hn)"
dir=$(mktemp -d) || exit 1
mkfifo "$dir/port"
# shellcheck disable=SC2086 # words
"$build/daemon/ewbd" -p 0 --port-file "$dir/port" -c 8000 -b 4096 \
    ${EWBD_OPTIONS-} ${EWBD_ENGINE-"$build/engines/.libs/memory.so"} &
pid=$!
status=1
if read -r port <"$dir/port"; then
	"$build/bench/storm" -p "$port" -P "$pid" "$@"
	status=$?
fi
kill -TERM "$pid"
wait "$pid" || status=1
rm -rf "$dir"
exit $status
