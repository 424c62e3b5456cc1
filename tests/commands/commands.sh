#!/bin/bash
# Command lines that people type, on the host and in sessions: equal to the byte (run.py).
. "$(dirname "$0")/../e2e/node.sh"
for tool in bwrap gawk lua5.4 sqlite3 jq perl xz busybox musl-gcc; do
	command -v "$tool" >/dev/null || { echo "no $tool on this machine: ./do test installs it"; exit 1; }
done
for image in base data python; do
	check "the image $image" "$bin/ceno" image build --from "deb:$root/images/recipes/$image" --name $image -o "$node/$image.img"
done
node_start || exit 1
for image in base data python; do
	check "the node takes it" "$bin/ceno" image add "$node/$image.img"
done
/usr/bin/python3 "$root/tests/commands/run.py" "$bin/ceno" "$root" "$@" && check "all equal" true || check "all equal" false
finish
