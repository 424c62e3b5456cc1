#!/usr/bin/env python3
"""An exported AuditProof 2.1 document against the proof it was made from: auditproof.py DOCUMENT PROOF.

Written from the format's public description (the chain, the 15 signed fields, Ed25519 over the hex of their hash), with
no code of ours or of theirs. If CENO_AUDITPROOF names a published verifier (github.com/nanorix-io/nanorix-verify: the
program nanorix-verify, or auditproof-verifier-go), it must take the document too, and refuse it changed."""
import base64
import copy
import hashlib
import json
import os
import subprocess
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cdp_form import jcs

STEPS = [("eee_namespace", "procfs_verification"), ("eee_tmpfs", "mountinfo_verification"), ("eee_memory", "dod_5220_multipass_wipe"),
         ("dire_keys", "ed25519_key_destruction"), ("dire_identity", "credential_incineration"),
         ("fgx_forensic", "merkle_tree_verification"), ("rzl_audit", "hash_chain_validation"),
         ("capsule_destroy", "capsule_lifecycle_verification")]
SAME = ["authority_id", "capsule_id", "destruction_state", "hash_algorithm", "jurisdiction", "org_id", "signature_algorithm",
        "signing_mode"]


def sha512(data):
    return hashlib.sha512(data).hexdigest()


def canonical(value):
    """RFC 8785 of ASCII strings, small integers and null, which cdp_form.jcs does not write."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def why_not(document, proof, proof_bytes):
    """The first thing that is wrong, or None."""
    if canonical(document) != canonical(json.loads(canonical(document))):
        return "not canonical"
    payload = json.loads(base64.b64decode(proof["dsse"]["payload"]))
    evidence = [s["evidence"] for s in payload["predicate"]["steps"]] + [proof["seal"]["step8"]]
    link = sha512(b"")
    for number, ((subsystem, method), step, shown) in enumerate(zip(STEPS, document["chain"], evidence), 1):
        link = sha512(b"\0".join(t.encode() for t in (link, subsystem, "destroy", method, document["destroyed_at"])))
        if (step["step"], step["subsystem"], step["chain_hash"]) != (number, subsystem, "sha512:" + link):
            return "link %d" % number
        if step["evidence_hash"] != "sha512:" + sha512(jcs(shown)):
            return "evidence of step %d" % number
    if len(document["chain"]) != 8 or document["final_hash"] != "sha512:" + link:
        return "the last link"
    view = {name: document[name] for name in SAME}
    view.update(version=document["cdp_version"], signing_key_version=int(document["signing_key_version"]),
                activity_trail=document["activity"], destruction_chain=document["chain"], destruction_failure_step=None,
                runtime_attestation=None, attestation={"timestamp_attestation": None, "attestation_chain_fingerprint": None})
    signed = document["attestation"]
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(signed["public_key"].removeprefix("base64:"))).verify(
            base64.b64decode(signed["signature"].removeprefix("base64:")), sha512(canonical(view)).encode())
    except InvalidSignature:
        return "the signature"
    entry = document["activity"][0]
    if entry["proof"] != "sha256:" + hashlib.sha256(proof_bytes).hexdigest() or "not claims of this node" not in entry["labels"]:
        return "what it was made from"
    if document["capsule_id"] != "cap_" + payload["predicate"]["core"]["session_id"] or len(view) != 15:
        return "the session"
    return None


def theirs(program, path):
    """Its exit status: 0 verified, 1 refused."""
    return subprocess.run([program, path], capture_output=True, check=False).returncode


def main():
    path, proof_path = sys.argv[1:]
    with open(path, "rb") as file:
        text = file.read()
    with open(proof_path, "rb") as file:
        proof_bytes = file.read()
    document, proof, failed = json.loads(text), json.loads(proof_bytes), []
    if text.rstrip(b"\n") != canonical(document):
        failed.append("the document is not canonical")
    if why_not(document, proof, proof_bytes):
        failed.append("ours: " + why_not(document, proof, proof_bytes))
    changes = [("destroyed_at", "2000-01-01T00:00:00Z"), ("jurisdiction", "XX"), ("authority_id", "someone"), ("capsule_id", "cap_" + 32 * "0"),
               ("destruction_state", "aborted"), ("org_id", "x"), ("activity", []), ("final_hash", "sha512:" + 128 * "0")]
    changed = []
    for name, value in changes:
        other = copy.deepcopy(document)
        other[name] = value
        changed.append((name, other))
    for at in range(8):
        other = copy.deepcopy(document)
        other["chain"][at]["evidence_hash"] = "sha512:" + 128 * "0"
        changed.append(("evidence %d" % (at + 1), other))
    for name, other in changed:
        if why_not(other, proof, proof_bytes) is None:
            failed.append("ours takes it with another " + name)
    program = os.environ.get("CENO_AUDITPROOF")
    if program:
        if theirs(program, path):
            failed.append("%s refuses it" % program)
        for name, other in changed:
            with open(path + ".changed", "wb") as file:
                file.write(canonical(other))
            if theirs(program, path + ".changed") != 1:
                failed.append("%s takes it with another %s" % (program, name))
        print("a published verifier was asked, too")
    else:
        print("skipped: CENO_AUDITPROOF names no published verifier; ours alone")
    print("\n".join(failed) or "auditproof: good; %d changes refused" % len(changed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
