#!/bin/sh
# A room, taken whole, links with the rooms it may know alone.
set -eu
case ${SANITIZER:-no} in
no | '') ;;
*) echo "a sanitizer's own symbols are not there to link with"; exit 77 ;;
esac
room() {
	whole=$1/.libs/libroom.a
	[ -e "$whole" ] || whole=$1/libroom.a
	shift
	below=
	for r; do below="$below $r/.libs/libroom.a"; done
	# shellcheck disable=SC2086 # lists of words
	$CC -shared -o /dev/null -Wl,-z,defs \
	    -Wl,--whole-archive "$whole" -Wl,--no-whole-archive $below \
	    -pthread -lm $LIBEV_LIBS $CRYPTO_LIBS $DEFLATE_LIBS $JSONC_LIBS ||
	    { echo "$whole reaches above itself"; exit 1; }
}
room lib
room protocol lib
room cookie   protocol lib
room scan     cookie protocol lib
room frontend cookie protocol lib
