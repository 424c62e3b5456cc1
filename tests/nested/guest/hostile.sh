# The guests that attack the nucleus, and those that ask its verbs, on nested SVM: there LSTAR is the nucleus
# and ring 0 is the CPU's own. What an attack shows is in its own file (tests/hostile/fibers).
direct="ceno-vmm --direct --memory 64 --firmware build/blobs/firmware.bin"
failed=0

expect() { # NAME STATUS COMMAND...
	name=$1 status=$2
	shift 2
	begin=$(cut -d. -f1 /proc/uptime)
	"$@" >/tmp/out 2>&1
	got=$?
	echo "--- $name: $got, $(($(cut -d. -f1 /proc/uptime) - begin)) s"
	[ $got = "$status" ] && return
	failed=1
	cat /tmp/out
}

stops_with() { # CODE COMMAND...: as tests/guest/stops-with
	code=$1
	shift
	"$@" >/tmp/stopped 2>&1
	cat /tmp/stopped
	grep -q "the guest stopped itself: code $code" /tmp/stopped
}

for bundle in build/blobs/bundle-hostile-fiber-*.bin; do
	attack=${bundle##*fiber-}
	expect "attack ${attack%.bin}" 0 $direct --pledge 0x11 --trust build/blobs/trust-hostile.bin --bundle "$bundle"
done
development="$direct --trust build/blobs/trust-development.bin"
expect "verbs: caps" 0 stops_with 0x5afe0000 $development --bundle build/blobs/bundle-caps-once.bin
expect "FPU state, beside a Linux program" 0 $development --bundle build/blobs/bundle-fpu.bin --pack build/blobs/fpu.pack
# On this kernel (no mseal, an older Landlock, cgroup v2): some of each kind, with and without the filter.
expect "a captured vmm" 0 build/test-bin/hostile_captured open_root socket_inet child_user_namespace map_over_slot \
	write_firmware vm_slot
[ $failed = 0 ] || exit 1
echo "nested hostile: passed"
