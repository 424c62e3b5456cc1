#!/usr/bin/env python3
"""What `ceno proof` prints, read by RFC 9162's algorithms and C2SP's forms alone.

  read.py inclusion SCHEMA PROOF TLOG [launch]   TLOG is a tlog-proof of PROOF's own leaf, recomputed here
  read.py record SCHEMA PROOF TLOG COMMITMENT    TLOG is that of a leaf with this commitment, in the log of PROOF
  read.py leaf SCHEMA PROOF TLOG HASH            ... of the leaf with this hash
  read.py keychange SCHEMA PROOF TLOG CHANGE     ... of the leaf that CHANGE, as ceno tpm rotate printed it, makes
  read.py consistency SCHEMA TEXT OLD_PROOF      the log of OLD_PROOF's checkpoint was only added to; prints the sizes
"""
import base64
import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "verifiers"))
import cdp_verify  # noqa: E402
from cdp_crypto import CHECKPOINT, ed25519_ok, included, sha, u64  # noqa: E402


def b64(text):
    return base64.b64decode(text, validate=True)


def read_checkpoint(raw, public):
    """(size, root) of a checkpoint that this key signed."""
    match = CHECKPOINT.match(raw)
    assert match and match[1] == match[4], "not a checkpoint"
    blob = b64(match[5])
    assert blob[:4] == sha(match[1], b"\n\1", public)[:4] and ed25519_ok(public, raw[:match.end(3) + 1], blob[4:]), "signature"
    return int(match[2]), b64(match[3])


def climb(schema, path):
    """The Python verifier's own view of a proof, as far as its log."""
    ladder = cdp_verify.Ladder(schema, Path(path).read_bytes(), cdp_verify.policy_of(memory="none"))
    try:
        ladder.run()
    except cdp_verify.Verdict as verdict:
        assert verdict.code >= 900, f"{path}: {verdict.code}"
    return ladder


def read_tlog(tlog, public):
    head, note = Path(tlog).read_bytes().split(b"\n\n", 1)
    lines = head.split(b"\n")
    assert lines[0] == b"c2sp.org/tlog-proof@v1"
    index = int(re.fullmatch(rb"index (0|[1-9][0-9]*)", lines[1])[1])
    return index, list(map(b64, lines[2:])), *read_checkpoint(note, public)


def record(schema, proof, tlog, commitment):
    index, path, size, root = read_tlog(tlog, b64(climb(schema, proof).seal["node"]["log_pub"]))
    leaf = sha(b"\0CDP/v1/record\0", bytes.fromhex(commitment))
    assert included(leaf, index, size, path, root), "the leaf is not in the tree"


def leaf(schema, proof, tlog, wanted):
    index, path, size, root = read_tlog(tlog, b64(climb(schema, proof).seal["node"]["log_pub"]))
    assert included(bytes.fromhex(wanted), index, size, path, root), "the leaf is not in the tree"


def keychange(schema, proof, tlog, change):
    change = json.loads(Path(change).read_text())
    purpose = {"log": 1, "export": 2, "identity": 3}[change["purpose"]]
    body = b"CDP/v1/key\0" + bytes([purpose]) + sha(b64(change["old"])) + sha(b64(change["new"]))
    assert ed25519_ok(b64(change["identity"]), body, b64(change["signature"])), "not signed by the identity key"
    leaf(schema, proof, tlog, sha(b"\0", body, b64(change["signature"])).hex())


def inclusion(schema, proof, tlog, which):
    ladder = climb(schema, proof)
    public = b64(ladder.seal["node"]["log_pub"])
    index, path, size, root = read_tlog(tlog, public)
    cdp = sha(b"\0CDP/v1/cdp\0", ladder.session, u64(ladder.seal["step8"]["launch_index"]), ladder.chain[0], ladder.chain[8])
    if which == "launch":
        assert index == ladder.seal["launch"]["index"] and not included(cdp, index, size, path, root)
        return
    assert included(cdp, index, size, path, root), "the leaf is not in the tree"


def extends(old, first, size, second, path):
    """RFC 9162, 2.1.4.2"""
    if old == size:
        return not path and first == second
    if old & (old - 1) == 0:
        path = [first, *path]
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\1", c, fr), sha(b"\1", c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\1", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first and sr == second


def consistency(schema, text, proof):
    ladder = climb(schema, proof)
    head, note = Path(text).read_bytes().split(b"\n\n", 1)
    lines = head.decode().split("\n")
    assert lines[0] == "ceno-consistency 1"
    old = re.fullmatch(r"old ([1-9][0-9]*) sha256:([0-9a-f]{64})", lines[1])
    path = [bytes.fromhex(re.fullmatch(r"node sha256:([0-9a-f]{64})", line)[1]) for line in lines[2:]]
    size, root = read_checkpoint(note, b64(ladder.seal["node"]["log_pub"]))
    assert (int(old[1]), bytes.fromhex(old[2])) == (ladder.size, ladder.root), "not from the proof's checkpoint"
    assert extends(ladder.size, ladder.root, size, root, path), "not an extension"
    if path:
        wrong = [bytes(32), *path[1:]]
        assert not extends(ladder.size, ladder.root, size, root, wrong)
    print(ladder.size, size)


if __name__ == "__main__":
    SCHEMA = json.loads(Path(sys.argv[2]).read_text())["$defs"]
    if sys.argv[1] == "inclusion":
        inclusion(SCHEMA, sys.argv[3], sys.argv[4], "".join(sys.argv[5:]))
    elif sys.argv[1] in ("record", "leaf", "keychange"):
        {"record": record, "leaf": leaf, "keychange": keychange}[sys.argv[1]](SCHEMA, *sys.argv[3:])
    else:
        consistency(SCHEMA, sys.argv[3], sys.argv[4])
