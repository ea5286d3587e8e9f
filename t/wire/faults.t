#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# When a call to the disk fails, or the disk is full for a while, an engine that
# keeps data says so to whom it concerns, keeps what it acknowledged, and goes on
# afterwards.  EWB_FAULTS=all: each call in turn; else some of them.
. "${srcdir:-.}/t/wire/lib.sh"
case ${SANITIZER:-no} in
*thread*) skip "what is put before libc is put before the sanitizer, too" ;;
no | '') samples=2 kinds=while,open,write,space,sync,mmap,alloc ;;
*) samples=1 kinds=while,sync ;;
esac
[ "${EWB_FAULTS:-some}" = all ] && samples=0 enough=3600
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"
export TMPDIR=$dir

# tried ENGINE OPTION...
tried() {
	timeout -k 1 $enough "$build/t/disk/faults" --build "$build" --seed "$seed" \
	    --quick --samples $samples --kinds $kinds --clients 3 --keys 10 \
	    --engine "$@" >"$dir/out" 2>&1 && return
	cat "$dir/out"
	return 1
}

fact "fs goes on after faults, and has what it acknowledged" tried "$(engine examples/fs)" --at dir
[ -e "$(engine lmdb)" ] &&
    fact "lmdb goes on after faults, and has what it acknowledged" tried lmdb
# with sync=commit a log that has holes before its end is opened when one says so
without_leaks
[ -e "$(engine rocksdb)" ] &&
    fact "rocksdb goes on after faults, and has what it acknowledged" \
        tried rocksdb --forget cut
end
