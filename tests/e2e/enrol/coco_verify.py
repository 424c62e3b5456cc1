#!/usr/bin/env python3
"""A quote bundle as Confidential Containers' Trustee judges it, step by step; then as we do.

  coco_verify.py BUNDLE KEYS_FOLDER REPORT_DATA_HEX      verdict: the step that fails, or "accepted"
  coco_verify.py --prove BUNDLE KEYS_FOLDER REPORT_DATA_HEX   each step refuses what is made for it

Facts of that verifier (deps/verifier/src/tpm): JSON of ak_public (base64 SubjectPublicKeyInfo) and tpm_quote with
message (base64 TPMS_ATTEST), signature (base64 TPMT_SIGNATURE, RSASSA only) and pcrs (hex, in order). Steps: the
key's SHA-256 is that of a .pub PEM file; RSA PKCS #1 v1.5 with SHA-256 over the message; SHA-256 over all PCRs is
the quoted digest; extraData is the report data padded with zeros to 64 bytes; PCR 8 if init data was bound.
"""
import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Refused(Exception):
    pass


def need(condition, step):
    if not condition:
        raise Refused(step)


def b64(text, step):
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise Refused(step) from error


def trusted(folder):
    """SHA-256 of each key of the folder, re-encoded as DER."""
    out = set()
    for path in Path(folder).glob("*.pub"):
        key = serialization.load_pem_public_key(path.read_bytes())
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        out.add(hashlib.sha256(der).digest())
    return out


def unmarshal_signature(raw):
    need(len(raw) >= 6, "signature form")
    algorithm, digest, size = struct.unpack(">HHH", raw[:6])
    need((algorithm, digest) == (0x0014, 0x000b) and len(raw) == 6 + size, "signature form")
    return raw[6:]


def sized(raw, at):
    need(len(raw) >= at + 2, "message form")
    size = struct.unpack(">H", raw[at:at + 2])[0]
    need(len(raw) >= at + 2 + size, "message form")
    return raw[at + 2:at + 2 + size], at + 2 + size


def unmarshal_quote(raw):
    """(extraData, selection, digest) of a TPMS_ATTEST that is a quote, whole."""
    need(raw[:6] == bytes.fromhex("ff5443478018"), "message form")
    _, at = sized(raw, 6)
    extra, at = sized(raw, at)
    at += 17 + 8
    need(len(raw) >= at + 4 and raw[at:at + 4] == b"\0\0\0\1", "message form")
    selection, size = raw[at + 4:at + 7], raw[at + 6]
    selection += raw[at + 7:at + 7 + size]
    digest, at = sized(raw, at + 7 + size)
    need(at == len(raw), "message form")
    return extra, selection, digest


def judge(evidence, keys, report_data, init_data=None):
    quote = evidence.get("tpm_quote")
    need(isinstance(quote, dict), "evidence form")
    der = b64(evidence.get("ak_public"), "evidence form")
    message = b64(quote.get("message"), "evidence form")
    signature = unmarshal_signature(b64(quote.get("signature"), "evidence form"))
    need(isinstance(quote.get("pcrs"), list) and all(isinstance(p, str) and len(p) == 64 for p in quote["pcrs"]), "PCR form")
    pcrs = [bytes.fromhex(p) for p in quote["pcrs"]]
    need(hashlib.sha256(der).digest() in keys, "1 key not trusted")
    key = serialization.load_der_public_key(der)
    need(isinstance(key, rsa.RSAPublicKey), "1 key not trusted")
    try:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("2 signature") from error
    extra, selection, digest = unmarshal_quote(message)
    need(hashlib.sha256(b"".join(pcrs)).digest() == digest, "3 PCR digest")
    need(extra == report_data.ljust(64, b"\0"), "4 report data")
    if init_data is not None:
        need(hashlib.sha256(bytes(32) + init_data).digest() == pcrs[8], "5 init data")
    return selection


def prove(evidence, keys, report_data):
    """Each step, met by what only it can refuse."""
    def refusal(change, trusted_keys=keys, data=report_data, init_data=None):
        changed = json.loads(json.dumps(evidence))
        change(changed)
        try:
            judge(changed, trusted_keys, data, init_data)
        except Refused as error:
            return str(error)
        return "accepted"

    def flip(where, name, at):
        raw = bytearray(b64(where[name], ""))
        raw[at] ^= 1
        where[name] = base64.b64encode(raw).decode()

    def pcr(changed):
        changed["tpm_quote"]["pcrs"][8] = "11" * 32

    same = lambda changed: None  # noqa: E731
    assert refusal(same) == "accepted"
    assert refusal(same, trusted_keys=set()) == "1 key not trusted"
    assert refusal(lambda c: flip(c, "ak_public", 60)) == "1 key not trusted"
    assert refusal(lambda c: flip(c["tpm_quote"], "signature", 100)) == "2 signature"
    assert refusal(lambda c: flip(c["tpm_quote"], "message", 60)) == "2 signature"
    assert refusal(lambda c: flip(c["tpm_quote"], "signature", 1)) == "signature form"
    assert refusal(pcr) == "3 PCR digest"
    assert refusal(lambda c: c["tpm_quote"]["pcrs"].pop()) == "3 PCR digest"
    assert refusal(lambda c: c["tpm_quote"]["pcrs"].reverse() or pcr(c)) == "3 PCR digest"
    assert refusal(same, data=report_data + b"\1") == "4 report data"
    assert refusal(same, data=report_data[:-1]) == "4 report data"
    assert refusal(same, init_data=bytes(32)) == "5 init data"
    assert refusal(lambda c: c.pop("tpm_quote")) == "evidence form"


if __name__ == "__main__":
    proving = sys.argv[1] == "--prove"
    BUNDLE, FOLDER, DATA = sys.argv[1 + proving:]
    EVIDENCE, KEYS = json.loads(Path(BUNDLE).read_text()), trusted(FOLDER)
    try:
        if proving:
            prove(EVIDENCE, KEYS, bytes.fromhex(DATA))
        else:
            # Beyond that verifier: exactly SHA-256 PCRs 0 to 15 were quoted, in this form and no other.
            need(judge(EVIDENCE, KEYS, bytes.fromhex(DATA)) == bytes.fromhex("000b03ffff00"), "selection")
            need(sorted(EVIDENCE) == ["ak_public", "tpm_quote"] and len(EVIDENCE["tpm_quote"]["pcrs"]) == 16, "members")
        print("accepted")
    except Refused as refused:
        print(refused)
        sys.exit(1)
