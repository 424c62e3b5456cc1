#!/usr/bin/env python3
"""run.py HOST [--operations N] [--seed S] [--replay TRACE...]: the model against the nucleus.

Episodes of random operations, each from a reset. On a divergence the trace is reduced
and printed; `run.py HOST --replay FILE` runs it again. Exit status 1 then, 2 if the
run was hollow (a verb or an error that never came up).
"""
import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from abi import VERBS
from generate import Generator
from host import Broke, Host
from invariants import Broken
from session import Divergence, Session, parse, text

COMPARE_EVERY = 100
LENGTHS = (300, 1000, 1000, 3000, 10000)
PROGRESS = 1000000                    # operations between two lines of a long run
FAILURES = (Divergence, Broken, Broke)


def episode(host, seed, counts, most):
    """(operations done, the trace and what failed, or None)."""
    rng = random.Random(seed)
    session, trace = None, []
    try:
        session = Session(host, counts)
        generator = Generator(session.model, seed)
        for number in range(min(most, rng.choice(LENGTHS))):
            operation = generator.next()
            if operation is None or session.over:
                break
            trace.append(operation)
            session.do(operation)
            generator.running = session.running()
            if number % COMPARE_EVERY == COMPARE_EVERY - 1:
                session.compare()
        session.compare()
    except FAILURES as failure:
        return len(trace), (trace, failure)
    return len(trace), None


def replay(program, trace, every=1):
    """What fails on this trace, or None. The state is compared after every operation."""
    host = Host(program)
    try:
        session = Session(host)
        for number, operation in enumerate(trace):
            if session.over:
                break
            if session.do(operation) and number % every == 0:
                session.compare()
        session.compare()
    except FAILURES as failure:
        return failure
    finally:
        host.close()
    return None


def kind(failure):
    """What a reduced trace must still fail with: the same words, whatever the numbers."""
    words = str(failure).split(";")[0].split()
    return type(failure), tuple(w for w in words if w.isalpha())[:8]


def reduce(program, trace, failure, seconds=60):
    """Delta debugging: drops ever smaller pieces while it fails alike."""
    wanted, end = kind(failure), time.monotonic() + seconds
    size = max(1, len(trace) // 2)
    while size and time.monotonic() < end:
        at, dropped = 0, False
        while at < len(trace) and time.monotonic() < end:
            shorter = trace[:at] + trace[at + size:]
            seen = replay(program, shorter)
            if seen and kind(seen) == wanted:
                trace, dropped = shorter, True
            else:
                at += size
        if not dropped or size > 1:
            size //= 2
    return trace


def report(program, trace, failure, out=sys.stdout):
    first = replay(program, trace)
    if first and kind(first) != kind(failure):
        failure = first               # comparing after each operation sees it sooner
    if not first:
        print("# does not fail again when compared after each operation", file=out)
    short = reduce(program, trace, failure) if first else trace
    print(f"# {replay(program, short) or failure}\n# {len(short)} of {len(trace)} operations", file=out)
    for operation in short:
        print(text(operation), file=out)


def run(program, operations, seed, brief=False):
    counts, done, number, start, said = Counter(), 0, 0, time.monotonic(), 0
    host = Host(program)
    while done < operations:
        n, failed = episode(host, f"{seed}/{number}", counts, operations - done)
        done, number = done + max(n, 1), number + 1
        if failed:
            print(f"divergence after {done} operations, in episode {seed}/{number - 1}: {failed[1]}", flush=True)
            host.close()
            if not brief:
                report(program, *failed)
            return 1
        if done // PROGRESS > said // PROGRESS:
            said = done
            print(f"{done} operations agree so far, seed {seed}, {time.monotonic() - start:.0f} s", flush=True)
    host.close()
    took = time.monotonic() - start
    print(f"{done} operations in {number} episodes, {took:.1f} s, {took / done * 1e6:.0f} us each: no divergence")
    return coverage(counts)


def coverage(counts):
    for number, verb in enumerate((*VERBS, "none")):
        print(f"  {verb:5} " + " ".join(f"{name}={n}" for (which, name), n in sorted(counts.items()) if which == number))
    missing = [verb for number, verb in enumerate(VERBS) if not counts[number, "ok"]]
    if missing:
        print(f"hollow: never done: {' '.join(missing)}")
    return 2 if missing else 0


def many(options):
    """Several processes, each with its share of the operations."""
    share = -(-options.operations // options.processes)
    children = [subprocess.Popen([sys.executable, __file__, options.host, "--operations", str(share),
                                  "--seed", f"{options.seed}.{i}"]) for i in range(options.processes)]
    return max(child.wait() for child in children)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("host")
    parser.add_argument("--operations", type=int, default=100000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--brief", action="store_true", help="do not reduce what fails")
    parser.add_argument("--processes", type=int, default=1, help="as many at once, with seeds of their own")
    parser.add_argument("--replay", nargs="+", type=Path)
    options = parser.parse_args()
    if not options.replay:
        return many(options) if options.processes > 1 else run(options.host, options.operations, options.seed, options.brief)
    failed = 0
    for file in options.replay:
        trace = [parse(line) for line in file.read_text().splitlines() if line.split("#")[0].strip()]
        failure = replay(options.host, trace)
        print(f"{file.name}: {failure or 'agrees'}")
        failed |= bool(failure)
    return failed


if __name__ == "__main__":
    sys.exit(main())
