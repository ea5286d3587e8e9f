#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# doc/first-engine.md tells the truth: its commands, run one after another with
# what is installed, print what stands there.
. "${srcdir:-.}/t/kit/lib.sh"
needs nc
text=$(cd "$srcdir" && pwd)/doc/first-engine.md
mkdir "$dir/reader" && cd "$dir/reader" || exit 1
sed -n '/^```c$/,/^```$/p' "$text" | sed '1d;$d' >mine.c
cc() { $CC $CFLAGS -Wextra -Werror "$@"; }

# What is left when something goes wrong.
trap '[ ! -s pid ] || kill "$(cat pid)" 2>/dev/null; clean' EXIT

# run COMMAND EXPECTED: in this shell, for what it exports.
run() {
	eval "$1" >../printed 2>&1 </dev/null || { cat ../printed; return 1; }
	[ "$(cat ../printed)" = "$2" ] && return
	echo "it prints:"; cat ../printed
	echo "the text says:"; echo "$2"
	return 1
}
ran=0
try() {
	[ -z "$command" ] && return
	fact "$command" run "$command" "${expected%$'\n'}"
	ran=$((ran + 1))
	# it may be ending just now, and take its file away
	[ ! -s pid ] || daemon=$(cat pid 2>/dev/null || echo "$daemon")
}
command='' expected=''
while IFS= read -r line; do
	case $line in
	'    $ '*) try; command=${line#'    $ '} expected='' ;;
	'    '*) expected+=${line#    }$'\n' ;;
	*) try; command='' expected='' ;;
	esac
done <"$text"
try
fact "those were all" test $ran = "$(grep -c '^    \$ ' "$text")" -a $ran -ge 9
fact "the server that it left has ended" \
    timeout $enough tail --pid="${daemon:-0}" -f /dev/null
end
