#!/usr/bin/env python3
"""leaves.py [SECONDS]: 20,000 cdp leaves a second behind a TPM slowed to 200 ms a signature (leaves.c).

Prints one line; exit status 1 if the 99th percentile of the time to sealed is above one second
or fewer leaves were sealed than came. The folder lies on the disk of $TMPDIR: its fsync counts.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("CENO_BUILD", "build")
RATE, SLOW_MS, P99_MS = 20000, 200, 1000


def measure(seconds):
    with tempfile.TemporaryDirectory(prefix="ceno-leaves.") as scratch:
        out = subprocess.run([BUILD / "test-bin/bench_leaves", f"{scratch}/log", str(RATE), str(seconds), str(SLOW_MS)],
                             check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    got = measure(seconds)
    print(f"{got['leaves']} leaves in {seconds} s, {got['quotes']} quotes of a TPM that takes {got['quote_ms_measured']} ms each: "
          f"{got['leaves_per_s']:.0f} sealed a second; time to sealed p50 {got['sealed_ms_p50']:.0f} ms, "
          f"p99 {got['sealed_ms_p99']:.0f} ms, longest {got['sealed_ms_max']:.0f} ms (load {os.getloadavg()[0]:.1f})")
    sys.exit(0 if got["sealed_ms_p99"] <= P99_MS and got["leaves_per_s"] >= 0.98 * RATE else 1)


if __name__ == "__main__":
    main()
