#!/bin/bash
# Hostile ring 0 through a whole node: bundles signed by the hostile test key,
# named in the node's trust page. Stage 2 stops each; the session is destroyed
# and proven, step 1 has cause and violation code, and the proof names the key.
# shellcheck source=../node.sh
. "$(dirname "$0")/../node.sh"

attack() { # NAME CODE
	local proof=$node/$1.json status
	"$bin/ceno" run --quiet --memory 64M --proof "$proof" -- busybox true >"$node/out" 2>"$node/err"
	status=$?
	[ $status = 125 ] || { echo "      ceno run: status $status, not 125"; cat "$node/err"; return 1; }
	[ -s "$proof" ] || { echo "      no proof"; cat "$node/err"; return 1; }
	[ "$(field "$proof" steps.0.evidence.cause)" = violation ] &&
		[ "$(field "$proof" steps.0.evidence.violation)" = "$2" ] &&
		[ "$(field "$proof" core.platform.test_key)" = True ] &&
		field "$proof" core.platform.trust_name | grep -q '^hostile test key' &&
		"$bin/ceno" verify "$proof" >"$node/verify" || { cat "$node/err" "$node/verify"; return 1; }
}

# write: a read-only slot (17); no slot there (16) -- vmm/core/launch.h
for pair in text:17 boot:17 window:16 ram-end:16; do
	name=${pair%:*}
	mkdir "$node/blobs"
	cp "$build/blobs/firmware.bin" "$node/blobs/firmware.bin"
	cp "$build/blobs/trust-hostile.bin" "$node/blobs/trust.bin"
	cp "$build/blobs/bundle-hostile-$name.bin" "$node/blobs/bundle.bin"
	blobs=$node/blobs
	node_start || exit 1
	check "ring 0 attacks by $name: violation ${pair#*:}, destroyed, proven" attack "$name" "${pair#*:}"
	node_stop
	rm -rf "$node/blobs" "$node/pid"
done
finish
