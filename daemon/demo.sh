#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Shows what the server does, on Debian's own package index.
#
#   demo.sh BUILDDIR          then leaves the server running until Ctrl-C
#   demo.sh BUILDDIR --once   ends instead; 0 when all went as promised
#   demo.sh --index FILE      only writes the index as lines for ewbctl load
set -u -o pipefail
export LC_ALL=C

connections=8 gets=1000 # pipelined on each connection, 128 in flight at once
promised=1000           # blocked commands
enough=60000                          # packages

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
usage() { echo "usage: demo.sh BUILDDIR [--once] | --index FILE" >&2; exit 2; }

# The package index.

update_index() {
	local as=
	[ "$(id -u)" = 0 ] || as=sudo
	echo "The package index is not complete; fetching it: ${as:+$as }apt-get update"
	$as apt-get update -qq || fail "apt-get update failed"
}

# index FILE: each stanza of the package index as one line, key TAB value; the
# value is the stanza as JSON, with its backslashes escaped for ewbctl load.
# Of a package that is there twice the last stanza counts.
index() {
	command -v apt-cache >/dev/null || fail "apt-cache is missing: this needs Debian or a relative of it"
	apt-cache dumpavail >"$1.raw" || fail "apt-cache dumpavail failed"
	if [ "$(grep -c '^Package: ' "$1.raw")" -lt $enough ]; then
		update_index
		apt-cache dumpavail >"$1.raw" || fail "apt-cache dumpavail failed"
	fi
	perl -e '
		sub json {
			my ($s) = @_;
			my $copy = $s;
			utf8::encode($s) unless utf8::decode($copy);
			$s =~ s/(["\\])/\\$1/g;
			$s =~ s/\n/\\n/g;
			$s =~ s/\t/\\t/g;
			$s =~ s/([\x00-\x1f\x7f])/sprintf("\\u%04x", ord $1)/ge;
			return "\"$s\"";
		}
		my (%document, @names);
		$/ = "";
		while (my $stanza = <STDIN>) {
			my @fields;
			for (split /\n/, $stanza) {
				if (/^[ \t](.*)/) {
					$fields[-1][1] .= "\n$1" if @fields;
				} elsif (/^([^:\s]+):[ \t]*(.*)/) {
					push @fields, [$1, $2];
				}
			}
			my ($name) = map { $$_[1] } grep { $$_[0] eq "Package" } @fields;
			next unless defined $name;
			my $text = join ",", map { json($$_[0]) . ":" . json($$_[1]) } @fields;
			$text =~ s/\\/\\\\/g;
			push @names, $name unless exists $document{$name};
			$document{$name} = $text;
		}
		print "$_\t{$document{$_}}\n" for @names;
	' <"$1.raw" >"$1" || fail "the package index could not be converted"
	rm -f "$1.raw"
	[ -s "$1" ] || fail "the package index is empty"
}

# The servers.

dir='' servers=()

# start NAME ARGUMENT...: an ewbd on a free port, which is then in $port.
start() {
	local name=$1 pid i
	shift
	"$build/daemon/ewbd" -p 0 --port-file "$dir/$name.port" "$@" &
	pid=$!
	servers+=("$pid")
	for ((i = 0; i < 600; i++)); do
		[ -s "$dir/$name.port" ] && break
		kill -0 "$pid" 2>/dev/null || fail "ewbd did not start"
		sleep 0.05
	done
	port=$(cat "$dir/$name.port") || fail "ewbd does not say its port"
	server=$pid
}

# stop PID: and waits for it.
stop() {
	local pid others=()
	for pid in "${servers[@]}"; do
		[ "$pid" = "$1" ] || others+=("$pid")
	done
	servers=(${others[@]+"${others[@]}"})
	kill "$1" 2>/dev/null
	wait "$1"
}

clean() {
	local pid
	trap - EXIT
	for pid in ${servers[@]+"${servers[@]}"}; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[ -z "$dir" ] || rm -rf "$dir"
}

ctl() { "$build/daemon/ewbctl" -H "127.0.0.1:$port" "$@"; }

# Stdin to the server, its answers to stdout; the input ends with quit.
talk() {
	if command -v nc >/dev/null; then
		nc 127.0.0.1 "$port"
	else
		exec 3<>"/dev/tcp/127.0.0.1/$port" && cat >&3 && cat <&3
	fi
}

show() { printf '$ %s\n' "$*"; }

# The parts of the demonstration.

load() {
	say "Debian's package index, one JSON document for each package"
	index "$dir/index"
	show "ewbctl load index"
	ctl load "$dir/index" || fail "the index could not be loaded"
	echo "$(wc -l <"$dir/index") packages are in the server now."
}

text_client() {
	local talk='set greeting 0 0 5\r\nhello\r\nget greeting\r\nget bash\r\nquit\r\n'
	say "Any memcached client can talk to it; here one that is typed by hand"
	show "printf '$talk' | nc 127.0.0.1 $port"
	# shellcheck disable=SC2059 # it is a format
	printf "$talk" | talk >"$dir/answer"
	cut -c 1-76 "$dir/answer"
	grep -q '^hello' "$dir/answer" || fail "the greeting did not come back"
	ctl delete greeting || exit 1
}

scan() {
	say "A range scan: all packages whose name begins with lib, in order of name"
	show "ewbctl scan --prefix lib --progress >lib"
	ctl scan --prefix lib --progress >"$dir/lib" || fail "the scan failed"
	grep '^lib' "$dir/index" | sort >"$dir/expected"
	cmp -s "$dir/lib" "$dir/expected" || fail "the scan's output is not what sort makes of the input"
	echo "$(wc -l <"$dir/lib") lines, byte for byte what sort makes of the input. The first and the last:"
	sed -n '1p;$p' "$dir/lib" | cut -c 1-76
}

blocked() { ctl stats | sed -n 's/^cookies_blocked  *//p'; }

# Connection $1's gets, all of different keys, then quit.
gets() {
	awk -v c="$1" -v n=$gets 'BEGIN {
		for (i = 0; i < n; i++)
			printf "get c%d-%d\r\n", c, i
		printf "quit\r\n"
	}'
}

# Measures another connection while 1000 commands are blocked: its line into
# $measured, and how many were blocked before and after it.
measure() {
	local try
	for ((try = 0; try < 5; try++)); do
		before=$(blocked)
		[ "${before:-0}" -ge $promised ] || continue
		measured=$(ctl ping 200) || return 1
		after=$(blocked)
		[ "${after:-0}" -ge $promised ] && return 0
	done
	return 1
}

slow() {
	local i pids=() answers before after measured median
	say "An engine that takes 200 ms for every command, one front-end thread"
	show "ewbd -t 1 slow delay=200ms"
	start slow -t 1 "$build/engines/.libs/slow.so" delay=200ms
	echo "While it has nothing to do, an empty request (noop) takes:"
	show "ewbctl ping 200"
	ctl ping 200 || fail "ping failed"
	for ((i = 0; i < connections; i++)); do
		gets $i >"$dir/gets.$i"
		talk <"$dir/gets.$i" >"$dir/answers.$i" &
		pids+=($!)
	done
	echo "Now $connections connections send $gets gets each, all of which block:"
	measure || fail "$promised commands did not stay blocked (${before:-0}, ${after:-0})"
	show "ewbctl stats | grep cookies_blocked"
	echo "cookies_blocked $before"
	echo "Meanwhile, on another connection of the same thread:"
	show "ewbctl ping 200"
	echo "$measured"
	show "ewbctl stats | grep cookies_blocked"
	echo "cookies_blocked $after"
	wait "${pids[@]}" || fail "a connection failed"
	answers=$(cat "$dir"/answers.* | grep -c '^END')
	[ "$answers" = $((connections * gets)) ] || fail "only $answers commands were answered"
	echo "All $answers commands were answered, each after its 200 ms."
	stop "$server" || fail "the server did not stop well"
	median=$(sed -n 's/.*median \([0-9]*\).*/\1/p' <<<"$measured")
	[ "$median" -lt 1000 ] || fail "the median of $median microseconds is no less than a millisecond"
}

leave_running() {
	cat <<EOF

== Now it is yours: ewbd runs on 127.0.0.1:$port, until Ctrl-C. In another terminal:
   printf 'get bash\\r\\nquit\\r\\n' | nc 127.0.0.1 $port
   export EWB_ADDR=127.0.0.1:$port PATH=$build/daemon:\$PATH
   ewbctl get bash
   ewbctl scan --prefix python3- --keys
   ewbctl scan --sample 5 --keys
   ewbctl stats
EOF
	trap 'exit 0' INT TERM
	wait "$server"
}

# The whole.

[ $# -ge 1 ] || usage
if [ "$1" = --index ]; then
	[ $# = 2 ] || usage
	index "$2"
	exit
fi
once=no
case ${2-} in
'') ;;
--once) once=yes ;;
*) usage ;;
esac
[ $# -le 2 ] || usage
build=$(cd "$1" 2>/dev/null && pwd) || fail "no such directory: $1"
for f in daemon/ewbd daemon/ewbctl engines/.libs/memory.so engines/.libs/slow.so; do
	[ -e "$build/$f" ] || fail "$build/$f is missing: build first"
done
dir=$(mktemp -d) || exit 1
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "A server that keeps everything in memory"
show "ewbd -p 0 memory limit=1G"
start memory "$build/engines/.libs/memory.so" limit=1G
memory=$server memory_port=$port
load
text_client
scan
slow
server=$memory port=$memory_port
if [ $once = yes ]; then
	stop "$server" || fail "the server did not stop well"
	say "Done."
else
	leave_running
fi
