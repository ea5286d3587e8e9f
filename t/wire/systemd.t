#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A service of systemd: it takes the sockets that it is given, and says when it
# serves.  Its units are in order.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
built=no
grep -q '^#define HAVE_SYSTEMD 1' "$build/config.h" && built=yes
if [ $built = no ]; then echo "without libsystemd"; fi

fact "a service behaves as systemd expects (libsystemd: $built)" \
    $python -B "$here/systemd.py" "$ewbd" "$(engine memory)" "$dir" $built

# Its units, with a program that is there.
verified() {
	sed "s|[@]bindir[@]|$dir/bin|" "$here/../../daemon/ewbd.service.in" >"$dir/ewbd.service"
	cp "$here/../../daemon/ewbd.socket" "$dir"
	mkdir "$dir/bin"
	cp /bin/true "$dir/bin/ewbd"
	# what it finds wrong it says, and ends well nevertheless
	systemd-analyze verify --man=no "$dir/ewbd.service" "$dir/ewbd.socket" >"$dir/verify" 2>&1 &&
	    ! grep -F "$dir/ewbd." "$dir/verify" && return
	cat "$dir/verify"
	return 1
}
if command -v systemd-analyze >/dev/null; then
	fact "systemd finds nothing wrong with its units" verified
else
	echo "systemd-analyze is missing: its units were not looked at"
fi
end
