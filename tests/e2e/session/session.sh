#!/bin/bash
# A session end to end through cenod: output byte-equal to the host's, streams,
# exit status, signals, lifetime, memory, hold and exec, and a proof each time.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
busybox=$(command -v busybox)
cd "$node" || exit 1
node_start || exit 1

# equal NAME ARGS...: busybox ARGS in a session with $node/data as /in/data, and on the host
equal() {
	"$ceno" run --quiet --memory 512M --proof "$node/p.json" --input data -- busybox "$@" >guest.out 2>guest.err
	local guest=$? host
	mkdir -p in && ln -f data in/data
	(set -- "${@//\/in\//in/}"; "$busybox" "$@") >host.out 2>/dev/null
	host=$?
	sed -i 's, in/data, /in/data,' host.out
	[ $guest = $host ] && cmp -s guest.out host.out && "$ceno" verify "$node/p.json" >/dev/null
}

# exits STATUS LINE COMMAND...: that exit status, and LINE (if not empty) in its one error line
exits() {
	local want=$1 line=$2 got
	shift 2
	"$@" >out 2>err
	got=$?
	[ $got = "$want" ] && { [ -z "$line" ] || { grep -q -- "$line" err && [ "$(grep -c '^ceno:' err)" = 1 ]; }; } && return 0
	echo "      status $got (want $want): $(head -2 err)"
	return 1
}

cp "$root/tests/data/patients.csv" data
check "awk over the patients equals the host's" \
	equal awk -F, 'NR > 1 { n[$2]++; c[$2] += $3 } END { for (w in n) print w, n[w], c[w] }' /in/data
check "sort, grep, wc, gzip and sha256sum likewise" eval \
	'equal sort -t, -k3 /in/data && equal grep -c 7 /in/data && equal wc /in/data && equal gzip -c /in/data && equal sha256sum /in/data'
printf x >data
check "a file of one byte" equal sha256sum /in/data
head -c 67108864 /dev/urandom >data
check "a file of 64 MiB" equal sha256sum /in/data
# No image, and a descriptor for each: one of them has the number of an image's.
many() { mkdir many && head -c $((190 * 4096)) data | command split -b 4096 -a 3 - many/ &&
	[ "$("$ceno" run --quiet --no-proof --input many -- busybox sh -c 'cat /in/many/* | sha256sum')" = "$(cat many/* | sha256sum)" ]; }
check "190 files" many

through() { "$ceno" run --quiet --no-proof -- busybox cat <data | cmp -s - data; }
check "64 MiB through standard input and output" through
slowly() { [ "$( (echo a; sleep 0.5; echo b) | "$ceno" run --quiet --no-proof -- busybox cat)" = "$(printf 'a\nb')" ]; }
check "input that comes late wakes the program" slowly
head_only() { [ "$("$ceno" run --quiet --no-proof --input data -- busybox cat /in/data | head -c 5 | wc -c)" = 5 ]; }
check "a reader that leaves ends the program" head_only
split() { "$ceno" run --quiet --no-proof -- busybox sh -c 'echo o; echo e >&2' >o 2>e; [ "$(cat o)" = o ] && [ "$(cat e)" = e ]; }
check "standard output and error stay apart" split

check "the program's status is ceno's" exits 42 "" "$ceno" run --quiet --no-proof -- busybox sh -c 'exit 42'
check "a program killed by a signal" exits 137 "" "$ceno" run --quiet --no-proof -- busybox sh -c 'kill -9 $$'
check "arguments and environment arrive" eval \
	'[ "$("$ceno" run --quiet --no-proof --env A=b -- busybox sh -c "echo \$A \$0 \$1" x "y z")" = "b x y z" ]'

check "a lifetime that runs out" exits 125 "lifetime ran out" "$ceno" run --quiet --proof ttl.json --ttl 500ms -- busybox sleep 30
cause() { "$ceno" verify --json "$1" >v.json && [ "$("$ceno" ls --json | python3 -c 'import json,sys
print(json.load(sys.stdin)["sessions"][0]["cause"])')" = "$2" ]; }
check "... ends with a proof that verifies, cause ttl" cause ttl.json ttl
interrupt() { "$ceno" run --quiet --proof int.json -- busybox sleep 30 & local pid=$! status; sleep 1; kill -INT $pid; wait $pid; status=$?
	[ $status = 130 ] && cause int.json request; }
# an interactive shell leaves SIGINT alone in background jobs; a script must ask for it
check "Ctrl-C destroys with a proof" interrupt
check "out of memory in the guest" eval \
	'! "$ceno" run --quiet --proof oom.json --memory 32M -- busybox sh -c "a=xxxxxxxx; while :; do a=\$a\$a; done" 2>/dev/null && "$ceno" verify oom.json >/dev/null'
leave() { "$ceno" run --quiet --no-proof -- busybox sleep 30 & local pid=$!; sleep 1; kill -KILL $pid; wait $pid 2>/dev/null; sleep 1
	"$ceno" ls --json | python3 -c 'import json,sys
s = json.load(sys.stdin)["sessions"][0]; sys.exit(not (s["state"] == "destroyed" and s["cause"] == "request" and s["proof"]))'; }
check "a client that vanishes: destroyed and proven" leave

held() {
	"$ceno" run --quiet --hold --proof held.json -- busybox echo first >held.out 2>held.err &
	local pid=$! session
	for _ in $(seq 50); do
		session=$("$ceno" ls --json | python3 -c 'import json,sys
print(next((s["session"] for s in json.load(sys.stdin)["sessions"] if s["state"] == "active" and s["launch_index"] >= 0), ""))')
		[ -n "$session" ] && [ -s held.out ] && break
		sleep 0.1
	done
	"$ceno" exec "$session" -- busybox echo second && ! "$ceno" exec "$session" -- busybox false &&
		"$ceno" exec --env WHO=me --env HOME=/out --workdir /tmp "$session" -- busybox sh -c 'echo $WHO $HOME $PATH; pwd' &&
		"$ceno" destroy --quiet --proof fetched.json "$session" && wait $pid && cmp -s held.json fetched.json &&
		[ "$(cat held.out)" = "$(printf 'first\nsecond\nme /out /bin\n/tmp')" ]
}
check "several programs in one held session, one proof" held

nonce=$(printf '%064d' 7)
check "a nonce is in the proof" eval \
	'"$ceno" run --quiet --nonce $nonce --proof n.json -- busybox true && "$ceno" verify --nonce $nonce n.json >/dev/null'
check "... and no other" exits 5 "" "$ceno" verify --nonce "$(printf '%064d' 8)" n.json
check "three keyed passes, each with its root, and the proof verifies" eval \
	'"$ceno" run --quiet --passes 3 --proof 3.json -- busybox true && "$ceno" verify 3.json | grep -q "3 of 3 passes recomputed" && [ "$(field 3.json sanitization.passes)" = 3 ]'
check "... no eight" exits 2 "" "$ceno" run --passes 8 -- busybox true
check "declared metadata is accepted" "$ceno" run --quiet --classification PHI --jurisdiction EU --proof m.json -- busybox true
check "an unpinned maker is exit 4" exits 4 "" env XDG_CONFIG_HOME="$node/nobody" "$ceno" verify n.json
check "one byte changed is exit 1" eval 'sed "s/\"index\":/\"indeX\":/" n.json >bad.json; exits 1 "" "$ceno" verify bad.json'
check "ceno attest" "$ceno" attest --nonce "$nonce" --json
check "the human summary says what ran, how contained, what destroyed" eval \
	'"$ceno" run --no-proof -- busybox true 2>sum && grep -q "^ran " sum && grep -q "^contained " sum && grep -q "^destroyed " sum && grep -q "^verified     good" sum'
check "--json is one object" eval \
	'"$ceno" run --json --no-proof -- busybox true 2>sum && python3 -c "import json; assert json.load(open(\"sum\"))[\"verify\"][\"status\"] == 0"'
check "no session is left open" eval '! "$ceno" ls --json | grep -q "\"state\":\"\(active\|executing\|destroying\)\""'
finish
