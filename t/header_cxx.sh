#!/bin/sh
# Each installed header compiles alone as C++.
set -eu
cxx=${CXX:-c++}
command -v "$cxx" >/dev/null || { echo "no C++ compiler"; exit 77; }
for h in "$srcdir"/include/ewb/*.h; do
	echo "$h"
	"$cxx" -std=c++11 -pedantic-errors -Wall -Wextra -Werror \
	    -I"$srcdir/include" -fsyntax-only -x c++ "$h"
done
