#!/bin/bash
# ceno narrow on a real node: who may, what is refused, what programs and the proof see of it; and
# guests that do not let go of their window, in ring 0.
# shellcheck source=../node.sh
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
program=$build/test-bin/guest_narrowed
cd "$node" || exit 1
node_start --socket-mode 0666 || exit 1
mkfifo in

# begin WHAT [option]...: a held session of the program, ready; $session, $run.
begin() {
	local what=$1
	shift
	rm -f p.json out err
	"$ceno" run --hold --proof p.json "$@" -- "$program" "$what" <in >out 2>err &
	run=$!
	exec 9>in
	for _ in $(seq 200); do
		session=$(sed -n 's/^session //p' err 2>/dev/null)
		[ -n "$session" ] && grep -q ready out && return 0
		sleep 0.05
	done
	echo "      no session: $(cat err)"
	return 1
}
# ends STATUS CAUSE: how ceno run and the session end, by themselves within 20 s; the proof verifies.
ends() {
	local status
	for _ in $(seq 400); do [ -d "/proc/$run" ] || break; sleep 0.05; done
	[ -d "/proc/$run" ] && "$ceno" destroy --quiet "$session" >/dev/null 2>&1
	wait "$run"
	status=$?
	exec 9>&-
	[ $status = "$1" ] && [ "$(field p.json steps.0.evidence.cause)" = "$2" ] && "$ceno" verify p.json >/dev/null && return 0
	echo "      status $status, cause $(field p.json steps.0.evidence.cause): $(head -3 err)"
	return 1
}
# masks LAUNCH END: what the proof says was pledged, and that the window's destruction is in it, once.
masks() {
	[ "$(field p.json core.pledge_mask)" = "$1" ] && [ "$(field p.json steps.0.evidence.pledge_mask)" = "$2" ] &&
		[ "$(field p.json steps.1.evidence.areas | grep -o "524288, 'kind': 'window', 'mismatches': 0, 'overwritten': 524288" | wc -l)" = 1 ]
}
narrow() { "$ceno" narrow "$session" "$@" >said 2>&1; }
# refused STATUS LINE WORD...
refused() {
	local status=$1 line=$2
	shift 2
	narrow "$@"
	[ $? = "$status" ] && [ "$(grep -c . said)" -le 2 ] && grep -q -- "^ceno: $line" said && return 0
	echo "      $(cat said)"
	return 1
}
nobody() { setpriv --reuid 65533 --regid 65533 --clear-groups "$ceno" narrow "$session" rw 2>said; [ $? = 1 ] && grep -q "no such session$" said && return 0; cat said; return 1; }

# ---- streams ----
for what in out in idle; do
	check "a program with its streams cut ($what)" eval "begin $what && narrow stdio && ends 125 exit && masks 19 18"
done
check "... and ceno run says so" eval 'grep -q "has lost stdio" err && grep -q "ended without stdio" err'
check "nothing comes out afterwards" eval 'begin out && narrow stdio && sleep 0.2 && n=$(wc -c <out) && sleep 0.3 && [ "$n" = "$(wc -c <out)" ] && ends 125 exit'
check "a program that makes no system call" eval 'begin spin && narrow stdio && sleep 2 && "$ceno" ls | grep -q "$session *executing"'
check "... again changes nothing" eval 'narrow stdio --json && grep -q "\"pledge\":\"rw,spawn\",\"dropped\":\"stdio\"" said'
check "... no program can be asked for" eval '"$ceno" exec "$session" -- busybox true 2>said; [ $? = 125 ]'
check "... the rest goes too" eval 'narrow rw spawn --json && grep -q "\"pledge\":\"\",\"dropped\":\"stdio,rw,spawn\"" said'
check "... another user's is none" nobody
check "... a word that is none" refused 2 "\`foo' is no list of pledge classes" foo
check "... a word twice" refused 2 "a class twice" rw rw
check "... error is no class" refused 2 "\`error' is no list" error
check "... no word" refused 2 "no WORD given"
check "... never pledged" refused 1 "the session was never pledged net" net
check "... among others: nothing is dropped" refused 1 "the session was never pledged net,gpu" rw net gpu
check "... it ends when it is destroyed" eval '"$ceno" destroy --quiet "$session" >/dev/null && ends 125 request && masks 19 0'
check "... an ended session" refused 1 "session $session ended at" stdio
session=00000000000000000000000000000000
check "no session" refused 1 "no such session" stdio

# ---- words without a window ----
check "rw: killed like one that never had it" eval 'begin rw && narrow rw && sleep 1 && "$ceno" destroy --quiet "$session" >/dev/null; ends 134 request && masks 19 17'
check "... the report names it" eval 'grep -q "it needed rw" err'
check "rw, as an error" eval 'begin rw --pledge stdio,rw,error && narrow rw && for _ in $(seq 100); do grep -q "rw: Function not implemented" out && break; sleep 0.05; done; grep -q "rw: Function not implemented" out && "$ceno" destroy --quiet "$session" >/dev/null; ends 0 request && masks 3 1'
check "spawn, as an error" eval 'begin spawn --pledge stdio,spawn,error && narrow spawn && for _ in $(seq 100); do grep -q "spawn: Function not implemented" out && break; sleep 0.05; done; grep -q "spawn: Function not implemented" out && "$ceno" destroy --quiet "$session" >/dev/null; ends 0 request && masks 17 1'

# ---- a native program ----
native() {
	rm -f p.json out err
	"$ceno" run --native --pledge stdio --proof p.json -- "$build/native/hello" <in >out 2>err &
	run=$!
	exec 9>in
	for _ in $(seq 200); do grep -q "argument 0" out && session=$("$ceno" ls | awk '$2 == "executing" { print $1; exit }') && [ -n "$session" ] && break; sleep 0.05; done
	# It may end by that before the window is taken: then the session is destroyed, and no narrowing is claimed.
	if narrow stdio; then ends 125 exit && masks 1 0; else grep -q "was destroyed" said && ends 125 exit && { masks 1 0 || masks 1 1; }; fi
}
check "a native program reads the end of its input" native
check "the node ends" node_stop

# ---- guests with ring 0 of their own ----
mkdir "$node/blobs"
cp "$build/blobs/firmware.bin" "$node/blobs/firmware.bin"
cp "$build/blobs/trust-hostile.bin" "$node/blobs/trust.bin"
cp "$build/blobs/bundle-hostile-guests.bin" "$node/blobs/bundle.bin"
blobs=$node/blobs
node_start || exit 1
# The guest's number, which is its argument, by the order of their table.
number() { grep -o 'X([a-z_0-9]*, [0-9]' "$root/tests/hostile/guests/guests.h" | grep -n "X($1," | awk -F: '{ print $1 - 1 }'; }
# hostile GUEST FORM CAUSE: let go, then narrowed.
hostile() {
	rm -f p.json out err
	"$ceno" run --memory 32M --ttl 6s --pledge stdio --proof p.json -- busybox "$(number "$1")" "$2" 00112233445566778899aabbccddeeff <in >out 2>err &
	run=$!
	exec 9>in
	for _ in $(seq 200); do grep -q ready out && break; sleep 0.05; done
	session=$("$ceno" ls | awk '$2 == "executing" { print $1; exit }')
	echo >&9
	sleep 0.2
	narrow stdio || { cat said; return 1; }
	wait "$run"
	exec 9>&-
	[ "$(field p.json steps.0.evidence.cause)" = "$3" ] && masks 1 0 && "$ceno" verify p.json >/dev/null && return 0
	echo "      cause $(field p.json steps.0.evidence.cause) violation $(field p.json steps.0.evidence.violation): $(head -3 err)"
	return 1
}
check "a guest that writes on loses its session" hostile flood 0 violation
check "... that writes and rings on" hostile flood 1 violation
check "one that never touches it does not" hostile spin 0 ttl
finish
