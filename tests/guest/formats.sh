#!/bin/bash
# A program in each executable format, on the host and then in the guest: same output.
# What a dynamic one needs comes from the host into the pack, at the same paths.
#
#   formats.sh BUILD_DIR PROGRAM...
set -eu
build=$1
shift
[ -w /dev/kvm ] || { echo "skip: no usable /dev/kvm"; exit 77; }
[ -x "$1" ] || { echo "skip: $(basename "$1") was not built (musl-tools?)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
failures=0
for program; do
	files=() home=$(mktemp -d -p "$work")
	interpreter=$(readelf -lW "$program" | sed -n 's/.*Requesting program interpreter: \(.*\)]/\1/p')
	if [ -n "$interpreter" ]; then
		files+=("$interpreter=$interpreter:program")
		for library in $(ldd "$program" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) (0x.*/\1/p'); do
			files+=("$library=$library")
		done
	fi
	cp "$program" "$home/program"
	env -i "$home/program" "$home" </dev/null >"$work/host" 2>&1 || { cat "$work/host"; echo "FAIL: $program on the host"; exit 1; }
	"$build/bin/ceno-mkpack" "$work/pack" "/bin/program=$program:program" "${files[@]}" -- /bin/program /tmp
	status=0
	timeout 60 "$build/bin/ceno-vmm" --direct --firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust.bin" \
		--bundle "$build/blobs/bundle.bin" --memory 96 --pack "$work/pack" </dev/null >"$work/guest" 2>"$work/err" || status=$?
	if [ "$status" != 0 ] || ! cmp -s "$work/host" "$work/guest"; then
		diff "$work/host" "$work/guest" || true
		cat "$work/err"
		echo "FAIL: $(basename "$program"): status $status"
		failures=$((failures + 1))
	fi
	echo "$(basename "$program"): $(wc -l <"$work/guest") lines, interpreter ${interpreter:-none}"
done
echo "$failures failures"
[ "$failures" = 0 ]
