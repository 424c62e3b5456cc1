#!/usr/bin/env python3
"""A second verifier of the proof format, written from docs/proof-format.md with
the Python standard library and the openssl command only: no code of ours. It
recomputes every R field and every binding of a file, and prints each.

recompute.py PROOF [TRAIL]  check one proof file, and that it names this trail; exit 0 if all holds
recompute.py --self TOOL    make a proof with TOOL (proof-sample) and check it,
                            then check that ten edited copies fail
"""
import base64, hashlib, hmac, json, os, re, struct, subprocess, sys, tempfile


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def jcs(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def b64(text):
    return base64.b64decode(text, validate=True)


def h(text):
    if text == "none":
        return bytes(32)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", text), text
    return bytes.fromhex(text[7:])


def u64(n):
    return struct.pack(">Q", n)


def hkdf(key, info):
    prk = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, capture_output=True)


def temp(data):
    f = tempfile.NamedTemporaryFile(delete=False)
    f.write(data)
    f.close()
    return f.name


def signature_ok(der_key, message, signature, ed25519):
    files = [temp(der_key), temp(message), temp(signature)]
    try:
        how = ["-rawin"] if ed25519 else ["-rawin", "-digest", "sha256"]
        r = openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", files[0], *how, "-in", files[1],
                    "-sigfile", files[2])
        return r.returncode == 0
    finally:
        for f in files:
            os.unlink(f)


def ed25519_der(pub):
    return bytes.fromhex("302a300506032b6570032100") + pub


def p256_der(x, y):
    return bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04" + x + y


def der_signature(rs):
    def integer(b):
        b = b.lstrip(b"\0") or b"\0"
        if b[0] & 0x80:
            b = b"\0" + b
        return b"\x02" + bytes([len(b)]) + b
    body = integer(rs[:32]) + integer(rs[32:])
    return b"\x30" + bytes([len(body)]) + body


def merkle_root(leaves):
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha(b"\1", merkle_root(leaves[:k]), merkle_root(leaves[k:]))


def inclusion_root(leaf, index, size, path):
    """RFC 9162, 2.1.3.2"""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        assert sn > 0, "path too long"
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "path too short"
    return r


def memory_root(core, overwrite, ram_gpa, challenge, p):
    total, bitmap = core["mem_total"], b64(overwrite["bitmap"])
    granule = 65536
    while (total + granule - 1) // granule > 8192:
        granule *= 2
    fill = hkdf(challenge, b"CDP/v1/fill\0" + bytes([p]))
    mac = hkdf(challenge, b"CDP/v1/gmac\0" + bytes([p]))
    leaves, backed = [], 0
    for i in range((total + granule - 1) // granule):
        if not bitmap[i // 8] >> i % 8 & 1:
            continue
        for offset in range(i * granule, min((i + 1) * granule, total), 65536):
            gpa = ram_gpa + offset
            stream = openssl("enc", "-aes-256-ctr", "-K", fill.hex(), "-iv", "%032x" % (gpa // 16), data=bytes(65536)).stdout
            tag = openssl("mac", "-cipher", "AES-256-GCM", "-macopt", "hexkey:" + mac.hex(),
                          "-macopt", "hexiv:" + (struct.pack(">I", p) + u64(gpa)).hex(), "-binary", "GMAC", data=stream).stdout
            assert len(stream) == 65536 and len(tag) == 16, "openssl"
            leaves.append(sha(b"\0CDP/v1/chunk\0", bytes.fromhex(core["session_id"]), bytes([p]), u64(gpa), tag))
            backed += 65536
    return merkle_root(leaves), backed


def attest(blob):
    """TPMS_ATTEST up to its attested part"""
    magic, kind, n = struct.unpack(">IHH", blob[:8])
    at = 8
    signer, at = blob[at:at + n], at + n
    (n,) = struct.unpack(">H", blob[at:at + 2])
    extra, at = blob[at + 2:at + 2 + n], at + 2 + n
    clock, resets, restarts, safe, firmware = struct.unpack(">QIIBQ", blob[at:at + 25])
    return magic, kind, signer, extra, resets, restarts, blob[at + 25:]


class Checker:
    def __init__(self, text):
        self.text, self.done = text, []

    def hold(self, what, ok):
        assert ok, "does not hold: " + what
        self.done.append(what)

    def statement(self):
        f = self.file = json.loads(self.text)
        self.hold("file is canonical", jcs(f) == self.text)
        self.payload = b64(f["dsse"]["payload"])
        st = self.st = json.loads(self.payload)
        self.hold("payload is canonical", jcs(st) == self.payload)
        pred = st["predicate"]
        self.core, self.steps = pred["core"], [s["evidence"] for s in pred["steps"]]
        self.hold("steps are in order", [s["step"] for s in pred["steps"]] == list(range(1, 8)))
        c = self.c = [sha(b"CDP/v1/core\0", jcs(self.core))]
        self.hold("subject is c0", st["subject"][0]["digest"]["sha256"] == c[0].hex())
        for i, evidence in enumerate(self.steps, 1):
            c.append(sha(b"CDP/v1/step\0", bytes([i]), c[-1], sha(jcs(evidence))))
        seven = self.steps[6]
        self.hold("step 7 names c6", h(seven["c6"]) == c[6])
        self.hold("step 7 hashes timing", h(seven["timing"]) == sha(jcs(pred["timing"])))
        self.hold("step 7 hashes sanitization", h(seven["sanitization"]) == sha(jcs(pred["sanitization"])))
        step8 = f["seal"]["step8"]
        c.append(sha(b"CDP/v1/step\0", b"\x08", c[7], sha(jcs(step8))))
        self.hold("step 8 hashes the payload", h(step8["payload_sha256"]) == sha(self.payload))

    def trail(self, trail=None):
        one = self.steps[0]
        windows = [s for s in one["slots"] if (s["gpa"], s["bytes"], s["kind"]) == (0x42000000, 262144, "window")]
        empty = h(one["trail_sha256"]) == sha()
        self.hold("one window for the trail", len(windows) == 1)
        self.hold("an empty trail has no bytes", empty == (one["trail_bytes"] == 0) and not 0 < one["trail_bytes"] <= 4096)
        if trail is not None:
            self.hold("it is this trail", (one["trail_bytes"], h(one["trail_sha256"])) == (len(trail), sha(trail)))

    def cpu(self):
        cpu, full = self.steps[0]["cpu"], lambda value, *bits: all(value >> bit & 1 for bit in bits)
        self.hold("ring 0 is protected from ring 3", full(cpu["cr0"], 16, 31) and full(cpu["cr4"], 20, 21) and
                  full(cpu["efer"], 10, 11) and (full(cpu["cr4"], 11) or not full(cpu["offered"], 3)))

    def session_signature(self):
        sig, kind = self.file["dsse"]["signatures"][0], self.file["dsse"]["payloadType"]
        pub = b64(self.core["signer_pub"])
        pae = b"DSSEv1 %d %s %d " % (len(kind), kind.encode(), len(self.payload)) + self.payload
        self.hold("keyid is the signer's", h(sig["keyid"]) == sha(pub))
        self.hold("session signature", signature_ok(ed25519_der(pub), pae, b64(sig["sig"]), True))
        self.hold("step 8 hashes the signature", h(self.file["seal"]["step8"]["signature_sha256"]) == sha(b64(sig["sig"])))

    def memory(self):
        three, ram = self.steps[2], [s for s in self.steps[0]["slots"] if s["kind"] == "ram"]
        self.hold("one RAM slot of mem_total", len(ram) == 1 and ram[0]["bytes"] == self.core["mem_total"])
        challenge = sha(b"CDP/v1/challenge\0", bytes.fromhex(self.core["session_id"]), b64(self.core["rp_nonce"]),
                        b64(three["destroy_nonce"]), self.c[2], b64(three["random"]))
        for p, root in enumerate(self.steps[5]["roots"], 1):
            want, backed = memory_root(self.core, three, ram[0]["gpa"], challenge, p)
            self.hold("memory root of pass %d" % p, h(root) == want)
        self.hold("bytes overwritten", three["bytes"] == backed == 512 * three["st_blocks"] == self.steps[5]["compared_bytes"])

    def log(self):
        seal, core = self.file["seal"], self.core
        text = self.checkpoint = b64(seal["batch"]["checkpoint"])
        body, note = text.split(b"\n\n")
        origin, size, root = body.decode().split("\n")
        name, blob = note.decode().removeprefix("— ").rstrip("\n").split(" ")
        pub = b64(seal["node"]["log_pub"])
        self.hold("checkpoint names the node's log", origin == name == seal["node"]["origin"])
        self.hold("checkpoint key id", b64(blob)[:4] == sha(name.encode(), b"\n\1", pub)[:4])
        self.hold("checkpoint signature", signature_ok(ed25519_der(pub), body + b"\n", b64(blob)[4:], True))
        session = bytes.fromhex(core["session_id"])
        launch = sha(b"\0CDP/v1/launch\0", session, sha(b"CDP/v1/platform\0", jcs(core["platform"])), h(core["request_commit"]),
                     sha(b64(core["signer_pub"])), b64(core["rp_nonce"]))
        index = seal["step8"]["launch_index"]
        cdp = sha(b"\0CDP/v1/cdp\0", session, u64(index), self.c[0], self.c[8])
        for what, leaf, where in ("launch", launch, seal["launch"]), ("proof", cdp, seal["batch"]):
            got = inclusion_root(leaf, where["index"], int(size), [h(p) for p in where["proof"]])
            self.hold(what + " is in the log", got == b64(root))
        self.hold("launch before proof", index == seal["launch"]["index"] < seal["batch"]["index"])

    def quote(self):
        seal = self.file["seal"]
        public = b64(seal["node"]["ak_public"])
        x, y = public[-66:-34], public[-32:]
        key, value = p256_der(x, y), int(seal["nv"]["value"])
        blob = b64(seal["quote"]["attest"])
        extra = sha(b"CDP/v1/quote\0", sha(self.checkpoint), sha(jcs(seal["node"])), u64(value))
        magic, kind, signer, got, resets, restarts, rest = attest(blob)
        self.hold("quote magic and type", (magic, kind) == (0xff544347, 0x8018))
        self.hold("quote signer", signer == b"\0\x0b" + sha(bytes.fromhex("4000000b000b") + sha(public)))
        self.hold("quote is about this checkpoint and node", got == extra)
        pcrs = sha(*[h(p) for p in seal["quote"]["pcrs"]])
        self.hold("quote covers these PCRs", rest == bytes.fromhex("00000001000b03ffff000020") + pcrs)
        self.hold("quote signature", signature_ok(key, blob, der_signature(b64(seal["quote"]["signature"])), False))
        self.hold("no reset since launch", (resets, restarts) == (seal["launch"]["reset_count"], seal["launch"]["restart_count"]))
        if seal["nv"]["kind"] == "certified":
            blob = b64(seal["nv"]["attest"])
            magic, kind, signer, got, _, _, rest = attest(blob)
            self.hold("counter magic, type, binding", (magic, kind, got) == (0xff544347, 0x8014, sha(b"CDP/v1/nv\0", extra)))
            self.hold("counter value", rest[-8:] == u64(value))
            self.hold("counter signature", signature_ok(key, blob, der_signature(b64(seal["nv"]["signature"])), False))

    def all(self, trail=None):
        self.statement()
        self.trail(trail)
        self.cpu()
        self.session_signature()
        self.memory()
        self.log()
        self.quote()
        return self.done


def self_test(tool):
    folder = tempfile.mkdtemp()
    path, pins = os.path.join(folder, "proof.cdp.json"), os.path.join(folder, "pins")
    subprocess.run([tool, path, pins], check=True)
    text = open(path, "rb").read()
    done = Checker(text).all()
    print("\n".join("holds: " + d for d in done))
    failed = 0
    for i in range(10):
        at = len(text) * (2 * i + 1) // 20
        edited = text[:at] + bytes([text[at] + 1 if text[at] not in b"9zZ~" else text[at] - 1]) + text[at + 1:]
        try:
            Checker(edited).all()
            print("byte %d changed: not noticed" % at)
        except Exception:
            failed += 1
    print("%d of 10 edited copies refused" % failed)
    os.unlink(path)
    os.unlink(pins)
    os.rmdir(folder)
    return 0 if failed == 10 else 1


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--self":
        sys.exit(self_test(sys.argv[2]))
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    trail = open(sys.argv[2], "rb").read() if len(sys.argv) == 3 else None
    print("\n".join("holds: " + d for d in Checker(open(sys.argv[1], "rb").read()).all(trail)))
