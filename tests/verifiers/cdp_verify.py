#!/usr/bin/env python3
"""A second verifier of Cryptographic Destruction Proofs, written from
docs/proof-format.md and attest/proof/cdp.schema.json alone: Python's standard
library and the `cryptography` package, no code of the C verifier.

Give it a proof, and it says the reason code of the first check that fails, 0 if
none does; docs/proof-format.md lists them.

    cdp_verify.py [--pin FILE] [--nonce HEX64] [--mem full|none] [--key none|software|...] PROOF
    cdp_verify.py --corpus DIR    every case of a corpus; exit 0 if each verdict is the expected one
    cdp_verify.py --prove DIR     leaves out each check in turn; exit 0 if the corpus notices each time

Exit status: 0 verified, 1 invalid, 2 usage or I/O, 3 not checkable, 4 below the
asked assurance, 5 rollback or replay, 6 revoked.
"""
import argparse
import json
import os
import struct
import sys
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cdp_asked import (CODES, KEYS, NO_RULES, NO_TIME, compare, enrolments, judge_reference, read_pins, read_reference,
                       read_rules)
from cdp_crypto import (CHECKPOINT, ecdsa_ok, ed25519_ok, hkdf, included, key_ok, parse, read_attest, read_public, sha,
                        tree_root, u32, u64)
from cdp_form import b64, digest, fits, jcs, read
from cdp_measured import IMA_PCR, all_listed, parsed, quoted_part, read_ima, replay_events

FILE_MAX = 24576
PAGE, CHUNK = 4096, 65536
RAM_GPA, WINDOW_GPA, WINDOW_STRIDE, WINDOW_CLASSES = 0x100000000, 0x40000000, 0x400000, 8
TRAIL_GPA, TRAIL_BYTES, TRAIL_HEADER = 0x42000000, 262144, 4096
# Checks that nothing can go on without: what they let through is not there to be read.
PARSERS = (102, 203, 801, 901, 904, 913, 1006, 1008)

# Exit status of each code that is not simply "invalid" (docs/proof-format.md).
EXITS = {1001: 3, 1002: 4, 1003: 4, 1004: 4, 1005: 3, 1006: 3, 1007: 4, 1008: 3, 1009: 4, 1010: 4, 1101: 6, 1103: 4, 1104: 4, 1202: 5, 1203: 3, 1204: 5, 1301: 5, 1302: 5,
         **dict.fromkeys(range(1303, 1312), 4)}


class Verdict(Exception):
    """The ladder ends here: code is the reason, 0 for none."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code
        self.stage = code // 100
        self.exit = EXITS.get(code, 1 if code else 0)


without = 0  # a check that --prove leaves out


def hold(code, passed):
    if not passed and code != without:
        raise Verdict(code)


# ---- the ladder ----------------------------------------------------------------------


def granule_of(total):
    granule = CHUNK
    while -(-total // granule) > 8192:
        granule *= 2
    return granule


class Ladder:
    def __init__(self, schema, text, policy):
        self.schema, self.text, self.policy = schema, text, policy

    def run(self):
        for stage in (self.bytes, self.payload, self.subject, self.isolation, self.destruction, self.remainder,
                      self.chain_ends, self.machine, self.signature, self.completion, self.memory, self.log, self.quote,
                      self.counter, self.references, self.host_logs, self.maker, self.policy_asked):
            stage()
        raise Verdict(0)

    def bytes(self):
        hold(101, 0 < len(self.text) <= FILE_MAX)
        self.file = read(self.text)
        hold(102, self.file is not None)
        hold(201, isinstance(self.file, dict) and next(iter(self.file.items()), None) == ("cdp", "1"))
        hold(202, fits(self.schema["file"], self.file))

    def payload(self):
        self.raw = b64(self.file["dsse"]["payload"])
        self.statement = read(self.raw)
        hold(203, self.statement is not None)
        hold(204, fits(self.schema["payload"], self.statement))
        predicate = self.statement["predicate"]
        self.core, self.seal = predicate["core"], self.file["seal"]
        self.timing, self.sanitization = predicate["timing"], predicate["sanitization"]
        self.steps = [None] + [s["evidence"] for s in predicate["steps"]]
        self.session = bytes.fromhex(self.core["session_id"])
        self.chain = [sha(b"CDP/v1/core\0", jcs(self.core))]
        for i in range(1, 8):
            self.chain.append(sha(b"CDP/v1/step\0", bytes([i]), self.chain[-1], sha(jcs(self.steps[i]))))

    def subject(self):
        hold(301, self.statement["subject"][0]["digest"]["sha256"] == self.chain[0].hex())

    @staticmethod
    def is_trail(slot):
        return (slot["kind"], slot["gpa"], slot["bytes"]) == ("window", TRAIL_GPA, TRAIL_BYTES)

    def slot_form(self):
        slots = self.steps[1]["slots"]
        for i, s in enumerate(slots):
            if s["gpa"] % PAGE or s["bytes"] % PAGE or (s["rights"] == "read-write") != (s["kind"] in ("ram", "window")):
                return False
            if any(s["gpa"] < o["gpa"] + o["bytes"] and o["gpa"] < s["gpa"] + s["bytes"] for o in slots[:i]):
                return False
        return True

    def slot_pledge(self):
        one = self.steps[1]
        if one["pledge_mask"] & ~self.core["pledge_mask"]:
            return False
        for s in one["slots"]:
            if s["kind"] == "window" and not self.is_trail(s):
                number = (s["gpa"] - WINDOW_GPA) // WINDOW_STRIDE
                if not 0 <= number < WINDOW_CLASSES or not self.core["pledge_mask"] >> number & 1:
                    return False
        return True

    def isolation(self):
        one = self.steps[1]
        ram = [s for s in one["slots"] if s["kind"] == "ram"]
        hold(401, len(ram) == 1 and (ram[0]["bytes"], ram[0]["gpa"]) == (self.core["mem_total"], RAM_GPA))
        hold(402, self.slot_form())
        hold(403, self.slot_pledge())
        hold(404, one["filter"] == self.core["platform"]["filter"])
        hold(405, one["tasks"] > 0 and one["seccomp_mode"] == 2 and one["no_new_privs"] and one["cap_eff"] == 0)
        violation = 16 <= one["violation"] <= 63
        hold(406, violation if one["cause"] == "violation" else one["violation"] == 0)
        hold(407, one["tasks_left"] == 0)

    def areas_cover(self):
        areas = list(self.steps[2]["areas"])
        for slot in self.steps[1]["slots"]:
            if slot["kind"] not in ("window", "pack", "boot"):
                continue
            for i, a in enumerate(areas):
                place = WINDOW_GPA + a["pledge_class"] * WINDOW_STRIDE
                if (a["kind"], a["bytes"]) == (slot["kind"], slot["bytes"]) and (a["kind"] != "window" or place == slot["gpa"]):
                    del areas[i]
                    break
            else:
                return False
        return True

    def granules(self):
        """(offset, bytes) of what was overwritten."""
        total, bitmap = self.core["mem_total"], b64(self.steps[3]["bitmap"])
        size = granule_of(total)
        for i in range(-(-total // size)):
            if bitmap[i // 8] >> i % 8 & 1:
                yield i * size, min(size, total - i * size)

    def bitmap_ok(self):
        total, bitmap = self.core["mem_total"], b64(self.steps[3]["bitmap"])
        count = -(-total // granule_of(total))
        return total % CHUNK == 0 and len(bitmap) == -(-count // 8) and (count % 8 == 0 or bitmap[-1] >> count % 8 == 0)

    def destruction(self):
        two, three, six = self.steps[2], self.steps[3], self.steps[6]
        hold(408, self.areas_cover())
        hold(409, all(a["bytes"] == a["overwritten"] == a["read_back"] and a["mismatches"] == 0 and a["unmapped"]
                      for a in two["areas"]))
        hold(410, two["mount_ns_gone"])
        hold(411, self.bitmap_ok())
        hold(412, three["bytes"] == sum(n for _, n in self.granules()))
        hold(413, three["st_blocks"] * 512 == three["bytes"])
        hold(414, three["passes"] == self.sanitization["passes"] == len(six["roots"]))

    def times_ok(self):
        t, order = self.timing, []
        order += [t["launched_us"], t["stopped_us"]]
        for s in t["steps"]:
            order += [s["begin_us"], s["end_us"]]
        order.append(self.steps[7]["sealed_us"])
        last = t["steps"][5]
        inner = [last["begin_us"], t["read_back_us"], t["zeroed_us"], t["compared_us"], last["end_us"]]
        return order == sorted(order) and inner == sorted(inner)

    def remainder(self):
        four, five, six = self.steps[4], self.steps[5], self.steps[6]
        ids = [k["id"] for k in four["keys"]]
        hold(415, len(set(ids)) == len(ids) and four["read_back"])
        hold(416, five["tokens"] == len(five["ids"]) and five["zeroized"])
        hold(417, six["compared_bytes"] == self.steps[3]["bytes"])
        hold(418, six["mismatches"] == 0)
        hold(419, six["write_sealed"])
        hold(420, self.times_ok())
        fill = self.timing["steps"][2]
        hold(421, self.steps[3]["ms"] == (fill["end_us"] - fill["begin_us"]) // 1000)

    def chain_ends(self):
        seven = self.steps[7]
        hold(422, digest(seven["timing"]) == sha(jcs(self.timing)))
        hold(423, digest(seven["sanitization"]) == sha(jcs(self.sanitization)))
        hold(424, digest(seven["c6"]) == self.chain[6])

    def machine(self):
        one, cpu = self.steps[1], self.steps[1]["cpu"]
        empty = digest(one["trail_sha256"]) == sha()
        hold(425, sum(map(self.is_trail, one["slots"])) == 1 and empty == (one["trail_bytes"] == 0)
             and (empty or one["trail_bytes"] > TRAIL_HEADER))

        def on(value, *bits):
            return all(value >> b & 1 for b in bits)
        hold(426, cpu["offered"] < 1 << 12 and on(cpu["cr0"], 16, 31) and on(cpu["cr4"], 20, 21)
             and on(cpu["efer"], 10, 11) and (on(cpu["cr4"], 11) or not on(cpu["offered"], 3)))

    def signature(self):
        self.signer, box = b64(self.core["signer_pub"]), self.file["dsse"]["signatures"][0]
        kind, log = self.file["dsse"]["payloadType"].encode(), b64(self.seal["node"]["log_pub"])
        hold(501, key_ok(self.signer))
        hold(502, digest(box["keyid"]) == sha(self.signer))
        message = b"DSSEv1 %d %s %d " % (len(kind), kind, len(self.raw)) + self.raw
        hold(503, ed25519_ok(self.signer, message, b64(box["sig"])))
        hold(504, self.signer not in [log] + [p["log"] for p in self.policy["pins"]])

    def completion(self):
        eight = self.seal["step8"]
        hold(601, digest(eight["payload_sha256"]) == sha(self.raw))
        hold(602, digest(eight["signature_sha256"]) == sha(b64(self.file["dsse"]["signatures"][0]["sig"])))
        hold(603, eight["launch_index"] == self.seal["launch"]["index"])
        hold(604, eight["warden_status"] == 0)
        later = eight["observer"] == "next supervisor and attest"
        hold(605, later == (eight["cgroup"] == "unknown") and (not later or eight["peak_bytes"] == 0))
        self.chain.append(sha(b"CDP/v1/step\0", b"\x08", self.chain[7], sha(jcs(eight))))

    def memory_root(self, challenge, number):
        fill, mac = (hkdf(challenge, b"CDP/v1/%s\0" % name + bytes([number])) for name in (b"fill", b"gmac"))
        tag, leaves = AESGCM(mac), []
        for start, length in self.granules():
            for offset in range(start, start + length, CHUNK):
                gpa = RAM_GPA + offset
                stream = Cipher(algorithms.AES(fill), modes.CTR((gpa // 16).to_bytes(16, "big"))).encryptor()
                mark = tag.encrypt(u32(number) + u64(gpa), b"", stream.update(bytes(CHUNK)))
                leaves.append(sha(b"\0CDP/v1/chunk\0", self.session, bytes([number]), u64(gpa), mark))
        return tree_root(leaves)

    def memory(self):
        if self.policy["memory"] == "none":
            return
        three = self.steps[3]
        challenge = sha(b"CDP/v1/challenge\0", self.session, b64(self.core["rp_nonce"]), b64(three["destroy_nonce"]),
                        self.chain[2], b64(three["random"]))
        for i, root in enumerate(self.steps[6]["roots"]):
            hold(701, digest(root) == self.memory_root(challenge, i + 1))

    def log(self):
        self.checkpoint = b64(self.seal["batch"]["checkpoint"])
        match = CHECKPOINT.match(self.checkpoint)
        hold(801, match is not None and int(match[2]) < 2**64 and match[1] == match[4])
        origin, self.size, self.root, blob = match[1], int(match[2]), b64(match[3]), b64(match[5])
        public, launch, batch = b64(self.seal["node"]["log_pub"]), self.seal["launch"], self.seal["batch"]
        hold(802, origin.decode() == self.seal["node"]["origin"])
        body = self.checkpoint[:match.end(3) + 1]
        hold(803, blob[:4] == sha(origin, b"\n\1", public)[:4] and ed25519_ok(public, body, blob[4:]))
        self.platform = sha(b"CDP/v1/platform\0", jcs(self.core["platform"]))
        first = sha(b"\0CDP/v1/launch\0", self.session, self.platform, digest(self.core["request_commit"]), sha(self.signer),
                    b64(self.core["rp_nonce"]))
        hold(804, included(first, launch["index"], self.size, list(map(digest, launch["proof"])), self.root))
        last = sha(b"\0CDP/v1/cdp\0", self.session, u64(self.seal["step8"]["launch_index"]), self.chain[0], self.chain[8])
        hold(805, included(last, batch["index"], self.size, list(map(digest, batch["proof"])), self.root))
        hold(806, launch["index"] < batch["index"])

    def quote(self):
        blob = b64(self.seal["node"]["ak_public"])
        self.ak, public = sha(blob), parse(read_public, blob)
        hold(901, public is not None)
        needed = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 18
        hold(902, public["attributes"] & needed == needed and not public["attributes"] & 1 << 17)
        hold(903, (public["name_alg"], public["scheme"], public["hash"], public["curve"]) == (0xb, 0x18, 0xb, 3))
        raw = b64(self.seal["quote"]["attest"])
        q = parse(read_attest, raw, 0x8018)
        hold(904, q is not None)
        hold(905, q["magic"] == 0xff544347)
        hold(906, q["type"] == 0x8018)
        hold(907, ecdsa_ok(public, raw, b64(self.seal["quote"]["signature"])))
        self.name = b"\0\x0b" + sha(bytes.fromhex("4000000b000b") + self.ak)
        hold(908, q["signer"] == self.name)
        self.extra = sha(b"CDP/v1/quote\0", sha(self.checkpoint), sha(jcs(self.seal["node"])), u64(int(self.seal["nv"]["value"])))
        hold(909, q["extra"] == self.extra)
        hold(910, q["hash"] == 0xb and q["select"][:2] == b"\xff\xff" and not any(q["select"][2:]))
        hold(911, q["digest"] == sha(*map(digest, self.seal["quote"]["pcrs"])))
        launch = self.seal["launch"]
        hold(912, (q["resets"], q["restarts"]) == (launch["reset_count"], launch["restart_count"]))
        self.public, self.attest = public, q

    def counter(self):
        nv = self.seal["nv"]
        raw, signature = b64(nv["attest"]), b64(nv["signature"])
        if nv["kind"] == "none":
            hold(913, raw == b"" and nv["value"] == "0" and signature == bytes(64))
            return
        a = parse(read_attest, raw, 0x8014)
        hold(913, a is not None and (a["magic"], a["type"]) == (0xff544347, 0x8014)
             and (len(a["contents"]), a["offset"]) == (8, 0))
        hold(914, ecdsa_ok(self.public, raw, signature))
        q = self.attest
        hold(915, (a["extra"], a["signer"], a["resets"], a["restarts"]) ==
             (sha(b"CDP/v1/nv\0", self.extra), self.name, q["resets"], q["restarts"]))
        hold(916, a["contents"] == u64(int(nv["value"])))

    def host_logs(self):
        """Stage 10: what the host's own logs explain of the PCRs."""
        log, ima, pcrs = self.policy["event_log"], self.policy["ima"], list(map(digest, self.seal["quote"]["pcrs"]))
        if log is not None:
            hold(1005, sha(log) == digest(self.seal["node"]["epoch_log_sha256"]))
            replayed = parsed(replay_events, log)
            hold(1006, replayed is not None)
            hold(1007, replayed is not None and replayed[:IMA_PCR] == pcrs[:IMA_PCR])
        if ima is None:
            return
        entries = parsed(read_ima, ima)
        hold(1008, entries is not None)
        quoted = quoted_part(entries or [], pcrs[IMA_PCR])
        hold(1009, quoted)
        asked = [(r, j) for r, j in self.judged if r["executable"]]
        listed = [j for r, j in asked if all_listed(quoted, pcrs, r["executable"])]
        hold(1010, listed or not asked)
        if any(map(all, listed)):
            self.code = "runtime"

    def references(self):
        """Stage 10: what the signers whom the policy names say of platform, PCRs and event log."""
        given, policy, self.code, self.judged = self.policy["references"], self.policy, "none", []
        if not given and policy["code"] == "none":
            return
        signers = {b64(key) for key, in policy["rules"]["signer"]}
        usable = [r for r in given if r["signer"] in signers and r["valid"][0] <= policy["as_of"] <= r["valid"][1]]
        hold(1001, usable)
        pcrs = list(map(digest, self.seal["quote"]["pcrs"]))
        event_log = digest(self.seal["node"]["epoch_log_sha256"])
        judged = self.judged = [(r, judge_reference(r, self.platform, pcrs, event_log)) for r in usable]
        for i, code in enumerate((1002, 1003, 1004)):
            hold(code, not usable or any(j[i] for _, j in judged))
        for r, j in judged: # one signer must stand for all of it
            if all(j):
                self.code = max(self.code, "runtime" if r["runtime"] else "boot", key=CODES.index)

    def rolled_back(self, pin):
        if not pin["size"] or self.size < pin["size"]:
            return False
        if self.size == pin["size"] and self.root != pin["root"]:
            return True
        q = self.attest
        return (int(self.seal["nv"]["value"]) < pin["nv"] or q["resets"] < pin["resets"]
                or (q["resets"] == pin["resets"] and q["clock"] < pin["clock"]))

    def maker(self):
        pins, node, as_of = self.policy["pins"], self.seal["node"], self.policy["as_of"]
        hold(1101, not any(ak == self.ak and since <= as_of for ak, since in self.policy["revoked"]))
        mine = sorted((p for p in pins if p["ak"] == self.ak), key=lambda p: p["log"] != b64(node["log_pub"]))
        hold(1102, mine or not any(p["origin"] == node["origin"] or p["log"] == b64(node["log_pub"]) for p in pins))
        enrolled, most = enrolments(self.policy["rules"], self.ak, digest(node["ak_binding"]), as_of)
        hold(1103, mine or most or self.policy["key"] == "none")
        hold(1104, enrolled)
        self.key = KEYS[most] if most else "software" if mine else "none"
        if mine:
            hold(1201, (mine[0]["origin"], mine[0]["log"]) == (node["origin"], b64(node["log_pub"])))
            hold(1202, not self.rolled_back(mine[0]))
        if self.policy["compare"] is not None:
            compared, fork = compare(self.policy["compare"], node["origin"], b64(node["log_pub"]), self.size, self.root)
            hold(1203, compared)
            hold(1204, not fork)

    def replayed(self):
        for s in self.policy["seen"]:
            launch = (s["launch_index"], s["ak"]) == (self.seal["step8"]["launch_index"], self.ak)
            if (launch or s["session_id"] == self.session) and s["c8"] != self.chain[8]:
                return True
        return False

    def policy_asked(self):
        if self.policy["nonce"] is not None:
            hold(1301, b64(self.core["rp_nonce"]) == self.policy["nonce"])
        hold(1302, not self.replayed())
        hold(1303, not (self.policy["refuse_test_key"] and self.core["platform"]["test_key"]))
        hold(1304, KEYS.index(self.policy["key"]) <= max(1, KEYS.index(self.key)))
        hold(1305, CODES.index(self.code) >= CODES.index(self.policy["code"]))
        rules, host = self.policy["rules"], self.steps[6]["host"]
        hold(1306, not rules["platform"] or (self.platform.hex(),) in rules["platform"])
        hold(1307, self.policy["request"] in (None, digest(self.core["request_commit"])))
        hold(1308, not rules["cause"] or (self.steps[1]["cause"],) in rules["cause"])
        hold(1309, all(host[name] == value for name, value in rules["host"]))
        hold(1310, all(self.core[name] == value for name in ("classification", "jurisdiction") for value, in rules[name]))
        hold(1311, all(self.steps[3]["passes"] >= int(n) for n, in rules["passes"]))


def verify(schema, text, policy):
    try:
        Ladder(schema, text, policy).run()
    except Verdict as verdict:
        return verdict


# ---- policy ---------------------------------------------------------------------------

def policy_of(pins=None, nonce=None, memory="full", key="software", code="none", refuse_test_key=False, seen=(), rules=None,
              references=(), compared=None, request=None, as_of=NO_TIME, event_log=None, ima=None):
    """Texts as their files hold them; nonce and request as bytes."""
    known, revoked = read_pins(pins) if pins is not None else ([], [])
    read = read_rules(rules) if rules is not None else NO_RULES
    for floor, in read["key"]:
        key = floor
    for floor, in read["code"]:
        code = floor
    for which, in read["memory"]:
        memory = "none" if which == "none" else memory
    return {"pins": known, "revoked": revoked, "nonce": nonce, "memory": memory, "key": key, "code": code,
            "refuse_test_key": refuse_test_key or bool(read["refuse"]), "seen": seen, "rules": read,
            "references": list(map(read_reference, references)), "compare": compared, "request": request, "as_of": as_of,
            "event_log": event_log, "ima": ima}


def case_policy(case):
    """The policy of one case of a corpus (tests/vectors/README.md)."""
    seen = [{"ak": bytes.fromhex(s["ak"]), "session_id": bytes.fromhex(s["session_id"]), "launch_index": s["launch_index"],
             "c8": bytes.fromhex(s["c8"])} for s in case["seen"]]

    def unhex(name):
        return bytes.fromhex(case[name]) if case[name] else None
    return policy_of(case["pins"], unhex("nonce"), "full", case["key"], case["code"], case["refuse_test_key"], seen,
                     case["policy"], case["references"], None if case["compare"] is None else case["compare"].encode("latin-1"),
                     unhex("request"), NO_TIME if case["as_of"] is None else int(case["as_of"]),
                     *(None if case[name] is None else b64(case[name]) for name in ("event_log", "ima")))


def read_corpus(folder):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="ascii") as file:
            yield json.load(file)


def agrees(schema, case):
    verdict = verify(schema, b64(case["proof"]), case_policy(case))
    got = {"code": verdict.code, "stage": verdict.stage, "exit": verdict.exit}
    if got != case["verdict"] and not without:
        print("%s: %s, expected %s" % (case["name"], got, case["verdict"]))
    return got == case["verdict"]


def run_corpus(schema, folder):
    results = [agrees(schema, case) for case in read_corpus(folder)]
    print("corpus: %d cases, %d disagree" % (len(results), results.count(False)))
    return 0 if results and all(results) else 1


def passes(schema, case):
    """Does the verdict stay although its check is gone? Nonsense that breaks a later step got past it."""
    try:
        return agrees(schema, case)
    except (LookupError, ValueError, TypeError, AttributeError, struct.error):
        return False


def prove(schema, folder):
    """A case is evidence of its check only if it would pass that check were it not there."""
    global without
    unnoticed, codes = [], set()
    for case in read_corpus(folder):
        without = case["verdict"]["code"]
        codes.add(without)
        if without and without not in PARSERS and passes(schema, case):
            unnoticed.append(case["name"])
    print("checks left out: %d; cases that did not notice: %s" % (len(codes) - 1, ", ".join(unnoticed) or "none"))
    return 0 if len(codes) > 1 and not unnoticed else 1


def neighbour(c):
    """The next character of the same class."""
    if 48 <= c <= 57:
        return 48 if c == 57 else c + 1
    if 97 <= c < 122 or 65 <= c < 90:
        return c + 1
    return {122: 97, 90: 65}.get(c, c ^ 0x15)


def mutate(schema, text, policy):
    """Every byte changed in two ways (tests/vectors/mutate.c); a line each."""
    if verify(schema, text, policy).code:
        return 2
    survivors = 0
    for i, old in enumerate(text):
        for k, new in enumerate((old ^ 1 << i % 8, neighbour(old))):
            if k != i % 2 and "CENO_MUTATE_ALL" not in os.environ:
                continue
            code = verify(schema, text[:i] + bytes([new]) + text[i + 1:], policy).code
            survivors += code == 0
            print(i, k, code)
    return 1 if survivors else 0


def slurp(path):
    if path is None:
        return None
    with open(path, encoding="ascii", newline="") as file:
        return file.read()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    options = argparse.ArgumentParser(description="A second verifier of destruction proofs.")
    options.add_argument("--schema", default=os.path.join(here, "..", "..", "attest", "proof", "cdp.schema.json"))
    options.add_argument("--pin", "--pin-file", metavar="FILE", help="pin file of the nodes you know")
    options.add_argument("--policy", metavar="FILE", help="what you ask of a proof")
    options.add_argument("--reference", metavar="FILE", action="append", default=[], help="signed reference values")
    options.add_argument("--compare", metavar="FILE", help="another checkpoint of the node's log")
    options.add_argument("--event-log", metavar="FILE", help="the node's host's binary_bios_measurements")
    options.add_argument("--ima", metavar="FILE", help="the node's host's binary_runtime_measurements")
    options.add_argument("--request", help="the request commitment you expect, 64 hex digits")
    options.add_argument("--as-of", type=int, default=int(time.time()), help="seconds since 1970; default: now")
    options.add_argument("--nonce", help="the nonce you asked for, 64 hex digits")
    options.add_argument("--mem", choices=["full", "none"], default="full", help="recompute the memory roots")
    options.add_argument("--key", choices=KEYS, default="software", help="least assurance of the key")
    options.add_argument("--corpus", metavar="DIR", help="check every case of a corpus instead")
    options.add_argument("--prove", metavar="DIR", help="leave out each check in turn: the corpus must notice")
    options.add_argument("--mutate", metavar="PROOF", help="every byte of a proof changed in two ways: the codes")
    options.add_argument("proof", nargs="?")
    args = options.parse_args()
    if [args.corpus, args.prove, args.mutate, args.proof].count(None) != 3:
        options.error("give one proof, --corpus, --prove or --mutate")
    try:
        with open(args.schema, encoding="ascii") as file:
            schema = json.load(file)["$defs"]
        if args.corpus:
            return run_corpus(schema, args.corpus)
        if args.prove:
            return prove(schema, args.prove)
        with open(args.proof or args.mutate, "rb") as file:
            text = file.read(FILE_MAX + 1)
        policy = policy_of(slurp(args.pin), bytes.fromhex(args.nonce) if args.nonce else None, args.mem, args.key,
                           rules=slurp(args.policy), references=list(map(slurp, args.reference)),
                           compared=open(args.compare, "rb").read() if args.compare else None,
                           request=bytes.fromhex(args.request) if args.request else None, as_of=args.as_of,
                           event_log=open(args.event_log, "rb").read() if args.event_log else None,
                           ima=open(args.ima, "rb").read() if args.ima else None)
    except (OSError, ValueError) as error:
        print("cdp_verify: %s" % error, file=sys.stderr)
        return 2
    if args.mutate:
        return mutate(schema, text, policy)
    verdict = verify(schema, text, policy)
    print("reason %d" % verdict.code)
    return verdict.exit


if __name__ == "__main__":
    sys.exit(main())
