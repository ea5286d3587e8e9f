#!/bin/sh
# What libewb exports is what ewb.syms lists, no more and no less; and that is
# what the installed headers declare.
set -eu
lib=.libs/libewb.so
[ -e "$lib" ] || exit 77
listed=$(sed -n 's/^[[:space:]]*\(ewb_[a-z0-9_]*\);.*/\1/p' "$srcdir/ewb.syms" | sort)
exported=$(nm -D --defined-only "$lib" |
    awk '$2 ~ /^[TDBRW]$/ && $3 !~ /^_(init|fini)$/ { sub(/@.*/, "", $3); print $3 }' | sort)
[ "$listed" = "$exported" ] || {
	echo "listed:"; echo "$listed"; echo "exported:"; echo "$exported"; exit 1
}
declared=$(sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' "$srcdir"/include/ewb/*.h |
    grep -oE '\bewb_[a-z0-9_]+\(' | tr -d '(' |
    grep -vx ewb_engine_entry | sort -u) # that one is the engine's
[ "$listed" = "$declared" ] || {
	echo "listed:"; echo "$listed"; echo "declared:"; echo "$declared"; exit 1
}
