#!/bin/bash
# ceno attest --enrol: a verifier's own proof of which TPM a seal key lives in. The TPM is a
# swtpm of the test's, with an endorsement certificate as a maker would store it.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
cd "$node" || exit 1
mkdir -p tpm other
tcti=swtpm:path=$node/t.sock

tpm_start() { swtpm socket --tpm2 --tpmstate dir="$node/tpm" --server type=unixio,path="$node/t.sock" \
	--ctrl type=unixio,path="$node/t.sock.ctrl" --flags not-need-init,startup-clear >/dev/null 2>&1 & tpm=$!
	for _ in $(seq 100); do [ -S "$node/t.sock" ] && return; sleep 0.05; done; }
fails() { local want=$1; shift; "$@" >out 2>err </dev/null; [ $? = 1 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] && grep -q -- "$want" err; }
enrol() { "$ceno" attest --enrol dtpm "$@"; }
# Certificate of this public key (PEM file) by the maker; NAME of the outputs
certify() {
	openssl x509 -req -in any.csr -force_pubkey "$1" -CA maker.pem -CAkey maker.key -CAcreateserial -days "$3" -outform DER -out "$2" 2>/dev/null
}

export TPM2TOOLS_TCTI=$tcti
tpm_start
for ca in maker stranger; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $ca.key -out $ca.pem -days 100 -subj "/CN=$ca" 2>/dev/null || exit 1
done
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout any.key -out any.csr -subj "/CN=TPM" 2>/dev/null || exit 1
openssl pkey -in any.key -pubout -out any.pub
tpm2_createek -Q -c ek.ctx -G ecc -f pem -u ek.pub 2>/dev/null && tpm2_flushcontext -t 2>/dev/null
certify ek.pub ek.der 30 && certify any.pub wrong.der 30 || exit 1
store() { tpm2_nvundefine -Q 0x01c0000a -C o 2>/dev/null; tpm2_nvdefine -Q 0x01c0000a -C o -s "$(wc -c <"$1")" -a "ownerread|authread|ownerwrite|authwrite|no_da" &&
	tpm2_nvwrite -Q 0x01c0000a -C o -i "$1"; }

store ek.der || exit 1
node_start --tcti "$tcti" || exit 1
check "the maker vouches for the TPM, and the TPM for the key" eval 'enrol --roots maker.pem >line && grep -qE "^enrolled sha256:[0-9a-f]{64} dtpm sha256:$(sha256sum ek.der | cut -d" " -f1) [0-9]+$" line'
check "... until the certificate ends, or sooner" eval '[ $(($(cut -d" " -f5 line) - $(date +%s))) -lt $((31 * 86400)) ] && enrol --roots maker.pem --days 3 | awk -v now="$(date +%s)" "{ exit !(\$5 - now <= 3 * 86400) }"'
"$ceno" run --quiet --proof p.json -- busybox true || exit 1
printf 'ceno-policy 1\nkey dtpm\n' >policy; cat line >>policy
check "a proof of the node is then of that TPM" eval '"$ceno" verify --policy policy p.json >v 2>&1'
sed 's/sha256:[0-9a-f]\{64\} dtpm/sha256:'"$(printf '0%.0s' $(seq 64))"' dtpm/' policy >other.policy
check "... and not with another key's line" eval '! "$ceno" verify --policy other.policy p.json >/dev/null 2>&1'
check "a stranger's root" fails "endorsement certificate" "$ceno" attest --enrol dtpm --roots stranger.pem
check "no root at all" fails "nobody vouches" "$ceno" attest --enrol dtpm
check "roots that are not there" fails "roots cannot be read" "$ceno" attest --enrol dtpm --roots nowhere.pem
check "another endorsement key than the one known" fails "another endorsement key" "$ceno" attest --enrol dtpm --ek "$(printf 'a%.0s' $(seq 64))"
known=$(python3 - "$CENO_SOCKET" <<'P'
import base64, hashlib, json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(b'{"jsonrpc":"2.0","id":1,"method":"node.enrol"}')
print(hashlib.sha256(base64.b64decode(json.loads(json.loads(s.recv(65536))["result"]["text"])["ek_public"])).hexdigest())
P
)
check "one known otherwise" eval 'enrol --ek "$known" | grep -q " dtpm none "'
# A node that hands out the right keys and cannot open the credential.
cat >liar.py <<'P'
import json, os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[2])
listener.listen()
client, node = listener.accept()[0], socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
node.connect(sys.argv[1])
while request := client.recv(65536):
    node.send(request)
    answer = json.loads(node.recv(65536))
    if b'"credential"' in request:
        answer["result"]["text"] = "00" * 32
    client.send(json.dumps(answer).encode())
P
python3 liar.py "$CENO_SOCKET" "$node/liar.sock" & liar=$!
for _ in $(seq 100); do [ -S liar.sock ] && break; sleep 0.05; done
check "a node that does not open the credential" fails "did not open the credential" "$ceno" attest --enrol dtpm --roots maker.pem --socket "$node/liar.sock"
wait $liar
check "usage" eval '! "$ceno" attest --enrol tpm --roots maker.pem 2>/dev/null && ! "$ceno" attest --roots maker.pem 2>/dev/null && ! enrol --days 0 2>/dev/null'
# The same node for a verifier of another project: RSA, and the caller's bytes as they are.
coco=$root/tests/e2e/enrol/coco_verify.py
mkdir -p keys stranger
check "a key for Trustee" eval '"$ceno" attest --format coco-key >keys/node.pub && openssl pkey -pubin -in keys/node.pub -text -noout | grep -q "2048 bit"'
cp any.pub stranger/any.pub
for data in 00 5a "$(printf '17%.0s' $(seq 32))" "$(printf 'c3%.0s' $(seq 64))"; do
	check "a bundle over $((${#data} / 2)) bytes" eval '"$ceno" attest --format coco --nonce "$data" >bundle && python3 "$coco" bundle keys "$data" >/dev/null'
done
check "... which each step of that verifier could have refused" python3 "$coco" --prove bundle keys "$data"
check "... and does for other data, and for another key" eval '[ "$(python3 "$coco" bundle keys 00)" = "4 report data" ] && [ "$(python3 "$coco" bundle stranger "$data")" = "1 key not trusted" ]'
check "its key is the same each time, and none of the two others" eval '"$ceno" attest --format coco-key | cmp - keys/node.pub && "$ceno" attest --json | python3 -c "import json,sys; a=json.load(sys.stdin)[\"answer\"]; k=json.load(open(\"bundle\"))[\"ak_public\"]; sys.exit(k in (a[\"ak_public\"], a[\"seal_ak_public\"]))"'
check "fresh report data unless given" eval '"$ceno" attest --format coco >b1 && "$ceno" attest --format coco >b2 && ! cmp -s b1 b2'
check "65 bytes, none, odd digits, another format" eval '! "$ceno" attest --format coco --nonce "$(printf "00%.0s" $(seq 65))" 2>/dev/null && ! "$ceno" attest --format coco --nonce "" 2>/dev/null && ! "$ceno" attest --format coco --nonce 123 2>/dev/null && ! "$ceno" attest --format ear 2>/dev/null && ! "$ceno" attest --nonce 1234 2>/dev/null'
# A node that answers with another key's quote, or with yesterday's.
cat >old.py <<'P'
import json, os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen()
client = listener.accept()[0]
while request := client.recv(65536):
    client.send(json.dumps({"jsonrpc": "2.0", "id": json.loads(request)["id"], "result": {"text": open(sys.argv[2]).read()}}).encode())
P
stale() { # FILE WHY
	rm -f old.sock; python3 old.py old.sock "$1" & local old=$!
	for _ in $(seq 100); do [ -S old.sock ] && break; sleep 0.05; done
	fails "$2" "$ceno" attest --format coco --nonce "$data" --socket "$node/old.sock"
	local rc=$?; kill $old 2>/dev/null; wait $old 2>/dev/null; return $rc
}
check "yesterday's bundle" stale b1 "answers other data"
sed 's/"pcrs":\["../"pcrs":["ee/' bundle >changed
check "a changed PCR" stale changed "PCR values are not those"
python3 - <<'P'
import base64, json
b = json.load(open("bundle"))
m = bytearray(base64.b64decode(b["tpm_quote"]["message"]))
m[-1] ^= 1
b["tpm_quote"]["message"] = base64.b64encode(m).decode()
json.dump(b, open("changed", "w"), separators=(",", ":"))
P
check "a changed quote" stale changed "signature is wrong"
check "half of one" eval 'head -c 300 bundle >changed; stale changed malformed'
check "a quote still" eval '"$ceno" attest | grep -q "^quote  *good"'
node_stop
store wrong.der || exit 1
node_start --tcti "$tcti" || exit 1
check "a certificate about another key" fails "about another key" "$ceno" attest --enrol dtpm --roots maker.pem
node_stop
head -c 150 ek.der >cut.der; store cut.der || exit 1
node_start --tcti "$tcti" || exit 1
check "a damaged certificate" fails "not a certificate" "$ceno" attest --enrol dtpm --roots maker.pem
check "the node works all the same" "$ceno" run --quiet --no-proof -- busybox true
node_stop
kill "$tpm" 2>/dev/null; wait "$tpm" 2>/dev/null
finish
