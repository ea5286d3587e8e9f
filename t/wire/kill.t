#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Killed at any moment, on a disk that forgets what was not synced, an engine that
# keeps data has all that it acknowledged when it is started anew, whole, and
# nothing else.  bench/kill does the same for as long as one likes.
. "${srcdir:-.}/t/wire/lib.sh"
case ${SANITIZER:-no} in
*thread*) skip "what is put before libc is put before the sanitizer, too" ;;
no | '') kills=5 ;;
*) kills=2 ;;
esac
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"
export TMPDIR=$dir

# killed ENGINE OPTION...: what is kept there survives.
killed() {
	timeout -k 1 $enough "$build/t/disk/kill" --build "$build" --seed "$seed" \
	    --quick --kills $kills --acks 300 --engine "$@" >"$dir/out" 2>&1 && return
	cat "$dir/out"
	return 1
}
# lost ENGINE OPTION...: with a sync that does nothing something is lost, and
# that is found, or an engine refuses to open what is left.
lost() {
	timeout -k 1 $enough "$build/t/disk/kill" --build "$build" --seed "$seed" \
	    --quick --kills 20 --acks 300 --forget all --lie --engine "$@" >"$dir/out" 2>&1
	[ $? = 1 ] && grep -qE '^FAILED: .*(acknowledged|the server did not start)' "$dir/out" && return
	cat "$dir/out"
	return 1
}
# With a sanitizer the test itself need not be tried, too.
caught() {
	[ $kills -lt 5 ] || fact "if its syncs did nothing, that would be found" lost "$@"
}

fs=$(engine examples/fs)
fact "fs has what it acknowledged" killed "$fs" --at dir
caught "$fs" --at dir
if [ -e "$(engine lmdb)" ]; then
	fact "lmdb has what it acknowledged" killed lmdb
	caught lmdb
fi
if [ -e "$(engine rocksdb)" ]; then
	without_leaks
	# with sync=commit a log that has holes before its end is opened when one says so
	fact "rocksdb has what it acknowledged" killed rocksdb --forget cut memtable=1M
	fact "also where the end of its log has holes" \
	    killed rocksdb recovery=point-in-time
	caught rocksdb
	fact "with a sync now and then, too" killed rocksdb --prefix sync=interval:20
	fact "without syncs it loses what came last, and nothing is half" \
	    killed rocksdb --prefix sync=none
fi
end
