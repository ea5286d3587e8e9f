#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The fuzz targets of t/fuzz: each takes all of its corpus, then goes on for
# FUZZ_SECONDS (2) with what it makes of that.  FUZZ_TARGETS: which of them.
# What it finds is in t/fuzz/out, with a line that says how to see it again.
set -u
seconds=${FUZZ_SECONDS:-2}
targets=${FUZZ_TARGETS:-text binary create login connection}
clang=${FUZZ_CC:-clang}
src=$srcdir/t/fuzz
out=$builddir/t/fuzz/out

case ${SANITIZER:-no} in
no | '') ;;
*) echo "they have sanitizers of their own, and run with an ordinary build"; exit 77 ;;
esac

mkdir -p "$out" || exit 1
echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n);
int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return n && *p == 1 ? 0 : 0; }' \
    >"$out/there.c"
$clang -fsanitize=fuzzer,address,undefined -o "$out/there" "$out/there.c" >"$out/there.log" 2>&1 || {
	echo "no $clang with libFuzzer"
	exit 77
}

# The make that this runs in has jobs and flags of its own.
unset MAKEFLAGS MFLAGS MAKELEVEL
programs=
for t in $targets; do programs="$programs $out/$t"; done
# shellcheck disable=SC2086 # words
${MAKE:-make} -s -j"$(nproc 2>/dev/null || echo 2)" -f "$src/build.mk" \
    SRC="$srcdir" BUILD="$builddir" OUT="$out" CC="$clang" \
    CFLAGS="${FUZZ_CFLAGS-}" LIBS="${LIBEV_LIBS-} ${CRYPTO_LIBS-} ${DEFLATE_LIBS-} ${JSONC_LIBS-}" \
    $programs || { echo "they do not build"; exit 1; }

# What is new is kept in out, beside the corpus: see doc/HACKING.md.
run() {
	mkdir -p "$out/$1.new"
	case $1 in
	connection) cat "$src/text.dict" "$src/binary.dict" "$src/create.dict" "$src/login.dict" ;;
	*) cat "$src/$1.dict" ;;
	esac >"$out/$1.dict"
	"$out/$1" -dict="$out/$1.dict" -max_total_time="$seconds" -max_len=4096 \
	    -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix="$out/$1." "$out/$1.new" "$src/corpus/$1" \
	    >"$out/$1.log" 2>&1
}
# A time of 0 would be no limit.
[ "$seconds" -gt 0 ] || { echo "FUZZ_SECONDS: 1 or more"; exit 2; }
for t in $targets; do
	run "$t" &
	eval "pid_$t=$!"
done
bad=0
for t in $targets; do
	eval "wait \$pid_$t" || {
		bad=1
		tail -n 60 "$out/$t.log"
		echo "$t: see $out/$t.log; to see it again: $out/$t FILE"
		continue
	}
	awk -v t="$t" '
		/DONE/ { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
		/number_of_executed_units/ { n = $2 }
		/ files found in .*corpus/ { files = $2 }
		END { printf "%s: %d inputs, %d files of the corpus among them; coverage %d\n",
			t, n, files, cov }' "$out/$t.log"
done
exit $bad
