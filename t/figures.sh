#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the benchmark says of its rounds is what its README says it says.
command -v python3 >/dev/null || { echo "skipped: python3 is missing"; exit 77; }
exec python3 -B "$srcdir/t/figures.py"
