#!/bin/sh
# The protocols of the cookie and of the stream hold, and each bug that is
# planted in their models is found.  Skipped where spin is missing.
set -u
command -v spin >/dev/null || { echo "spin is not installed"; exit 77; }
models=$(cd "$srcdir/t/model" && pwd)
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp" || exit 1
bad=0

# errors MODEL FLAGS...: how many pan found
errors() {
	model=$1
	shift
	spin -a "$@" "$models/$model.pml" >spin.log 2>&1 || { cat spin.log; exit 1; }
	${CC:-cc} -O2 -o pan pan.c 2>cc.log || { cat cc.log; exit 1; }
	./pan -m1000000 >pan.log 2>&1
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

# holds MODEL FLAGS...
holds() {
	e=$(errors "$@")
	echo "$*: errors $e, $(awk '/states, stored/{print $1}' pan.log) states"
	[ "$e" = 0 ] || { bad=1; grep -E 'assertion|invalid|depth' pan.log; }
}

# breaks MODEL FLAGS...
breaks() {
	e=$(errors "$@")
	echo "$*: $(sed -n 's/^pan:1: //p' pan.log | grep . || echo 'NOT FOUND')"
	[ "$e" != 0 ] || bad=1
}

. "$models/list.sh"
exit $bad
