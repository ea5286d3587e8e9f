#!/bin/sh
# What libewb exports is what ewb.syms lists, no more and no less.
set -eu
lib=.libs/libewb.so
[ -e "$lib" ] || exit 77
listed=$(sed -n 's/^[[:space:]]*\(ewb_[a-z0-9_]*\);.*/\1/p' "$srcdir/ewb.syms" | sort)
exported=$(nm -D --defined-only "$lib" |
    awk '$2 ~ /^[TDBRW]$/ && $3 !~ /^_(init|fini)$/ { sub(/@.*/, "", $3); print $3 }' | sort)
[ "$listed" = "$exported" ] || {
	echo "listed:"; echo "$listed"; echo "exported:"; echo "$exported"; exit 1
}
