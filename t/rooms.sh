#!/bin/sh
# A room includes itself, the rooms it may know, and ewb/.  Nothing else of ours.
set -u
bad=0
ours='ewb|lib|protocol|cookie|scan|frontend|engines|filters|examples|daemon|kit|t|bench'
includes() {
	grep -rnE --include='*.[ch]' --include='*.def' \
	    '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' "$1"
}
# Those that go up by ".." and come out elsewhere.
escapes() {
	home=$(cd "$1" && pwd -P)
	includes "$1" | grep '[\"<][^\">]*\.\./' | while IFS= read -r line; do
		from=$(dirname "${line%%:*}")
		to=$(echo "$line" | sed 's/.*include[[:space:]]*["<]\([^">]*\)[">].*/\1/')
		case $(cd "$from/$(dirname "$to")" 2>/dev/null && pwd -P)/ in
		"$home"/*) ;;
		*) echo "$line" ;;
		esac
	done
}
room() {
	name=$1 may=$2
	out=$(includes "$srcdir/$name" | grep -E "[\"<]($ours)/" |
	    grep -vE "[\"<]($may)/[^\">]*[\">]"; escapes "$srcdir/$name")
	[ -z "$out" ] || { echo "$name may include $may only:"; echo "$out"; bad=1; }
}
# One that does not exist yet breaks no rule; the others must be found.
room_if_there() {
	[ ! -d "$srcdir/$1" ] || room "$@"
}
for must in lib protocol cookie scan frontend engines filters daemon; do
	[ -d "$srcdir/$must" ] || { echo "no such room: $must"; bad=1; }
done
room_if_there lib      'lib'
room_if_there protocol 'protocol|lib'
room_if_there cookie   'ewb|cookie|protocol|lib'
room_if_there scan     'ewb|scan|cookie|protocol|lib'
room_if_there frontend 'ewb|frontend|cookie|protocol|lib'
room_if_there engines  'ewb|engines'
room_if_there filters  'ewb|filters'
room_if_there examples 'ewb|examples'
room_if_there daemon   'ewb|lib|protocol|cookie|scan|frontend|daemon'
room_if_there kit      'ewb|lib|protocol|cookie|scan|frontend|kit'
# What is installed brings in the two headers that it may, and its own.
out=$(grep -nE '^[[:space:]]*#[[:space:]]*include' "$srcdir"/include/ewb/*.h |
    grep -vE '<(stddef\.h|stdint\.h|ewb/[a-z_]*\.h)>')
[ -z "$out" ] || { echo "ewb/ may include stddef.h and stdint.h only:"; echo "$out"; bad=1; }
exit $bad
