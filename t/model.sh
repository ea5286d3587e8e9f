#!/bin/sh
# The protocols of the cookie, of the stream and of a key's lock hold, and each
# bug that is planted in their models is found.  Skipped where spin is missing.
set -u
command -v spin >/dev/null || { echo "spin is not installed"; exit 77; }
[ "${SANITIZER:-no}" = no ] || {
	echo "the models are the same under a sanitizer"
	exit 77
}
models=$(cd "$srcdir/t/model" && pwd)
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp" || exit 1

# There compiling takes longer than searching: tcc is quick, -O0 does.
command -v tcc >/dev/null && cc=tcc || cc="${CC:-cc} -O0"

# What is searched whole has millions of states, a bug is found in thousands.
slots=22
# search HOW MODEL FLAGS...: builds pan, lets it search: pan.log, $errors.
search() {
	how=$1 model=$2
	shift 2
	errors=
	: >pan.log
	spin -a "$@" "$models/$model.pml" >spin.log 2>&1 ||
		{ cat spin.log; return; }
	$cc -D$how -DMEMLIM=2000 -o pan pan.c >cc.log 2>&1 ||
		{ cat cc.log; return; }
	case $how in
	NP) set -- -l -m100000 -w22 ;;
	*) set -- -m10000 -w$slots ;; # they are 200 deep
	esac
	./pan "$@" >pan.log 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
}

# clean WHAT HOW MODEL FLAGS...: it was searched whole, and nothing was found.
clean() {
	what=$1 how=$2
	shift 2
	search $how "$@"
	states=$(awk '/states, stored/ { print $1 }' pan.log)
	if [ "$errors" = 0 ] &&
		! grep -q 'depth too small\|not completed' pan.log; then
		echo "$*: $what, $states states"
		touch ok
	else
		echo "$*: NOT SO, $states states"
		grep -E 'pan:|depth|not completed' pan.log
	fi
}

# found HOW MODEL FLAGS...: something is wrong, and it was found.
found() {
	how=$1 slots=18
	shift
	search $how "$@"
	what=$(sed -n 's/^pan:1: //p' pan.log)
	if [ "${errors:-0}" != 0 ] && [ "$what" ]; then
		echo "$*: $what"
		touch ok
	else
		echo "$*: NOT FOUND"
	fi
}

# The words of model/list.sh.  holds: nothing asserted is violated, and nobody
# waits for ever.  ends: nor does anybody go on for ever.  breaks, spins: it is.
holds() { claim && (cd "$tmp/$n" && clean holds SAFETY "$@" >out); }
ends() { claim && (cd "$tmp/$n" && clean ends NP "$@" >out); }
breaks() { claim && (cd "$tmp/$n" && found SAFETY "$@" >out); }
spins() { claim && (cd "$tmp/$n" && found NP "$@" >out); }

# Two lanes go through the list; each does what the other has not begun.
claim() {
	n=$((n + 1))
	mkdir "$tmp/$n" 2>/dev/null
}
lane() {
	n=0
	. "$models/list.sh"
	echo $n >"$tmp/count"
}
lane &
lane &
wait

bad=0 i=0
while [ $i -lt "$(cat "$tmp/count")" ]; do
	i=$((i + 1))
	cat "$tmp/$i/out"
	[ -e "$tmp/$i/ok" ] || bad=1
done
[ $i -gt 0 ] || bad=1
exit $bad
