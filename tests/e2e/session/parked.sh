#!/bin/bash
# The parked pair of a node: there, nobody's, in its group, replaced when it dies, taken
# by a session, gone with the node. Sessions work with it, without it, and while it dies.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
cd "$node" || exit 1

# The warden that no line of the log gives a session to, once its vmm is jailed; its uid; its vmm.
uid_of() { awk '/^Uid:/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
vmm_of() { pgrep -P "$1" -x ceno-vmm; }
parked() {
	local p
	for _ in $(seq 200); do
		for p in $(pgrep -P "$(node_pid)" -x ceno-warden); do
			grep -q "pair $(uid_of "$p")\$" "$node/state/cenod.log" && continue
			vmm=$(vmm_of "$p") && [ "$(grep -c ^NoNewPrivs:.1 "/proc/$vmm/status" 2>/dev/null)" = 1 ] &&
				[ "$(ls "/proc/$vmm/task" | wc -l)" = 2 ] && warden=$p && return 0
		done
		sleep 0.02
	done
	echo "      no pair is parked"
	return 1
}
run() { [ "$("$ceno" run --quiet --no-proof -- busybox echo hello)" = hello ]; }
gone() { local p; for p; do for _ in $(seq 100); do [ -d "/proc/$p" ] || continue 2; grep -q "^State:.Z" "/proc/$p/status" 2>/dev/null && continue 2; sleep 0.05; done; return 1; done; }
group() { echo /sys/fs/cgroup/{memory/,,unified/}cenotaph-"$(node_pid)"/pair-"$1" | tr ' ' '\n' | while read -r d; do [ -d "$d" ] && echo "$d"; done | head -1; }
# The same pair's group for tasks, where it has one: v1 has a hierarchy for each.
tasks_group() { ls -d /sys/fs/cgroup/{pids/,,unified/}cenotaph-"$(node_pid)"/pair-"$1" 2>/dev/null | while read -r d; do [ -e "$d/pids.max" ] && echo "$d"; done | head -1; }
limit() { cat "$1/memory.limit_in_bytes" "$1/memory.max" 2>/dev/null | head -1; }

node_start || exit 1
check "a pair is parked" parked
check "... ceno ls does not know it" eval '[ "$("$ceno" ls --json | grep -c "\"session\":")" = 0 ]'
nothing_held() { ! ls -l "/proc/$warden/fd" "/proc/$vmm/fd" | grep -E 'ceno-(ram|pack|boot|stdio|opening)|spool'; }
check "... it holds no memory, pack or spool file" nothing_held
g=$(group "$(uid_of "$warden")")
if [ -n "$g" ]; then
	check "... its vmm is in the group of its uid" eval '[ "$(cat "$g/cgroup.procs")" = "$vmm" ]'
	check "... which has the limit of a vmm without a guest" [ "$(limit "$g")" = $((16 << 20)) ]
	t=$(tasks_group "$(uid_of "$warden")")
	[ -z "$t" ] || check "... and may have eight tasks" eval '[ "$(cat "$t/cgroup.procs")" = "$vmm" ] && [ "$(cat "$t/pids.max")" = 8 ]'
fi

# CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, SETPCAP, SYS_ADMIN of <linux/capability.h>
caps() { awk -v f="$1:" '$1 == f { print $2 }' "/proc/$(node_pid)/status"; }
check "cenod has eight capabilities, and no child can have more" eval '[ "$(caps CapEff) $(caps CapBnd)" = "00000000002001eb 00000000002001eb" ]'

first=$warden
"$ceno" run --quiet --no-proof --memory 64M -- busybox sleep 60 & client=$!
taken() { for _ in $(seq 100); do grep -q "pair $(uid_of "$first")\$" "$node/state/cenod.log" && return 0; sleep 0.05; done; return 1; }
check "a session takes it" taken
[ -z "$g" ] || check "... and sets its limit" [ "$(limit "$g")" = $((80 << 20)) ]
check "... and another is parked" eval 'parked && [ "$warden" != "$first" ]'
kill -KILL "$(vmm_of "$first")"
wait $client

check "warden killed while parked: another comes" eval 'parked && killed=$warden && kill -KILL $killed && gone $killed $vmm && parked && [ $warden != $killed ]'
check "... a session runs" run
check "vmm killed while parked: another comes" eval 'parked && killed=$warden && kill -KILL $vmm && gone $killed $vmm && parked && [ $warden != $killed ]'
check "... a session runs" run
# A vmm in the midst of dying still looks alive to its warden, and a session given to it fails; hence the wait.
meanwhile() { for _ in 1 2 3 4 5; do parked || return 1; kill -KILL "$vmm"; gone "$warden"; run || return 1; parked; kill -KILL "$warden"; run || return 1; done; }
check "sessions that come while it dies run, ten of them" meanwhile
backs_off() { local n; for n in 1 2 3; do parked && kill -KILL "$warden" && gone "$warden"; done; grep -q "parking another in 400 ms" "$node/state/cenod.log"; }
check "deaths in a row are waited for longer" backs_off
burst() { local p i; parked; p=(); for i in 1 2 3; do run & p+=($!); done; for i in "${p[@]}"; do wait "$i" || return 1; done; }
check "three sessions at once, one pair parked" burst
check "... and no session was lost" eval '[ "$("$ceno" ls --json | python3 -c "import json,sys; print({s[\"state\"] for s in json.load(sys.stdin)[\"sessions\"]})")" = "{'"'destroyed'"'}" ]'

parked
kill -KILL "$(pgrep -P "$(node_pid)" -x ceno-attest | head -1)"
for _ in $(seq 100); do run 2>/dev/null && break; sleep 0.1; done
check "attest killed: the pair stays, sessions run again" run

parked
family=$(pgrep -P "$(node_pid)" -x ceno-warden; pgrep -P "$warden")
started=$(date +%s)
node_stop
check "SIGTERM with nobody but a parked pair: ends at once" [ $(($(date +%s) - started)) -lt 5 ]
# shellcheck disable=SC2086
check "... nothing of the pair is left, nor its group" eval 'gone $family && [ ! -d "$(dirname "${g:-/none/none}")" ]'

rm -f "$node/pid" "$node/state/cenod.log"
node_start || exit 1
parked
kill -KILL "$(node_pid)"
check "cenod killed: the pair goes with it" gone "$warden" "$vmm"
missing=$("$ceno" doctor | sed -n 's/.*not given: //p')
refuses() { ! timeout 10 "$bin/cenod" --foreground --state "$node/other" --run "$node/other-run" --layers "$missing" 2>why && grep -q "missing: $missing;" why; }
[ -n "$missing" ] && [ "$missing" != none ] && check "a node that is to have a layer that this host lacks does not start" refuses
finish
