#!/bin/bash
# Native programs on a node: each example of the SDK with its exact output and a proof
# that verifies, every way to be no native file, and every way to end.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
programs=$build/native
cd "$node" || exit 1
node_start || exit 1

# native STATUS PROGRAM ARGS...: runs it, --pledge $pledge; its status; a proof that verifies.
# Output in out; in err at most one line, of ceno.
native() {
	local want=$1 got
	shift
	rm -f p.json
	"$ceno" run --native --quiet --pledge "${pledge:-stdio}" --proof p.json -- "$@" >out 2>err </dev/null
	got=$?
	[ $got = "$want" ] && "$ceno" verify p.json >/dev/null && return 0
	echo "      status $got (want $want): $(head -3 err)"
	tail -5 out
	return 1
}
# says STATUS LINE PROGRAM ARGS...: as native, with LINE in the one line of standard error.
says() {
	local status=$1 line=$2
	shift 2
	native "$status" "$@" && [ "$(wc -l <err)" = 1 ] && grep -q -- "^ceno: .*$line" err && return 0
	echo "      $(head -2 err)"
	return 1
}
quiet() { native "$@" && [ ! -s err ]; }

# ---- the examples ----
hello() { printf 'one\ntwo' | "$ceno" run --native --quiet --proof p.json -- "$programs/hello" a 'b c' >out 2>err
	[ $? = 2 ] && [ "$(cat out)" = "$(printf 'argument 0: hello\nargument 1: a\nargument 2: b c\nONE\nTWO')" ] && "$ceno" verify p.json >/dev/null; }
check "arguments, input, output, status" hello
large() { head -c 3000000 /dev/urandom >data; "$ceno" run --native --quiet --no-proof -- "$programs/hello" <data | tail -c 3000000 | cmp -s - <(LC_ALL=C tr a-z A-Z <data); }
check "3 MB through both rings" large
check "no input" eval '"$ceno" run --native --quiet --no-proof --no-stdin -- "$programs/hello" >out; [ $? = 0 ] && [ "$(cat out)" = "argument 0: hello" ]'
check "a reader that leaves" eval '[ "$(yes | "$ceno" run --native --quiet --no-proof -- "$programs/hello" | head -c 12 | wc -c)" = 12 ]'

pledge=stdio,spawn
check "pingpong" eval 'quiet 0 "$programs/pingpong" 200 && grep -qx "200 round trips, [0-9]* ns each" out && [ "$(wc -l <out)" = 1 ]'
pledge=stdio
check "... needs the pledge" eval 'quiet 1 "$programs/pingpong" && grep -q "is --pledge stdio,spawn given.*error -14$" out'

# 500 J each out of 2000 J, whatever the host's load; the times are lower bounds. A strike falls at the
# eighth freeze in a row: before or after the eighth refill, as who looks gets its turn.
bombed() {
	pledge=stdio,spawn quiet 0 "$programs/forkbomb" || return 1
	python3 - out <<'PY'
import re, sys
text = open(sys.argv[1]).read().splitlines()
made = [tuple(map(int, m.groups())) for m in (re.fullmatch(r"(\d+) J: (\d+) fibers, after (\d+) ms", l) for l in text) if m]
strikes = [tuple(map(int, m.groups()[:4])) + (m[5],) for m in (re.fullmatch(
    r"strike (\d) after (\d+) J in (\d+) refills: (\d+) SPAWNs paid; (.*)", l) for l in text) if m]
last = re.fullmatch(r"(\d+) fibers were made: 4 a refill, of which eight in a row took at least (\d+) ms", text[-1])
assert len(made) >= 8 and all(0 <= joules - 500 * fibers < 500 for joules, fibers, _ in made), made # a tick may take 16 J
assert [s[0] for s in strikes] == [1, 2, 3] and [s[4] for s in strikes] == [
    "warned", "slowed to a refill in 100 ms", "killed"], strikes
assert all(spawns == joules // 500 and refills >= 8 * n - 1 for n, joules, refills, spawns, _ in strikes), strikes
assert last and int(last[2]) >= 16, text[-1]
PY
}
check "forkbomb: four a refill, three strikes" bombed
pledge=stdio,spawn
check "... and when it is the program itself" says 137 "/bin/forkbomb was killed by its third strike" "$programs/forkbomb" itself
pledge=stdio

phoenix() {
	quiet 0 "$programs/phoenix" && diff out - <<'TEXT'
start 1 at 0, variables are new
at 25: crash
start 2 at 20, variables are new
at 50: crash
start 3 at 50, variables are new
at 75: crash
start 4 at 70, variables are new
100 reached with 3 restarts
TEXT
}
check "phoenix: three crashes, each resumed at its last checkpoint" phoenix

# ---- ends ----
for how in null-read null-write jump-null ud2 divide write-text execute-stack execute-data non-canonical kernel int3; do
	vector=14
	case $how in ud2) vector=6 ;; divide) vector=0 ;; non-canonical) vector=13 ;; int3) vector=3 ;; esac
	check "crash: $how" says 139 "/bin/ends crashed with vector $vector, restarted 2 times" "$programs/ends" "$how"
	check "... each of its three lives told" eval '[ "$(grep -c "^life of ends$" out)" = 3 ]'
done
check "the status of a good end" quiet 42 "$programs/ends" status
check "output without a newline is given out" eval 'quiet 0 "$programs/ends" no-newline && [ "$(cat out)" = "$(printf "life of ends\nno newline")" ]'
check "variables with values, 300 KB of zeros, constants" quiet 0 "$programs/ends" variables
check "an input is there, and only that" eval 'printf abc >x; "$ceno" run --native --quiet --no-proof --input x -- "$programs/ends" input /in/x >out; [ $? = 3 ] && grep -qx abc out'
check "what a capability does not say, the nucleus refuses" quiet 0 "$programs/ends" rights
check "a program that waits for ever ends with its lifetime" eval '! "$ceno" run --native --quiet --proof p.json --ttl 1s -- "$programs/ends" sleep 2>err && grep -q "lifetime ran out" err && "$ceno" verify p.json >/dev/null'
json() { "$ceno" run --native --json --no-proof -- "$programs/phoenix" 2>err >/dev/null && python3 -c '
import json; o = json.load(open("err")); p = o["program"]
assert o["exit_status"] == 0 and o["verify"]["status"] == 0 and p["restarts"] == 3 and p["end"] == 0 and p["refusal"] == 0, p'; }
check "--json" json

# ---- what is no native file ----
refuses() { # STATUS TEXT PROGRAM...: told before any session
	rm -f p.json
	"$ceno" run --native --proof p.json -- "${@:3}" >out 2>err </dev/null
	[ $? = "$1" ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "^ceno: .*$2" err && [ ! -e p.json ] && return 0
	echo "      $(head -2 err)"
	return 1
}
check "an ELF program is told so" refuses 126 "is an ELF program, not a native file" busybox true
check "... its own ELF file too" refuses 126 "is an ELF program, not a native file" "$programs/hello.elf"
printf 'text\n' >text; chmod +x text
check "a text file" refuses 126 "text is not a native file" ./text
python3 - "$programs/phoenix" <<'PY'
import sys
good = bytearray(open(sys.argv[1], "rb").read())
old = bytearray(good); old[8] = 1
open("old", "wb").write(old)
open("huge", "wb").write(good + bytes((1 << 20) + 4096 - len(good)))
PY
chmod +x old huge
check "another ABI version" refuses 126 "for version 1 of the native ABI, and this is version" ./old
check "too large" refuses 126 "larger than a native file may be" ./huge
check "not there" refuses 127 "No such file" ./nothing
plain() { "$ceno" run --proof p.json -- "$programs/hello" >out 2>err; [ $? = 126 ] && [ "$(wc -l <err)" = 1 ] && grep -q "is a native program: run it with --native" err; }
check "a native file without --native says so" plain
check "--hold is refused" eval '"$ceno" run --native --hold -- "$programs/hello" 2>err; [ $? = 2 ] && grep -q "a native session runs one program" err'

# Every field of the header and every part of the file, changed: only init sees it, and says which.
python3 "$root/tests/e2e/native/damage.py" "$programs/phoenix" damaged >list || exit 1
while read -r name text; do
	[ -n "$text" ] || continue
	check "damaged: $name" says 126 "could not start /bin/$name: $text" "./damaged/$name"
done <list
check "nothing runs faster than MATTER: PHOTON is that" quiet 0 ./damaged/photon
check "nothing is left open" eval '! "$ceno" ls --json | grep -q "\"state\":\"\(active\|executing\|destroying\)\""'
finish
