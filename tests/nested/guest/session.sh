# One session end to end on nested SVM: cenod with the machine's own TPM and
# cgroup v2, the demo's program and file, the proof checked, a byte of it changed,
# the vmm killed, the memory limit in place.
set -e
run=/run/cenotaph
ceno-vmm --probe
cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid \
	--layers memory,tasks,processor,landlock,namespaces,core </dev/null
node=$(cat /run/cenod.pid)
ceno version
ceno doctor >/tmp/doctor || echo "doctor: gaps named below (status $?)"
cat /tmp/doctor
# No session runs without Landlock here (--layers), and this kernel's is an older one than the host's.
grep -q '^ok  *landlock  *ABI 2$' /tmp/doctor

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

RAM=$((64 << 20))
# A session NAME whose program waits for input (cat, or what follows): its client and its group.
waiting() {
	name=$1
	shift
	[ $# -gt 0 ] || set -- busybox cat
	rm -f "/tmp/$name"
	mkfifo "/tmp/$name"
	ceno run --memory $((RAM >> 20))M --proof "/out/$name.cdp.json" -- "$@" <"/tmp/$name" >"/tmp/$name.out" 2>"/tmp/$name.log" &
	client=$!
	exec 9>"/tmp/$name"
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

# The group's count of an event.
count() { sed -n "s/^$2 //p" "$group/$1.events"; }

echo "--- the vmm killed while the program runs"
waiting crash
vmm=$(head -1 "$group/cgroup.procs")
echo "group $group: memory.max $(cat "$group/memory.max"), memory.swap.max $(cat "$group/memory.swap.max"), tasks $(wc -l <"$group/cgroup.threads")"
[ "$(cat "$group/memory.max")" = $((RAM + (16 << 20))) ]
[ "$(cat "$group/memory.swap.max")" = 0 ]
[ "$(cat "$group/pids.max")" = 8 ] && [ "$(cat "$group/pids.current")" -le 8 ]
kill -9 "$vmm"
ended crash

echo "--- more tasks than the group may have, while the program runs"
waiting tasks
vmm=$(head -1 "$group/cgroup.procs")
sh -c "echo \$\$ >$group/cgroup.procs; for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done" 2>/tmp/forks && exit 1 # a fork must fail
echo "refused $(count pids max) times at $(cat "$group/pids.current") tasks: $(cat /tmp/forks)"
[ "$(count pids max)" -ge 1 ] && [ "$(cat "$group/pids.current")" = 7 ] # eight with the shell that could not fork
for pid in $(cat "$group/cgroup.procs"); do [ "$pid" = "$vmm" ] || kill -9 "$pid"; done
kill -0 "$vmm"
echo over >&9
exec 9>&-
wait $client
ceno verify /out/tasks.cdp.json >/dev/null
grep -q over /tmp/tasks.out

echo "--- more memory than the group may have, while the program runs"
waiting oom busybox awk '{ s = sprintf("%30000000d", 1); print length(s) }'
# A file of the group's fills it, but for 4 MiB; then the program, as any may, takes more of its RAM than that.
fill=$((($(cat "$group/memory.max") - $(cat "$group/memory.current")) / 1048576 - 4))
sh -c "echo \$\$ >$group/cgroup.procs; exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=$fill" 2>/dev/null
[ "$(count memory oom_kill)" = 0 ]
echo >&9
ended oom
[ ! -s /tmp/oom.out ]
rm /dev/shm/fill

echo "--- the limit lowered below what is in use"
waiting oom
echo $((1 << 20)) >"$group/memory.max" # less than is in use: the kernel kills what is in the group
ended oom

echo "--- the node ends"
kill -TERM "$node"
for i in $(seq 300); do [ -d /proc/$node ] || break; sleep 0.1; done
[ ! -d /proc/$node ]
if pidof ceno-vmm ceno-warden ceno-api ceno-attest; then echo "processes are left"; exit 1; fi
echo "nested session: passed"
