#!/bin/bash
# ceno audit as a user meets it: statuses, one line an error, JSON; and a second reader that
# agrees. usage: audit.sh CENO TRAIL-SAMPLE RECOMPUTE
set -u
ceno=$1 sample=$2 recompute=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failed=0
check() {
	local name=$1
	shift
	if "$@"; then echo "ok   $name"; else echo "FAIL $name"; failed=1; fi
}
# verdict STATUS REASON [option]... FILE
verdict() {
	local want=$1 reason=$2 got
	shift 2
	"$ceno" audit --json "$@" >out.json 2>err
	got=$?
	python3 - "$reason" <<'P' && [ "$got" = "$want" ] && return 0
import json, sys
result = json.load(open("out.json"))
reason = result["reason"]["name"] if result["reason"] else ""
sys.exit(0 if reason == sys.argv[1] else f"      reason {reason}")
P
	echo "      status $got, wanted $want $reason"
	return 1
}
fails() {
	local want=$1 text=$2
	shift 2
	"$ceno" audit "$@" >out 2>err
	[ $? = "$want" ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "^ceno: .*$text" err && [ ! -s out ]
}
# A line of usage, then the reason.
wrong() {
	local text=$1
	shift
	"$ceno" audit "$@" >out 2>err
	[ $? = 2 ] && [ "$(wc -l <err)" = 2 ] && grep -q "^usage: ceno audit" err && grep -q -- "^ceno: .*$text" err && [ ! -s out ]
}
usage() { "$ceno" audit "$@" >out 2>err; [ $? = 2 ] && grep -q "^usage: ceno audit" err && [ ! -s out ]; }

read -r key session nonce < <("$sample" .)
check "an honest trail, everything asked" verdict 0 "" --key "$key" --session "$session" --nonce "$nonce" --bundle bundle honest.trail
check "nothing asked" verdict 4 KEY_UNKNOWN honest.trail
check "another session's trail" verdict 5 SESSION --session "$session" other.trail
check "another nonce" verdict 5 NONCE --nonce "${session}$session" honest.trail
check "forged with a fresh key" verdict 1 KEY --key "$key" forged.trail
check "of a session that was killed" verdict 4 UNSEALED --key "$key" killed.trail
shows() { "$ceno" audit honest.trail >out; [ "$(grep -c " module     native(4), pledge" out)" = 2 ] && [ "$(grep -c "vcid-aeaqdqgbylb4" out)" = 2 ]; }
check "a native program with its content id, restarted" shows
head -c 5000 honest.trail >cut.trail
check "cut off" verdict 1 HEADER_BYTES cut.trail
cp honest.trail changed.trail
printf '\377' | dd of=changed.trail bs=1 seek=4570 conv=notrunc status=none
check "a byte changed" verdict 1 CHAIN changed.trail
cp bundle other-bundle
printf '\377' | dd of=other-bundle bs=1 seek=9000 conv=notrunc status=none
check "modules of another bundle" verdict 1 BUNDLE_MODULE --bundle other-bundle honest.trail
head -c 1048577 /dev/zero >large-program
check "its programs are not asked for by a file that is none" fails 2 "not a native file" --program honest.trail honest.trail
check "... nor by one that is too large" fails 2 "larger than any native program" --program large-program honest.trail
check "an empty file" eval ': >empty; verdict 1 FILE_SIZE empty'
check "no such file" fails 2 "No such file" gone
check "too large a file" eval 'head -c 300000 /dev/zero >large; fails 2 "larger than any trail" large'
check "a bundle that is none" fails 2 "not a bundle" --bundle honest.trail honest.trail
check "a key that is none" wrong "--key takes 64" --key 12 honest.trail
check "a session that is none" wrong "--session takes 32" --session 12 honest.trail
check "a nonce that is none" wrong "--nonce takes 64" --nonce 12 honest.trail
check "no file" usage
check "two files" usage honest.trail honest.trail
check "an unknown option" usage --bogus honest.trail
check "--help" eval '"$ceno" audit --help | grep -q "^usage: ceno audit"'
text() { "$ceno" audit --key "$key" --bundle bundle honest.trail >out && grep -q "^VERIFIED" out && grep -q "restart    membrane(1), number 1, from checkpoint #" out &&
	grep -q "vcid-aea" out; }
check "for a human" text
nowhere() { # STATUS ARGUMENT...: a bad verdict's own status says more than 2 would
	local want=$1
	shift
	"$ceno" audit "$@" >/dev/full 2>err
	[ $? = "$want" ] && grep -q "cannot write" err
}
check "no space for a good verdict" nowhere 2 --key "$key" --session "$session" --nonce "$nonce" --bundle bundle honest.trail
check "no space for another" nowhere 4 honest.trail
for trail in honest other killed forged; do
	check "a second reader agrees: $trail" eval "python3 '$recompute' $trail.trail >found"
done
same_head() {
	python3 "$recompute" honest.trail >found && verdict 4 KEY_UNKNOWN honest.trail &&
		grep -q "$(python3 -c 'import json; print(json.load(open("out.json"))["head"].removeprefix("blake3:"))')" found
}
check "... on what names it" same_head
check "... and refuses a changed one" eval "! python3 '$recompute' changed.trail 2>/dev/null"
exit $failed
