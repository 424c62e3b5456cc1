#!/bin/bash
# ceno tpm: a node provisioned before its first start, on a TPM whose maker certified it over two
# intermediate CAs; shown, run, its keys changed; what would make it another node is refused.
. "$(dirname "$0")/../node.sh"
ceno=$bin/ceno
read=$root/tests/e2e/log/read.py
schema=$root/attest/proof/cdp.schema.json
cd "$node" || exit 1
mkdir -p ca tpm second
tcti=swtpm:path=$node/t.sock
tpm=

tpm_start() { # FOLDER
	rm -f "$node/t.sock"
	swtpm socket --tpm2 --tpmstate dir="$node/$1" --server type=unixio,path="$node/t.sock" \
		--ctrl type=unixio,path="$node/t.sock.ctrl" --flags not-need-init,startup-clear >/dev/null 2>&1 & tpm=$!
	for _ in $(seq 100); do [ -S "$node/t.sock" ] && return; sleep 0.05; done
}
tpm_stop() { [ -z "$tpm" ] || { kill "$tpm" 2>/dev/null; wait "$tpm" 2>/dev/null; }; tpm=; }
trap 'cleanup; tpm_stop' EXIT
fails() { local want=$1; shift; "$@" >out 2>err </dev/null; [ $? = 1 ] && [ ! -s out ] && grep -q -- "$want" err; }
init() { "$ceno" tpm init --state "$node/state" --tcti "$tcti" "$@"; }
value() { python3 -c 'import json,sys; v=json.load(open(sys.argv[1]))[sys.argv[2]]; print(len(v) if isinstance(v, list) else v)' "$@"; }

# ---- a maker: root, two intermediates, and swtpm_setup as its factory
printf 'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n' >ca/ext
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca/root.key -out ca/root.pem -days 100 -subj "/CN=Maker root" \
	-addext keyUsage=critical,keyCertSign 2>/dev/null || exit 1
above=root
for ca in first second; do
	openssl req -new -newkey rsa:2048 -nodes -keyout ca/$ca.key -out ca/$ca.csr -subj "/CN=Maker $ca" 2>/dev/null &&
		openssl x509 -req -in ca/$ca.csr -CA ca/$above.pem -CAkey ca/$above.key -CAcreateserial -days 90 -extfile ca/ext -out ca/$ca.pem 2>/dev/null || exit 1
	above=$ca
done
cat >ca/localca.conf <<X
statedir = $node/ca
signingkey = $node/ca/second.key
issuercert = $node/ca/second.pem
certserial = $node/ca/serial
X
printf -- '--platform-manufacturer Maker\n--platform-version 1\n--platform-model M\n' >ca/options
cat >ca/setup.conf <<X
create_certs_tool = $(command -v swtpm_localca)
create_certs_tool_config = $node/ca/localca.conf
create_certs_tool_options = $node/ca/options
X
for state in tpm second; do
	swtpm_setup --tpm2 --tpmstate "$node/$state" --create-ek-cert --config "$node/ca/setup.conf" --overwrite >setup.log 2>&1 ||
		{ cat setup.log; exit 1; }
done
tpm_start tpm
export TPM2TOOLS_TCTI=$tcti
store() { # INDEX FILE
	tpm2_nvdefine -Q "$1" -C o -s "$(wc -c <"$2")" -a "ownerread|authread|ownerwrite|authwrite|no_da" && tpm2_nvwrite -Q "$1" -C o -i "$2"
}

# ---- init
check "a TPM that is not there" fails "could not be opened" "$ceno" tpm init --state "$node/state" --tcti "swtpm:path=$node/nowhere"
check "... leaves no pin" eval '[ ! -e config/cenotaph/pins ]'
check "init" eval 'init --json >made 2>err || { cat err; false; }'
check "... shows an endorsement key with its maker's certificate" eval '[ "$(value made ek_certificate)" != none ] && grep -q "CN=Maker second" made'
check "... two names, three keys, counter, epoch" eval 'for k in seal_ak_name raw_ak_name; do value made $k | grep -qE "^000b[0-9a-f]{64}$" || exit 1; done; for k in log_pub export_pub identity_pub; do value made $k | grep -qE "^[A-Za-z0-9+/]{43}=$" || exit 1; done; [ "$(value made counter)" -ge 1 ] && [ "$(value made epoch_index)" = 0 ] && [ "$(value made pcrs)" = 16 ]'
check "... and pins the node" eval 'grep -q "^pin $(value made origin) sha256:$(value made seal_ak_name | cut -c5-) $(value made log_pub)$" config/cenotaph/pins && value made pin | grep -q ^written'
check "again it is the same node" eval 'cp config/cenotaph/pins before && init --json >again && cmp before config/cenotaph/pins && for k in origin ek ek_certificate seal_ak_name raw_ak_name log_pub export_pub identity_pub; do [ "$(value made $k)" = "$(value again $k)" ] || exit 1; done'
check "... with a new epoch and a higher counter" eval '[ "$(value again epoch_index)" = 1 ] && [ "$(value again counter)" -gt "$(value made counter)" ] && value again pin | grep -q ^already'
check "for people" eval 'init >text && grep -q "^seal AK  *000b" text && grep -q "^certificate .*, by CN=Maker second, until 9999-12-31$" text && grep -q "^PCR 15 " text'
# One wrong word is too many, and was said: whoever may still use the TPM is in no dictionary.
tpm2_dictionarylockout -s -n 1 -t 1000 -l 1000; tpm2_createprimary -Q -C o -p right -c key.ctx; tpm2_create -Q -C key.ctx -P wrong -u a -r b 2>/dev/null
locked() { tpm2_getcap properties-variable | grep -q "inLockout: *1" && tpm2_getcap properties-variable | grep -q "TPM2_PT_LOCKOUT_COUNTER: 0x1$"; }
check "a TPM in dictionary lockout" eval 'locked && init >/dev/null && locked'

# ---- a node on it
node_start --tcti "$tcti" || exit 1
check "its first proof is of the pinned node" eval '"$ceno" run --quiet --proof p1.json -- busybox true && "$ceno" verify p1.json >v && ! grep -q "first use" v'
check "show says the same of the running node" eval '"$ceno" tpm show --json >shown && for k in origin ek seal_ak_name raw_ak_name log_pub export_pub identity_pub; do [ "$(value made $k)" = "$(value shown $k)" ] || exit 1; done; [ "$(value shown pin)" = yes ]'
check "... to who has not pinned it" eval '[ "$(XDG_CONFIG_HOME=$node/empty "$ceno" tpm show --json | python3 -c "import json,sys; print(json.load(sys.stdin)[\"pin\"])")" = no ]'
check "its epoch's leaf is what it says" eval '"$ceno" proof leaf "$(value shown epoch_index)" >t && python3 "$read" leaf "$schema" p1.json t "$(value shown epoch_leaf)"'
check "init while the node runs" fails "another ceno-attest uses it" init
# In a mount namespace: were it not refused, the default directory would be written.
check "init without --state beside a running node: no second identity" eval 'cp config/cenotaph/pins before && fails "a node runs here and has its identity" unshare -m sh -c "mount -t tmpfs none /var/lib && \"\$1\" tpm init; s=\$?; [ -z \"\$(ls /var/lib)\" ] || echo made; exit \$s" sh "$ceno" && cmp before config/cenotaph/pins'
check "... nor with --force" fails "a node runs here" unshare -m sh -c 'mount -t tmpfs none /var/lib && "$1" tpm init --force' sh "$ceno"
check "rotate while the node runs" fails "another ceno-attest uses it" "$ceno" tpm rotate log --state "$node/state"

# ---- enrolment over intermediates: nobody's, the verifier's own, the TPM's
enrol() { "$ceno" attest --enrol dtpm "$@"; }
cat ca/first.pem ca/second.pem >both.pem
check "the root alone does not reach it" fails "unable to get local issuer" enrol --roots ca/root.pem
check "nor with half of the way" fails "unable to get" enrol --roots ca/root.pem --intermediates ca/second.pem
check "with all of the way from the verifier" eval 'enrol --roots ca/root.pem --intermediates both.pem >line && grep -q "^enrolled sha256:$(value made seal_ak_name | cut -c5-) dtpm $(value made ek_certificate) " line'
check "an intermediate that the verifier trusts is a root" eval 'enrol --roots ca/second.pem >/dev/null'
check "no longer than the first end on the way" eval '[ $(($(cut -d" " -f5 line) - $(date +%s))) -le $((90 * 86400)) ]'
check "intermediates that are not there" fails "intermediates cannot be read" enrol --roots ca/root.pem --intermediates nowhere
openssl req -x509 -newkey rsa:2048 -nodes -keyout stranger.key -out stranger.pem -days 9 -subj "/CN=Maker root" 2>/dev/null
check "a stranger's root of the same name" fails "endorsement certificate" enrol --roots stranger.pem --intermediates both.pem
check "intermediates are no roots" eval '! enrol --intermediates both.pem 2>/dev/null'
node_stop
openssl x509 -in ca/first.pem -outform DER >first.der; openssl x509 -in ca/second.pem -outform DER >second.der
head -c 700 first.der >part1; { tail -c +701 first.der; cat second.der; } >part2
store 0x01c00100 part1 && store 0x01c00101 part2 || exit 1
node_start --tcti "$tcti" || exit 1
check "with the way that the TPM's maker stored in it, in pieces" eval 'enrol --roots ca/root.pem >line'
check "... which show lists" eval '"$ceno" tpm show | grep -c "^  above it  *CN=Maker" | grep -qx 2'
"$ceno" run --quiet --proof p2.json -- busybox true || exit 1
printf 'ceno-policy 1\nkey dtpm\n' >policy; cat line >>policy
check "a proof of it is then of that TPM" eval '"$ceno" verify --policy policy p2.json >/dev/null'
node_stop

# ---- a change of the log's key
cp config/cenotaph/pins old.pins
check "a new log key" eval '"$ceno" tpm rotate log --state "$node/state" >change 2>said'
check "... is pinned beside the old one, and said" eval '[ "$(grep -c ^pin config/cenotaph/pins)" = 2 ] && grep -qF "$(grep ^pin said)" config/cenotaph/pins'
node_start --tcti "$tcti" || exit 1
check "proofs before and after it verify" eval '"$ceno" run --quiet --proof p3.json -- busybox true && "$ceno" verify p3.json >/dev/null && "$ceno" verify p1.json >/dev/null'
check "... but not for who knows only the old key" eval '"$ceno" verify --pin-file old.pins p3.json >v; [ $? = 1 ] && grep -q "another log than the pinned one" v && "$ceno" verify --pin-file old.pins p1.json >/dev/null'
check "the leaf is in the log" eval '"$ceno" proof leaf "$(value change index)" >t && python3 "$read" keychange "$schema" p3.json t change'
# Who knows the old key follows, with what anybody may hand on.
follow() { "$ceno" tpm follow --pin-file "$@" >said 2>err; }
check "a pin follows the change" eval 'cp old.pins mine && follow mine change t && "$ceno" verify --pin-file mine p3.json >/dev/null && "$ceno" verify --pin-file mine p1.json >/dev/null && [ "$(grep -c ^pin mine)" = 2 ] && [ "$(grep -c ^identity mine)" = 1 ]'
check "... once" eval 'cp mine kept && ! follow mine change t && grep -q "pinned already" err && cmp mine kept'
not_followed() { # WHAT PINS CHANGE LEAF
	local got
	cp "$2" kept; follow "$2" "$3" "$4"; got=$?
	[ $got = "${status:-1}" ] && grep -q -- "$1" err && cmp "$2" kept && return 0
	echo "      status $got: $(cat err)"
	return 1
}
grep -v ^identity old.pins >nobody.pins
check "not where no identity is pinned" not_followed "names no identity key" nobody.pins change t
sed "s|^identity \(.*\) .*|identity \1 $(value made export_pub)|" old.pins >other.pins
check "not by another identity" not_followed "another identity key" other.pins change t
sed 's/"purpose":"log"/"purpose":"identity"/' change >swapped
check "not for another purpose" not_followed "another identity key" old.pins swapped t
sed 's/"purpose":"log"/"purpose":"export"/' change >swapped
check "... nor one that nobody pins" not_followed "nothing to follow" old.pins swapped t
"$ceno" proof leaf 0 >t0
check "not with another leaf" not_followed "does not have this change" old.pins change t0
check "not with half of it" eval 'head -c 40 t >half && not_followed "proof is malformed" old.pins change half'
check "not from what is no change" eval 'echo "{}" >odd && not_followed "not a change" old.pins odd t'
{ cat old.pins; echo "revoked sha256:$(value made seal_ak_name | cut -c5-)"; } >gone.pins
check "not of a revoked node" eval 'status=6 not_followed "is revoked" gone.pins change t'
node_stop
check "a new identity and a new export key" eval '"$ceno" tpm rotate identity --state "$node/state" >/dev/null && "$ceno" tpm rotate export --state "$node/state" >/dev/null && init >text && ! grep -qF "$(value made identity_pub)" text && ! grep -qF "$(value made export_pub)" text'
check "no such key" eval '! "$ceno" tpm rotate seal --state "$node/state" 2>/dev/null'

# ---- what would make it another node
cp config/cenotaph/pins before; find state -type f -newer before >/dev/null; sha256sum state/attest/log/leaves state/attest/keys/* >sums
check "another log on the same TPM" fails "pinned as the one that seals another log" "$ceno" tpm init --state "$node/other" --tcti "$tcti"
check "... makes no log" eval '[ ! -s other/attest/log/leaves ] && cmp before config/cenotaph/pins'
tpm_stop; tpm_start second
check "the same log on another TPM" fails "sealed by another TPM" init
check "... changes nothing: log, keys, pins, the TPM's counter" eval 'sha256sum --quiet -c sums && cmp before config/cenotaph/pins && ! tpm2_nvreadpublic 2>/dev/null | grep -qi "^0x18ce170"'
check "with --force it is another node, pinned anew" eval 'init --force --json >forced && [ "$(value forced seal_ak_name)" != "$(value made seal_ak_name)" ] && [ "$(value forced origin)" = "$(value made origin)" ] && [ "$(grep -c ^pin config/cenotaph/pins)" = 1 ]'
node_start --tcti "$tcti" || exit 1
check "... whose proofs verify, and the old ones are of nobody known" eval '"$ceno" run --quiet --proof p4.json -- busybox true && "$ceno" verify p4.json >/dev/null && ! "$ceno" verify p1.json >/dev/null'
node_stop
check "a software TPM of the node's own" eval '"$ceno" tpm init --state "$node/own" >text && grep -q "own swtpm" text && [ "$(grep -c ^pin config/cenotaph/pins)" = 2 ]'
check "usage" eval '! "$ceno" tpm 2>/dev/null && ! "$ceno" tpm bogus 2>/dev/null && ! "$ceno" tpm init extra 2>/dev/null && ! "$ceno" tpm show --force 2>/dev/null && "$ceno" tpm --help | grep -q ^usage'
finish
