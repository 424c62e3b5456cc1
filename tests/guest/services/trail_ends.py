#!/usr/bin/env python3
"""However a session ends by itself, prov seals its trail to the end before it does.

usage: trail_ends.py CENO-VMM CENO BLOBS SECRET BUNDLE NARROW

BUNDLE has prov, and phoenix.c in vault's place, which crashes and which says that it were
prov and had sealed; its manifest says what its crash is: a restart, the end of it, or of
the session. NARROW is the same with narrow.c, which gives up its pledge before each crash.
"""
import re
import struct
import subprocess
import sys
from pathlib import Path

from resigned import FLAGS, RESTARTS, VAULT, changed, folder, module, run, signed

vmm, ceno, blobs, secret, bundle = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]).read_bytes()
narrow = Path(sys.argv[6]).read_bytes()
ESSENTIAL = 1
failures = 0


def ends(name, want, restarts, finished, flags, most, bundle=bundle):
    """The session ends with `want`; its trail tells of so many restarts, and of its end or not."""
    global failures
    manifest = module(bundle, VAULT)
    data = signed(changed(bundle, (manifest + FLAGS, struct.pack("<B", flags)), (manifest + RESTARTS, struct.pack("<H", most))), secret)
    trail = folder / "trail"
    got = run(vmm, blobs, data, "--trail-dump", trail)
    audit = subprocess.run([ceno, "audit", trail], capture_output=True, text=True, check=False)
    said = audit.stdout
    counted = re.search(r"(\d+) records, (\d+) of them sealed(, finished)?", said)
    good = (got == want and audit.returncode == 4 and counted and bool(counted[3]) == finished and (counted[1] == counted[2] or not finished) and
            said.count(" restart ") == restarts and said.count(" fault ") == restarts + (most != 40))
    print(f"{'ok  ' if good else 'FAIL'} {name}: {hex(got) if isinstance(got, int) else got}; {counted and counted[0]}, "
          f"{said.count(' restart ')} restarts")
    failures += not good


ends("its program is done: the host may stop it", "status 0", 16, False, 0, 40)
ends("never restarted, and nobody is left", 0x104, 0, True, 0, 0)
ends("restarted twice, and nobody is left", 0x104, 2, True, 0, 2)
ends("essential: its crash ends the session", 0x106, 0, True, ESSENTIAL, 0)
ends("gives up its pledge before each crash: it is restarted without", 0x104, 2, True, 0, 2, narrow)
sys.exit(1 if failures else 0)
