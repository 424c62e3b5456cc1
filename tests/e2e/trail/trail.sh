#!/bin/bash
# The guest's trail through a whole node: what the window held is what the proof names
# and the client gets, whatever the guest wrote there and however the session ended; the
# node keeps none of it.
# shellcheck source=../node.sh
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
second=$root/tests/verifiers/cdp_verify.py
pins=$XDG_CONFIG_HOME/cenotaph/pins
cd "$node" || exit 1

# blobs_of BUNDLE TRUST
blobs_of() {
	rm -rf "$node/blobs" && mkdir "$node/blobs"
	cp "$build/blobs/firmware.bin" "$node/blobs/firmware.bin"
	cp "$build/blobs/$2" "$node/blobs/trust.bin"
	cp "$build/blobs/$1" "$node/blobs/bundle.bin"
	blobs=$node/blobs
}
one() { field "$1" "steps.0.evidence.$2"; }
bytes() { stat -c %s "$1"; }
# names PROOF TRAIL: length and hash in the proof are the file's
names() { [ "$(one "$1" trail_bytes)" = "$(bytes "$2")" ] &&
	[ "$(one "$1" trail_sha256)" = "sha256:$(sha256sum <"$2" | cut -d' ' -f1)" ]; }
# says STATUS CODE COMMAND...: ceno audit ends so, and its verdict has that name
says() {
	local want=$1 code=$2 status
	shift 2
	"$ceno" audit "$@" >out 2>err
	status=$?
	[ $status = "$want" ] && grep -q "$code" out err || { echo "      status $status, not $want $code"; cat out err; return 1; }
}
session() { "$ceno" ls --json | python3 -c 'import json,sys
print(next((s["session"] for s in json.load(sys.stdin)["sessions"] if s["state"] in ("active", "executing")), ""))'; }
wait_for_session() { for _ in $(seq 100); do id=$(session); [ -n "$id" ] && return 0; sleep 0.05; done; return 1; }
kept() { grep -rlaF CNOTTRL1 "$node/state" "$node/run" 2>/dev/null; }

# ---- the shipped bundle: whether it has prov or not
node_start || exit 1
"$ceno" run --quiet --proof plain.json --trail plain.trail -- busybox true
status=$?
check "shipped bundle: runs and keeps the trail, empty or not" eval '[ $status = 0 ] && names plain.json plain.trail && "$ceno" verify plain.json >out'
node_stop

# ---- prov
blobs_of bundle-prov.bin trust-development.bin
node_start || exit 1
check "prov: a session runs" "$ceno" run --proof a.json --trail a.trail -- busybox true 2>summary
check "... its trail is the one that the proof names" eval '[ "$(bytes a.trail)" -gt 4096 ] && names a.json a.trail'
check "... readable by its owner alone" eval '[ "$(stat -c %a a.trail)" = 600 ]'
check "... the summary has a line about it" grep -q '^trail  .* records' summary
check "... the proof verifies, for a second verifier too" eval '"$ceno" verify a.json >out && python3 "$second" --pin "$pins" a.json >out'
# without a final seal it is consistent; that its maker is not known, it does not say any more
check "... the audit takes the proof's word for whose it is" eval '"$ceno" audit --proof a.json a.trail >out; case $? in 0) ;; 4) ! grep -q KEY_UNKNOWN out ;; *) cat out; false ;; esac'
python3 - <<'PY'
data = bytearray(open("a.trail", "rb").read())
data[4200] ^= 1
open("edited.trail", "wb").write(data)
PY
check "edited: refused with the proof" says 1 DIGEST --proof a.json edited.trail
check "edited: refused without" says 1 "" edited.trail
check "run again" "$ceno" run --quiet --proof b.json --trail b.trail -- busybox true
check "another session's trail: refused with the proof" says 1 DIGEST --proof a.json b.trail
sed 's/"reset_count":/"reset_count":1/' a.json >bad.json
check "a proof that does not verify: refused" eval '! "$ceno" audit --proof bad.json a.trail >out 2>err && grep -q "does not verify" err'
check "N10: the node keeps no byte of a trail" eval '[ -z "$(kept)" ]'

"$ceno" run --quiet --proof c.json --trail c.trail -- busybox sleep 60 2>run.err &
client=$!
check "a running session" wait_for_session
sleep 0.5
"$ceno" audit "$id" >out 2>err
status=$?
check "... its trail as it is now: consistent, not finished" eval '[ $status = 4 ] && grep -q "is running" err && grep -q "session *$id" out'
check "... of nobody else's session" eval '"$ceno" audit 00000000000000000000000000000000 >out 2>err; [ $? = 2 ] && grep -q "no such session" err'
for p in $(pgrep -P "$(node_pid)" -x ceno-warden); do
	grep -q "Seccomp_filters:.2" "/proc/$p/status" && vmm=$(pgrep -P "$p" -x ceno-vmm)
done
kill -KILL "$vmm"
wait $client
check "kill -9 of the vmm: the trail up to there is delivered, and the proof names it" eval \
	'[ "$(one c.json cause)" = crash ] && [ "$(bytes c.trail)" -gt 4096 ] && names c.json c.trail'
check "... it is consistent, and says that it has no end" says 4 "final seal" --proof c.json c.trail
check "a place that cannot be written: told before anything runs" eval '"$ceno" run --quiet --no-proof --trail /nowhere/x -- busybox true 2>err; [ $? = 125 ] && grep -q /nowhere/x err'
node_stop

# ---- a guest that owns ring 0 and lies about the length all the time
blobs_of bundle-hostile-trail.bin trust-hostile.bin
node_start || exit 1
"$ceno" run --quiet --ttl 4s --memory 64M --proof h.json --trail h.trail -- busybox true 2>run.err &
client=$!
check "lying length: the session runs" wait_for_session
for _ in 1 2 3 4 5; do "$ceno" audit "$id" >out 2>err; echo $?; done >statuses
check "... copies of it are taken and refused" eval '[ "$(sort -u statuses)" = 1 ]'
wait $client
check "... it ends by its time, destroyed and proven" eval '[ "$(one h.json cause)" = ttl ] && "$ceno" verify h.json >out'
check "... and left the whole window, no byte more" eval '[ "$(bytes h.trail)" = 262144 ] && names h.json h.trail'
check "... which the audit refuses" says 1 "" --proof h.json h.trail
node_stop
finish
