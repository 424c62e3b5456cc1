# Does the machine's physical memory hold anything of a session once it is destroyed?
# The program makes its canary from a seed, so that the words exist inside the session
# alone; tests/nested/canary makes them again and searches what was dumped here.
set -e
cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid </dev/null

dump() { # NAME: all memory is written down by the host, and which of it the kernel has freed by us
	cat /proc/kpageflags >"/out/$1.flags"
	echo "ceno-nested: dump $1"
	read -r answer </dev/console
	echo "$1: $answer"
}

seed=$(($(tpm2 getrandom --tcti device:/dev/tpmrm0 --hex 3 | sed 's/^/0x/')))
echo "$seed" >/out/seed
program='BEGIN {
	for (i = 0; i < 48; i++) { s = (s * 69069 + 1) % 16777216; c = c sprintf("%c", 97 + int(s / 65536) % 26) }
	for (i = 0; i < 20000; i++) a[i] = c i
	for (i = 0; i < 2000; i++) print a[i] >"/tmp/file"
	for (i = 0; i < 8; i++) print c
	close("/tmp/file")
	getline
	print a[0] c
}'
mkfifo /tmp/hold
ceno run --proof /out/proof.cdp.json -- busybox awk -v s="$seed" "$program" </tmp/hold >/dev/null 2>/tmp/log &
client=$!
exec 9>/tmp/hold
for i in $(seq 200); do ceno ls | grep -q executing && break; sleep 0.1; done
sleep 5
dump live
exec 9>&-
wait $client || { cat /tmp/log; exit 1; }
grep -q destroyed /tmp/log || cat /tmp/log
dump after
ceno verify /out/proof.cdp.json >/tmp/verify || { cat /tmp/verify; exit 1; }
echo "nested memory: two dumps"
