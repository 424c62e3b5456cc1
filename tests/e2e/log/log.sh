#!/bin/bash
# What `ceno proof` says of a proof's leaf and of the node's log, read by Python.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
read=$root/tests/e2e/log/read.py
schema=$root/attest/proof/cdp.schema.json
cd "$node" || exit 1
node_start || exit 1

for i in 1 2 3 4 5; do "$ceno" run --quiet --proof p$i.json -- busybox true || exit 1; done
is() { "$ceno" proof inclusion p$1.json >t && python3 "$read" inclusion "$schema" p$1.json t; }
launched() { "$ceno" proof inclusion --launch p$1.json >t && python3 "$read" inclusion "$schema" p$1.json t launch; }
grows() { "$ceno" proof consistency --from p$1.json >c && python3 "$read" consistency "$schema" c p$1.json >sizes; }
fails() { local want=$1; shift; "$@" >out 2>err </dev/null; [ $? = 1 ] && [ ! -s out ] && grep -q -- "$want" err; }
for i in 1 3 5; do
	check "proof $i: its leaf as a tlog-proof" is $i
	check "proof $i: its launch as a tlog-proof" launched $i
	check "the log extends that of proof $i" grows $i
done
check "... to the newest checkpoint" eval '[ "$(cut -d" " -f2 sizes)" -ge 11 ]'
check "ceno verify compares a proof with it" eval '"$ceno" proof consistency --from p1.json >c && "$ceno" verify --compare c p1.json >v && grep -q "compared with another checkpoint, one log" v'
check "from its own checkpoint" eval '"$ceno" proof consistency >c && ! grep -q "^node" c'
check "another proof's checkpoint does not fit" eval '"$ceno" proof consistency --from p1.json >c && ! python3 "$read" consistency "$schema" c p2.json 2>/dev/null'
check "a size that the log never had" fails "no quoted checkpoint of that size" "$ceno" proof consistency --from 1000000
sed 's/"warden_status":0/"warden_status":1/' p1.json >forged.json
check "nothing of a proof that is not good" fails "not a good proof" "$ceno" proof inclusion forged.json
check "a file that is not there" fails "No such file" "$ceno" proof inclusion nowhere

"$ceno" run --quiet --no-proof -- busybox sleep 60 2>/dev/null & client=$!
for _ in $(seq 100); do "$ceno" ls | grep -q executing && break; sleep 0.05; done
session=$("$ceno" ls --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["sessions"][0]["session"])')
check "a session that runs has no end in the log" eval '"$ceno" proof orphans >o && grep -q "orphans 1$" o && grep -q "^$session " o'
"$ceno" destroy "$session" >/dev/null; wait $client
check "... and then it has" eval '"$ceno" proof orphans >o && grep -q "orphans 0$" o && [ "$(wc -l <o)" = 2 ]'
check "for root alone" fails "only root" setpriv --reuid 12345 --clear-groups "$ceno" proof orphans
# A leaf that commits to a session's record: once, by who may see the session.
commitment=$(printf 'record of this run' | sha256sum | cut -d' ' -f1)
session=$("$ceno" ls --all --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["sessions"][0]["session"])')
# Refused first: it must not have been written all the same.
check "not of a session that is not mine" fails "no such session" setpriv --reuid 12345 --clear-groups "$ceno" proof record "$session" "$commitment"
check "a record of a session of mine" eval '"$ceno" proof record "$session" "$commitment" >index && grep -qx "[0-9]*" index'
check "... is a leaf of the log" eval '"$ceno" run --quiet --proof p6.json -- busybox true && "$ceno" proof leaf "$(cat index)" >t && python3 "$read" record "$schema" p6.json t "$commitment"'
check "... of this commitment only" eval '! python3 "$read" record "$schema" p6.json t "$(printf x | sha256sum | cut -d" " -f1)" 2>/dev/null'
check "once" fails "has a record in the log already" "$ceno" proof record "$session" "$commitment"
check "not of one that never was" fails "no such session" "$ceno" proof record "$(printf '0%.0s' $(seq 32))" "$commitment"
check "a commitment of another length" fails "commitment" "$ceno" proof record "$session" 1234
check "a leaf that is not there" fails "no quoted checkpoint of that size" "$ceno" proof leaf 1000000
check "usage" eval '"$ceno" proof --help | grep -q ^usage && ! "$ceno" proof bogus 2>/dev/null && ! "$ceno" proof 2>/dev/null'
finish
