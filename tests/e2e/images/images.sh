#!/bin/bash
# Sessions with images: what a program finds, several programs in one session, one copy for
# twenty sessions, what a proof says of an image, and images that a node does not take.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
busybox=$(command -v busybox) || { echo "skipped: no busybox"; exit 77; }

cd "$node" || exit 1
mkdir -p tree/usr/bin tree/etc tree/data/deep tree/empty
cp "$busybox" tree/usr/bin/busybox
ln -s usr/bin tree/bin
for applet in sh cat ls find md5sum stat readlink sleep; do ln -s busybox "tree/usr/bin/$applet"; done
echo image >tree/etc/passwd
echo one >tree/data/a
ln tree/data/a tree/data/hard
ln -s ../data/deep/f tree/data/link
echo deep >tree/data/deep/f
head -c 9000000 /dev/urandom >tree/data/large
chmod 604 tree/data/a

build() { "$ceno" image build --from dir:tree "$@" >/dev/null; }
guest() { "$ceno" run --quiet --no-proof --no-stdin --image t "$@"; }
equal() { [ "$1" = "$2" ] || { printf 'got:  %s\nwant: %s\n' "$1" "$2"; return 1; }; }
says() { # STATUS WORDS COMMAND...
	local status=$1 words=$2 out got
	shift 2
	out=$("$@" 2>&1)
	got=$?
	[ "$got" = "$status" ] && [[ $out == *"$words"* ]] || { echo "status $got, said: $out"; return 1; }
}

check "an image from a directory" build --name t -o t.img
id=$("$ceno" image show --json t.img | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
check "it verifies" says 0 "every byte" "$ceno" image verify t.img
cp -a tree copy && touch -d 2001-01-01 copy/data/a
mknod device c 1 3 && ln -s t.img link.img
check "... not in the place of a device" eval '! build -o device 2>err && grep -q "no regular file" err && [ -c device ]'
check "... nor of a link" eval '! build -o link.img 2>err && grep -q "no regular file" err && [ -L link.img ]'
check "... nor a key in that of a device" eval '! "$bin/ceno-bundle" key --out device 2>err && [ -c device ]'
check "a copy of the directory is the same image" eval '"$ceno" image build --from dir:copy --name t -o c.img >/dev/null && cmp t.img c.img'

node_start || exit 1
check "the node takes it" says 0 "$id" "$ceno" image add t.img
check "the node lists it" says 0 "$id" "$ceno" image ls

# ---- what a program finds

check "files and links of the image" equal "$(guest -- cat /data/a /data/hard /data/link)" "$(printf 'one\none\ndeep')"
check "its tree" equal "$(guest -- find /data /usr/bin /empty | LC_ALL=C sort)" "$(cd tree && find data usr/bin empty | sed 's,^,/,' | LC_ALL=C sort)"
check "a large file, byte for byte" equal "$(guest -- md5sum /data/large)" "$(md5sum <tree/data/large | sed 's, .*,  /data/large,')"
check "modes and time" equal "$(guest -- stat -c '%a %Y %s' /data/a)" "604 946684800 4"
commitment() { python3 -c 'import base64, json, sys
print(json.loads(base64.b64decode(json.load(open(sys.argv[1]))["dsse"]["payload"]))["predicate"]["core"]["request_commit"])' "$1"; }
check "an image that is no release is in the request" "$ceno" run --quiet --no-stdin --image t --proof own.json --opening own.key -- cat /data/a
check "... as ceno measure says" eval '"$ceno" measure --image t.img --tier local run --image t --opening own.key -- cat /data/a | grep -q "^request_commit $(commitment own.json)$"'
check "an input lies above the image" equal "$(echo mine >a && guest --input a=x -- cat /in/x /etc/passwd)" "$(printf 'mine\nimage')"
check "a program of the caller's lies above its /bin" equal "$(cp "$busybox" ./busybox && "$ceno" run --quiet --no-proof --image t -- ./busybox echo mine)" mine
check "a path that climbs stays inside" equal "$(guest -- cat /data/../../../etc/passwd)" image

# ---- programs that cannot be started: the words and the status of the host's shell

cp "$busybox" fine && cp fine nox && chmod 644 nox && mkdir -p tests
printf '#!/no/such/interpreter\n' >orphan
printf '#!/etc\n' >directory
python3 - "$busybox" <<'PROGRAMS' && chmod +x foreign offset orphan directory unlinked
import sys
good = bytearray(open(sys.argv[1], "rb").read())
# 0xfe is no machine's number: no emulator is registered for it here.
for name, at, value in ("foreign", 18, b"\xfe"), ("offset", 32, b"\xff" * 8):
    bad = bytearray(good)
    bad[at:at + len(value)] = value
    open(name, "wb").write(bad)
dynamic = bytearray(open("/usr/bin/env", "rb").read())
at = dynamic.index(b"/lib64/ld-")
dynamic[at:at + 10] = b"/nowhere--"
open("unlinked", "wb").write(dynamic)
PROGRAMS
like_bash() { # WORDS PROGRAM...: each ends with the status that bash gives it, with those words, and never ran
	local words=$1 p want
	shift
	for p in "$@"; do
		bash -c '"$0"' "$p" >/dev/null 2>&1
		want=$?
		[ "$want" = 126 ] || [ "$want" = 127 ] || { echo "bash gives $want for $p"; return 1; }
		says "$want" "$words" guest -- "$p" || { echo "for $p; bash: $want"; return 1; }
	done
}
check "not there: ENOENT" like_bash "No such file or directory" nowhere ./nowhere /nowhere /etc/nowhere ""
check "... nor its interpreter" like_bash "No such file or directory" ./orphan ./unlinked
check "below a file: ENOTDIR" like_bash "Not a directory" /etc/passwd/x
check "a directory" like_bash "irectory" ./tests
check "not to be executed: EACCES" like_bash "Permission denied" ./nox /etc /etc/passwd
check "a directory as its interpreter" like_bash "Permission denied" ./directory
check "no program of this machine: ENOEXEC" like_bash "Exec format error" ./foreign ./offset
check "a name of 5,000 bytes: ENAMETOOLONG" like_bash "File name too long" "/$(printf '%05000d' 0)"
check "... a component of 300" like_bash "File name too long" "/$(printf '%0300d' 0)"
check "the summary does not say that it ended" eval '"$ceno" run --no-proof --no-stdin --image t -- nowhere 2>err; [ $? = 127 ] && grep -q "program was never started$" err && ! grep -q "ended with" err'
check "by its content id" equal "$("$ceno" run --quiet --no-proof --image "$id" -- cat /data/a)" one
check "an image for one session alone" equal "$(guest --share session -- cat /data/a)" one
check "an image for the node" equal "$(guest --share node -- cat /data/a)" one
check "a large file, twice, with the image shared" equal "$(guest -- md5sum /data/large)" "$(guest -- md5sum /data/large)"

# ---- what it leaves

check "/out is fetched, and standard output is the program's" equal "$("$ceno" run --quiet --no-proof --image t --output got -- busybox dd if=/data/large of=/out/large bs=64k 2>/dev/null; md5sum <got/large)" "$(md5sum <tree/data/large)"
check "it replaces nothing, and says so before anything runs" says 125 "it is not empty" "$ceno" run --quiet --no-proof --image t --output got -- busybox touch /out/large
check "... and the file is what it was" cmp got/large tree/data/large
check "without an image too" equal "$("$ceno" run --quiet --no-proof --output plain -- busybox touch /out/x; ls plain)" x
check "nothing is nothing" equal "$("$ceno" run --quiet --no-proof --image t --output nothing -- cat /data/a; ls nothing)" one
check "a status stays" says 3 "" "$ceno" run --quiet --no-proof --image t --output status -- sh -c 'exit 3'
check "a place that cannot be" says 125 "No such file" "$ceno" run --quiet --no-proof --image t --output no/where -- cat /data/a

# ---- several programs in one session

mkfifo hold
"$ceno" run --hold --no-proof --no-stdin --memory 64M --image t -- cat /data/a >first 2>hold &
runner=$!
read -r _ session <hold
cat hold >/dev/null & drain=$!
for _ in $(seq 100); do "$ceno" ls | grep -q "^$session *active" && break; sleep 0.05; done # its first has ended
check "a second program of a session" "$ceno" exec "$session" -- cat /data/link
check "a third" "$ceno" exec "$session" -- /usr/bin/md5sum /data/large
check "the session ends" eval '"$ceno" destroy --quiet "$session" >/dev/null && wait $runner'
wait $drain
check "all three spoke" equal "$(cut -d ' ' -f 1 <first | xargs)" "one deep $(md5sum <tree/data/large | cut -d ' ' -f 1)"

# ---- twenty sessions, one copy

pids=()
for i in $(seq 20); do
	"$ceno" run --hold --quiet --no-proof --no-stdin --memory 32M --image t -- md5sum /data/large >"out.$i" 2>&1 &
	pids+=($!)
done
for _ in $(seq 600); do
	[ "$(cat out.* | grep -c large)" = 20 ] && break
	sleep 0.1
done
check "twenty sessions read the image" equal "$(cat out.* | sort -u | wc -l) $(cat out.* | grep -c large)" "1 20"
python3 - "$(node_pid)" $(($(stat -c %s tree/data/large))) <<'PY'
import os, sys
root, large = int(sys.argv[1]), int(sys.argv[2])
parent = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        stat = open(f"/proc/{pid}/stat").read()
        parent[int(pid)] = (int(stat.rsplit(")", 1)[1].split()[1]), stat.split("(", 1)[1].rsplit(")", 1)[0])
    except OSError:
        pass

def below(pid):
    while pid in parent and pid != root:
        pid = parent[pid][0]
    return pid == root

pss = rss = vmms = 0
for pid in [p for p in parent if parent[p][1] == "ceno-vmm" and below(p)]:
    image = False
    for line in open(f"/proc/{pid}/smaps"):
        word = line.split()
        if "-" in word[0] and not word[0].endswith(":"):
            image = "memfd:ceno-image" in line
        elif image and word[0] == "Pss:":
            pss += int(word[1]) << 10
        elif image and word[0] == "Rss:":
            rss += int(word[1]) << 10
            vmms += int(word[1]) > 0
print(f"{vmms} vmms map it: {rss >> 10} KiB resident, {pss >> 10} KiB of memory; the file they read has {large >> 10} KiB")
sys.exit(0 if vmms == 20 and large <= pss <= large + (4 << 20) and rss >= 20 * large else 1)
PY
check "... from one copy in memory" [ $? = 0 ]
for s in $("$ceno" ls --json | python3 -c 'import json, sys; print(*[s["session"] for s in json.load(sys.stdin)["sessions"] if s["state"] in ("active", "executing")])'); do
	"$ceno" destroy --quiet "$s" >/dev/null &
done
wait "${pids[@]}"
wait

# ---- what a proof says

"$ceno" run --quiet --image t --proof own.cdp.json -- cat /data/a >/dev/null
check "an own image is not in the platform" equal "$(field own.cdp.json core.platform.image)" none
check "it has a slot of its own, read-only" equal "$(field own.cdp.json steps.0.evidence.slots | grep -o "'kind': 'image'[^}]*'rights': '[a-z-]*'" | grep -c "read-only\|'ro'\|'r'")" 1
build --name released --key "$root/images/keys/development.seed" -o r.img
"$ceno" image add r.img >/dev/null
"$ceno" run --quiet --image released --proof released.cdp.json -- cat /data/a >/dev/null
check "a released image is: SHA-256 of its content id" equal "$(field released.cdp.json core.platform.image)" "sha256:$("$ceno" image show --json r.img | python3 -c 'import json, sys; print(json.load(sys.stdin)["sha256_of_id"])')"
check "both verify" eval '"$ceno" verify own.cdp.json >/dev/null && "$ceno" verify released.cdp.json >/dev/null'

# ---- what a node does not take

spoil() { # OFFSET: one byte more than it was
	cp t.img bad.img
	printf "\\x$(printf %x $((($(od -An -tu1 -j "$1" -N 1 t.img) + 1) & 255)))" | dd of=bad.img bs=1 seek="$1" conv=notrunc status=none
}
spoil 0 && check "no magic" says 1 "it is not an image" "$ceno" image add bad.img
spoil 8 && check "another version" says 1 "another version" "$ceno" image add bad.img
spoil 40 && check "another name" says 1 "content id" "$ceno" image add bad.img
spoil 170 && check "a signature" says 1 "signature" "$ceno" image add bad.img
spoil $(($(stat -c %s t.img) - 1)) && check "something behind the end" says 1 "not zero" "$ceno" image add bad.img
spoil 8000000 && check "one byte of a file" says 1 "does not have the hash" "$ceno" image add bad.img
head -c 100000 t.img >bad.img && check "half of one" says 1 "length is not what" "$ceno" image add bad.img
check "a directory" says 1 "not a regular file" "$ceno" image add tree
check "what was refused is not kept" equal "$(find "$node/state/images" -type f | wc -l)" 2

# A store that was changed behind the node's back: found when the node has it checked again.
store=$(find "$node/state/images" -type f | sort | while read -r f; do cmp -s "$f" t.img && echo "$f"; done)
"$ceno" image rm released >/dev/null
check "an image that is gone" says 125 "no such image" "$ceno" run --image released -- cat /data/a
node_stop
printf x | dd of="$store" bs=1 seek=8000000 conv=notrunc status=none
node_start || exit 1
check "an image that was changed in the store" says 125 "damaged" guest -- cat /data/a
check "adding it again heals it" eval '"$ceno" image rm t >/dev/null && "$ceno" image add t.img >/dev/null && [ "$(guest -- cat /data/a)" = one ]'
rm "$store"
node_stop
node_start || exit 1
check "an image that left the store" says 125 "does not have the image" guest -- cat /data/a
check "the node lives on" says 0 "node" "$ceno" version
finish
