#!/bin/sh
# Nothing is global: a process may hold several servers.  What may be written
# and belongs to no object is listed here, with why.
set -u
case ${SANITIZER:-no} in
no | '') ;;
*) echo "a sanitizer's own variables are among them"; exit 77 ;;
esac
command -v objdump >/dev/null || { echo "no objdump"; exit 77; }
# cookie/slot.c: slots of cookies are process-wide and never given back.
# lib/roles.c: a name for clang's thread checks, never written.
allowed=' lock free_slots blocks blames ewb_front_role '
bad=0
for r in lib protocol cookie scan frontend; do
	room=$r/.libs/libroom.a
	[ -e "$room" ] || room=$r/libroom.a
	[ -e "$room" ] || { echo "no $room"; bad=1; continue; }
	for v in $(objdump -t "$room" | awk '
	    / d / { next }
	    $0 ~ /[ \t](\.data|\.bss|\.tdata|\.tbss|\*COM\*)[ \t]/ ||
	    $0 ~ /[ \t]\.(data|bss)\.[^r]/ { print $NF }'); do
		case $allowed in
		*" $v "*) ;;
		*) echo "$r: $v is global"; bad=1 ;;
		esac
	done
done
exit $bad
