#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# While another client overwrites and deletes what is scanned, the scan gives
# exactly the version before.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
records="$python -B $here/records.py"
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"
$records make "$seed" 5000 >"$dir/all" || give_up "no records"
cut -f2- "$dir/all" >"$dir/input"
grep '^lib' "$dir/input" | sort >"$dir/before"
sort "$dir/all" | cut -f2- | grep '^lib' >"$dir/lib"
cmp "$dir/before" "$dir/lib" || give_up "the keys of lib are not plain"

# What those who change leave of lib.
awk -F'\t' 'NR % 2 { print $2 "\tanother value" }' "$dir/all" |
    grep '^lib' | sort >"$dir/after"

# The scan's output is read when the changes are done, no sooner.
scan() {
	local line saying go reader scanner status
	mkfifo "$dir/$1.pipe" "$dir/$1.says" "$dir/$1.go"
	exec {go}<>"$dir/$1.go"
	{ read -r -u "$go" line && cat; } <"$dir/$1.pipe" >"$dir/$1.scanned" &
	reader=$!
	exec {saying}<>"$dir/$1.says"
	ctl scan --prefix lib --progress >"$dir/$1.pipe" 2>"$dir/$1.says" &
	scanner=$!
	read -r -t $enough -u "$saying" line &&
	    [ "$line" = "snapshot taken" ] ||
	    { echo "the scan said: $line"; return 1; }
	$records change "$port" <"$dir/all" || return 1
	opened=$(ctl stats scans | sed -n 's/^scans_open  *//p')
	echo go >&"$go"
	wait $scanner
	status=$?
	wait $reader
	exec {go}>&- {saying}>&-
	[ $status = 0 ] && cmp "$dir/$1.scanned" "$dir/before"
}

was_under_way() { [ "${opened:-0}" -gt 0 ]; }

for vbuckets in 1 64 1024; do
	start "with$vbuckets" --vbuckets $vbuckets --high 64k "$(engine memory)"
	ctl load "$dir/input" >"$dir/loaded" || give_up "the input was not loaded"
	fact "with $vbuckets vbuckets the scan is the version before" scan "with$vbuckets"
	[ $vbuckets -gt 1 ] ||
	    fact "with $vbuckets vbucket the scan was under way meanwhile" was_under_way
	ctl scan --prefix lib >"$dir/out"
	fact "with $vbuckets vbuckets the next scan is the version after" \
	    cmp "$dir/out" "$dir/after"
	fact "with $vbuckets vbuckets the server ends well" \
	    stop_well "with$vbuckets" "$pid"
done
end
