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
# same_options NAME PROGRAM BUT: what --help has the page has, and the other way
# round, but for these.
options() { grep -oE -e '(^|[ ,|[])--?[a-zA-Z][a-zA-Z-]*' | tr -d ' ,|[' | sort -u; }
same_options() {
	page=$srcdir/doc/$1.1
	"$2" --help | grep -E '^ +-' | sed 's/^\( *-[^ ]*\( -[^ ]*\)*\( [A-Z][A-Z=]*\)*\)  .*/\1/' | options >help.options
	sed -n '/^\.Sh DESCRIPTION/,/^\.Sh EXIT/s/^\.It Fl //p' "$page" |
	    sed -e 's/ , Fl /\n/g' | sed -e 's/ .*//' -e 's/\\//g' -e 's/^/-/' | sort -u >page.options
	[ -s help.options ] || lacks "$1 --help" options
	for o in $(comm -23 help.options page.options); do lacks "$1.1" "$o"; done
	for o in $(comm -13 help.options page.options); do
		case " $3 " in *" $o "*) ;; *) lacks "$1 --help" "$o" ;; esac
	done
	rm -f help.options page.options
}
same_options ewbd daemon/ewbd ''
same_options ewbctl daemon/ewbctl '--help --seed -V -h'
same_options ewb-engine-new kit/ewb-engine-new ''
if command -v mandoc >/dev/null; then
	mandoc -Tlint -Wwarning "$srcdir"/doc/*.[1-9] || bad=1
fi
exit $bad
