#!/bin/bash
# The conformance suite on the host, where all of it must hold, then in the guest.
#
#   conform.sh BUILD_DIR CONFORM [SUBJECT...]
set -eu
build=$1 conform=$2
shift 2
[ -w /dev/kvm ] || { echo "skip: no usable /dev/kvm"; exit 77; }
busybox=$(command -v busybox) || { echo "skip: busybox-static is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0

echo "on the host:"
TMPDIR=$work "$conform" "$@" </dev/null || exit 1
echo "in the guest:"
"$build/bin/ceno-mkpack" "$work/pack" "/bin/conform=$conform:program" "/bin/sh=$busybox:program" -- /bin/conform "$@"
timeout 300 "$build/bin/ceno-vmm" --direct --firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust.bin" \
	--bundle "$build/blobs/bundle.bin" --memory 256 --pack "$work/pack" </dev/null
