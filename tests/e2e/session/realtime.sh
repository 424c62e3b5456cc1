#!/bin/bash
# A node that somebody started under a real-time policy: its sessions have an ordinary one, and their groups.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
cd "$node" || exit 1
chrt -f -p 1 $$ || { echo "skipped: no real-time policy may be taken here"; exit 77; }
node_start || exit 1
chrt -o -p 0 $$
policy() { chrt -p "$1" | sed -n 's/.*policy: //p'; }
check "cenod has the policy that it was started with" eval '[ "$(policy "$(node_pid)")" = SCHED_FIFO ]'
"$ceno" run --quiet --proof p.json -- busybox sleep 60 2>err & client=$!
for _ in $(seq 200); do vmm=$(for w in $(pgrep -P "$(node_pid)" -x ceno-warden); do pgrep -P "$w" -x ceno-vmm; done); "$ceno" ls | grep -q executing && break; sleep 0.05; done
check "a session runs" eval '"$ceno" ls | grep -q executing'
ordinary() { local p t; for p; do for t in "/proc/$p/task"/*; do [ "$(policy "${t##*/}")" = SCHED_OTHER ] || { echo "      $p: $(policy "${t##*/}")"; return 1; }; done; done; }
# shellcheck disable=SC2086,SC2046
check "... no thread of a warden or vmm has a real-time policy ($(echo $vmm | wc -w) vmms)" ordinary $(pgrep -P "$(node_pid)" -x ceno-warden) $vmm
kill -INT $client; wait $client
check "... it ends proven" eval '"$ceno" verify p.json >/dev/null'
finish
