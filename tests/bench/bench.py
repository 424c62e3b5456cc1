#!/usr/bin/env python3
"""bench.py [--quick] [programs [TEXT]]: a session against bwrap and a minimal Linux in QEMU TCG, side by side.

The same static program (workload.c) runs in all three, in one run on one
machine, with 200 ms of rest before each sample; medians, and ratios, because
absolute numbers belong to the machine. Then everyday programs of session images,
against the host's own (programs.py); "programs" runs these alone, of which the
name holds TEXT. The node must be running or startable
(tests/tools/node). Prints a table, writes out/bench.json.
"""
import base64
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import leaves  # noqa: E402
import programs  # noqa: E402
import rpc  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("CENO_BUILD", "build")
CENO = BUILD / "bin/ceno"
WORKLOAD = BUILD / "test-bin/bench_workload"
REST_S = 0.2
SYSTEMS = ("cenotaph", "bwrap", "qemu")


def rest():
    time.sleep(REST_S)


def milliseconds(since):
    return (time.monotonic() - since) * 1e3


def read_until(pipe, word):
    """Reads a pipe until `word` was seen; returns all that was read."""
    seen = b""
    while word not in seen:
        chunk = os.read(pipe.fileno(), 65536)
        if not chunk:
            raise RuntimeError(f"ended before {word!r}: {seen[-300:]!r}")
        seen += chunk
    return seen


class Systems:
    """Starts the workload in each of the three systems."""

    def __init__(self, scratch):
        self.scratch = Path(scratch)

    @functools.cached_property
    def initrd(self):
        """A minimal Linux: kernel, busybox, the workload; init runs what the command line says."""
        tree = self.scratch / "initrd"
        for folder in ("bin", "proc"):
            (tree / folder).mkdir(parents=True)
        subprocess.run(["cp", "/bin/busybox", str(tree / "bin/busybox")], check=True)
        subprocess.run(["cp", str(WORKLOAD), str(tree / "w")], check=True)
        init = tree / "init"
        init.write_text("#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n"
                        "set -- $(/bin/busybox sed 's/.*ceno.run=//; s/,/ /g' /proc/cmdline)\n"
                        "/w \"$@\"\n/bin/busybox poweroff -f\n")
        init.chmod(0o755)
        out = self.scratch / "bench-initrd"
        subprocess.run(f"cd {tree} && find . | cpio -o -H newc --quiet > {out}", shell=True, check=True)
        return out

    def command(self, system, args, extra=()):
        if system == "cenotaph":
            return [str(CENO), "run", "--quiet", "--no-proof", *extra, "--", str(WORKLOAD), *args]
        if system == "bwrap":
            return ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", str(WORKLOAD), "/w",
                    "--tmpfs", "/tmp", "--", "/w", *args]
        return ["qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "EPYC", "-m", "256", "-smp", "1", "-nodefaults",
                "-object", "memory-backend-memfd,id=ram,size=256M", "-machine", "memory-backend=ram",
                "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
                "-kernel", str(BUILD / "nested/vmlinuz"), "-initrd", str(self.initrd),
                "-append", "console=ttyS0 panic=-1 quiet ceno.run=" + ",".join(args)]

    def start(self, system, args, extra=()):
        log = open(self.scratch / "stderr", "wb")
        return subprocess.Popen(self.command(system, args, extra), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=log, cwd=ROOT)

    def run(self, system, args, extra=(), word=None):
        """One whole run: (ms to `word`, ms from then to the end, output)."""
        begin = time.monotonic()
        process = self.start(system, args, extra)
        seen = read_until(process.stdout, word) if word else b""
        first = milliseconds(begin)
        middle = time.monotonic()
        process.stdin.close()
        seen += process.stdout.read()
        status = process.wait()
        if status and system != "qemu":
            raise RuntimeError(f"{system} {args}: status {status}: {(self.scratch / 'stderr').read_text()[-500:]}")
        return first, milliseconds(middle), seen


def say(text):
    print(f"    {text}", file=sys.stderr, flush=True)


def bench_first(systems, runs):
    """Command started to first byte of output, for all three."""
    out = {}
    for system in SYSTEMS:
        samples = []
        for _ in range(max(3, runs // 3) if system == "qemu" else runs):
            rest()
            samples.append(systems.run(system, ["first"], word=b"first")[0])
        out[system] = samples
    return out


def probe():
    out = subprocess.run([BUILD / "bin/ceno-vmm", "--probe"], capture_output=True, text=True, check=True).stdout
    return dict(line.split("=") for line in out.split())


def tsc_hz():
    return int(probe()["tsc_hz"])


def clocks():
    """TSC and CLOCK_MONOTONIC in ns, of one instant."""
    return map(int, subprocess.run([BUILD / "test-bin/bench_clock"], capture_output=True, check=True).stdout.split())


def ring0_instructions(path):
    """What tests/guest/ring0.table says of a path on this KVM: counted by single step, held by guest_ring0_table."""
    mode = {"1": "lstar", "2": "page"}[probe()["syscall_mode"]]
    for line in (ROOT / "tests/guest/ring0.table").read_text().splitlines():
        if line.startswith(f"{mode} {path}: "):
            return [int(line.rsplit(": ", 1)[1])]
    return []


def session(*args):
    return rpc.Session(str(WORKLOAD), args)


def bench_rpc(runs):
    """RPC accepted, and sent, to the program's ELF entry."""
    hz, samples = tsc_hz(), {"accepted": [], "sent": []}
    for _ in range(runs):
        rest()
        live = session("first").finish()
        entry = live.entry_ns(*clocks(), hz)
        for since, of in samples.items():
            of.append((entry - live.times[since]) / 1e6)
    return samples


def bench_unparked(runs):
    """RPC accepted to ELF entry of a session for which no pair is parked: another has just taken it."""
    hz, samples = tsc_hz(), []
    for _ in range(max(3, runs // 2)):
        rest()
        first = session("first")
        second = session("first").finish()
        first.finish()
        samples.append((second.entry_ns(*clocks(), hz) - second.times["accepted"]) / 1e6)
    return samples


def bench_memory(mib, runs):
    """What the machine takes for memory of that size: {part: ms of each run}."""
    out = subprocess.run([BUILD / "test-bin/bench_memory", str(mib), str(max(3, runs // 2))], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in out.splitlines()]
    return {part: [float(line[at]) / 1e3 for line in lines] for at, part in ((1, "zero"), (3, "memset"), (5, "read"), (7, "free"), (9, "fork"))}


def bench_trap(runs):
    """The floor: ring 3 to ring 0 and back on this KVM, in a guest that does nothing else."""
    samples = []
    for _ in range(max(3, runs // 5)):
        rest()
        out = subprocess.run([BUILD / "test-bin/bench_trap"], check=True, capture_output=True).stdout
        samples.append(float(out.split(b"trap_ns")[1].split()[0]) / 1e3)
    return {"cenotaph": samples}


def bench_jail(runs):
    """The jail alone, from the warden's clone3 to the filter; and fork and exec of the same program."""
    out = subprocess.run([BUILD / "test-bin/bench_jail", str(runs)], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in out.splitlines()]
    return {part: [float(line[at]) / 1e3 for line in lines] for part, at in (("jail", 1), ("floor", 3))}


def bench_syscall(systems, runs):
    out = {}
    for system in SYSTEMS:
        count = "20000" if system == "cenotaph" else "200000"
        samples = []
        for _ in range(1 if system == "qemu" else max(3, runs // 5)):
            rest()
            seen = systems.run(system, ["syscall", count], word=b"null_syscall_ns")[2]
            samples.append(float(seen.split(b"null_syscall_ns")[1].split()[0]) / 1e3)
        out[system] = samples
    return out


def timing_of(proof):
    """The timing object of a proof, and when step 7 sealed: what the warden signed."""
    predicate = json.loads(base64.b64decode(proof["dsse"]["payload"]))["predicate"]
    seal = next(s for s in predicate["steps"] if s["op"] == "chain_seal")["evidence"]
    return predicate["timing"], int(seal["sealed_us"])


def bench_teardown(systems, runs, mib):
    """Stop to sealed, in parts (from the proof); and from outside: touched to proof in hand, or to the end."""
    parts = {k: [] for k in ("stop to fill", "fill", "keys and tokens", "read back", "zero", "compare", "return and seal",
                             "stop to sealed")}
    end = {system: [] for system in SYSTEMS}
    for _ in range(max(3, runs // 2)):
        rest()
        live = session("touch", str(mib))
        live.wait_output(b"touched")
        live.finish()
        end["cenotaph"].append((live.times["ended"] - live.times["output"]) / 1e6)
        t, sealed = timing_of(live.proof())
        s = t["steps"]
        for name, begin, stop in (("stop to fill", t["stopped_us"], s[2]["begin_us"]),
                                  ("fill", s[2]["begin_us"], s[2]["end_us"]),
                                  ("keys and tokens", s[3]["begin_us"], s[4]["end_us"]),
                                  ("read back", s[5]["begin_us"], t["read_back_us"]),
                                  ("zero", t["read_back_us"], t["zeroed_us"]),
                                  ("compare", t["zeroed_us"], t["compared_us"]),
                                  ("return and seal", t["compared_us"], sealed),
                                  ("stop to sealed", t["stopped_us"], sealed)):
            parts[name].append((stop - begin) / 1e3)
        rest()
        end["bwrap"].append(systems.run("bwrap", ["touch", str(mib)], word=b"touched")[1])
    for _ in range(2 if runs < 10 else 3):
        process = systems.start("qemu", ["hold", str(mib)])
        read_until(process.stdout, b"touched")
        rest()
        begin = time.monotonic()
        process.kill()
        process.wait()
        end["qemu"].append(milliseconds(begin))
    return parts, end


def bench_rate(systems, seconds):
    """Whole lifecycles a second, one after another, without rest."""
    out = {}
    for system in SYSTEMS:
        begin, count = time.monotonic(), 0
        while time.monotonic() - begin < seconds or count < 2:
            if system == "cenotaph":
                session("first").finish()
            else:
                systems.run(system, ["first"], word=b"first")
            count += 1
        out[system] = [count / (time.monotonic() - begin)]
    return out


def bench_restart():
    """A service revoked at any instruction, to its first instruction with the state of its last checkpoint (guest_kills)."""
    out = subprocess.run([ROOT / "tests/guest/services/kills.py", "--samples", BUILD / "bin/ceno-vmm", BUILD / "blobs",
                          BUILD / "blobs/bundle-kills.bin"], check=True, capture_output=True, text=True).stdout
    return sorted(map(float, out.split()))


def private_kib(pids):
    """Private memory of these processes in KiB, guest RAM and windows (memfds) not counted."""
    total = 0
    for pid in pids:
        counts = True
        try:
            for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
                word = line.split()
                if "-" in word[0] and not word[0].endswith(":"):
                    counts = "/memfd:" not in line
                elif counts and word[0] in ("Private_Clean:", "Private_Dirty:"):
                    total += int(word[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def processes(names):
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.path.basename(os.readlink(entry / "exe")).split(" ")[0] in names:
                found.add(int(entry.name))
        except OSError:
            pass
    return found


def bench_private(systems):
    """Private memory a session adds to the node, and what the others take, in MiB."""
    node = ("cenod", "ceno-api", "ceno-attest", "ceno-warden", "ceno-vmm")
    names = {"cenotaph": node, "bwrap": ("bwrap", "w"), "qemu": ("qemu-system-x86_64",)}
    out = {}
    for system in SYSTEMS:
        before = processes(names[system])
        before_kib = private_kib(before) if system == "cenotaph" else 0
        count = 1 if system == "qemu" else 3
        live = []
        for _ in range(count):
            process = systems.start(system, ["hold", "1"])
            read_until(process.stdout, b"touched")
            live.append(process)
        rest()
        pids = processes(names[system])
        pids = pids if system == "cenotaph" else pids - before
        touched = 1024 * count if system == "bwrap" else 0  # in the others it lies in the guest's RAM
        out[system] = [(private_kib(pids) - before_kib - touched) / 1024 / count]
        for process in live:
            process.stdin.close()
            if system == "qemu":
                process.kill()
            process.wait()
    return out


def median_of(samples):
    return statistics.median(samples) if samples else None


def row(table, name, unit, values, target=None):
    medians = {s: median_of(values.get(s, [])) for s in SYSTEMS}
    ours = medians["cenotaph"]
    ratio = {s: ours / medians[s] if ours is not None and medians[s] else None for s in ("bwrap", "qemu")}
    table.append({"name": name, "unit": unit, "median": medians, "ratio": ratio, "target": target,
                  "samples": {s: values.get(s, []) for s in SYSTEMS}})


def show(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def print_table(table):
    print(f"{'':52}{'cenotaph':>10}{'bwrap':>10}{'QEMU TCG':>10}{'/bwrap':>9}{'/QEMU':>9}{'target':>8}")
    for r in table:
        m, q = r["median"], r["ratio"]
        print(f"{r['name'] + ', ' + r['unit']:52}{show(m['cenotaph']):>10}{show(m['bwrap']):>10}{show(m['qemu']):>10}"
              f"{show(q['bwrap']):>9}{show(q['qemu'], 3):>9}{'-' if r['target'] is None else r['target']:>8}")


def parse(words):
    """Returns whether it is to be quick, and the programs' filter if only they are to run, else None."""
    quick = "--quick" in words
    words = [word for word in words if word != "--quick"]
    if words and (words[0] != "programs" or len(words) > 2):
        sys.exit(__doc__)
    return quick, words[1] if len(words) == 2 else "" if words else None


def bench_all(systems, runs, quick):
    table = []
    say("RPC to first instruction of the program")
    for since, samples in bench_rpc(runs).items():
        row(table, f"RPC {since} to first instruction", "ms", {"cenotaph": samples}, 10 if since == "accepted" else None)
    row(table, "RPC accepted to first instruction, no pair parked", "ms", {"cenotaph": bench_unparked(runs)})
    row(table, "  of which ring 0, reset to ELF entry", "instructions",
        {"cenotaph": ring0_instructions("reset to ELF entry, interrupts apart")})
    say("command to first byte of output")
    row(table, "command to first byte", "ms", bench_first(systems, runs))
    say("jail")
    jail = bench_jail(runs)
    row(table, "a process jailed: seven namespaces, 20 steps, filter", "ms", {"cenotaph": jail["jail"]}, 4)
    row(table, "  of which fork and exec of the same program", "ms", {"cenotaph": jail["floor"]})
    say("null Linux system call")
    row(table, "null Linux system call", "us", bench_syscall(systems, runs), 45)
    row(table, "  of which traps: int3 and back, twice a call", "us",
        {"cenotaph": [2 * sample for sample in bench_trap(runs)["cenotaph"]]})
    for mib, target in ((128, 45), (1, 3)):
        say(f"teardown with {mib} MiB touched")
        parts, end = bench_teardown(systems, runs, mib)
        for name, samples in parts.items():
            row(table, f"{mib} MiB: {name}", "ms", {"cenotaph": samples}, target if name == "stop to sealed" else None)
        row(table, f"{mib} MiB: touched to destroyed, seen from outside", "ms", end)
        for name, samples in bench_memory(mib, runs).items():
            row(table, f"  the machine's own: {name}" + ("" if name == "fork" else f" {mib} MiB"), "ms", {"cenotaph": samples})
    say("restart of a crashed service")
    restarts = bench_restart()
    row(table, f"restart of a service, median of {len(restarts)}", "ms", {"cenotaph": restarts}, 10)
    row(table, "restart of a service, 99th percentile", "ms", {"cenotaph": [restarts[len(restarts) * 99 // 100]]})
    say("leaves sealed behind a slow TPM")
    sealed = leaves.measure(3 if quick else 10)
    row(table, "20,000 leaves/s, TPM of 200 ms: sealed, p99", "ms", {"cenotaph": [sealed["sealed_ms_p99"]]}, leaves.P99_MS)
    row(table, "20,000 leaves/s, TPM of 200 ms: sealed", "1/s", {"cenotaph": [sealed["leaves_per_s"]]})
    say("lifecycles a second")
    row(table, "full lifecycles", "1/s", bench_rate(systems, 3 if quick else 10))
    say("private memory of a session beyond guest RAM")
    row(table, "private memory beyond guest RAM", "MiB", bench_private(systems), 3)
    return table


def main():
    quick, only = parse(sys.argv[1:])
    runs = 5 if quick else 15
    subprocess.run([ROOT / "tests/tools/node", "start"], check=True, cwd=ROOT, stdout=sys.stderr)
    if only is None:
        subprocess.run([ROOT / "tests/nested/build-image"], check=True, cwd=ROOT, stdout=sys.stderr)
    os.environ["XDG_CONFIG_HOME"] = str(ROOT / "run/config")  # its pins, not the user's
    os.environ["CENO_SOCKET"] = (ROOT / "run/socket").read_text().strip()
    with tempfile.TemporaryDirectory(prefix="ceno-bench.") as scratch:
        systems = Systems(scratch)
        table = bench_all(systems, runs, quick) if only is None else []
        of_programs = programs.bench(systems, 3 if quick else 5, rest, tsc_hz(), say, only or "")
    if table:
        print_table(table)
    programs.print_table(of_programs)
    (ROOT / "out").mkdir(exist_ok=True)
    machine = {"kernel": os.uname().release, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "runs": runs, "rest_ms": 200}
    (ROOT / "out/bench.json").write_text(json.dumps({"machine": machine, "rows": table, "programs": of_programs}, indent=1))
    print("out/bench.json has every sample")
    if any("error" in r for r in of_programs):
        sys.exit("bench: a program failed")


if __name__ == "__main__":
    main()
