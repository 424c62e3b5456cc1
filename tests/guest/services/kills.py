#!/usr/bin/env python3
"""A service killed at 1,000 random instructions resumes from its last checkpoint.

usage: kills.py [--samples] CENO-VMM BLOBS BUNDLE

The checks are the guest's (kills.c, victim.c); its status is the line of the first
that failed. Prints how long a restart takes, from the kill to the service's first
instructions; --samples: of each, in ms, one a line (for the bench).
"""
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

samples = sys.argv[1] == "--samples"
vmm, blobs, bundle = sys.argv[1 + samples], Path(sys.argv[2 + samples]), Path(sys.argv[3 + samples])
NOTES = 0x60000

with tempfile.TemporaryDirectory(prefix="ceno-kills-") as folder:
    window = Path(folder) / "window"
    done = subprocess.run([vmm, "--direct", "--memory", "64", "--firmware", blobs / "firmware.bin", "--trust",
                           blobs / "trust-development.bin", "--bundle", bundle, "--window-dump", window],
                          capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    data = window.read_bytes()
if done.returncode:
    sys.exit(f"status {done.returncode}: {done.stderr.strip()}")
lives, _, kills, checkpoints, count = struct.unpack_from("<5Q", data, NOTES)
times = struct.unpack_from(f"<{count}Q", data, NOTES + 40)
if list(times) != sorted(times) or count < 500 or kills < 500 or lives <= count:
    sys.exit(f"it was not what it should be: {lives} lives, {kills} kills, {count} times")
hz = int(re.search(r"tsc_hz=(\d+)", subprocess.run([vmm, "--probe"], check=True, capture_output=True, text=True).stdout)[1])
if samples:
    print("\n".join(str(t * 1000 / hz) for t in times))
    sys.exit()
p50, p99 = (times[count * p // 100] * 1000 / hz for p in (50, 99))
print(f"{lives} lives, {kills} kills, {checkpoints} checkpoints; restart p50 {p50:.2f} ms, p99 {p99:.2f} ms")
