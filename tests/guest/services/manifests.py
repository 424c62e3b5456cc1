#!/usr/bin/env python3
"""What init makes of manifests: bundles with one thing changed, signed again.

usage: manifests.py CENO-VMM BLOBS SECRET BUNDLE

BUNDLE starts phoenix.c in prov's place. Signed by the test key, each change gets past
the firmware, so that what stops it is init.
"""
import struct
import sys
from pathlib import Path

import resigned
from resigned import CONTENT_ID, FLAGS, GRANTS, POOL, PROV, RESTARTS, SEGMENTS, folder

vmm, blobs, secret, bundle = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]).read_bytes()
failures = 0

NOTES = 0x60000 # of phoenix.c, in the stdio window


def number(name):
    """enum ceno_boot_slot, from what ceno-bundle was built with: the grants of the bundle itself."""
    grants = struct.unpack_from("<Q", bundle, module() + GRANTS)[0]
    slots = [n for n in range(64) if grants >> n & 1]
    return dict(zip(("self", "clock", "window-stdio", "supervisor"), slots))[name]


def module():
    return resigned.module(bundle, PROV)


def text():
    for n in range(24):
        owner, kind, offset, size, gva = struct.unpack_from("<IIQQQ", bundle, SEGMENTS + 32 * n)
        if owner == PROV and kind == 1:
            return offset, size
    sys.exit("manifests.py: prov has no text")


def signed(data):
    return resigned.signed(data, secret)


def changed(*changes):
    return resigned.changed(bundle, *changes)


def run(data):
    """(stop code or exit status, lives that the service noted)"""
    got = resigned.run(vmm, blobs, data, "--window-dump", folder / "window")
    lives = struct.unpack_from("<Q", (folder / "window").read_bytes(), NOTES)[0]
    return got, lives


def expect(name, want, want_lives, data):
    global failures
    got, lives = run(data)
    good = got == want and (want_lives is None or lives == want_lives)
    print(f"{'ok  ' if good else 'FAIL'} {name}: {hex(got) if isinstance(got, int) else got}, {lives} lives")
    failures += not good


def field(offset, form, value):
    return module() + offset, struct.pack(form, value)


offset, size = text()
grants = struct.unpack_from("<Q", bundle, module() + GRANTS)[0]
expect("as built: it resumes from every crash", "status 0", 17, bundle)
expect("signed again: the same", "status 0", 17, signed(bundle))
expect("a change without a signature", 0x6, 0, changed((offset + size - 1, b"\x90")))
for name, at in (("first", 0), ("last", size - 1), ("a middle", size // 2)):
    expect(f"another {name} byte of text", 0x107, 0, signed(changed((offset + at, bytes([bundle[offset + at] ^ 1])))))
for n in (0, 31):
    at = module() + CONTENT_ID + n
    expect(f"another byte {n} of the content id", 0x107, 0, signed(changed((at, bytes([bundle[at] ^ 0x80])))))
expect("more pool pages than there are", 0x108, 0, signed(changed(field(POOL, "<I", 100000))))
expect("fewer pool pages than it takes", 0x108, 0, signed(changed(field(POOL, "<I", 7))))
expect("an unknown flag", 0x9, 0, signed(changed(field(FLAGS, "<B", 16))))
expect("a reserved byte", 0x9, 0, signed(changed((module() + 127, b"\1"))))
expect("an unknown slot", 0x9, 0, signed(changed(field(GRANTS, "<Q", grants | 1 << 40))))
expect("essential: its crash ends the session", 0x106, 1,
       signed(changed(field(FLAGS, "<B", 1), field(RESTARTS, "<H", 0))))
expect("never restarted: it stays dead", 0x104, 1, signed(changed(field(RESTARTS, "<H", 0))))
expect("restarted three times, then it stays dead", 0x104, 4, signed(changed(field(RESTARTS, "<H", 3))))
lines = Path(__file__).with_name("phoenix.c").read_text().splitlines()
line = next(n for n, l in enumerate(lines, 1) if "CHECK((ceno_mask(slot" in l)
expect("no clock: the service finds it missing", f"status {line}", 1, signed(changed(field(GRANTS, "<Q", grants & ~(1 << number("clock"))))))
sys.exit(1 if failures else 0)
