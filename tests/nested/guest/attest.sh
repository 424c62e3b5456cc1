# ceno-attest over the kernel's resource manager: node quotes by /dev/tpmrm0, the
# daemon confined, and the same keys after it was killed (the TPM lives on).
set -e
cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid </dev/null

attest() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		ceno attest --json >/tmp/answer 2>/tmp/error && break
		[ $? = 4 ] && break   # good, and not pinned: this node has run no session yet
		sleep 0.5
	done
	grep -q '"quote":"good"' /tmp/answer || { cat /tmp/answer /tmp/error; exit 1; }
	sed 's/.*"seal_ak":"\([0-9a-f]*\)".*/\1/' /tmp/answer
}
pid_of() {
	for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" != "$1" ] || echo "${p#/proc/}"
	done
}

before=$(attest)
[ -n "$before" ]
pid=$(pid_of ceno-attest)
grep -q '^Seccomp_filters:	2$' "/proc/$pid/status" # cenod's, and its own
grep -q '^NoNewPrivs:	1$' "/proc/$pid/status"
grep -q '^CapEff:	0000000000000000$' "/proc/$pid/status"
ls -l "/proc/$pid/fd" | grep -q '/dev/tpmrm0$'
[ -z "$(pid_of swtpm)" ]
kill -9 "$pid"
sleep 1
after=$(attest)
[ "$before" = "$after" ]
[ "$pid" != "$(pid_of ceno-attest)" ]
echo "seal key $after over /dev/tpmrm0, before and after kill -9"
