#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages are well-formed, and have every counter, every function, every
# engine and filter with its parameters; and what refers to a page, finds it.
set -u
case ${SANITIZER:-no} in
no | '') ;;
*)
	echo "the pages are the same with a sanitizer"
	exit 77
	;;
esac
bad=0
lacks() { echo "$1 does not have $2"; bad=1; }

for name in $(sed -n 's/^EWB_COUNTER(\([a-z_]*\),.*/\1/p' "$srcdir/cookie/counters.def"); do
	grep -q "^\.It Cm.*\b$name\b" "$srcdir/doc/ewbd.1" || lacks ewbd.1 "$name"
done
for name in $(sed -n 's/^EWB_CAUSE(\([a-z_]*\),.*/scans_\1/p' "$srcdir/scan/causes.def"); do
	grep -q "^\.It Cm.*\b$name\b" "$srcdir/doc/ewbd.1" || lacks ewbd.1 "$name"
done
pages=$(cd "$srcdir/doc" && echo *.[1-9])

# Every public function: the prototype in one page of section 3, and no more.
synopsis() { sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Fn \([a-z_]*\).*/\1/p' "$1"; }
for page in "$srcdir"/doc/*.3; do synopsis "$page" | sort -u; done >docs.prototypes
for name in $(cat "$srcdir"/include/ewb/*.h | grep -o '\bewb_[a-z_]*(' | tr -d '(' | sort -u); do
	[ "$name" = ewb_engine_entry ] || case $(grep -cx "$name" docs.prototypes) in
	0) lacks "the SYNOPSIS of a page of section 3" "$name" ;;
	1) said=$(grep -l "^\.Fn $name " "$srcdir"/doc/*.3)
	   grep -q "^\.It Fn\( .*\)* $name\b" $said || lacks "$said" "what $name does" ;;
	*) echo "$name has a prototype in more than one page"; bad=1 ;;
	esac
done
rm -f docs.prototypes

# What ewb-check-engine names as the place of a rule is in ewb-engine(3).
sed -n 's/^ *"\([^"]*\)")$/\1/p; s/^.*", "\([^"]*\)")$/\1/p' "$srcdir/kit/checks.def" |
    sed 's/^struct \([a-z_]*\), .*/struct \1/; s/, /\n/g; s/()//g' | sort -u >docs.places
[ -s docs.places ] || lacks checks.def places
while read -r place; do
	grep -qE "^\.(It (Fa|Fn|Dv|Vt)( .*)? $place( |$)|S[sh] $place\$)" "$srcdir/doc/ewb-engine.3" ||
	    lacks ewb-engine.3 "$place, which ewb-check-engine names"
done <docs.places
rm -f docs.places

# plugins LIST: the names of those that are installed.
plugins() { sed -n "/^$1_LTLIBRARIES/,/[^\\\\]\$/p" "$srcdir/${1}s/room.am" | grep -o '[a-z-]*\.la' | sed 's/\.la$//'; }
# A parameter that there is not is refused with the list of those that there are.
known() { sed -n 's/.*no parameter no_such; it knows: //p'; }
# described PAGE PREFIX KEYS
described() {
	[ -n "$3" ] || lacks "the answer to $1" "the list of parameters"
	for key in $3; do
		grep -q "^\.It Cm $2$key=" "$srcdir/doc/$1" || lacks "$1" "$2$key"
	done
}
for name in $(plugins engine); do
	case " $pages " in
	*" ewb-$name.7 "*) page=ewb-$name.7 ;;
	*" ewbd-$name.1 "*) page=ewbd-$name.1 ;; # one on a library
	*) lacks doc "ewb-$name.7"; continue ;;
	esac
	[ -e "engines/$name.la" ] || continue # the library is not there
	described "$page" '' "$(daemon/ewbd -p 0 --engines engines/.libs "$name" no_such=1 2>&1 | known)"
done
for name in $(plugins filter); do
	case " $pages " in *" ewb-filter-$name.7 "*) ;; *) lacks doc "ewb-filter-$name.7"; continue ;; esac
	described "ewb-filter-$name.7" "$name-" "$(daemon/ewbd -p 0 --engines engines/.libs \
	    --filters filters/.libs --filter "$name" memory "$name-no_such=1" 2>&1 | known)"
done
[ -n "$(plugins engine)" ] && [ -n "$(plugins filter)" ] || lacks room.am plugins

# Pages that are named are there, and those that are there are installed.
named() {
	sed -n -e 's/^\.Xr \(ewb[a-z-]*\) \([1-9]\).*/\1.\2/p' \
	    -e 's/.* Xr \(ewb[a-z-]*\) \([1-9]\).*/\1.\2/p' "$srcdir"/doc/*.[1-9]
	cat "$srcdir/README.md" "$srcdir/NEWS" "$srcdir"/doc/*.[1-9] "$srcdir"/doc/*.md \
	    "$srcdir"/include/ewb/*.h "$srcdir"/kit/*.* "$srcdir"/filters/*.c "$srcdir"/filters/*/*.c \
	    "$srcdir"/engines/*/*.c "$srcdir"/examples/*.* |
	    grep -o '\bewb[a-z-]*([1-9])' | sed 's/(\(.\))/.\1/'
}
for page in $(named | sort -u); do
	case " $pages " in *" $page "*) ;; *) lacks doc "$page, which is referred to" ;; esac
done
for page in $pages; do
	grep -qE "(%D%|doc)/$page( |\$)" "$srcdir/doc/room.am" "$srcdir/kit/check.am" ||
	    lacks dist_man_MANS "$page"
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
