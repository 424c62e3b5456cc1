#!/bin/bash
# System calls by chance on the host and in the guest: the same results.
#
#   random.sh BUILD_DIR CONFORM_RANDOM [SEED [SEQUENCES [CALLS]]]
set -eu
build=$1 random=$2
seed=${3:-$(date +%s)} sequences=${4:-100} calls=${5:-1000}
[ -w /dev/kvm ] || { echo "skip: no usable /dev/kvm"; exit 77; }
# On a tmpfs, like the guest's files.
work=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" && mkdir -m 777 "$work/tmp"
TMPDIR=$work/tmp "$random" "$seed" "$sequences" "$calls" </dev/null >"$work/host"
"$build/bin/ceno-mkpack" "$work/pack" "/bin/random=$random:program" -- /bin/random "$seed" "$sequences" "$calls"
status=0
timeout 600 "$build/bin/ceno-vmm" --direct --firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust.bin" \
	--bundle "$build/blobs/bundle.bin" --memory 256 --pack "$work/pack" </dev/null >"$work/guest" 2>"$work/err" || status=$?
if [ "$status" != 0 ] || ! cmp -s "$work/host" "$work/guest"; then
	diff "$work/host" "$work/guest" | head -n 20 || true
	at=$(cmp "$work/host" "$work/guest" | sed 's/.*line //')
	grep -n sequence "$work/host" | awk -F: -v at="${at:-0}" '$1 <= at { s = $2 } END { print "in " s }'
	cat "$work/err"
	echo "seed $seed: the guest differs (status $status)"
	exit 1
fi
echo "seed $seed: $(grep -c ' = ' "$work/host") calls in $sequences sequences, no difference"
