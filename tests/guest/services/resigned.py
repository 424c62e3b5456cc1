"""Bundles with one thing changed, signed again by the test key: past the firmware, so that what stops them is init."""
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SEGMENTS, MODULES, SIGNATURE = 32, 32 + 24 * 32, 4096 - 64
PROV, VAULT, BSS = 4, 5, 3
CONTENT_ID, BUDGET, SPECTRUM, FLAGS, RESTARTS, POOL, STATE, GRANTS = 48, 80, 84, 85, 86, 88, 92, 96
scratch = tempfile.TemporaryDirectory(prefix="ceno-resigned-")
folder = Path(scratch.name)


def module(bundle, number):
    """Where the manifest of the module with this id begins."""
    for n in range(8):
        at = MODULES + 128 * n
        if struct.unpack_from("<I", bundle, at + 24)[0] == number and bundle[at]:
            return at
    sys.exit(f"resigned.py: no module {number}")


def changed(bundle, *changes):
    data = bytearray(bundle)
    for at, new in changes:
        data[at:at + len(new)] = new
    return bytes(data)


def signed(data, secret):
    """secret: the file with the key's seed."""
    seed = bytes.fromhex(re.search(r"^key ([0-9a-f]{64})$", secret.read_text(), re.M)[1])
    (folder / "key.der").write_bytes(bytes.fromhex("302e020100300506032b657004220420") + seed)
    data = data[:SIGNATURE] + bytes(64) + data[SIGNATURE + 64:]
    (folder / "message").write_bytes(b"CENO/v1/bundle\0" + data)
    done = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", folder / "key.der",
                           "-in", folder / "message"], check=True, capture_output=True)
    return data[:SIGNATURE] + done.stdout + data[SIGNATURE + 64:]


def run(vmm, blobs, data, *options):
    """Stop code or exit status of a guest with this bundle."""
    (folder / "bundle").write_bytes(data)
    done = subprocess.run([vmm, "--direct", "--memory", "64", "--firmware", blobs / "firmware.bin", "--trust",
                           blobs / "trust-development.bin", "--bundle", folder / "bundle", *options],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    code = re.search(r"the guest stopped itself: code (\S+),", done.stderr)
    return int(code[1], 16) if code else f"status {done.returncode}"
