#!/bin/bash
# kill -9 of every process of a node with a session open: each time the session
# ends as it should, no task of it is left, and the node goes on or says so.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
cd "$node" || exit 1
node_start || exit 1

child() { pgrep -P "$1" -x "$2" | head -1; }
# The session's, not the parked one: the log says whose pair is whose, by its uid.
warden() { pgrep -P "$(node_pid)" -u "$(sed -n 's/.*: pair //p' "$node/state/cenod.log" | tail -1)" -x ceno-warden; }
begin() { "$ceno" run --quiet --proof p.json -- busybox sleep 60 2>err & client=$!
	for _ in $(seq 100); do [ -n "$(warden)" ] && [ -n "$(child "$(warden)" ceno-vmm)" ] && grep -q . <("$ceno" ls | grep executing) && return; sleep 0.05; done; }
newest() { "$ceno" ls --json | python3 -c 'import json,sys
s = json.load(sys.stdin)["sessions"][0]; print(s["state"], s["cause"], "proof" if s["proof"] else "none")'; }
newest_id() { "$ceno" ls --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["sessions"][0]["session"])'; }
ends() { # WANT: the newest session's end within 10 s
	for _ in $(seq 100); do [ "$(newest 2>/dev/null)" = "$1" ] && return 0; sleep 0.1; done
	echo "      the session is: $(newest)"
	return 1
}
after() { wait $client; [ $? = 125 ] && "$ceno" run --quiet --no-proof -- busybox true; }

begin; kill -KILL "$(child "$(warden)" ceno-vmm)"
check "vmm killed: cause crash, with a proof" ends "destroyed crash proof"
check "... that verifies, and the node goes on" eval 'after && "$ceno" verify p.json >/dev/null'

begin; kill -KILL "$(warden)"
check "warden killed: a recovery warden wipes, no proof, and it says so" ends "expired_unclean crash none"
check "... the node's log says wiped and checked, and the node goes on" eval \
	'after && grep -q "wiped and checked by a recovery warden" "$node/state/cenod.log"'

begin; kill -KILL "$(child "$(node_pid)" ceno-api)"
check "api killed: destroyed, the proof reaches the next api" ends "destroyed request proof"
check "... the node goes on" after

begin; kill -KILL "$(child "$(node_pid)" ceno-attest)"; attest_died=$(date +%s)
check "attest killed: the session is destroyed at once" eval 'ends "destroyed request proof" && [ $(($(date +%s) - attest_died)) -lt 10 ]'
check "... the node goes on; the proof verifies: the TPM of its launch was kept" eval 'after && "$ceno" verify p.json >/dev/null'

keeper() { child "$(node_pid)" attest-keeper; }
begin; kill -KILL "$(child "$(keeper)" swtpm)"; "$ceno" destroy "$(newest_id)" >/dev/null
check "swtpm killed: it resumes" ends "destroyed request proof"
check "... the node goes on, the proof verifies" eval 'after && "$ceno" verify p.json >/dev/null'

begin; kill -KILL "$(keeper)"
check "the keeper of swtpm killed: the session is destroyed" ends "destroyed request proof"
check "... the node goes on, the proof says that its TPM was reset" eval 'after; "$ceno" verify p.json 2>&1 | grep -q "TPM was reset"'

# PIDS...: every one has ended (whoever adopted it may be slow to reap it)
gone() { local p; for p; do [ ! -d "/proc/$p" ] || grep -q "^State:.Z" "/proc/$p/status" || { echo "      $p is left: $(cat "/proc/$p/comm")"; return 1; }; done; }
descendants() { local p; for p in $(pgrep -P "$1"); do echo "$p"; descendants "$p"; done; }
begin; killed=$(node_pid); family=$(descendants "$killed"); kill -KILL "$killed"
wait $client
check "cenod killed: the client is told" [ $? = 125 ]
sleep 1
# shellcheck disable=SC2086
check "... nothing of it is left running ($(echo $family | wc -w) processes)" gone $family
node_start || exit 1
check "... the next start finds what its warden spooled, and delivers the proof" ends "destroyed request proof"
step8() { python3 -c 'import json,sys; e = json.load(open("p.json"))["seal"]["step8"]; print(e["observer"], e["cgroup"], e["peak_bytes"], e["warden_status"])'; }
check "... which says that its TPM was reset" eval 'outlived=$(newest_id); "$ceno" destroy --quiet --proof p.json "$outlived"; "$ceno" verify p.json 2>&1 | grep -q "TPM was reset"'

check "... and that nobody saw how its warden ended" eval '[ "$(step8)" = "next supervisor and attest unknown 0 0" ] && "$ceno" proof show p.json | grep -q "its end nobody saw"'

begin; killed=$(node_pid); slow=$(warden); kill -STOP "$slow"; kill -KILL "$killed"; wait $client
node_start || exit 1
sleep 5
check "cenod killed, a warden that is slow: nothing is said of its session while it is there" eval '[ "$(newest)" != "expired_unclean crash none" ]'
kill -CONT "$slow"
check "... its proof comes when it is done" ends "destroyed request proof"

begin; killed=$(node_pid); orphan=$(warden); kill -KILL "$killed" "$orphan"; wait $client; sleep 1
node_start || exit 1
check "cenod and a warden killed: nobody can prove it, and the next start says so" ends "expired_unclean crash none"

begin; kill -TERM "$(node_pid)"; wait $client
check "SIGTERM destroys with a proof" eval '"$ceno" verify p.json >/dev/null'
for _ in $(seq 100); do [ -S "$CENO_SOCKET" ] || break; sleep 0.1; done
check "... and nothing is left: socket, pid file, group" eval '[ ! -S "$CENO_SOCKET" ] && [ ! -e "$node/pid" ]'
finish
