#!/bin/bash
# Command lines that people type, on the host and in sessions: equal to the byte (run.py).
. "$(dirname "$0")/../e2e/node.sh"
for tool in bwrap gawk lua5.4 sqlite3 jq perl xz strings busybox; do
	command -v "$tool" >/dev/null || { echo "skip: no $tool on this machine"; exit 77; }
done
node_start || exit 1
/usr/bin/python3 "$root/tests/commands/run.py" "$bin/ceno" "$root" "$@" && check "all equal" true || check "all equal" false
finish
