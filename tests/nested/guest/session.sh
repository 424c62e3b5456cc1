# One session end to end on nested SVM: cenod with the machine's own TPM and
# cgroup v2, the demo's program and file, the proof checked, a byte of it changed,
# the vmm killed, the memory limit in place.
set -e
run=/run/cenotaph
ceno-vmm --probe
cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid </dev/null
node=$(cat /run/cenod.pid)
ceno version
ceno doctor || echo "doctor: gaps named above (status $?)"

echo "--- a session"
program='NR > 1 { n[$2]++; c[$2] += $3 } END { for (w in n) printf "%-12s %5d patients %14.2f\n", w, n[w], c[w] }'
ceno run --input tests/data/patients.csv --proof /out/proof.cdp.json -- busybox awk -F, "$program" /in/patients.csv >/tmp/inside
busybox awk -F, "$program" tests/data/patients.csv >/tmp/outside
cmp /tmp/inside /tmp/outside
cat /tmp/inside

echo "--- its proof"
ceno verify /out/proof.cdp.json
payload=$(sed 's/.*"payload":"\([^"]*\)".*/\1/' /out/proof.cdp.json | base64 -d)
for word in '"kvm":"svm"' '"npt":"on"' '"cgroup_version":2' '"cause":"exit"'; do
	case $payload in
	*"$word"*) echo "the proof says $word" ;;
	*) echo "the proof does not say $word"; exit 1 ;;
	esac
done
evidence=$(cut -d' ' -f1-3 /out/evidence)
[ "$evidence" = "kvm=svm npt=on tpm=/dev/tpmrm0" ]

echo "--- one byte of it changed"
size=$(wc -c </out/proof.cdp.json)
for at in 20 $((size / 3)) $((size / 2)) $((size - 40)); do
	cp /out/proof.cdp.json /tmp/forged
	old=$(dd if=/tmp/forged bs=1 skip=$at count=1 2>/dev/null)
	new=A; [ "$old" != A ] || new=B
	printf %s "$new" | dd of=/tmp/forged bs=1 seek=$at conv=notrunc 2>/dev/null
	if ceno verify /tmp/forged >/dev/null 2>&1; then echo "byte $at changed, and it verified"; exit 1; fi
done
echo "refused at every place tried"

# A session NAME whose program waits for input: its client and its group.
waiting() {
	mkfifo "/tmp/$1"
	ceno run --proof "/out/$1.cdp.json" -- busybox cat <"/tmp/$1" >/dev/null 2>"/tmp/$1.log" &
	client=$!
	exec 9>"/tmp/$1"
	for i in $(seq 200); do ceno ls | grep -q executing && break; sleep 0.1; done
	sleep 3
	# Two pairs: the session's, which has a limit with room for a guest, and the parked one.
	group=$(dirname "$(grep -lv "^$((16 << 20))\$" /sys/fs/cgroup/cenotaph-*/*/memory.max | head -1)")
}
# It ended, not as its program would have, and its proof verifies and names the cause NAME.
ended() {
	if wait $client; then echo "$1, and ceno run says success"; exit 1; fi
	exec 9>&-
	ceno verify "/out/$1.cdp.json" >"/tmp/$1.verify" || { cat "/tmp/$1.verify"; exit 1; }
	payload=$(sed 's/.*"payload":"\([^"]*\)".*/\1/' "/out/$1.cdp.json" | base64 -d)
	case $payload in *"\"cause\":\"$1\""*) echo "the proof says \"cause\":\"$1\"" ;; *) exit 1 ;; esac
}

echo "--- the vmm killed while the program runs"
waiting crash
vmm=$(head -1 "$group/cgroup.procs")
echo "group $group: memory.max $(cat "$group/memory.max"), memory.swap.max $(cat "$group/memory.swap.max" 2>/dev/null), tasks $(wc -l <"$group/cgroup.threads")"
[ "$(cat "$group/memory.max")" != max ]
[ "$(cat "$group/pids.max")" = 8 ] && [ "$(cat "$group/pids.current")" -le 8 ]
kill -9 "$vmm"
ended crash

echo "--- the group's memory runs out while the program runs"
waiting oom
echo $((1 << 20)) >"$group/memory.max" # less than is in use: the kernel kills what is in the group
ended oom

echo "--- the node ends"
kill -TERM "$node"
for i in $(seq 300); do [ -d /proc/$node ] || break; sleep 0.1; done
[ ! -d /proc/$node ]
if pidof ceno-vmm ceno-warden ceno-api ceno-attest; then echo "processes are left"; exit 1; fi
echo "nested session: passed"
