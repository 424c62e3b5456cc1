#!/usr/bin/env python3
"""Logs of a machine that booted measured (tests/nested, stage measured), as its proof's verifiers take them:
measured.py CENO DIR, DIR with proof.cdp.json, event-log and ima-log. Both verifiers must say the same."""
import base64
import json
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cdp_measured import read_ima

here = os.path.dirname(os.path.abspath(__file__))
ceno, folder, work = sys.argv[1], sys.argv[2], tempfile.TemporaryDirectory()
proof, events_file, ima_file = (os.path.join(folder, name) for name in ("proof.cdp.json", "event-log", "ima-log"))
failed = []


def put(name, data):
    path = os.path.join(work.name, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def take(path):
    with open(path, "rb") as file:
        return file.read()


def check(what, exit_status, reason, *options):
    """Both verifiers end with that status, for that reason (0: none)."""
    said = subprocess.run([ceno, "verify", "--json", "--mem", "none", *options, proof], capture_output=True, check=False)
    why = json.loads(said.stdout)["submods"]["cdp"]["reason"] if said.stdout else {"code": said.stderr}
    second = subprocess.run([sys.executable, os.path.join(here, "cdp_verify.py"), "--mem", "none", *options, proof],
                            capture_output=True, check=False)
    got = (said.returncode, why["code"] if why else 0, second.returncode, second.stdout)
    if got != (exit_status, reason, exit_status, b"reason %d\n" % reason):
        failed.append("%s: %s" % (what, got))
    print("%-5s %s" % ("FAIL" if failed and failed[-1].startswith(what) else "ok", what))


def reference(executables, platform, pcr_7):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    text = "ceno-reference 1\nvalid 0 4000000000\nplatform sha256:%s\npcr 7 %s\n" % (platform, pcr_7)
    text += "".join("executable sha256:%s\n" % e.hex() for e in executables)
    signature = base64.b64encode(key.sign(b"CDP/v1/reference\0" + text.encode())).decode()
    policy = put("policy", ("ceno-policy 1\nkey none\ncode runtime\nsigner %s\n" % public).encode())
    return ["--policy", policy, "--reference", put("reference", ("%ssignature %s %s\n" % (text, public, signature)).encode())]


def main():
    events, ima = take(events_file), take(ima_file)
    entries = read_ima(ima)
    shown = json.loads(subprocess.run([ceno, "verify", "--json", "--mem", "none", proof], capture_output=True, check=False).stdout)
    platform, pcr_7 = shown["submods"]["cdp"]["proof"]["platform"], json.loads(take(proof))["seal"]["quote"]["pcrs"][7]
    open_policy = ["--policy", put("open", b"ceno-policy 1\nkey none\n")]
    logs = ["--event-log", events_file, "--ima", ima_file]
    check("the logs explain the PCRs", 0, 0, *open_policy, *logs)
    check("an event log with a byte changed", 3, 1005, *open_policy, "--event-log", put("e", events[:-1] + bytes([events[-1] ^ 1])))
    check("no event log at all", 3, 1005, *open_policy, "--event-log", put("e", b""))
    check("an IMA list with a digest changed", 4, 1009, *open_policy, "--ima", put("i", ima[:80] + bytes([ima[80] ^ 1]) + ima[81:]))
    check("an IMA list that is cut", 3, 1008, *open_policy, "--ima", put("i", ima[:-1]))
    known = sorted({digest for digest, _ in entries[1:]})
    sys.stdout.write("%d entries in the IMA list, %d digests\n" % (len(entries), len(known)))
    if None in known or len(known) < 2:
        failed.append("no list of programs: %d" % len(known))
        return
    check("every program listed: code runtime", 0, 0, *reference(known, platform.removeprefix("sha256:"), pcr_7), *logs)
    check("without the IMA list it is not known", 4, 1305, *reference(known, platform.removeprefix("sha256:"), pcr_7), *logs[:2])
    check("one program is not listed", 4, 1010, *reference(known[1:], platform.removeprefix("sha256:"), pcr_7), *logs)


main()
print("\n".join(failed))
sys.exit(1 if failed else 0)
