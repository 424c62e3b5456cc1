#!/bin/bash
# Small static programs on the host, then in the guest: same output, same end.
#
#   programs.sh BUILD_DIR SAME END PLEDGED OTHER...
set -eu
build=$1 same=$2 end=$3 pledged=$4 options=()
shift 4
[ -w /dev/kvm ] || { echo "skip: no usable /dev/kvm"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
failures=0

# guest MEMORY_MIB PROGRAM ARGS...
guest() {
	local memory=$1 program=$2
	shift 2
	"$build/bin/ceno-mkpack" "$work/pack" "/bin/p=$program:program" -- /bin/p "$@"
	timeout 60 "$build/bin/ceno-vmm" --direct --firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust.bin" \
		--bundle "$build/blobs/bundle.bin" --memory "$memory" --pack "$work/pack" "${options[@]}" </dev/null
}

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

mkdir "$work/w"
"$same" "$work/w" </dev/null >"$work/host.out" 2>"$work/host.err" || { cat "$work/host.out"; fail "the checks themselves, on the host"; }
guest 64 "$same" /tmp >"$work/guest.out" 2>"$work/guest.err" || fail "not the same as on Linux"
cmp -s "$work/host.out" "$work/guest.out" || { cat "$work/guest.out"; fail "other output than on the host"; }

for how in 0 7 255 null kernel non-canonical read-only write-text run-data run-stack stack illegal privileged \
	breakpoint divide abort terminate pipe; do
	want=0 got=0
	{ (ulimit -s 8192; exec "$end" "$how" >/dev/null 2>&1) || want=$?; } 2>/dev/null
	{ guest 64 "$end" "$how" >/dev/null 2>"$work/guest.err" || got=$?; } 2>/dev/null
	[ "$want" = "$got" ] || { cat "$work/guest.err"; fail "ends of $how: host $want, guest $got"; }
done

# Programs that check themselves and print what they found.
for program; do
	name=${program##*guest_program_}
	"$program" </dev/null >"$work/host.out" || { cat "$work/host.out"; fail "$name, on the host"; }
	guest 256 "$program" >"$work/guest.out" 2>"$work/guest.err" || { cat "$work/guest.err"; fail "$name"; }
	cmp -s "$work/host.out" "$work/guest.out" || { cat "$work/guest.out"; fail "$name: other output than on the host"; }
done

# A shell with a pipeline of processes.
if busybox=$(command -v busybox); then
	line='seq 1000 | sort -n | tail -1; (exit 3); echo $?; x=$(echo a | tr a b); echo $x; sleep 0.1 & wait $!; kill -9 $$'
	want=0 got=0
	{ "$busybox" sh -c "$line" >"$work/host.out" || want=$?; } 2>/dev/null
	"$build/bin/ceno-mkpack" "$work/pack" "/bin/busybox=$busybox:program" -- /bin/busybox sh -c "$line"
	{ timeout 60 "$build/bin/ceno-vmm" --direct --firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust.bin" \
		--bundle "$build/blobs/bundle.bin" --memory 256 --pack "$work/pack" </dev/null >"$work/guest.out" || got=$?; } 2>/dev/null
	[ "$want" = "$got" ] && cmp -s "$work/host.out" "$work/guest.out" ||
		{ cat "$work/guest.out"; fail "a shell's pipeline: host $want, guest $got"; }
else
	echo "no busybox here: a shell's pipeline is not tested"
fi

# pledge WORDS STATUS MISSING SAYS WHAT...: with these words (stdio 1, rw 2, spawn 16) WHAT ends so, and these were missing.
pledge() {
	local mask=$1 want=$2 missing=$3 says=$4 got=0
	shift 4
	options=(--pledge "$mask")
	{ guest 64 "$pledged" "$@" >"$work/guest.out" 2>"$work/guest.err" || got=$?; } 2>/dev/null
	options=()
	[ "$got" = "$want" ] && [ "$(cat "$work/guest.out")" = "$says" ] &&
		[ "$(sed -n 's/.*missing: pledge classes //p' "$work/guest.err")" = "$missing" ] ||
		{ cat "$work/guest.out" "$work/guest.err"; fail "pledge $mask, $*: status $got"; }
}
killed=134 rw=0x2 spawn=0x10
for way in "" thread/; do
	pledge 1 0 "" "nothing: ok" "${way}nothing"
	pledge 1 0 "" "null: ok" "${way}null"
	pledge 1 $killed $rw "" "${way}read"
	pledge 17 $killed $rw "" "${way}write"
	pledge 3 0 "" "write: ok" "${way}write"
	pledge 3 $killed $spawn "" "${way}map"
	pledge 3 $killed $spawn "" "${way}signal"
	pledge 17 1 "" "raise: Operation not permitted" "${way}raise"
	pledge 17 $killed $rw "" "${way}soften"
	pledge 19 1 0x4 "socket: Permission denied" "${way}socket"
done
for way in fork/ exec/; do
	pledge 3 $killed $spawn "" "${way}nothing"
	pledge 17 $killed $rw "" "${way}read"
	pledge 17 $killed $rw "" "${way}thread/read"
	pledge 17 1 "" "raise: Operation not permitted" "${way}raise"
	pledge 17 $killed $rw "" "${way}soften"
	pledge 19 0 "" "write: ok" "${way}write"
done
pledge 19 0 "" "hidden: ok" hidden
for way in "" fork/ exec/ thread/ fork/exec/ exec/exec/ exec/thread/; do
	pledge 19 1 "" "hidden: No such file or directory" "veil/${way}hidden"
	pledge 19 1 "" "link: No such file or directory" "veil/${way}link"
	pledge 19 1 "" "unveil: Operation not permitted" "veil/${way}unveil"
	pledge 19 0 "" "write: ok" "veil/${way}write"
done

# out of memory: SIGKILL, and said so
got=0
{ guest 64 "$end" hog >/dev/null 2>"$work/guest.err" || got=$?; } 2>/dev/null
[ "$got" = 137 ] && grep -q "oom 1" "$work/guest.err" || { cat "$work/guest.err"; fail "out of memory: status $got"; }

echo "$failures failures"
[ "$failures" = 0 ]
