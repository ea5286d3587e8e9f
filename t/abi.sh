#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# t/abi/ewb/engine.h is this release's header, frozen.  The one in include/ may
# have more at the end of things, and is else the same: so every engine that was
# compiled against the frozen one loads for ever.
#
# Until the release it may be frozen anew, when something was added:
#     cp include/ewb/engine.h t/abi/ewb/engine.h
# After it, never: a change that this test finds is for another EWB_ABI.
set -eu
export LC_ALL=C
python=/usr/bin/python3
[ -x $python ] || { echo "no $python"; exit 77; }
root=$(cd "$srcdir" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
# kept HEADER-DIRECTORY: are the promises kept by that one?
kept() {
	${CC:-cc} -std=gnu11 -Wall -Werror -Wno-unused -I"$1" -fsyntax-only promises.c
}
$python -B "$root/t/abi/compare.py" "$root/t/abi/ewb/engine.h" ${CC:-cc} >promises.c
kept "$root/include"

# It would find what must not be: each is a change that looks harmless.
mkdir -p other/ewb
bad=0
finds() {
	sed "$1" "$root/t/abi/ewb/engine.h" >other/ewb/engine.h
	if cmp -s other/ewb/engine.h "$root/t/abi/ewb/engine.h"; then
		echo "nothing was changed by $1"; bad=1
	elif kept other 2>found; then
		echo "not found: $1"; bad=1
	elif ! grep -q "$2" found; then
		echo "found otherwise: $1"; cat found; bad=1
	fi
}
finds 's/^\tuint32_t can;/\tuint32_t more, can;/' 'struct ewb_engine: can is elsewhere'
finds 's/^\tuint32_t max_key;.*/\tint32_t max_key;/' 'max_key is elsewhere, or of another type'
finds 's/EWB_RANGE = 0x22/EWB_RANGE = 0x23/' 'EWB_RANGE is another value'
finds 's/^\tEWB_EXPECT_ANY,/\tEWB_EXPECT_NEW, EWB_EXPECT_ANY,/' 'EWB_EXPECT_ANY is another value'
finds 's/^#define EWB_CAN_FLAGS 4u/#define EWB_CAN_FLAGS 16u/' 'EWB_CAN_FLAGS is another value'
finds 's/^\tuint64_t word;/\tuint64_t word, more;/' 'struct ewb_ticket has no room to grow'
finds 's/^int ewb_cancelled(struct ewb_ticket t)/long ewb_cancelled(struct ewb_ticket t)/' 'conflicting types'
finds 's/^typedef void (\*ewb_work_fn)(struct ewb_task \*t,/typedef int (*ewb_work_fn)(struct ewb_task *t,/' 'ewb_work_fn is another type'
finds 's/^void \*ewb_stream_reserve(struct ewb_cookie \*c, size_t n)/void *ewb_stream_reserve(struct ewb_cookie *c, int n)/' 'conflicting types'

# And lets pass what may be.
sed -e '/^\tenum ewb_status (\*vbucket)(/,/;$/s/;$/;\n\tvoid (*added)(void);/' \
    -e 's/^\tEWB_END = 0x10004/&, EWB_ADDED/' "$root/t/abi/ewb/engine.h" >other/ewb/engine.h
grep -q EWB_ADDED other/ewb/engine.h && grep -q '(\*added)' other/ewb/engine.h
kept other || { echo "what is added at the end is no change"; bad=1; }
exit $bad
