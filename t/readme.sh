#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The engine in the README is examples/tiny.c, to the letter, without the
# comment at its top.
set -eu
quoted=$(sed -n '/^```c$/,/^```$/p' "$srcdir/README.md" | sed '1d;$d')
file=$(sed '1,/^$/d' "$srcdir/examples/tiny.c")
[ -n "$file" ] || { echo "examples/tiny.c has no code"; exit 1; }
[ "$quoted" = "$file" ] || {
	echo "README.md has:"; echo "$quoted"
	echo "examples/tiny.c has:"; echo "$file"
	exit 1
}
