#!/usr/bin/env bash
# From a fresh clone to something that runs, on Debian and its kin.
#
#   ./bootstrap.sh run [ARGUMENT...]   build, then daemon/demo.sh ARGUMENT...
#   ./bootstrap.sh check               build and test in every way there is
#
# What is missing is installed with apt-get, if that is allowed.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
top=$PWD
jobs=$(nproc 2>/dev/null || echo 2)

# libtool is a script; where each step is short, it runs twice as fast in dash.
if [ -x /bin/dash ]; then
	export CONFIG_SHELL=/bin/dash
fi

to_build=(gcc libc6-dev make autoconf automake libtool pkg-config libev-dev
	libjson-c-dev libssl-dev libdeflate-dev librocksdb-dev liblmdb-dev libsystemd-dev
	check)
to_run=(netcat-openbsd)
to_check=(clang g++ spin tcc mandoc xz-utils netcat-openbsd libmemcached-dev libmemcached-tools
	memcached collectd-core python3 python3-pylibmc python3-pymemcache systemd)

# For t/wire/sdk.t, where node and npm are there.
sdk=couchbase@4.7.1

passed=0 failed=0 skipped=0
totals=(0 0 0 0 0 0 0) # as automake counts them

die() {
	echo "bootstrap.sh: $*" >&2
	exit 1
}

# Packages.

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ||
	    { [ "$1" = pkg-config ] && command -v pkg-config >/dev/null; }
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

need() {
	local p missing=()

	command -v dpkg-query >/dev/null || return 0 # not Debian: as it is
	for p; do
		installed "$p" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "packages are missing, install them: ${missing[*]}"
	fi
	echo "installing: ${missing[*]}"
	mkdir -p build
	{
		as_root apt-get -q update &&
		as_root env DEBIAN_FRONTEND=noninteractive \
		    apt-get -q -y --no-install-recommends install "${missing[@]}"
	} >build/apt.log 2>&1 </dev/null || {
		tail -n 20 build/apt.log
		die "apt-get failed; these are needed: ${missing[*]}"
	}
}

# The sanitizers' libraries for the clang that is there.
clang_rt() {
	local n

	n=$(clang --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p' | head -n 1)
	[ -z "$n" ] || echo "libclang-rt-$n-dev"
}

# Steps.  Each is one line of output; what it printed is in its log.

step() {
	local what=$1 log=$2 from=$SECONDS

	shift 2
	if ("$@") >"$log" 2>&1 </dev/null; then
		echo "$what: ok, $((SECONDS - from)) s"
		return 0
	fi
	echo "$what: FAILED after $((SECONDS - from)) s"
	return 1
}

generate() {
	# It looks at what has changed since; nothing to do is quick.
	if [ -e configure ]; then
		autoreconf -i
	else
		autoreconf -fi
	fi
}

# configure_in DIR ARGUMENT...  A directory that was configured otherwise, or
# for another place, is begun anew.
configure_in() {
	local dir=$1
	shift

	if [ "$(cat "$dir/.configured" 2>/dev/null)" != "$top $*" ]; then
		chmod -R u+w "$dir" 2>/dev/null # distcheck makes some read-only
		rm -rf "$dir"
	fi
	mkdir -p "$dir" && cd "$dir" || return 1
	[ -e Makefile ] || "$top/configure" "$@" || return 1
	echo "$top $*" >.configured
}

make_in() {
	local dir=$1
	shift

	cd "$dir" || return 1
	make --no-print-directory -j"$jobs" "$@"
}

# For the tests' own programs, with what takes libtool's place there; only
# distcheck is all libtool's.
make_quickly_in() {
	make_in "$@" LIBTOOL="${CONFIG_SHELL:-/bin/sh} $top/t/libtool.sh"
}

# fetch_sdk NAME: it is in that build's npm/, or it is said why not.
fetch_sdk() {
	local to=build/$1/npm log=build/$1.npm.log

	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		echo "$1: $sdk is left out: node or npm is missing"
	elif [ "$(cat "$to/.installed" 2>/dev/null)" = "$sdk" ]; then
		return
	elif timeout 180 npm install --prefix "$to" --no-audit --no-fund --ignore-scripts \
	    --fetch-retries 1 --fetch-timeout 60000 "$sdk" >"$log" 2>&1 </dev/null; then
		echo "$sdk" >"$to/.installed"
	else
		rm -rf "$to"
		echo "$1: $sdk is left out: npm has not got it, see $log"
	fi
}

# What went wrong, from a step that is not a test.
give_up_on() {
	tail -n 40 "$1"
	failed=$((failed + 1))
}

# configure NAME ARGUMENT...
configure() {
	local name=$1
	shift

	step "$name: configure" "build/$name.configure.log" configure_in "build/$name" "$@" || {
		give_up_on "build/$name.configure.log"
		return 1
	}
}

# build TARGETS NAME ARGUMENT...
build() {
	local targets=$1 name=$2 dir=build/$2
	shift

	configure "$@" || return 1
	# shellcheck disable=SC2086 # words
	step "$name: make" "build/$name.make.log" make_quickly_in "$dir" $targets || {
		give_up_on "build/$name.make.log"
		return 1
	}
}

# Adds up one build's results: a check of a Check program is one, and so is
# each other test.
count() {
	local dir=$1 trs line p f s

	while IFS= read -r trs; do
		line=$(grep -E '^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$' \
		    "${trs%.trs}.log" | tail -n 1)
		[ -z "$line" ] || echo "  ${trs#"$dir"/}: $line" | sed 's/\.trs:/:/'
		read -r p f s < <(awk -v checks="$line" '
			$1 != ":test-result:" { next }
			$2 == "PASS" || $2 == "XFAIL" { p++ }
			$2 == "SKIP" { s++ }
			$2 == "FAIL" || $2 == "XPASS" || $2 == "ERROR" { f++ }
			END {
				if (split(checks, n, /[^0-9]+/) >= 4 && p + f == 1) {
					bad = n[3] + n[4]
					if (f && !bad)
						bad = 1
					p = n[2] - n[3] - n[4]
					f = bad
				}
				print p + 0, f + 0, s + 0
			}' "$trs")
		[ "$s" = 0 ] || echo "  $(basename "${trs%.trs}"): skipped:" \
		    "$(head -n 1 "${trs%.trs}.log")"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done < <(find "$dir" -name '*.trs' | sort)
}

# automake's own summary, summed over the builds.
add_totals() {
	local i=0 kind n

	for kind in TOTAL PASS SKIP XFAIL FAIL XPASS ERROR; do
		n=$(sed -n "s/^# $kind: *\([0-9]*\).*/\1/p" "$1" | tail -n 1)
		totals[i]=$((totals[i] + ${n:-0}))
		i=$((i + 1))
	done
}

# run_tests NAME TARGET [VARIABLE=VALUE...]
run_tests() {
	local name=$1 target=$2 dir=build/$1 good=yes before=$failed
	shift 2

	find "$dir" -name '*.trs' -delete
	# some of them wait more than they work; and a process for each of
	# thousands of unit tests takes longer than what it does
	CK_FORK=no step "$name: make $target" "build/$name.check.log" \
	    make_quickly_in "$dir" -j$((jobs * 2)) "$target" "$@" || good=no
	count "$dir"
	add_totals "build/$name.check.log"
	[ $good = no ] || return 0
	if [ -s "$dir/test-suite.log" ]; then
		cat "$dir/test-suite.log"
	else
		tail -n 40 "build/$name.check.log"
	fi
	[ "$failed" -gt "$before" ] || failed=$((failed + 1))
}

# The tarball builds, installs and uninstalls; a few tests show that it is
# whole, the others have been built and have run.  It is made twice, and packing
# it well takes as long as half of the building.
distcheck() {
	XZ_OPT=-0 make_in "$1" distcheck DISTCHECK_CONFIGURE_FLAGS='--enable-werror \
	    --disable-dependency-tracking CFLAGS=-O0' \
	    check_PROGRAMS='t/header_c t/lib_pool' check_LTLIBRARIES= check_DATA= \
	    TESTS='t/rooms.sh t/links.sh t/symbols.sh t/header_c t/lib_pool'
}

check() {
	need "${to_build[@]}" "${to_check[@]}"
	# shellcheck disable=SC2046 # none or one
	need $(clang_rt)
	mkdir -p build
	step "autoreconf" build/autoreconf.log generate || {
		give_up_on build/autoreconf.log
		return
	}
	# What is tested is optimized, and what steps it.  The other 150 programs take
	# longer to compile than to run.
	if build 'all check-support' gcc --enable-werror CFLAGS=-O2; then
		fetch_sdk gcc
		FUZZ_SECONDS=20 run_tests gcc check CFLAGS=-O0
		step "gcc: make distcheck" build/gcc.distcheck.log distcheck build/gcc ||
		    give_up_on build/gcc.distcheck.log
	fi
	# With clang, which checks the roles of threads, too.
	build 'all check-support' asan --enable-werror CC=clang 'CFLAGS=-O1 -g1' \
	    --with-sanitizer=address,undefined &&
	    run_tests asan check 'CFLAGS=-O0 -g1'
	# check-threads builds what it needs.
	configure tsan 'CFLAGS=-O1 -g1' --with-sanitizer=thread && run_tests tsan check-threads
}

run_check() {
	local from=$SECONDS line

	check
	echo "all builds: $((SECONDS - from)) s," \
	    "TOTAL ${totals[0]}, PASS ${totals[1]}, SKIP ${totals[2]}, XFAIL ${totals[3]}," \
	    "FAIL ${totals[4]}, XPASS ${totals[5]}, ERROR ${totals[6]}"
	line="$passed passed, $failed failed"
	[ "$skipped" = 0 ] || line="$line, $skipped skipped"
	echo "$line"
	[ "$failed" = 0 ]
}

run() {
	need "${to_build[@]}" "${to_run[@]}"
	mkdir -p build
	step "autoreconf" build/autoreconf.log generate || {
		tail -n 40 build/autoreconf.log
		exit 1
	}
	build all run 'CFLAGS=-O2 -g' || exit 1
	exec daemon/demo.sh build/run "$@"
}

usage() {
	sed -n '2,7s/^# \{0,1\}//p' "$0"
}

case ${1-} in
run) shift; run "$@" ;;
check) [ $# = 1 ] || { usage >&2; exit 2; }; run_check ;;
-h | --help) usage ;;
*) usage >&2; exit 2 ;;
esac
