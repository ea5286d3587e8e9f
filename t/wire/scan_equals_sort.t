#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ewbctl loads and scans is, byte for byte, what sort makes of the input,
# with one vbucket, some and many.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
records="$python -B $here/records.py"
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"
$records make "$seed" 5000 >"$dir/all" || give_up "no records"
cut -f2- "$dir/all" >"$dir/input"

# The keys that begin with lib are plain: their lines sort as they do.  For the
# others the key in hexadecimal does.
grep '^lib' "$dir/input" | sort >"$dir/lib"
sort "$dir/all" | cut -f2- >"$dir/sorted"
[ "$(wc -l <"$dir/lib")" -gt 3000 ] || give_up "too few keys begin with lib"

# gives FILE OPTION...: the scan is exactly that.
gives() {
	local what=$1
	shift
	ctl scan "$@" >"$dir/out" || return 1
	cmp "$dir/out" "$what"
}

for vbuckets in 1 64 1024; do
	start "with$vbuckets" --vbuckets $vbuckets "$(engine memory)"
	ctl load "$dir/input" >"$dir/loaded" || give_up "the input was not loaded"
	fact "with $vbuckets vbuckets a scan of lib is what sort makes of the input" \
	    gives "$dir/lib" --prefix lib
	fact "with $vbuckets vbuckets a scan of everything is the input in order of key" \
	    gives "$dir/sorted"
	cut -f1 "$dir/lib" >"$dir/keys"
	fact "with $vbuckets vbuckets a scan of keys has the keys alone" \
	    gives "$dir/keys" --prefix lib --keys
	awk -F'\t' '$1 >= "libd" && $1 <= "libm"' "$dir/lib" >"$dir/part"
	fact "with $vbuckets vbuckets both bounds are included" \
	    gives "$dir/part" --start libd --end libm
	from=$(sed -n 100p "$dir/keys") to=$(sed -n 2000p "$dir/keys")
	sed -n 100,1999p "$dir/lib" >"$dir/part"
	fact "with $vbuckets vbuckets an excluded end is not there" \
	    gives "$dir/part" --start "$from" --end "$to" --exclusive-end
	head -n 77 "$dir/lib" >"$dir/part"
	fact "with $vbuckets vbuckets a limit gives the first ones" \
	    gives "$dir/part" --prefix lib --limit 77
	tac "$dir/sorted" >"$dir/reversed"
	fact "with $vbuckets vbuckets a reverse scan is the other way round" \
	    gives "$dir/reversed" --reverse
	tail -n 77 "$dir/lib" | tac >"$dir/part"
	fact "with $vbuckets vbuckets its limit gives the last ones" \
	    gives "$dir/part" --prefix lib --reverse --limit 77
	: >"$dir/part"
	fact "with $vbuckets vbuckets a range without keys is empty" \
	    gives "$dir/part" --prefix "lib no such"
	fact "with $vbuckets vbuckets the server ends well" \
	    stop_well "with$vbuckets" "$pid"
done
end
