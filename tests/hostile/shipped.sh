#!/bin/sh
# The shipped ceno-vmm has no entry for chosen code: no symbol of the captured one's that is not its own
# trade, and no word of its table. The captured one is the control: it has both.
set -eu
shipped=$1 captured=$2
entry='__wrap_ceno_|__real_ceno_|captured'
nm "$captured" | grep -Eq "$entry" || { echo "FAILED: the control has no entry: the test is blind"; exit 1; }
if nm "$shipped" | grep -E "$entry"; then
	echo "FAILED: $shipped has what only the captured vmm may have"
	exit 1
fi
if strings -a "$shipped" | grep -E 'ceno-captured|captured_'; then
	echo "FAILED: $shipped holds text of the captured vmm"
	exit 1
fi
# Nothing else of the program differs that runs before the attempt: the same jailed role.
for name in ceno_jailed_main ceno_jail_enter ceno_filter_install; do
	nm "$shipped" | grep -q " T $name$" && nm "$captured" | grep -q " T $name$" || {
		echo "FAILED: $name is not in both"
		exit 1
	}
done
