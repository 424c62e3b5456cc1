#!/usr/bin/env python3
"""guest.py CENO-VMM BLOBS BUNDLE [--operations N] [--seed S] [--keep FILE]: the model against the nucleus in a guest.

Each session: a trace is made by the generator and the model, under a clock that stands;
tests/guest/services/replay.c does it in a guest; the model does it again with the times
of the guest, and every register is compared. The trace ends in questions about every
slot, ring and quota, and in a look at mapped pages. Exit status 1: they differ.
"""
import argparse
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from abi import ALL, C, CHANNEL, ERRORS, EXECUTE, LARGE, PAGE, READ, U64, VERBS, WINDOW, WRITE
from generate import Generator
from guest_trace import ENDS, FAULT, KIND_NAME, LOAD, STORE, VERB, Guest, Maker
from session import NAMES, result, text

MAGIC = 0x3145434152545952
RETURNED, ENDED = 1, 2
PER_SESSION = 2500
OPERATION, RESULT = struct.Struct("<2I11Q"), struct.Struct("<13Q2I")
REPORT = struct.Struct(f"<{5 + C['CENO_SLOT_FIRST_FREE'] + 1}Q")
STANDING = 1 << 34                    # the TSC while a trace is made: long past in any guest
AGAIN = ERRORS["AGAIN"] & U64
SPENT, WHEN = 9, 10                   # registers of an event that depend on time: r14, r15


class Divergence(Exception):
    """Model and guest disagree, or the guest did not finish."""


class Machine:
    """The guest's program, files and facts."""

    def __init__(self, options):
        self.options = options
        self.facts = None
        self.facts, _ = self.run([])

    def run(self, trace):
        """(facts, results) of a session with this trace: [(kind, fiber, registers)]."""
        data = struct.pack("<2Q", MAGIC, len(trace)) + b"".join(OPERATION.pack(kind, index, *regs) for kind, index, regs in trace)
        if len(data) > LARGE:
            raise ValueError("the trace is longer than its mapping")
        blobs = self.options.blobs
        with tempfile.NamedTemporaryFile(prefix="ceno-trace-") as pack:
            pack.write(data.ljust(LARGE, b"\0"))
            pack.flush()
            done = subprocess.run([self.options.vmm, "--direct", "--memory", "64", "--firmware", blobs / "firmware.bin", "--trust",
                                   blobs / "trust-development.bin", "--bundle", self.options.bundle, "--pack", pack.name],
                                  capture_output=True, timeout=120, stdin=subprocess.DEVNULL, check=False)
        out = done.stdout
        if done.returncode or len(out) != REPORT.size + len(trace) * RESULT.size:
            raise Divergence(f"status {done.returncode}, {len(out)} bytes: {done.stderr.decode().strip()}")
        facts = Facts(REPORT.unpack_from(out), self.options.bundle)
        if self.facts and facts != self.facts:
            raise Divergence("two guests of the same size differ in what their init has")
        return facts, [RESULT.unpack_from(out, REPORT.size + i * RESULT.size) for i in range(facts.count)]


class Facts:
    """What replay.c found out: its quota of pool pages, pledge, lengths of frame ranges."""

    def __init__(self, words, bundle):
        magic, self.count, self.quota, self.pledge, self.signals, *self.length = words
        tsc = self.length.pop()
        if magic != MAGIC:
            raise Divergence("the guest's report is not one")
        if tsc <= STANDING:
            raise Divergence(f"the TSC of this machine is only {tsc}")
        self.bundle = Path(bundle).read_bytes()

    def __eq__(self, other):
        return (self.quota, self.pledge, self.length) == (other.quota, other.pledge, other.length)


def make(facts, seed, operations):
    """The trace, and the model's outcomes."""
    maker = Maker(Guest(facts, STANDING), seed, Generator)
    maker.fill(operations)
    maker.ask_everything()
    return maker.trace


# ---- judging ----

class Judge:
    def __init__(self, facts, counts):
        self.model, self.counts, self.ends = Guest(facts, STANDING), counts, {}

    def judge(self, operation, found):
        kind, index, regs = operation
        after, before, end, status, again = found[:11], found[11], found[12], found[13], found[14]
        self.model.clock(before)
        self.ends[before] = end
        self.counts["children"] += index != 0
        self.counts[KIND_NAME[kind]] += 1
        self.counts["ends"] += kind == ENDS
        f = self.model.fibers[index]
        if kind in (LOAD, STORE):
            self.memory(kind, f, regs, after)
        elif kind == FAULT:
            self.counts["peek"] += regs[0] != 0
            self.model.fault_on_request(f, regs[0])
        else:
            self.verb(f, regs, after, end, status, again)
        wanted = ENDED if kind in (ENDS, FAULT) else RETURNED
        if status != wanted:
            raise Divergence(f"fiber {index} {('was not heard of', 'returned', 'ended')[status if status < 3 else 0]}, "
                             f"the model says it {'ends' if wanted == ENDED else 'returns'}")

    def memory(self, kind, f, regs, after):
        if kind == STORE:
            self.model.write(f, regs[0], regs[1])
        elif after[1] != self.model.read(f, regs[0]):
            raise Divergence(f"{regs[0]:#x} of fiber {f.index} reads {after[1]:#x}, the model says {self.model.read(f, regs[0]):#x}")

    def verb(self, f, regs, after, end, status, again):
        for _ in range(again):
            if not self.model.lengthy(f, regs):
                raise Divergence("AGAIN from a call that is not long")
            self.model.unfinished(f, regs)
        start = self.model.tsc
        outcome, wanted = self.model.verb(f, regs)
        self.counts[VERBS[regs[0]] if regs[0] < 7 else "none", "ok" if not wanted[0] >> 63 else result(wanted[0])] += 1
        if outcome == "blocked":
            raise Divergence(f"the model says it waits ({f.wait})")
        if outcome != "done" or status != RETURNED:
            return
        exact = list(range(11))
        if regs[0] == 5 and after[0] == 0 == wanted[0]:
            exact.remove(3)
            self.counts["clock"] += 1
            self.within("rdx", start, after[3], end)
        if regs[0] == 2 and after[0] == 1 == wanted[0]:
            exact = exact[:SPENT]
            self.counts["events"] += 1
            self.within("tsc of the event", wanted[WHEN], after[WHEN], self.ends[wanted[WHEN]])
            if after[SPENT] < wanted[SPENT]:
                raise Divergence(f"the event says {after[SPENT]} J spent, verbs alone took {wanted[SPENT]}")
        wrong = [f"{NAMES[i]} is {self.show(i, after[i])}, the model says {self.show(i, wanted[i])}" for i in exact if after[i] != wanted[i]]
        if wrong:
            raise Divergence(", ".join(wrong))

    @staticmethod
    def show(i, number):
        return result(number) if i == 0 else hex(number)

    @staticmethod
    def within(what, low, seen, high):
        if not low <= seen <= high:
            raise Divergence(f"{what} is {seen:#x}, it was between {low:#x} and {high:#x}")


def line(operation):
    kind, index, regs = operation
    if kind in (VERB, ENDS):
        return text(("verb", index, *regs)) + (" # ends the fiber" if kind == ENDS else "")
    return f"{KIND_NAME[kind]} {index} {regs[0]:#x} {regs[1]:#x}"


def judged(machine, name, trace, counts):
    """Does it in a guest and judges what came back. Why the guest did not get to its end, or None."""
    try:
        facts, results = machine.run(trace)
    except (Divergence, subprocess.TimeoutExpired) as failure:
        return str(failure)
    judge = Judge(facts, counts)
    for number, (operation, found) in enumerate(zip(trace, results)):
        try:
            judge.judge(operation, found)
        except Divergence as failure:
            raise Divergence(f"session {name}, operation {number} of {len(trace)}: {line(operation)}\n  {failure}") from None
    if len(results) != len(trace):
        raise Divergence(f"session {name}, operation {len(results)}: {line(trace[len(results)])}\n  the fiber does not answer")
    return None


def session(machine, name, operations, counts, keep=None):
    """Operations that agree."""
    trace = make(machine.facts, name, operations)
    if keep:
        keep.write_text("".join(line(operation) + "\n" for operation in trace))
    failure = judged(machine, name, trace, counts)
    if not failure:
        return len(trace)
    low, high = 0, len(trace)         # the guest gets through so many, and not through so many
    while low + 1 < high:
        middle = (low + high) // 2
        if judged(machine, name, trace[:middle], Counter()):
            high = middle
        else:
            low = middle
    raise Divergence(f"session {name}, operation {low} of {len(trace)}: {line(trace[low])}\n  the guest does not get through it: {failure}")


def hollow(counts):
    """What a run of this length always has, and this one has not."""
    seen = {key for key in counts if isinstance(key, tuple)} | {key[1] for key in counts if isinstance(key, tuple)}
    wanted = [(verb, "ok") for verb in VERBS]
    wanted += "VERB SLOT TYPE RIGHTS BOUNDS STALE POOL EXISTS WX FULL AGAIN STATE EXPIRED PLEDGE SELF".split()
    return [str(what) for what in wanted if what not in seen] + \
        [what for what in ("load", "store", "fault", "peek", "ends", "children", "events", "clock") if not counts[what]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("vmm")
    parser.add_argument("blobs", type=Path)
    parser.add_argument("bundle")
    parser.add_argument("--operations", type=int, default=10000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--keep", type=Path, help="where the last session's trace is written")
    options = parser.parse_args()
    counts, done, chosen, number = Counter(), 0, 0, 0
    try:
        machine = Machine(options)
        while chosen < options.operations:
            random = min(PER_SESSION, options.operations - chosen)
            done += session(machine, f"{options.seed}/{number}", random, counts, options.keep)
            chosen, number = chosen + random, number + 1
    except Divergence as failure:
        print(f"after {done} operations that agree: {failure}")
        return 1
    for verb in (*VERBS, "none"):
        print(f"  {verb:5} " + " ".join(f"{key[1]}={n}" for key, n in sorted(counts.items(), key=str) if key[0] == verb))
    print("  " + ", ".join(f"{counts[what]} {what}" for what in ("children", "ends", "load", "store", "fault", "peek", "events", "clock")))
    missing = hollow(counts) if options.operations >= 10000 else []
    print(f"hollow: never came up: {', '.join(missing)}" if missing else 
          f"{done} operations agree, {chosen} of them random, in {number} sessions")
    return 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
