# Windows taken from running sessions on nested SVM, where a guest's pages are the CPU's own to walk: by the warden's
# code from captured vmms (arguments: which attempts), then by ceno narrow from programs, and from guests that
# go on in ring 0.
set -e
build/test-bin/hostile_captured "$@"

node_start() { # [BLOBS]
	cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid ${1:+--blobs $1} </dev/null
	node=$(cat /run/cenod.pid)
}
node_stop() {
	kill -TERM "$node"
	for i in $(seq 300); do [ -d "/proc/$node" ] || return 0; sleep 0.1; done
	return 1
}
# begin PLEDGE PROGRAM [ARG]...: a session that has said "ready", its input open: $client, $session.
begin() {
	pledge=$1
	shift
	rm -f /tmp/in /tmp/out /tmp/err /tmp/p.json
	mkfifo /tmp/in
	ceno run --memory 32M --ttl 120s --pledge "$pledge" --proof /tmp/p.json -- "$@" </tmp/in >/tmp/out 2>/tmp/err &
	client=$!
	exec 9>/tmp/in
	for i in $(seq 600); do grep -q ready /tmp/out && break; sleep 0.1; done
	session=$(ceno ls | sed -n 's/^\([0-9a-f]*\) *executing.*/\1/p')
	[ -n "$session" ] && grep -q ready /tmp/out || { ceno ls; cat /tmp/out /tmp/err; exit 1; }
}
# ended CAUSE LAUNCH END: it ends by itself, and its proof verifies and says that, what was pledged, and what at the end.
ended() {
	status=0
	wait $client || status=$?
	exec 9>&-
	# Whose session was ended is told so; a program ends as it likes.
	[ "$1" = exit ] || [ $status = 125 ] || { echo "ceno run says $status"; cat /tmp/err; exit 1; }
	ceno verify /tmp/p.json >/tmp/verify || { cat /tmp/verify; exit 1; }
	payload=$(sed 's/.*"payload":"\([^"]*\)".*/\1/' /tmp/p.json | base64 -d)
	area='{"bytes":524288,"kind":"window","mismatches":0,"overwritten":524288,"pledge_class":0,"read_back":524288,"unmapped":true}'
	for words in "\"cause\":\"$1\"" "\"pledge_mask\":$2,\"record_commit\"" "\"pledge_mask\":$3,\"seccomp_mode\"" "$area"; do
		case $payload in *"$words"*) ;; *) echo "the proof does not say $words"; cat /tmp/err; exit 1 ;; esac
	done
	echo "narrowed: $cut, and the proof says so"
}

node_start
for what in out in idle; do
	cut="a program with its streams cut ($what)"
	begin stdio,rw,spawn build/test-bin/guest_narrowed $what
	ceno narrow "$session" stdio
	ended exit 19 18
	grep -q "has lost stdio" /tmp/err
done
cut="a program that makes no system call"
begin stdio,rw,spawn build/test-bin/guest_narrowed spin
ceno narrow "$session" stdio
sleep 1
ceno ls | grep -q "$session *executing"
ceno narrow "$session" rw spawn
ceno destroy --quiet "$session"
ended request 19 0
cut="a program that loses files"
begin stdio,rw,error build/test-bin/guest_narrowed rw
ceno narrow "$session" rw
ended exit 3 1
grep -q "rw: Function not implemented" /tmp/out
node_stop

mkdir /tmp/blobs
cp build/blobs/firmware.bin /tmp/blobs/firmware.bin
cp build/blobs/trust-hostile.bin /tmp/blobs/trust.bin
cp build/blobs/bundle-hostile-guests.bin /tmp/blobs/bundle.bin
node_start /tmp/blobs
# hostile GUEST FORM: let go, and narrowed while it does what it does.
hostile() {
	cut="$1 $2"
	begin stdio busybox $(($(build/test-bin/hostile_judge --list | grep -n "^$1	" | cut -d: -f1) - 1)) "$2" 00112233445566778899aabbccddeeff
	echo >&9
	sleep 0.5
	ceno narrow "$session" stdio
}
hostile flood 0
ended violation 1 0
hostile flood 1
ended violation 1 0
hostile spin 0 # it never touches its window
sleep 1
ceno ls | grep -q "$session *executing"
ceno destroy --quiet "$session"
ended request 1 0
node_stop
echo "nested narrow: passed"
