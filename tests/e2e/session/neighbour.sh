#!/bin/bash
# A neighbour on the host without any right: signals, ptrace, memory, /proc, scheduling, sockets and files of a node with
# a session open; a full file system beside the node; a full table of processes. Each time the session goes on or ends
# wiped and proven, and the node serves its owner.
[ -n "${CENO_NEIGHBOUR_ALONE:-}" ] || CENO_NEIGHBOUR_ALONE=1 exec unshare -m --propagation private "$0" "$@"
. "$(dirname "$0")/../node.sh"
# A file system of the test's own: what a neighbour fills is nobody else's.
mount -t tmpfs -o size=96m,mode=711 ceno-neighbour "$node" || exit 1
group=/sys/fs/cgroup/pids/ceno-neighbour.$$
side=$(mktemp -d /tmp/ceno-e2e-side.XXXXXX) # for what this test reads: not on the file system that is filled
everything_gone() {
	node_stop
	cd / && umount "$node" && rmdir "$node"
	rm -rf "$side"
	[ ! -d "$group" ] || rmdir "$group"
}
trap everything_gone EXIT
uid=61234
as_neighbour() { setpriv --reuid $uid --regid $uid --clear-groups --no-new-privs "$@"; }
cp "$bin/ceno" "$node/ceno"
cp "$(dirname "$0")/neighbour.py" "$node/neighbour.py"
ceno=$node/ceno
mkdir -m 1777 "$node/common"
cd "$node" || exit 1
node_start || exit 1
canary=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')

descendants() { local p; for p in $(pgrep -P "$1"); do echo "$p"; descendants "$p"; done; }
all_there() { local p; for p; do [ -d "/proc/$p" ] || { echo "      $p is gone"; return 1; }; done; }
session_id() { "$ceno" ls --json | python3 -c 'import json,sys; print(next(s["session"] for s in json.load(sys.stdin)["sessions"] if s["state"] == "executing"))' 2>/dev/null; }
# A session that reads its input only when it is told to: what it was given must come out at the end.
begin() { rm -f p.json; mkfifo go; "$ceno" run --memory 32M --quiet --proof p.json -- busybox sh -c "read line; echo $canary; echo \$line" <go >"$side/out" 2>"$side/err" & client=$!; exec 7>go; rm go
	for _ in $(seq 100); do [ -n "$(session_id)" ] && return; sleep 0.1; done; }
ends_well() { echo still >&7; exec 7>&-; wait $client && [ "$(cat "$side/out")" = "$canary
still" ] && "$ceno" verify p.json >/dev/null; }

begin
family=$(echo "$(node_pid)" "$(descendants "$(node_pid)")")
mkfifo hold
# shellcheck disable=SC2086
as_neighbour /usr/bin/python3 neighbour.py "$canary" "$(session_id)" "$CENO_SOCKET" "$node" "$ceno" $family <hold >attempts 2>&1 & neighbour=$!
exec 8>hold
for _ in $(seq 600); do grep -q "^ok a flood" attempts && break; [ -d "/proc/$neighbour" ] || break; sleep 0.1; done
# shellcheck disable=SC2086
check "a neighbour did all it can, and every process of the node is there ($(echo $family | wc -w))" all_there $family
check "while a flood of a neighbour's connections is there, the owner is served" eval '"$ceno" ls >/dev/null && "$ceno" run --memory 32M --quiet --no-proof -- busybox true'
exec 8>&-
wait $neighbour; status=$?
sed 's/^/      /' attempts
for kind in signals "signals by pidfd" "memory, ptrace, descriptors" "scheduling and limits" /proc "what /proc shows" "sockets and files" "as a client" "a flood of connections"; do
	check "a neighbour's $kind: nothing went through" grep -q "^ok $kind: [1-9]" attempts
done
check "... and nothing else happened" [ $status = 0 ]
check "... the session ends as it should, proven" ends_well

begin
as_neighbour dd if=/dev/zero of=common/full bs=1M 2>/dev/null
as_neighbour sh -c 'i=0; while echo x >common/f$i; do i=$((i+1)); done' 2>/dev/null
check "a neighbour fills the file system: a new session is refused, and says why" eval '! "$ceno" run --memory 32M --quiet --no-proof -- busybox true 2>"$side/refused" && grep -q "disk is full" "$side/refused"'
open_one=$(session_id)
warden=$(for w in $(pgrep -P "$(node_pid)" -x ceno-warden); do [ -z "$(find "/proc/$w/fd" -lname '/memfd:ceno-ram*' 2>/dev/null)" ] || echo "$w"; done)
echo still >&7; exec 7>&-; wait $client
gone() { for _ in $(seq 100); do [ -d "/proc/$1" ] || return 0; sleep 0.1; done; return 1; }
check "... the open one goes on to its end, its output is whole, its warden is gone" eval '[ "$(cat "$side/out")" = "$canary
still" ] && gone "$warden"'
state_of() { "$ceno" ls --json | python3 -c 'import json,sys; s = [x for x in json.load(sys.stdin)["sessions"] if x["session"] == sys.argv[1]][0]; print(s["state"], s["cause"], "proof" if s["proof"] else "none")' "$1"; }
ends() { for _ in $(seq 100); do [ "$(state_of "$1")" = "$2" ] && return 0; sleep 0.1; done; echo "      the session is: $(state_of "$1")"; return 1; }
check "... and is listed as ended while the disk is full" ends "$open_one" "destroyed exit none"
rm -f common/*
check "... and afterwards" ends "$open_one" "destroyed exit none"
serves() { for _ in $(seq 100); do "$ceno" run --memory 32M --quiet --no-proof -- busybox true 2>"$side/refused" && return 0; sleep 0.2; done; cat "$side/refused"; return 1; }
check "... once there is space, the node takes sessions" serves
node_stop && node_start || exit 1
check "... and its next start has the proof that could not be stored" ends "$open_one" "destroyed exit proof"
says_so() { "$ceno" destroy --quiet --proof p.json "$1"; "$ceno" verify p.json >verdict 2>&1 || grep -q "TPM was reset" verdict; }
check "... which verifies, or says that its TPM was reset" says_so "$open_one"

if mkdir "$group" 2>/dev/null; then
	node_pids=$(descendants "$(node_pid)"; node_pid)
	echo 64 >"$group/pids.max"
	for p in $node_pids; do echo "$p" >"$group/cgroup.procs"; done
	begin
	(echo $BASHPID >"$group/cgroup.procs"; as_neighbour sh -c 'while :; do sleep 600 & done' 2>/dev/null) & bomb=$!
	for _ in $(seq 100); do [ "$(cat "$group/pids.current")" -ge 63 ] && break; sleep 0.1; done
	check "a neighbour fills the table of processes ($(cat "$group/pids.current") of 64): a new session is refused or served" eval \
		'timeout 60 "$ceno" run --memory 32M --quiet --no-proof -- busybox true 2>"$side/refused"; case $? in 0) true ;; 125) [ -s "$side/refused" ] ;; *) false ;; esac'
	check "... the open one ends as it should, proven" ends_well
	kill -KILL $bomb 2>/dev/null
	for p in $(pgrep -u $uid); do kill -KILL "$p"; done
	wait $bomb 2>/dev/null
	check "... afterwards the node takes sessions" serves
	node_stop
else
	echo "skipped: no pids controller here"
fi
finish
