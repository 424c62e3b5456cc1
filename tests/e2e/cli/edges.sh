#!/bin/bash
# Where the command line meets what others made: names in /out, streams that are closed or full,
# sessions that ended, images that are not there, bytes that a terminal would obey.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
cd "$node" || exit 1
escape=$(printf '\033')

says() { # STATUS WORDS COMMAND...: exit status, and a line of standard error that matches; nothing raw in it
	local status=$1 words=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$status" ] && { [ -z "$words" ] || grep -q -- "$words" err; } && ! LC_ALL=C grep -q '[[:cntrl:]]' err && return 0
	echo "      status $got (want $status): $(head -3 err | cat -v)"
	return 1
}
guest() { "$ceno" run --quiet --no-proof "$@"; }
node_start --socket-mode 0666 || exit 1

# ---- names in /out

cat >make <<'MAKE'
cd /out
echo plain >plain
mkdir dir && echo below >dir/below
echo x >"$(printf 'new\nline')"
echo x >"$(printf 'esc\033[31mred')"
mkdir "$(printf 'bell\a')" && echo x >"$(printf 'bell\a')/below"
echo bytes >"$(printf 'caf\351')"
echo long >"$(printf '%0255d' 0)"
mkfifo fifo
ln -s /etc/passwd absolute
ln -s ../../up climbs
ln -s plain link
deep=$(printf '%0250d' 1)
i=0; while [ $i -lt 17 ]; do mkdir $deep && cd $deep || exit 1; i=$((i + 1)); done
echo x >deepest
MAKE
check "odd names in /out: the status says it" says 125 "^ceno: 8 of .* in /out left out$" guest --input make --output odd -- busybox sh /in/make
check "... a newline, a control character, what is below one" eval 'grep -qF "output left out: new\nline: a control character in its name" err &&
	grep -qF "output left out: esc\x1b[31mred: a control" err && grep -qF "output left out: bell\x07: a control" err && grep -qF "bell\x07/below: a control" err'
check "... a FIFO" grep -q "output left out: fifo: a FIFO$" err
check "... links that lead out" eval 'grep -q "left out: absolute: a link that leads out$" err && grep -q "left out: climbs: a link" err'
check "... what is too deep for a path" grep -q "output left out: 0*1: a path of more than 4095 bytes$" err
check "... and all the rest came" eval '[ "$(cat odd/plain odd/dir/below odd/link "odd/$(printf "%0255d" 0)" "odd/$(printf "caf\351")" | xargs)" = "plain below plain long bytes" ]'
check "... and nothing else" eval '[ "$(find odd -maxdepth 1 -mindepth 1 | wc -l)" = 6 ]'
many() { says 125 "^ceno: 30 of 31 in /out left out$" guest --output many -- busybox sh -c 'cd /out; for i in $(seq 30); do mkfifo f$i; done; echo x >x' && [ "$(grep -c "left out: f" err)" = 10 ]; }
check "many: ten are named, all are counted" many
sessions() { "$ceno" ls --all | wc -l; }
before=$(sessions)
mkdir full && echo mine >full/mine && echo file >file
check "a directory that is not empty: told before anything starts" says 125 "output full: it is not empty" guest --output full -- busybox true
check "a file in its place" says 125 "output file: Not a directory" guest --output file -- busybox true
check "a place that cannot be" says 125 "output no/where: No such file" guest --output no/where -- busybox true
check "... nothing was started for those" [ "$(sessions)" = "$before" ]
check "an empty one is taken" eval 'mkdir empty && guest --output empty -- busybox sh -c "echo x >/out/x" && [ "$(cat empty/x)" = x ]'
check "one made for nothing is taken away" eval '! guest --image nowhere --output made -- busybox true 2>err && [ ! -e made ]'
small() { mkdir small && mount -t tmpfs -o size=64k tmpfs small && says 125 "output b: No space left" guest --output small -- busybox sh -c 'echo a >/out/a; head -c 200000 /dev/zero >/out/b' && [ "$(ls -A small)" = a ] && [ "$(cat small/a)" = a ]; local rc=$?; umount small; return $rc; }
check "no room for it: what is there is whole" small

# ---- streams

check "standard input closed: it is empty" eval '[ "$(guest -- busybox sh -c "cat; echo done" <&-)" = done ]'
check "standard output closed, nothing written" eval 'guest -- busybox true >&-'
check "standard output closed, something written" eval 'guest -- busybox echo x >&- 2>err; [ $? = 125 ] && grep -q "cannot write standard output: Bad file descriptor" err'
check "standard error closed" eval '[ "$(guest -- busybox echo x 2>&-)" = x ]'
check "all three closed" eval 'guest -- busybox true <&- >&- 2>&-; [ $? = 0 ]'
check "standard output open for reading alone" eval 'guest -- busybox echo x 1</dev/null 2>err; [ $? = 125 ] && grep -q "cannot write standard output" err'
check "nobody reads the list" eval '[ "$(for i in $(seq 3); do "$ceno" ls --all; done 2>err | head -n 1 | wc -l)" = 1 ] && [ ! -s err ]'
"$ceno" run --quiet --proof p.json --trail t -- busybox true
full() { # STATUS COMMAND...: nothing of its output fits
	local status=$1
	shift
	timeout 60 "$@" >/dev/full 2>err </dev/null
	[ $? = "$status" ] && grep -q "^ceno: cannot write standard output" err && return 0
	echo "      $*: $(head -2 err)"
	return 1
}
mkdir -p tree/bin && cp "$(command -v busybox)" tree/bin/busybox && echo x >"tree/$(printf 'csi\302\23331mred')"
"$ceno" image build --from dir:tree --name everyday -o i.img >/dev/null 2>&1
for c in "ls" "ls --json" "tpm show" "tpm show --json" "version" "version --json" "doctor" "doctor --json" "attest" "attest --json" "image ls" "image show i.img" "image show --files i.img" \
	"image show --json i.img" "image verify i.img" "image add i.img" "proof inclusion p.json" "proof consistency" "proof orphans" "measure" "measure --json" \
	"--version" "--help" "ls --help" "image --help" "proof --help" "proof orphans --help"; do
	# shellcheck disable=SC2086
	check "no room for what ceno $c says" full 1 "$ceno" $c
done
check "no room for what ceno run --help says" full 125 "$ceno" run --help
for c in "verify --help" "verify p.json" "verify --json p.json" "audit --proof p.json t" "audit --proof p.json --json t" "proof cert p.json"; do
	# shellcheck disable=SC2086
	check "no room for what ceno $c says" full 2 "$ceno" $c
done
session=$("$ceno" ls | awk 'NR == 2 { print $1 }')
check "no room for what ceno destroy --json says" full 1 "$ceno" destroy --json "$session"

# ---- completion

completes() { # every option that --help names, and every command
	local c o all
	# shellcheck source=/dev/null
	. "$root/api/cli/ceno.bash"
	complete_line() { # WORD...: what could follow the last
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_ceno
		printf '%s\n' "${COMPREPLY[@]}"
	}
	for c in $("$ceno" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		complete_line ceno "" | grep -qx "$c" || { echo "      no $c"; return 1; }
		all=$(complete_line ceno "$c" -)
		for o in $("$ceno" "$c" --help | grep -oE '(^  |\[)--[a-z-]+' | tr -d ' ['); do
			grep -qx -e "$o" <<<"$all" || { echo "      $c: no $o"; return 1; }
		done
	done
	for c in image proof; do
		for o in $("$ceno" $c --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
			complete_line ceno $c "" | grep -qx "$o" || { echo "      no $c $o"; return 1; }
		done
	done
}
check "completion knows every command and every option that help names" completes

# ---- sessions, and programs in them

mkfifo hold.in
"$ceno" run --quiet --no-proof --hold -- busybox echo up <hold.in >hold.out 2>hold.err & runner=$!
exec 9>hold.in
for _ in $(seq 100); do session=$("$ceno" ls | awk '$2 == "active" { print $1; exit }'); [ -n "$session" ] && [ -s hold.out ] && break; sleep 0.1; done
check "exec: a program that is not there is 127" says 127 "^ceno: the guest could not start /bin/nosuch: No such file or directory$" "$ceno" exec "$session" -- nosuch
check "... one that may not be executed is 126" says 126 "^ceno: the guest could not start /proc/version: Permission denied (no file that may be executed)$" "$ceno" exec "$session" -- /proc/version
check "... a directory, too" says 126 "start /tmp: Permission denied (no file that may be executed)$" "$ceno" exec "$session" -- /tmp
check "... in a file as directory is 125" says 125 "workdir /bin/busybox: not a directory" "$ceno" exec --workdir /bin/busybox "$session" -- busybox true
check "... its own status" says 7 "" "$ceno" exec "$session" -- busybox sh -c "exit 7"
check "... a variable twice: the last counts" says 0 "" "$ceno" exec --env A=1 --env A=2 "$session" -- busybox sh -c '[ "$A" = 2 ]'
check "no room for what exec --json says" full 125 "$ceno" exec --json "$session" -- busybox true
"$ceno" destroy --quiet "$session" >/dev/null 2>&1
exec 9>&-
wait $runner
ended="^ceno: session $session ended at 20[-0-9]* [:0-9]* (destroyed, cause request); its proof: ceno destroy $session --proof FILE$"
check "exec in a session that ended: when, how, where its proof is" says 125 "$ended" "$ceno" exec "$session" -- busybox true
check "audit of one" says 2 "$ended" "$ceno" audit "$session"
check "... and that is true" eval '"$ceno" destroy --quiet --proof later.json "$session" && "$ceno" verify later.json >/dev/null'
nobody() { setpriv --reuid 65533 --regid 65533 --clear-groups "$ceno" exec "$session" -- busybox true 2>err; [ $? = 125 ] && grep -q "no such session$" err || { cat err; return 1; }; }
check "... another user's is none" nobody
check "one that never was" says 125 "^ceno: no such session$" "$ceno" exec "$(printf '%032d' 0)" -- busybox true

# ---- what a proof may take the place of

refuses() { # STATUS FILE COMMAND...: FILE stays as it is, and the program never ran
	local status=$1 file=$2 got
	shift 2
	cp "$file" kept
	timeout 60 "$@" >out 2>err </dev/null
	got=$?
	[ $got = "$status" ] && cmp "$file" kept && grep -q "^ceno: $file is there and is no proof: it would be replaced" err && [ ! -s out ] && return 0
	echo "      status $got: $(head -2 err)"
	return 1
}
printf 'dear diary' >diary; printf '{"cd' >short; printf '{"cdp":"1","dsse"' >begun; : >hollow; printf 'x' >proof.cdp.json
check "run: a file that is no proof stays" refuses 125 diary "$ceno" run --proof diary -- busybox echo ran
check "... through a link, too" eval 'ln -sf diary link && refuses 125 link "$ceno" run --proof link -- busybox echo ran && cmp diary kept'
check "... one that is shorter than a proof's first bytes" refuses 125 short "$ceno" run --proof short -- busybox echo ran
check "... under the name of none given" refuses 125 proof.cdp.json "$ceno" run -- busybox echo ran
check "destroy: the same, and nothing is destroyed" eval 'refuses 1 diary "$ceno" destroy --proof diary "$session" && grep -q "nothing was destroyed" err'
for f in begun hollow; do
	check "a proof, or nothing, is replaced: $f" eval '"$ceno" run --quiet --proof $f -- busybox true && "$ceno" verify $f >/dev/null'
done
rm -f proof.cdp.json

# ---- what a proof says

pins=$XDG_CONFIG_HOME/cenotaph/pins
check "proof show: first that nobody checked it" eval '"$ceno" proof show p.json >out && head -n 1 out | grep -q "^NOT VERIFIED: this is what the file says, and nobody checked it (ceno verify p.json)$"'
check "... the session, the eight steps, every field" eval 'grep -q "^session .*, ended by exit$" out && [ "$(grep -cE "^ .* (1 isolation_teardown|2 filesystem_destruction|3 memory_overwrite|4 key_zeroization|5 credential_incineration|6 forensic_verification|7 chain_seal|8 lifecycle_completion)" out)" = 8 ]'
every() { # each leaf of the file, by its path
	python3 - p.json out <<'PY'
import base64, json, sys
file = json.load(open(sys.argv[1]))
file["dsse"]["payload"] = json.loads(base64.b64decode(file["dsse"]["payload"]))
lines = [line.split()[0] for line in open(sys.argv[2]) if line.startswith("  ")]
def walk(path, value):
    if isinstance(value, dict):
        for key in value:
            walk(f"{path}.{key}" if path else key, value[key])
    elif isinstance(value, list):
        for i, member in enumerate(value):
            walk(f"{path}[{i}]", member)
    elif path not in lines:
        sys.exit(f"      {path} is not shown")
walk("", file)
PY
}
check "... none is missing" every
check "... with pins: the verdict first" eval '"$ceno" proof show --pin-file "$pins" p.json | head -n 1 | grep -q "^VERIFIED under what was asked (memory roots: 1 of 1 passes)"'
printf 'ceno-policy 1\npasses 7\n' >seven
check "... under a policy that it does not meet" eval '"$ceno" proof show --policy seven p.json >out; [ $? = 4 ] && head -n 1 out | grep -q "^NOT VERIFIED under what was asked: memory was overwritten fewer times"'
python3 - <<'PY'
import json
file = json.load(open("p.json"))
file["dsse"]["signatures"][0]["sig"] = "A" * 86 + "=="
json.dump(file, open("forged.json", "w"), separators=(",", ":"))
PY
check "- is standard input: proof show" eval '"$ceno" proof show - <p.json | head -n 1 | grep -q "^NOT VERIFIED"'
check "... verify" eval '"$ceno" verify - <p.json | cmp -s - <("$ceno" verify p.json)'
check "... from a pipe" eval 'cat p.json | "$ceno" verify - >/dev/null && ! cat p.json p.json | "$ceno" verify - >/dev/null'
check "... without end: too long, and the end is not waited for" eval '"$ceno" verify - </dev/zero >out; [ $? = 1 ] && grep -q "reason 101 FILE_SIZE" out'
truncate -s 2G vast && printf '{"cdp":"1"' | dd of=vast conv=notrunc status=none
vast() { # a byte more than a proof can have is read, and the verdict is the same
	(ulimit -v 262144 && "$ceno" verify --json vast >out) && return 1
	python3 -c "import json; r = json.load(open('out'))['submods']['cdp']; assert (r['exit_status'], r['reason']['code'], r['reason']['stage']) == (1, 101, 1), r" &&
		(ulimit -v 1048576 && python3 "$root/tests/verifiers/cdp_verify.py" vast >out; [ $? = 1 ] && grep -qx "reason 101" out)
}
check "a file of 2 GiB: reason 101, as the verifier in Python says" vast
check "... is no proof to show, and none to certify" eval '"$ceno" proof show vast 2>err; [ $? = 1 ] && grep -q "longer than a proof can be" err && ! "$ceno" proof cert vast 2>err && grep -q "no certificate: the file is empty or longer" err'
mkdir large.d && "$build/test-bin/proof-corpus" --large large.d
check "on a terminal it says how far a memory root is, and takes it away; else nothing" eval 'python3 - "$ceno" <<"PY" && "$ceno" verify --pin-file large.d/pins large.d/large.cdp.json >out 2>err && [ ! -s err ]
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
done = subprocess.run([sys.argv[1], "verify", "--pin-file", "large.d/pins", "large.d/large.cdp.json"], stdout=subprocess.PIPE, stderr=theirs)
said = os.read(ours, 4096)
parts = b"".join(b"\rmemory root of pass 1: %d %%" % n for n in (25, 50, 75, 100))
assert done.returncode == 0 and said == parts + b"\r\033[K", (done.returncode, said)
PY'
printf 'ceno-policy 1\nmemory none\n' >lax
roots() { local want=$1; shift; "$ceno" verify --json --pin-file "$pins" --policy lax "$@" p.json | python3 -c "import json, sys; got = json.load(sys.stdin)['submods']['cdp']['memory']; sys.exit(got != '$want' and print('      memory', got) is None)"; }
for day in 2026-02-31 2025-02-29 2026-04-31T12:00:00Z; do
	check "a day that is not in the calendar: $day" says 2 "^ceno: --as-of takes" "$ceno" verify --as-of $day p.json
done
check "a leap day" eval '"$ceno" verify --as-of 2028-02-29 p.json >/dev/null'
printf 'ceno-policy 1\nkey none\n' >anybody; cp "$root/docs/example/pins" docs.pins
check "a policy that does not ask who made it: verified, but no certificate" eval '"$ceno" verify --policy anybody --pin-file docs.pins p.json >/dev/null && ! "$ceno" proof cert --policy anybody --pin-file docs.pins p.json >out 2>err && [ ! -s out ] && grep -q "no certificate: nothing says who made it" err'
check "the command line is more particular than a policy: memory roots" eval 'roots none && roots full --mem full && roots none --mem none'
check "... of a forged one: that it cannot be good" eval '"$ceno" proof show forged.json >out; [ $? = 1 ] && sed -n 2p out | grep -q "^  and it cannot be good: the session.s signature is wrong (reason 503)$"'
check "... of no proof" says 1 "file is no proof: the file is not canonical JSON" "$ceno" proof show file
check "... as JSON" eval '"$ceno" proof show --json p.json | python3 -c "
import json, sys
o = json.load(sys.stdin)
assert o[\"verified\"] is False and o[\"verdict\"] is None and o[\"proof\"][\"dsse\"][\"payload\"][\"predicate\"][\"core\"]"'
check "no room for what ceno proof show says" full 2 "$ceno" proof show p.json

# ---- memory that runs out

check "the program that is largest is killed: 125, and why" says 125 "^ceno: the program ran out of the session.s memory (try --memory)$" guest --memory 32M -- busybox awk 'BEGIN { s = "x"; while (1) s = s s }'

# ---- images

"$ceno" image add i.img >/dev/null
check "an image of nearly that name" says 125 "^ceno: no such image in the node: .evreyday'; nearest: .everyday'; ceno image ls lists them$" guest --image evreyday -- busybox true
check "... the beginning of one" says 125 "nearest: .everyday'" guest --image every -- busybox true
check "... none" says 125 "^ceno: no such image in the node: .python'; ceno image ls lists them$" guest --image python -- busybox true
check "a name that is no text: told, and nothing runs without it" says 2 "^ceno: --image takes the name of an image, or its id, not .\\\\xff'$" guest --image "$(printf '\377')" -- busybox true
check "... in image rm" says 2 "^ceno: .\\\\xff' is neither the name of an image nor an id$" "$ceno" image rm "$(printf '\377')"
check "what is no text is in no request" says 1 "^ceno: cannot send to the node: Invalid or incomplete multibyte" "$ceno" proof record "$session" "$(printf '\377')"
check "a name that is nearly one, in image rm" says 1 "nearest: .everyday'" "$ceno" image rm everydya

# ---- bytes that a terminal obeys

check "in a program's name" says 127 'no\\x1b\[31msuch' guest -- "no$escape[31msuch"
check "in a file's name" says 2 'x\\x1b\]0;t\\x07' "$ceno" verify "x$escape]0;t$(printf '\a')"
check "in an option" says 2 'no option .--\\x1b\[31m' "$ceno" ls "--$escape[31m"
check "in a listing" eval '"$ceno" image show --files i.img >out && grep -qF "csi\xc2\x9b31mred" out && ! grep -q "$(printf "\302\233")" out'
check "in the name of a program that asks for what is not there" eval '! "$ceno" run --no-proof --input make -- busybox sh -c "cp /bin/busybox /tmp/$(printf "e\033[31m")" 2>&1 | grep -q "$escape"'
finish
