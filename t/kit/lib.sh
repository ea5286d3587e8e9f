# SPDX-License-Identifier: BSD-2-Clause
# For the tests of what an author has: the installed tree, and nothing else of
# ours.  t/kit.am installs it.
. "${srcdir:-.}/t/wire/lib.sh"
case ${SANITIZER:-no} in
no | '') ;;
*)
	echo "what authors get is installed without a sanitizer"
	exit 77
	;;
esac
needs pkg-config
tree=$build/t/kit/installed
pc=$(find "$tree" -name ewb.pc)
[ -n "$pc" ] || give_up "nothing is installed in $tree"
prefix=$tree$(sed -n 's/^prefix=//p' "$pc")
server=$prefix/bin/ewbd
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR CPATH C_INCLUDE_PATH
export PATH=$prefix/bin:$PATH
export LD_LIBRARY_PATH=${pc%/pkgconfig/ewb.pc}
export PKG_CONFIG_PATH=${pc%/ewb.pc} PKG_CONFIG_SYSROOT_DIR=$tree
export CC=${CC:-cc} CFLAGS="-O1 -g ${SANITIZER_CFLAGS:-}" LDFLAGS=${SANITIZER_CFLAGS:-}
ctl() { ewbctl -H "127.0.0.1:$port" "$@"; }

# capable NAME: libmemcached's own test, if there is one, on the server at $port.
capable() {
	local protocol
	command -v memccapable >/dev/null || { echo "no memccapable"; return 0; }
	for protocol in -a -b; do
		memccapable -h 127.0.0.1 -p "$port" -t 60 $protocol >"$dir/$1$protocol" 2>&1 &&
		    grep -q '^All tests passed' "$dir/$1$protocol" || {
			cat "$dir/$1$protocol"
			return 1
		}
	done
}
