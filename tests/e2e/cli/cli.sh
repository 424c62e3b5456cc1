#!/bin/bash
# Bad input to the command line: one clear line, the right status, nothing
# half-written. Then the commands' own rules.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
programs=$build/native
cd "$node" || exit 1

# fails STATUS TEXT COMMAND...: exit status, exactly one line "ceno: ...TEXT...", no output, no proof. misused TEXT
# COMMAND...: the same with status 2 and one line of usage before it
fails() {
	local want=$1 text=$2 lines=${lines:-1} got
	shift 2
	rm -f proof.cdp.json
	timeout 30 "$@" >out 2>err </dev/null
	got=$?
	[ $got = "$want" ] && [ "$(wc -l <err)" = "$lines" ] && { [ "$lines" = 1 ] || head -n 1 err | grep -q "^usage: ceno"; } &&
		tail -n 1 err | grep -q -- "^ceno: .*$text" && [ ! -s out ] && [ ! -e proof.cdp.json ] &&
		[ -z "$(find . -maxdepth 1 -name '.ceno-*')" ] && return 0
	echo "      status $got (want $want): $(head -3 err)"
	return 1
}
misused() { lines=2 fails 2 "$@"; }
helps() {
	local c
	for c in run exec destroy ls verify measure audit attest doctor version image proof image\ {build,add,ls,rm,verify,show} proof\ {inclusion,consistency,cert,orphans}; do
		# shellcheck disable=SC2086
		"$ceno" $c --help >out && head -n 1 out | grep -q "^usage: ceno $c" || { echo "      $c"; return 1; }
	done
}

check "no node: says so" fails 125 "is cenod running" "$ceno" run -- busybox true
check "ls without a node" fails 1 "is cenod running" "$ceno" ls
check "doctor works without a node" eval '"$ceno" doctor --json | python3 -c "import json,sys; assert json.load(sys.stdin)[\"failures\"] == 0"'
check "version works without a node" eval '"$ceno" version --json | python3 -c "import json,sys; assert json.load(sys.stdin)[\"node\"] is None"'
node_start || exit 1
check "version of the node" eval '"$ceno" version --json | python3 -c "import json,sys; assert json.load(sys.stdin)[\"node\"][\"rpc\"] == 1"'
check "every command has --help" helps
check "no command" misused "no command given" "$ceno"
check "an unknown command" misused "no command .frob'" "$ceno" frob
check "... of image" misused "no command .frob'" "$ceno" image frob
for c in run exec destroy ls verify measure audit attest doctor version image\ {build,add,ls,rm,verify,show} proof\ {inclusion,consistency,cert,orphans}; do
	# shellcheck disable=SC2086
	check "unknown option of $c" misused "no option .--bogus'; ceno $c --help lists them" "$ceno" $c --bogus x
done
check "an unknown letter" misused "no option .-x'" "$ceno" image build -x
check "an option without its value" misused "--memory needs a value" "$ceno" run --memory
check "a value where none is" misused "quiet takes no value" "$ceno" run --quiet=yes -- true
check "no program" misused "no program given" "$ceno" run
check "no session" misused "no SESSION given" "$ceno" destroy
check "exec without a program" misused "no program given" "$ceno" exec "$(printf '%032d' 0)"
check "two files" misused "one argument too many" "$ceno" verify a b
check "an argument where none is" misused "takes no argument" "$ceno" ls x
check "exec: a relative working directory" misused "absolute path" "$ceno" exec --workdir tmp x -- true
check "exec: a working directory that climbs" misused "without . and .." "$ceno" exec --workdir /tmp/../etc x -- true
check "exec: not a session's name" misused "32 lowercase hexadecimal digits" "$ceno" exec x -- true
check "exec: a variable without a value" misused "NAME=VALUE" "$ceno" exec --env NAME x -- true

printf 'one\n' >a; mkdir -p d; printf 'two\n' >d/a
check "a program that is not there" fails 127 "No such file or directory (no such program on the PATH)" "$ceno" run -- nosuchprogram
check "a path that is not there" fails 127 "No such file" "$ceno" run -- ./nosuchprogram
check "a dynamic program, its interpreter named" fails 127 "No such file or directory: it is a dynamic program (its interpreter is /lib64/ld-linux" "$ceno" run -- /usr/bin/env
printf 'text\n' >text; chmod +x text
check "not an ELF program" fails 126 "Exec format error (it is not an ELF program)" "$ceno" run -- ./text
printf '#!/bin/sh\n' >script; chmod +x script
check "a script" fails 127 "No such file or directory: it is a script for /bin/sh" "$ceno" run -- ./script
head -c 20 "$(command -v busybox)" >cut; chmod +x cut
check "a damaged program" fails 126 "Exec format error (it is a damaged ELF program)" "$ceno" run -- ./cut
check "a program without permission to execute" fails 126 "Permission denied (you may not execute it)" "$ceno" run -- "$root/LICENSE"
check "a directory as program" fails 126 "a directory" "$ceno" run -- "$root/"
mkfifo fifo
check "a FIFO as input" fails 125 "is a FIFO" "$ceno" run --input fifo -- busybox true
check "a device as input" fails 125 "is a device" "$ceno" run --input /dev/zero -- busybox true
mkdir -p tree/sub many && echo deep >tree/sub/f && echo top >tree/g && (cd many && seq 1 200 | xargs touch)
check "a directory as input" eval '[ "$("$ceno" run --quiet --no-proof --input tree=t -- busybox find /in -type f | sort | xargs)" = "/in/t/g /in/t/sub/f" ]'
ln -s /etc/passwd tree/link
check "a link in a directory as input" fails 125 "tree/link is a symbolic link" "$ceno" run --input tree -- busybox true
check "a directory of too many files" fails 125 "more than 200 files; make an image" "$ceno" run --input many -- busybox true
check "an image that is not there" fails 125 "no such image" "$ceno" run --image nowhere -- true
check "an image and a native program" misused "no image" "$ceno" run --native --image x -- busybox true
check "a working directory" eval '[ "$("$ceno" run --quiet --no-proof --workdir /tmp -- busybox pwd)" = /tmp ]'
check "... that is not there is made" eval '[ "$("$ceno" run --quiet --no-proof --workdir /new/deep -- busybox pwd)" = /new/deep ]'
check "... that is a file" fails 125 "workdir /bin/busybox: not a directory" "$ceno" run --quiet --no-proof --workdir /bin/busybox -- busybox true
check "... below a file" fails 125 "workdir /bin/busybox/x: not a directory" "$ceno" run --quiet --no-proof --workdir /bin/busybox/x -- busybox true
check "... that climbs" misused "without . and .." "$ceno" run --workdir /tmp/../tmp -- busybox true
check "a relative working directory" misused "absolute path" "$ceno" run --workdir tmp -- busybox true
ln -s linked.json link.json; echo old >linked.json
check "what is no proof is not replaced, through a link either" eval 'fails 125 "is there and is no proof" "$ceno" run --proof link.json -- busybox true && [ "$(cat linked.json)" = old ]'
printf '{"cdp"old' >linked.json
check "a proof through a link" eval '"$ceno" run --quiet --proof link.json -- busybox true && [ -L link.json ] && "$ceno" verify linked.json >/dev/null'
check "a variable twice: the last counts" eval '[ "$("$ceno" run --quiet --no-proof --env A=1 --env A=2 --env B=3 --env PATH=/x -- busybox env | sort | xargs)" = "A=2 B=3 HOME=/tmp LC_ALL=C PATH=/x" ]'
check "a proof and none" misused "one or the other" "$ceno" run --no-proof --proof p.json -- busybox true
check "... in that order, too" misused "one or the other" "$ceno" run --proof p.json --no-proof -- busybox true
check "two outputs of one name" misused "name the same file" "$ceno" run --proof same --trail same -- busybox true
check "a timeout" fails 124 "longer than --timeout" "$ceno" run --quiet --no-proof --timeout 300ms -- busybox sleep 60
check "--tty without a terminal" fails 125 "are no terminal" "$ceno" run --tty -- busybox true
check "--tty and no input" misused "not with --native" "$ceno" run --tty --no-stdin -- busybox true
check "--tty in a terminal" python3 "$root/tests/e2e/cli/terminal.py" "$ceno"
check "a vanished input" fails 125 "No such file" "$ceno" run --input gone -- busybox true
printf 'odd\n' >"$(printf 'odd\377')"
check "an input whose name is no text" fails 125 "/in/odd.*the name is not UTF-8" "$ceno" run --input "$(printf 'odd\377')" -- busybox true
mkdir odds && printf "odd\n" >"$(printf 'odds/a\tb')"
check "... of control characters" fails 125 "not usable as a path in the guest (control characters, or" "$ceno" run --input odds -- busybox true
rm odds/* && mv "$(printf 'odd\377')" odds/
check "... in a directory, too" fails 125 "/in/odds/odd.*the name is not UTF-8" "$ceno" run --input odds -- busybox true
cp a mine && ln mine other && ln -s mine linked && mkdir mines && ln mine mines/m
spared() { fails 125 "would be replaced, and is what the session reads at /in/$1" "$ceno" run "${@:2}" -- busybox true && cmp -s a mine && cmp -s a other; }
check "a proof in the place of its input" spared mine --input mine --proof mine
check "... by a link" spared mine --input mine --proof linked
check "... by another name" spared mine --input mine --proof other
check "... of a directory" spared mines/m --input mines --proof mines/m
check "a trail in the place of an input" spared mine --input mine --no-proof --trail mine
check "an opening in the place of an input" spared mine --input mine --no-proof --opening mine
mkdir -p hollow/a/b hollow/c && echo x >hollow/a/x
check "an empty directory, and empty ones in one" eval '[ "$("$ceno" run --quiet --no-proof --input hollow/c=none --input hollow -- busybox find /in/none /in/hollow | sort | xargs)" = "/in/hollow /in/hollow/a /in/hollow/a/b /in/hollow/a/x /in/hollow/c /in/none" ]'
check "... as ceno measure says" eval '"$ceno" run --quiet --proof h.json --opening h.open --input hollow -- busybox true && "$ceno" measure --tier local run --opening h.open --input hollow -- busybox true | grep -q "^request_commit $(field h.json core.request_commit)\$"'
check "... in the place of a file" fails 125 "two files of one name: /in/n/" "$ceno" run --input hollow/c=n --input hollow/a/x=n -- busybox true
check "two inputs of one name" fails 125 "two inputs would lie at /in/a" "$ceno" run --input a --input d/a -- busybox true
check "... told apart by a name" eval '[ "$("$ceno" run --quiet --no-proof --input a --input d/a=b -- busybox cat /in/a /in/b)" = "$(printf "one\ntwo")" ]'
check "an input name that climbs" fails 125 "not usable as a file name" "$ceno" run --input a=../x -- busybox true
unreadable() { cp a secret && chmod 600 secret && chmod 755 . && setpriv --reuid 65533 --regid 65533 --clear-groups \
	"$ceno" run --no-proof --input secret -- busybox true 2>err; [ $? = 125 ] && grep -q "Permission denied" err; }
check "an unreadable input" unreadable
check "memory of an odd size" misused "a multiple of 2M" "$ceno" run --memory 33M -- busybox true
check "memory beyond the tier" fails 125 "more memory than" "$ceno" run --memory 65G -- busybox true
check "a size that is none" misused "--memory takes" "$ceno" run --memory lots -- busybox true
check "a lifetime beyond the tier" fails 125 "lifetime" "$ceno" run --ttl 25h -- busybox true
check "an unknown pledge" misused "--pledge takes" "$ceno" run --pledge stdio,wifi -- busybox true
check "a pledge without a device" fails 125 "no device for \`gpu'" "$ceno" run --pledge stdio,gpu -- busybox true
check "a pledge without stdio" misused "at least stdio" "$ceno" run --pledge rw -- busybox true
held() {
	local session status
	mkfifo held.in
	"$ceno" run --quiet --no-proof --hold --pledge stdio -- "$pledged" <held.in >held.out 2>held.err & client=$!
	exec 9>held.in
	for _ in $(seq 100); do session=$("$ceno" ls | awk '$2 ~ /active/ { print $1; exit }'); [ -n "$session" ] && [ -s held.out ] && break; sleep 0.1; done
	"$ceno" exec "$session" -- guest_program_pledged read 2>err
	status=$?
	"$ceno" destroy --quiet "$session" >/dev/null 2>&1
	exec 9>&-
	wait $client
	[ $status = 134 ] && grep -q "^ceno: not pledged: it needed rw; try --pledge stdio,rw" err && return 0
	echo "      status $status: $(cat err held.err)"
	return 1
}
lacks() { # STATUS WORD LIST PROGRAM...: without WORD it ends with STATUS, names WORD and, as a hint, LIST
	local want=$1 word=$2 hint=$3 got
	shift 3
	"$ceno" run --proof l.json "$@" >out 2>err </dev/null
	got=$?
	[ $got = "$want" ] && grep -q "not pledged: it needed $word; try --pledge $hint\$" err && "$ceno" verify l.json >/dev/null && return 0
	echo "      status $got: $(head -4 err)"
	return 1
}
pledged=$build/test-bin/guest_program_pledged
check "stdio alone: enough for who asks for no more" eval '[ "$("$ceno" run --quiet --no-proof --pledge stdio -- "$pledged" thread/null)" = "null: ok" ]'
check "stdio alone: a file ends the program, and rw is named" lacks 134 rw stdio,rw --pledge stdio -- "$pledged" read
check "... so does writing one" lacks 134 rw stdio,rw --pledge stdio -- "$pledged" write
check "no spawn: a process ends the program, and spawn is named" lacks 134 spawn stdio,rw,spawn --pledge stdio,rw -- "$pledged" fork/nothing
check "... in a shell, too" lacks 134 spawn stdio,rw,spawn --pledge stdio,rw -- busybox sh -c "(echo sub); echo on"
check "no rw, but spawn: a child is ended likewise" lacks 134 rw stdio,rw,spawn --pledge stdio,spawn -- "$pledged" fork/read
check "... and nothing softens that" lacks 134 rw stdio,rw --pledge stdio -- "$pledged" soften
check "a held session: ceno exec has the same words, and says which is missing" held
check "the word error: ENOSYS, and the word is named" lacks 1 rw stdio,rw --pledge stdio,error --input a -- busybox cat /in/a
check "... what the program said of it" eval 'grep -q "not implemented" err'
check "the default needs nothing more" eval '[ "$("$ceno" run --quiet --no-proof --input a -- busybox sh -c "(cat /in/a; echo x >/tmp/f; cat /tmp/f)" 2>&1)" = "$(printf "one\nx")" ]'
check "as JSON" eval '"$ceno" run --json --no-proof --pledge stdio -- busybox touch /tmp/x 2>err; tail -1 err | python3 -c "
import json,sys
o = json.load(sys.stdin)
assert (o[\"program\"][\"missing\"], o[\"program\"][\"pledge\"], o[\"hint\"], o[\"exit_status\"]) == (\"rw\", \"stdio\", \"--pledge stdio,rw\", 134), o"'
check "quiet: one line says why" eval '"$ceno" run --quiet --no-proof --pledge stdio -- busybox touch /tmp/x 2>err; [ $? = 134 ] && [ "$(cat err)" = "ceno: not pledged: it needed rw; try --pledge stdio,rw" ]'
check "a socket: EACCES, and net is named" eval '"$ceno" run --no-proof -- busybox wget http://127.0.0.1/ 2>err; [ $? = 1 ] && grep -q "Permission denied" err && grep -q "not in any session: it asked for net" err'
check "error and a native program" fails 125 "for Linux programs" "$ceno" run --native --pledge stdio,error -- "$programs/pingpong"
check "an unknown classification" misused "--classification takes" "$ceno" run --classification secret -- busybox true
check "a nonce that is none" misused "--nonce takes" "$ceno" run --nonce 12 -- busybox true
check "arguments that are too long" fails 125 "longer than 128 KiB" "$ceno" run -- busybox echo "$(head -c 131000 /dev/zero | tr '\0' x)" "$(head -c 5000 /dev/zero | tr '\0' x)"
check "a proof in a folder that is not there" fails 125 "No such file" "$ceno" run --proof nodir/p -- busybox true
check "a proof over a directory" fails 125 "Is a directory" "$ceno" run --proof d -- busybox true

mkdir full
mount -t tmpfs -o size=16k tmpfs full
head -c 16384 /dev/zero >full/filler
check "a full disk for the proof: told before anything runs" fails 125 "No space left" "$ceno" run --proof full/p -- busybox true
check "... and nothing is left there" eval '[ "$(ls -A full)" = filler ]'
umount full
full_output() { "$ceno" run --quiet --proof o.json -- busybox echo x >/dev/full 2>err; [ $? = 125 ] && grep -q "cannot write standard output: No space" err &&
	"$ceno" verify o.json >/dev/null; }
check "no space for the output: destroyed and proven" full_output

check "verify: a file that is not there" fails 2 "No such file" "$ceno" verify gone
check "verify: not a proof" eval '"$ceno" verify a >/dev/null; [ $? = 1 ]'
check "verify: an empty pin file" eval ': >pins; "$ceno" verify --pin pins a 2>err; [ $? = 2 ] && grep -q "names no node" err'
check "destroy: no such session" fails 1 "no such session" "$ceno" destroy "$(printf '%032d' 0)"
check "destroy: not a session's name" misused "hexadecimal" "$ceno" destroy zz
check "exec: no such session" fails 125 "no such session" "$ceno" exec "$(printf '%032d' 0)" -- busybox true
check "every session of this test is destroyed" eval '! "$ceno" ls --json --all | grep -q "\"state\":\"\(active\|executing\|destroying\|expired_unclean\)\""'
finish
