#!/bin/bash
# Debian's busybox, unmodified, in the guest: its output must equal the host's
# byte for byte over files of 1 B to 64 MiB, and its exit status with it.
#
#   busybox.sh BUILD_DIR
set -eu
build=$(cd "$1" && pwd)
busybox=$(command -v busybox) || { echo "skip: busybox-static is not installed"; exit 77; }
[ -w /dev/kvm ] || { echo "skip: no usable /dev/kvm"; exit 77; }
if file -L "$busybox" 2>/dev/null | grep -q "dynamically linked"; then
	echo "skip: $busybox is not static"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0 runs=0

# guest MEMORY_MIB INPUT STDIN ARGS...: runs busybox on INPUT as /in/data
guest() {
	local memory=$1 input=$2 stdin=$3
	shift 3
	"$build/bin/ceno-mkpack" "$work/pack" "/bin/busybox=$busybox:program" "/in/data=$input:input" -- /bin/busybox "$@"
	timeout 120 "$build/bin/ceno-vmm" --direct --firmware "$build/blobs/firmware.bin" --trust "$build/blobs/trust.bin" \
		--bundle "$build/blobs/bundle.bin" --memory "$memory" --pack "$work/pack" <"$stdin" >"$work/guest.out" 2>"$work/guest.err"
}

# check MEMORY_MIB INPUT ARGS...: the same on the host (/in/data becomes the file, /tmp the work folder), and compare
check() {
	local memory=$1 input=$2 guest_status=0 host_status=0 on_host
	shift 2
	on_host=("${@//\/in\/data/data}")
	on_host=("${on_host[@]//\/tmp\//}")
	runs=$((runs + 1))
	guest "$memory" "$input" /dev/null "$@" || guest_status=$?
	(cd "$work" && ln -sf "$input" data && "$busybox" "${on_host[@]}") </dev/null >"$work/host.out" 2>/dev/null || host_status=$?
	sed -i 's, data$, /in/data,; s,  data$,  /in/data,' "$work/host.out"
	if [ "$guest_status" != "$host_status" ] || ! cmp -s "$work/guest.out" "$work/host.out"; then
		echo "FAIL: busybox $* on $(stat -c %s "$input") bytes: status $guest_status, host $host_status"
		grep -v "^ceno-vmm: stopped" "$work/guest.err" || true
		failures=$((failures + 1))
	fi
}

rows() { awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "%d,patient-%07d,%d,%s\n", i, (i * 7919) % 1000003, (i * 31) % 97, "observation text of row " i }'; }

printf x >"$work/1b"
printf 'a,b,1,t\nc,d,2,u' >"$work/no-newline"
rows 60 | head -c 4096 >"$work/4k"
rows 100 | head -c 4097 >"$work/4k1"
rows 20000 | head -c 1048576 >"$work/1m"
rows 1300000 | head -c 67108864 >"$work/64m"
head -c 300000 /bin/bash >"$work/binary"

for input in 1b no-newline 4k 4k1 1m binary 64m; do
	memory=256
	[ $input = 64m ] && memory=1024
	check $memory "$work/$input" awk -F, '{ s += $3 } END { printf "%.3f %d\n", s, NR }' /in/data
	check $memory "$work/$input" sha256sum /in/data
	check $memory "$work/$input" grep -c "9,observation" /in/data
	check $memory "$work/$input" wc /in/data
	[ $input = 64m ] || check $memory "$work/$input" sort -t, -k2 /in/data
	[ $input = 64m ] || check $memory "$work/$input" gzip -c /in/data
done
check 1024 "$work/64m" sort /in/data

# standard input, and what a shell finds around it
rows 5000 >"$work/in"
guest 64 "$work/1b" "$work/in" sha256sum
[ "$(cat "$work/guest.out")" = "$(sha256sum <"$work/in")" ] || { echo "FAIL: standard input"; failures=$((failures + 1)); }
check 64 "$work/4k" sh -c 'while read -r l; do n=$((n + 1)); echo "$n:$l"; done < /in/data; echo done > /tmp/x; read -r y < /tmp/x; echo $y'
check 64 "$work/4k" cat /in/nothing
check 64 "$work/4k" false
check 64 "$work/4k" sh -c 'exit 42'
check 64 "$work/4k" dd if=/in/data bs=100 skip=3 count=7
check 64 "$work/4k" sed -n '3,9s/patient/p/p' /in/data
check 64 "$work/4k" tail -n 3 /in/data
check 64 "$work/4k" od -c /in/data
check 64 "$work/4k" cut -d, -f2 /in/data
check 64 "$work/1m" md5sum /in/data

echo "$runs programs, $failures differences"
[ "$failures" = 0 ]
