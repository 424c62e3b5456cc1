#!/bin/bash
# The shipped bundle leaves a trail of every session: sealed to its end however the session was
# ended, and sealed up to what its guest had told when nobody let it end.
# shellcheck source=../node.sh
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
programs=$build/native
cd "$node" || exit 1
node_start || exit 1

# audits STATUS PROOF TRAIL: ceno audit ends so; its records in records.json
audits() {
	local status
	"$ceno" audit --json --proof "$2" --bundle "$blobs/bundle.bin" "$3" >records.json 2>err
	status=$?
	[ $status = "$1" ] && return 0
	echo "      status $status, not $1: $(head -c 300 err records.json)"
	return 1
}
# told EXPRESSION: true of r, the records; t: their types without the seals that are not the last
told() {
	python3 - "$1" records.json <<'PY'
import json, sys
r = json.load(open(sys.argv[2]))["records"]
t = [x["type"] for x in r]
modules = [x["name"] for x in r if x["type"] == "module"]
def of(kind): return [x for x in r if x["type"] == kind]
ok = eval(sys.argv[1])
if not ok: print("     ", t, file=sys.stderr)
sys.exit(not ok)
PY
}
session() { "$ceno" ls --json | python3 -c 'import json,sys
print(next((s["session"] for s in json.load(sys.stdin)["sessions"] if s["state"] in ("active", "executing")), ""))'; }
wait_for_session() { for _ in $(seq 100); do id=$(session); [ -n "$id" ] && return 0; sleep 0.05; done; return 1; }
# run STATUS [ceno run's options] -- PROGRAM...: its proof in p.json, its trail in trail
run() {
	local want=$1 status
	shift
	rm -f p.json trail
	"$ceno" run --quiet --proof p.json --trail trail "$@" >out 2>run.err </dev/null
	status=$?
	[ $status = "$want" ] || { echo "      status $status: $(head -2 run.err)"; return 1; }
}

check "a short program" run 0 -- busybox true
check "... its trail is sealed to its end" audits 0 p.json trail
check "... it tells what started, what ended, and no crash" told \
	't[0] == "boot" and sorted(modules) == ["init", "membrane", "prov"] and t[-1] == "seal" and t.count("exit") == 1 and not of("fault") and not of("loss")'
ids() {
	"$bin/ceno-bundle" show "$blobs/bundle.bin" | awk '/^[a-z]+:/ { m = $1; sub(":", "", m) } /content id/ { print m, $3 }' |
		grep -E '^(init|membrane|prov) ' | sort >shown
	python3 -c 'import json
for r in json.load(open("records.json"))["records"]:
    if r["type"] == "module": print(r["name"], r["content_id"])' | sort >trailed
	[ "$(wc -l <shown)" = 3 ] && cmp -s shown trailed
}
check "... with the content ids that ceno-bundle shows" ids

check "a lifetime that runs out while the program sleeps" run 125 --ttl 700ms -- busybox sleep 30
check "... the trail is sealed to its end" audits 0 p.json trail
# shellcheck disable=SC2016
check "... while it computes" run 125 --ttl 700ms -- busybox sh -c 'while :; do :; done'
check "... likewise" audits 0 p.json trail
check "... while it makes system calls" run 125 --ttl 700ms -- busybox dd if=/dev/zero of=/dev/null bs=1
check "... likewise" audits 0 p.json trail
check "... while it waits for a reader" eval \
	'mkfifo held; sleep 5 <held & "$ceno" run --quiet --ttl 700ms --proof p.json --trail trail -- busybox yes >held 2>run.err; audits 0 p.json trail'

two() {
	rm -f p.json trail out
	"$ceno" run --quiet --hold --proof p.json --trail trail -- busybox echo first >out 2>run.err </dev/null &
	local client=$! status
	for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
	wait_for_session && "$ceno" exec "$id" -- busybox echo second >second && "$ceno" exec "$id" -- busybox true
	status=$?
	"$ceno" audit "$id" >now 2>err
	[ $? = 4 ] || status=1
	"$ceno" destroy "$id" >destroyed 2>&1
	wait $client
	[ $status = 0 ] && [ "$(cat out second)" = "$(printf 'first\nsecond')" ]
}
check "a session of three programs, looked at meanwhile" two
check "... one trail, sealed to its end" audits 0 p.json trail
check "... in which membrane ended once" told 'len(modules) == 3 and t.count("exit") == 1'

killed() {
	"$ceno" run --quiet --proof p.json --trail trail -- busybox sleep 60 >out 2>run.err </dev/null &
	local client=$! p vmm
	wait_for_session && sleep 0.5
	for p in $(pgrep -P "$(node_pid)" -x ceno-warden); do
		grep -q "Seccomp_filters:.2" "/proc/$p/status" && vmm=$(pgrep -P "$p" -x ceno-vmm)
	done
	kill -KILL "$vmm"
	wait $client
	[ "$(field p.json steps.0.evidence.cause)" = crash ]
}
check "kill -9 of a vmm whose guest waits" killed
check "... the trail is consistent, and says that it has no end" audits 4 p.json trail
check "... all of it is sealed: nothing was left to wait for a seal" told 't[-1] == "seal" and len(modules) == 3 and not of("exit")'

if [ -x "$programs/phoenix" ]; then
	check "a program that ends by its third strike" run 137 --native --pledge stdio,spawn -- "$programs/forkbomb" itself
	check "... its trail is sealed to its end" audits 0 p.json trail
	check "... with three strikes, a slower spectrum, and what killed it" told \
		'[x["count"] for x in of("strike")][:3] == [1, 2, 3] and of("strike")[0]["spectrum"] != of("strike")[1]["spectrum"] and of("fault")[0]["cause"] == "strikes"'
	check "a program whose own fiber is struck three times" run 0 --native --pledge stdio,spawn -- "$programs/forkbomb"
	check "... its trail is sealed to its end" audits 0 p.json trail
	check "... the fiber's strikes are in it, though nobody but the program heard of them: warned, slowed, killed" told \
		'[x["count"] for x in of("strike")] == [1, 2, 3] and of("strike")[0]["spectrum"] != of("strike")[1]["spectrum"] and len(of("fault")) == 1 and of("fault")[0]["cause"] == "strikes" and len({x["fiber"] for x in of("strike") + of("fault")}) == 1 and any(x["child"] == of("fault")[0]["fiber"] for x in of("spawn"))'
	check "a program that is struck, killed and restarted, until nobody restarts it" run 137 --native -- "$programs/ends" overload
	check "... its trail is sealed to its end" audits 0 p.json trail
	check "... and says so in this order" told \
		'[x for x in t if x in ("strike", "fault", "restart")] == ["strike"] * 3 + ["fault", "restart", "strike", "fault", "restart", "strike", "fault"] and [x["count"] for x in of("strike")] == [1, 2, 3, 4, 5]'
	check "a program that gives up its window and crashes: its later lives have none" run 139 --native -- "$programs/ends" narrow
	check "... its trail is sealed to its end" audits 0 p.json trail
	check "... one pledge narrowed, three crashes" told 'len(of("pledge")) == 1 and len(of("fault")) == 3 and len(of("restart")) == 2 and modules.count("native") == 3 and not of("grant")'
	native_id() { "$bin/ceno-native" --show "$programs/ends" | grep -o 'vcid-[a-z2-7]*' >id && [ "$(wc -l <id)" = 1 ] &&
		told "{x['content_id'] for x in of('module') if x['name'] == 'native'} == {'$(cat id)'}"; }
	check "... its MODULEs have the content id that ceno-native shows" native_id
	check "... and the pledge that it kept" told '[x["pledge"] for x in of("module") if x["name"] == "native"] == [17, 0, 0]'
	program() { "$ceno" audit --proof p.json --program "$programs/$1" trail >out 2>&1; }
	check "... the program is the file's" program ends
	check "... which another file's is not" eval '! program phoenix && grep -q "610 PROGRAM" out'
	check "... as a second reader says" eval 'python3 "$root/tests/unit/trail/recompute.py" trail "$programs/ends" && ! python3 "$root/tests/unit/trail/recompute.py" trail "$programs/phoenix" 2>/dev/null'
	# The vmm gives the guest 100 ms to end, which is little on a loaded machine: three tries.
	destroyed() {
		local client
		for _ in 1 2 3; do
			rm -f p.json trail out
			"$ceno" run --quiet --native --proof p.json --trail trail -- "$programs/ends" "$1" >out 2>run.err </dev/null &
			client=$!
			for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
			wait_for_session && "$ceno" destroy "$id" >destroyed 2>&1
			wait $client
			audits 0 p.json trail && told 't.count("exit") == 1 and not of("fault")' && return 0
		done
		return 1
	}
	check "a native program that computes for ever is destroyed: its trail is sealed to its end" destroyed loop
	check "... that sleeps for ever" destroyed sleep
	check "... whose lifetime runs out" run 125 --ttl 700ms --native -- "$programs/ends" loop
	check "... likewise" audits 0 p.json trail
	check "a program that crashes and resumes" run 0 --native -- "$programs/phoenix"
	check "... its trail is sealed to its end" audits 0 p.json trail
	check "... each crash has its restart, from the checkpoint before it" told \
		'len(of("fault")) == len(of("restart")) == 3 and [x["checkpoint"] for x in of("restart")] == [max(c["record"] for c in of("checkpoint") if c["record"] < f["record"]) for f in of("fault")]'
fi
node_stop

# node_of BUNDLE: a node with that bundle
node_of() {
	rm -rf "$node/blobs" && mkdir "$node/blobs"
	cp "$build/blobs/firmware.bin" "$node/blobs/"
	cp "$build/blobs/trust-development.bin" "$node/blobs/trust.bin"
	cp "$build/blobs/$1" "$node/blobs/bundle.bin"
	blobs=$node/blobs
	node_start || exit 1
}

# A service that is struck three times: logged, demoted, killed, restarted from the signed module.
node_of bundle-struck.bin
check "a service that overloads itself" run 0 -- busybox sleep 4
check "... the trail is sealed to its end" audits 0 p.json trail
cat >order <<'PY'
[(x["type"], x.get("count"), x.get("spectrum"), x.get("cause"), x.get("content_id")) for x in r if x["type"] in ("strike", "fault", "restart", "exit", "module") and x["fiber"] == fiber]
PY
check "... struck, struck and slowed, struck and killed, restarted as the same module, ended" told \
	"(lambda fiber: (lambda o: [x[:2] for x in o[1:]] == [('strike', 1), ('strike', 2), ('strike', 3), ('fault', 1), ('restart', 1), ('module', None), ('exit', None)] and o[1][2] != o[2][2] == o[3][2] and o[4][3] == 'strikes' and o[0][4] == o[6][4])($(cat order)))(next(x['fiber'] for x in of('module') if x['name'] == 'vault'))"
node_stop

node_of bundle-falls.bin
# The vmm gives the guest 100 ms for all of it, which is little on a loaded machine: three tries.
falls() { for _ in 1 2 3; do run 0 -- busybox true && audits 0 p.json trail && return 0; done; return 1; }
check "prov falls when it should seal the end: it is restarted, and seals it" falls
check "... as the trail tells" told 't[-1] == "seal" and [x for x in t if x in ("exit", "fault", "restart", "resume")] == ["exit", "resume", "fault", "restart"]'
outside() { for _ in 1 2 3; do run 125 --ttl 700ms -- busybox sleep 30 && audits 0 p.json trail && return 0; done; return 1; }
check "... and when the session is ended from outside" outside
node_stop
finish
