#!/usr/bin/env python3
"""A second reader of trails, from docs/trail-format.md, with b3sum and openssl.

usage: recompute.py TRAIL [PROGRAM]

Checks the chain, every seal and the content ids; prints what it found. PROGRAM: the file that its native
program must be. Shares no code with the writer or
with ceno audit.
"""
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

LENGTH = {1: 400, 2: 152, 3: 88, 4: 80, 5: 80, 6: 80, 7: 96, 8: 80, 9: 104, 10: 72, 11: 136, 12: 80, 13: 80}
BOOT, MODULE, SEAL = 1, 2, 11
NATIVE, DIGEST = 0xffffffff, 176 # docs/content-id.md; where a native file has its digest
SPKI = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: Ed25519 public key


def blake3(data):
    return subprocess.run(["b3sum", "--raw"], input=data, capture_output=True, check=True).stdout


def is_signed(key, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        parts = {"key": SPKI + key, "message": message, "signature": signature}
        for name, data in parts.items():
            Path(folder, name).write_bytes(data)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", f"{folder}/key", "-rawin",
                               "-in", f"{folder}/message", "-sigfile", f"{folder}/signature"], capture_output=True).returncode == 0


def program_of(module):
    """The digest of a MODULE's content id if it is of a native program."""
    (number,) = struct.unpack_from("<I", module, 60)
    native = number == NATIVE
    assert module[:3] == bytes((1, 1, 1 if native else 2)) and (native or number <= 5), "content id"
    assert not native or module[35:59] == b"native".ljust(24, b"\0"), "name"
    return module[3:35] if native else None


def main():
    data = Path(sys.argv[1]).read_bytes()
    magic, version, reserved, used = struct.unpack_from("<8sIIQ", data)
    assert (magic, version, reserved) == (b"CNOTTRL1", 2, 0) and not any(data[24:4096]), "header"
    assert used == len(data) - 4096, "length"
    at, number, before, key, seals, tsc, programs = 4096, 0, bytes(32), None, 0, 0, {None}
    while at < len(data):
        length, kind, version, sequence, now, event = struct.unpack_from("<IHHQQQ", data, at)
        record = data[at:at + length]
        assert length == LENGTH[kind] == len(record) and version == 2, f"record {number}: form"
        assert sequence == number and record[32:64] == before, f"record {number}: chain"
        assert tsc <= now and event <= now, f"record {number}: time"
        if kind == BOOT:
            assert number == 0
            key = record[64 + 272:64 + 304]
        if kind == MODULE:
            programs.add(program_of(record[64:]))
        if kind == SEAL:
            assert is_signed(key, b"CENO/v1/trail\0" + record[:72], record[72:]), f"record {number}: seal"
            seals += 1
        at, number, before, tsc = at + length, number + 1, blake3(record), now
    assert key, "no boot"
    if len(sys.argv) > 2:
        file = Path(sys.argv[2]).read_bytes()
        assert programs == {None, blake3(file[:DIGEST] + bytes(32) + file[DIGEST + 32:])}, "program"
    print(f"{number} records, {seals} seals, key {key.hex()}, last record {before.hex()}")


main()
