#!/bin/bash
# A real proof of a real session, attacked: a second verifier that shares no code
# agrees with ours; every byte changed; and forgeries that redo everything they
# can, one of them with a second swtpm. Each is refused at its own stage.
. "$(dirname "$0")/../node.sh"
tools=$build/test-bin
nonce=$(head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n')
asked=$(head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n')
work=$node/work
pins=$XDG_CONFIG_HOME/cenotaph/pins
mkdir -p "$work" "$work/second-tpm"

# verdict FILE EXIT [CODE [option]...]: ceno verify ends with EXIT, for the reason CODE (its name), and so does the
# verifier in Python
verdict() {
	local file=$1 want=$2 code=${3:-} got name number
	shift 2
	[ $# -gt 0 ] && shift
	"$bin/ceno" verify --json "$@" "$file" >"$work/verdict.json" 2>"$work/verdict.err"
	got=$?
	read -r number name < <(python3 -c 'import json, sys; r = json.load(open(sys.argv[1]))["submods"]["cdp"]["reason"]; print(*([r["code"], r["name"]] if r else [0]))' "$work/verdict.json")
	[ "$got" = "$want" ] && [ "$name" = "$code" ] || { echo "      exit $got, reason '$name'; wanted $want, '$code'"; return 1; }
	python3 "$root/tests/verifiers/cdp_verify.py" --pin "$pins" "$@" "$file" >"$work/second" 2>&1
	[ $? = "$want" ] && grep -qx "reason $number" "$work/second" && return 0
	echo "      the verifier in Python does not agree: $(cat "$work/second")"
	return 1
}

run() {
	local proof=$1
	shift
	"$bin/ceno" run --quiet --memory 32M --proof "$proof" "$@" >/dev/null 2>"$work/run.err" || { cat "$work/run.err"; return 1; }
}

node_start || exit 1
check "a session for a nonce" run "$work/proof.json" --nonce "$nonce" -- busybox seq 1000
check "another session" run "$work/other.json" --nonce "$asked" -- busybox seq 1000
check "it verifies" verdict "$work/proof.json" 0 "" --nonce "$nonce"
check "so does the other" verdict "$work/other.json" 0 "" --nonce "$asked"
platform() { python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["submods"]["cdp"]["proof"]["platform"])' "$work/verdict.json"; }
check "ceno measure says its platform, without the node" eval \
	'[ "sha256:$("$bin/ceno" measure --json | python3 -c "import json, sys; print(json.load(sys.stdin)[\"platform\"])")" = "$(platform)" ]'
printf 'config_diagnostics = 1\nopenssl_conf = i\n[i]\nproviders = p\n[p]\nnowhere = n\n[n]\nmodule = /nowhere.so\nactivate = 1\n' >"$work/openssl.cnf"
check "... whatever OpenSSL is configured to load here" eval \
	'measured=$(OPENSSL_CONF=$work/openssl.cnf "$bin/ceno" measure --json) && [ "$measured" = "$("$bin/ceno" measure --json)" ]'

# ---- the request: what ran it knows its commitment beforehand, but for the opening

printf 'a,b\n1,2\n' >"$work/table.csv"
mkdir -p "$work/tree/deep" && echo leaf >"$work/tree/deep/leaf"
field() { python3 -c 'import base64, json, sys
f = json.load(open(sys.argv[1]))
print(json.loads(base64.b64decode(f["dsse"]["payload"]))["predicate"]["core"][sys.argv[2]])' "$@"; }
measured() { "$bin/ceno" measure --json "$@" | python3 -c 'import json, sys; print("sha256:" + json.load(sys.stdin)["request_commit"])'; }
line=(--opening "$work/opening" --memory 34M --ttl 77s --pledge stdio,rw,spawn,error --classification PHI --jurisdiction EU
	--input "$work/table.csv" --input "$work/tree=t" --env ONE=1 --workdir /in -- busybox wc -c table.csv)
check "a session with an opening" run "$work/asked.json" "${line[@]}"
request=$(measured run "${line[@]}")
check "ceno measure says its request commitment" [ "$request" = "$(field "$work/asked.json" request_commit)" ]
check "  which ceno verify can ask for" verdict "$work/asked.json" 0 "" --request "${request#sha256:}"
# differs WHAT OLD NEW: another word in the command line, another commitment
differs() {
	local words=() word other
	for word in "${line[@]}"; do [ "$word" = "$2" ] && word=$3; words+=("$word"); done
	[ "${words[*]}" != "${line[*]}" ] && other=$(measured run "${words[@]}") && [ -n "$other" ] && [ "$other" != "$request" ]
}
check "  another time to live is another" differs ttl 77s 78s
check "  another pledge" differs pledge stdio,rw,spawn,error stdio,rw,spawn
check "  another classification" differs classification PHI PII
check "  another argument" differs argument -c -l
check "  another variable" differs variable ONE=1 ONE=2
check "  another directory" differs directory /in /
check "  another input" differs input "$work/tree=t" "$work/tree=u"
echo other >"$work/tree/deep/leaf"
check "  another byte of an input" eval '[ "$(measured run "${line[@]}")" != "$request" ]'
echo leaf >"$work/tree/deep/leaf"
head -c 32 /dev/zero >"$work/another"
check "  another opening" differs opening "$work/opening" "$work/another"
check "  and that is refused" verdict "$work/asked.json" 4 REQUEST --request "$(printf '%064d' 7)"
head -c 31 /dev/zero >"$work/short"
check "an opening of 31 bytes is none" eval '! "$bin/ceno" measure run --opening "$work/short" -- busybox true 2>/dev/null'
check "a run with an image needs its file" eval '"$bin/ceno" measure run --image x -- true 2>/dev/null; [ $? = 2 ]'
check "the tier fills in what the line leaves open" run "$work/default.json" --opening "$work/default" --ttl 30m -- busybox true
check "  its time to live" eval '[ "$(measured --tier local run --opening "$work/default" --memory 32M -- busybox true)" = "$(field "$work/default.json" request_commit)" ]'
check "  and no other tier's" eval '[ "$(measured --tier free run --opening "$work/default" --memory 32M -- busybox true)" != "$(field "$work/default.json" request_commit)" ]'

cat >"$work/key" <<-KEY
	ceno-key-v1 secret
	name reference values of a test
	test 1
	key $(printf '%064x' 77)
KEY
pcrs=$(python3 -c 'import json, sys
print(*("--pcr %d=%s" % (i, p[7:]) for i, p in enumerate(json.load(open(sys.argv[1]))["seal"]["quote"]["pcrs"])))' "$work/proof.json")
# shellcheck disable=SC2086
check "signed reference values of it" eval '"$bin/ceno" measure --sign "$work/key" --valid 0,4000000000 $pcrs >"$work/reference"'
printf 'ceno-policy 1\ncode boot\nsigner %s\n' "$(tail -1 "$work/reference" | cut -d" " -f2)" >"$work/policy"
check "code boot, by these" verdict "$work/proof.json" 0 "" --policy "$work/policy" --reference "$work/reference"
check "  not after their time" verdict "$work/proof.json" 3 REFERENCE --policy "$work/policy" --reference "$work/reference" --as-of 4000000001
check "  nor without them" verdict "$work/proof.json" 3 REFERENCE --policy "$work/policy"
sed 's/^code boot/code runtime/' "$work/policy" >"$work/more"
check "  nor for more than they say" verdict "$work/proof.json" 4 CODE_ASSURANCE --policy "$work/more" --reference "$work/reference"
# shellcheck disable=SC2086
"$bin/ceno" measure --sign "$work/key" --valid 0,4000000000 $(sed "s/--pcr 8=0/--pcr 8=1/;t;s/--pcr 8=./--pcr 8=0/" <<<"$pcrs") >"$work/other-pcr"
check "another PCR 8" verdict "$work/proof.json" 4 REFERENCE_PCRS --policy "$work/policy" --reference "$work/other-pcr"
check "what the node's log shows elsewhere" eval '"$bin/ceno" proof consistency --from "$work/proof.json" >"$work/compare"'
check "  is one log with the proof's" verdict "$work/proof.json" 0 "" --compare "$work/compare"
check "a certificate" eval '"$bin/ceno" proof cert "$work/proof.json" | grep -q "Category             Clear"'
check "a proof taken earlier is no replay of itself" eval '"$bin/ceno" verify --seen "$work/proof.json" "$work/proof.json" >/dev/null'
flips() { "$tools/unit_verify_flip" "$1" "$pins" 2>&1 | grep -E "caught|bytes,|PASSED|FAILED|ERROR"; [ "${PIPESTATUS[0]}" = 0 ]; }
check "every byte of it counts" flips "$work/proof.json"

forge() { "$tools/proof-forge" "$@"; }
check "forge: a field, all hashes recomputed" forge field "$work/proof.json" "$work/field.json"
check "  refused by the session's signature" verdict "$work/field.json" 1 SIGNATURE
check "forge: signed again by a fresh key" forge fresh-key "$work/proof.json" "$work/fresh.json"
check "  refused: that launch is not in the log" verdict "$work/fresh.json" 1 LAUNCH_INCLUSION
check "another session's proof for this nonce, as it is" verdict "$work/other.json" 5 NONCE --nonce "$nonce"
check "forge: with this nonce written into it" forge nonce "$work/other.json" "$work/nonce.json" "$nonce"
check "  refused: that launch is not in the log" verdict "$work/nonce.json" 1 LAUNCH_INCLUSION --nonce "$nonce"
check "forge: quoted again by a second swtpm" forge requote "$work/proof.json" "$work/requote.json" "$work/second-tpm"
check "  refused: this node is pinned with another key" verdict "$work/requote.json" 1 AK_CHANGED
check "forge: everything again, own log, second swtpm" forge impostor "$work/proof.json" "$work/impostor.json" "$work/second-tpm"
check "  refused likewise" verdict "$work/impostor.json" 1 AK_CHANGED
printf 'ceno-pins 1\nrevoked sha256:%064d\n' 0 >"$work/nobody"
check "  and consistent, but nobody's, to whoever pinned no one" verdict "$work/impostor.json" 4 AK_UNPINNED --pin "$work/nobody"
check "a node exports nothing unless told to" eval '! "$bin/ceno" proof export --format auditproof "$work/proof.json" 2>"$work/why" && grep -q "export auditproof" "$work/why"'
node_stop
node_start --export auditproof || exit 1
check "a record for verifiers of AuditProof 2.1" eval '"$bin/ceno" proof export --format auditproof "$work/proof.json" >"$work/audit.json" 2>"$work/why" && grep -q "not claims of this node" "$work/why" || { cat "$work/why"; false; }'
check "  good by the format's rules, bound to the proof, and refused changed" python3 "$root/tests/verifiers/auditproof.py" "$work/audit.json" "$work/proof.json"
check "  of no proof that does not verify" eval '! "$bin/ceno" proof export --format auditproof "$work/field.json" >/dev/null 2>&1'
check "an unpinned maker is exit 4" verdict "$work/proof.json" 4 AK_UNPINNED --pin "$work/nobody"
finish
