#!/usr/bin/env python3
"""Boots the firmware on good and bad blobs and compares the stop codes.

usage: boot.py CENO-VMM BLOBS

A good bundle reaches its nucleus with the right registers and measurements; a
bad bundle or trust page stops the boot with its own code; and a verifier that
was replaced (the firmware image is patched) cannot do anything but give a
verdict: whatever faults in it ends as a firmware fault.
"""
import hashlib
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

vmm, blobs = sys.argv[1], Path(sys.argv[2])
firmware = (blobs / "firmware.bin").read_bytes()
trust = (blobs / "trust-development.bin").read_bytes()
bundle = (blobs / "bundle-handover.bin").read_bytes()
scratch = tempfile.TemporaryDirectory(prefix="ceno-boot-")
folder = Path(scratch.name)
failures = 0

STUB, TEXT, ENTRY = (struct.unpack_from("<I", firmware, at)[0] for at in (16, 24, 40))
FAULT = 0x8


def boot(fw, tr, bu):
    """The stop code as text, or the last line if there was none."""
    files = {"--firmware": fw, "--trust": tr, "--bundle": bu}
    command = [vmm, "--direct", "--memory", "32"]
    for option, data in files.items():
        path = folder / option.strip("-")
        path.write_bytes(data)
        command += [option, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    code = re.search(r"the guest stopped itself: code (\S+),", done.stderr)
    return code[1] if code else done.stderr.strip()


def expect(name, want, fw=firmware, tr=trust, bu=bundle):
    global failures
    got = boot(fw, tr, bu)
    wanted = want if isinstance(want, tuple) else (want,)
    good = any(got == hex(w) if isinstance(w, int) else w in got for w in wanted)
    print(f"{'ok  ' if good else 'FAIL'} {name}: {got}")
    failures += not good


def patched(data, at, new):
    return data[:at] + new + data[at + len(new):]


HEADER = Path(__file__).resolve().parents[3] / "guest-kernel/abi/layout.h"
ABI = int(re.search(r"define CENO_ABI_VERSION (\d+)u", HEADER.read_text()).group(1))


def fold_of(tsc_hz, mode):
    """The three measurements as the firmware must have made them (abi/boot.h)."""
    boot_constant = struct.pack("<QIIQ", 0x31544F4F42544E43, ABI, mode, tsc_hz).ljust(2048, b"\0")
    checked = bundle[4096 - 64:4096 - 32] + trust[16:48] + b"CENO/v1/bundle\0" + patched(bundle, 4096 - 64, bytes(64))
    fold = 0
    for message in (trust, checked, boot_constant):
        for byte in hashlib.sha512(message).digest():
            fold = ((fold << 1 | fold >> 31) & 0xFFFFFFFF) ^ byte
    return fold


def good_boot():
    probe = dict(re.findall(r"(\w+)=(\d+)", subprocess.run([vmm, "--probe"], check=True, capture_output=True, text=True).stdout))
    expect("a good bundle: registers and measurements", fold_of(int(probe["tsc_hz"]), int(probe["syscall_mode"])))


def bad_blobs():
    expect("trust page: magic", 0x1, tr=patched(trust, 0, b"X"))
    expect("trust page: reserved byte", 0x1, tr=patched(trust, 4095, b"\1"))
    expect("trust page: another key", 0x6, tr=patched(trust, 16, bytes([trust[16] ^ 1])))
    expect("trust page: a key of small order", 0x6, tr=patched(trust, 16, bytes(32)))
    expect("bundle: another ABI version", 0x3, bu=patched(bundle, 8, bytes([ABI + 1])))
    expect("bundle: reserved byte of the header", 0x5, bu=patched(bundle, 4096 - 65, b"\1"))
    expect("bundle: a module's name", 0x5, bu=patched(bundle, 32 + 24 * 32, b"\n"))
    for name, at, new in (("no content id", 48, bytes(32)), ("an unknown flag", 85, b"\4"), ("a budget for init", 80, b"\1"),
                          ("grants for init", 96, b"\2"), ("a reserved byte", 127, b"\1"), ("an unknown class", 29, b"\1")):
        expect(f"bundle: manifest: {name}", 0x9, bu=patched(bundle, 32 + 24 * 32 + 128 + at, new))
    expect("bundle: one bit of text", 0x6, bu=patched(bundle, 5000, bytes([bundle[5000] ^ 0x10])))
    expect("bundle: last byte", 0x6, bu=patched(bundle, len(bundle) - 1, bytes([bundle[-1] ^ 1])))
    expect("bundle: signature", 0x6, bu=patched(bundle, 4095, bytes([bundle[4095] ^ 0x20])))
    expect("bundle: no signature", 0x6, bu=patched(bundle, 4096 - 64, bytes(64)))
    expect("bundle: magic", "malformed bundle", bu=patched(bundle, 0, b"X"))
    expect("bundle: truncated", "malformed bundle", bu=bundle[:-4096])
    expect("bundle: a page too many", "malformed bundle", bu=bundle + bytes(4096))


def bad_verifiers():
    def verifier(code):
        return patched(firmware, TEXT, bytes.fromhex(code.replace(" ", "")))

    int3 = " cc 0f0b"
    expect("verifier: a verdict of its own", 0x42, fw=verifier("b8 42000000" + int3))
    expect("verifier: undefined instruction", FAULT, fw=verifier("31c0 0f0b"))
    expect("verifier: privileged instruction", FAULT, fw=verifier("31c0 f4" + int3))
    expect("verifier: port output", FAULT, fw=verifier("31c0 ba f4000000 ef" + int3))
    expect("verifier: write to its text", FAULT, fw=verifier("31c0 880425 00200001" + int3))
    expect("verifier: write to the trust page", FAULT, fw=verifier("31c0 880425 00001001" + int3))
    expect("verifier: write to the bundle", FAULT, fw=verifier("31c0 880425 00002001" + int3))
    expect("verifier: read of ring-0 text", FAULT, fw=verifier("8a0425 00100001 31c0" + int3))
    expect("verifier: jump to its stack", FAULT, fw=verifier("31c0 ff e4"))
    expect("verifier: divide error", FAULT, fw=verifier("31c0 31c9 f7f1" + int3))
    expect("verifier: write to the event page is allowed", 0x7, fw=verifier("b8 07000000 880425 00100002" + int3))
    # where ring 0 is emulated, the emulator itself refuses an int3 there
    expect("stub: a breakpoint in ring 0 is no verdict", (FAULT, "could not run the guest's instruction"), fw=patched(firmware, ENTRY, b"\xcc"))


good_boot()
bad_blobs()
bad_verifiers()
sys.exit(1 if failures else 0)
