#!/usr/bin/env python3
"""The signature checks of the other two verifiers against Wycheproof:
wycheproof.py VECTORS python | wycheproof.py VECTORS PAGE (the built page, in Node).

An ECDSA vector is taken if its signature can be written as r | s at all (strict
DER, both below 2^256), with the lower s: what a proof holds. Exit 77 if the
vectors are not there.
"""
import json
import os
import subprocess
import sys

from cdp_crypto import HALF_N, ecdsa_ok, ed25519_ok, key_ok

ORDER = 2 * HALF_N + 1


def integer(der):
    """One INTEGER of strict DER: (number, rest), or None."""
    if len(der) < 3 or der[0] != 2 or not 0 < der[1] <= 33 or len(der) < 2 + der[1]:
        return None
    body = der[2:2 + der[1]]
    if body[0] & 0x80 or (body[0] == 0 and len(body) > 1 and not body[1] & 0x80):
        return None
    number = int.from_bytes(body, "big")
    return (number, der[2 + der[1]:]) if number < 2**256 else None


def raw(der):
    """r | s with the lower s, or None if it cannot be written so."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        return None
    r = integer(der[2:])
    s = integer(r[1]) if r else None
    if not s or s[1]:
        return None
    low = min(s[0], ORDER - s[0]) if 0 < s[0] < ORDER else s[0]
    return r[0].to_bytes(32, "big") + low.to_bytes(32, "big")


def cases(folder):
    """(kind, key, message, signature, valid)"""
    with open(os.path.join(folder, "wycheproof_ed25519_test.json"), encoding="utf-8") as file:
        for group in json.load(file)["testGroups"]:
            for t in group["tests"]:
                if len(t["sig"]) == 128:
                    yield "ed25519", group["publicKey"]["pk"], t["msg"], t["sig"], t["result"] == "valid"
                elif t["result"] == "valid":
                    raise ValueError("a valid signature of another length")
    with open(os.path.join(folder, "wycheproof_ecdsa_secp256r1_sha256_test.json"), encoding="utf-8") as file:
        for group in json.load(file)["testGroups"]:
            for t in group["tests"]:
                signature = raw(bytes.fromhex(t["sig"]))
                if signature:
                    yield "ecdsa", group["publicKey"]["uncompressed"][2:], t["msg"], signature.hex(), t["result"] == "valid"


def python_says(kind, key, message, signature):
    key, message, signature = map(bytes.fromhex, (key, message, signature))
    if kind == "ed25519":
        return key_ok(key) and ed25519_ok(key, message, signature)
    return ecdsa_ok({"x": key[:32], "y": key[32:]}, message, signature)


def page_says(page, given):
    """All answers of the page's script, in Node."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page_corpus.js")
    done = subprocess.run(["node", script, page, "--signatures"], input=json.dumps([g[:4] for g in given]), text=True, check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main():
    folder, who = sys.argv[1:]
    if not os.path.exists(os.path.join(folder, "wycheproof_ed25519_test.json")):
        print("%s has no Wycheproof vectors: not run" % folder)
        return 77
    given = list(cases(folder))
    answers = [python_says(*g[:4]) for g in given] if who == "python" else page_says(who, given)
    wrong = [g for g, answer in zip(given, answers) if g[4] != answer]
    for g in wrong[:5]:
        print("wrong: %s key %s message %s signature %s" % g[:4])
    print("%d signatures, %d of them valid, %d judged wrongly" % (len(given), sum(g[4] for g in given), len(wrong)))
    return 1 if wrong or len(answers) != len(given) or len(given) < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
