#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages are well-formed, and have every counter and every function
# that an engine may call.
set -u
bad=0
lacks() { echo "$1 does not have $2"; bad=1; }

for name in $(sed -n 's/^EWB_COUNTER(\([a-z_]*\),.*/\1/p' "$srcdir/cookie/counters.def"); do
	grep -q "^\.It Cm.*\b$name\b" "$srcdir/doc/ewbd.1" || lacks ewbd.1 "$name"
done
for name in $(sed -n 's/^EWB_CAUSE(\([a-z_]*\),.*/scans_\1/p' "$srcdir/scan/causes.def"); do
	grep -q "^\.It Cm.*\b$name\b" "$srcdir/doc/ewbd.1" || lacks ewbd.1 "$name"
done
for name in $(grep -o '\bewb_[a-z_]*(' "$srcdir/include/ewb/engine.h" | tr -d '(' | sort -u); do
	[ "$name" = ewb_engine_entry ] ||
	    grep -q "^\.Fn $name\b" "$srcdir/doc/ewb-engine.3" || lacks ewb-engine.3 "$name"
done
if command -v mandoc >/dev/null; then
	mandoc -Tlint -Wwarning "$srcdir"/doc/*.[1-9] || bad=1
fi
exit $bad
