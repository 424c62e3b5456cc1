"""Everyday programs in a session, on the host and under bwrap, for bench.py.

The same versions of the same programs with the same environment and the same
input (made here, from a seed); in a session from the RPC to the news of the exit,
with all of the launch: the inputs are copied and hashed in that time.

Each row has a target, of terms that only the host knows, all of them printed:

    1.1 x the host's time + 45 us x its system calls + 3 us x the pages it touches first

System calls: `strace -f -c` on the host. Pages: minor faults of the program and of
the processes it waited for (wait4's rusage). That is every page of 4 KiB of private
memory that was touched first or copied on a write; pages of files count less than
they are, since Linux maps up to 16 of them in one fault, so the target is, if
anything, too strict.

Below it, each row's parts: the launch alone (RPC to the news that the guest runs), the time in the VM, and the
session's own count of calls and page faults (docs/membrane.md multiplies them by what one costs).
"""
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rpc

SEED = 20260
ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("CENO_BUILD", "build")
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C"}
US_PER_CALL, US_PER_PAGE, HOST_FACTOR = 45, 3, 1.1
STATISTICS = """import csv,statistics,sys
r=list(csv.DictReader(open(sys.argv[1])))
a=[int(x['age']) for x in r]; b=[float(x['bmi']) for x in r]
print(statistics.mean(a),statistics.stdev(b),statistics.median(b))
"""
INSERTS = """create table t(a integer primary key,b text,c real);
begin;
with recursive n(i) as (select 1 union all select i+1 from n where i<100000) insert into t select i,'x'||i,i*0.5 from n;
commit;
select count(*),sum(c) from t;
"""
PIPELINE = "seq 1000 | " + "cat | " * 98 + "sha256sum"


class Row:
    """One program: `words` as they are in the guest, where inputs lie in /in."""

    def __init__(self, name, image, package, words, inputs=(), memory_mib=None, goal=""):
        self.name, self.image, self.package, self.words, self.inputs = name, image, package, words, inputs
        self.memory_bytes, self.goal = memory_mib and memory_mib << 20, goal


ROWS = (
    Row("python3 -c 'print(1)'", "python", "python3.11-minimal", ["/usr/bin/python3", "-c", "print(1)"],
        goal="250 ms, then 120"),
    Row("python: csv and statistics, 100,000 rows", "python", "python3.11-minimal",
        ["/usr/bin/python3", "/in/summary.py", "/in/rows.csv"], ("summary.py", "rows.csv")),
    Row("sqlite3: 100,000 inserts", "data", "sqlite3", ["/usr/bin/sh", "-c", "sqlite3 /tmp/bench.db < /in/inserts.sql"],
        ("inserts.sql",)),
    Row("jq over 50 MB", "data", "jq", ["/usr/bin/jq", "length", "/in/array.json"], ("array.json",), 2048),
    Row("sha256sum of 256 MiB", "data", "coreutils", ["/usr/bin/sha256sum", "/in/random.bin"], ("random.bin",), 1024),
    Row("sh: a pipeline of 100 processes", "data", "dash", ["/usr/bin/sh", "-c", PIPELINE], (), 2048),
)


def make_inputs(folder):
    """The rows' inputs, the same for the same seed."""
    draw = random.Random(SEED)
    (folder / "summary.py").write_text(STATISTICS)
    (folder / "inserts.sql").write_text(INSERTS)
    with open(folder / "rows.csv", "w", encoding="ascii") as out:
        out.write("id,age,bmi\n")
        out.writelines(f"{i},{draw.randrange(1, 100)},{draw.uniform(1, 40):.3f}\n" for i in range(100000))
    with open(folder / "array.json", "w", encoding="ascii") as out:
        size, i = out.write("[0"), 0
        while size < 50_000_000:
            size += out.write(f',\n{{"id":{i},"name":"n{draw.randrange(10**9)}","tags":["a{draw.randrange(100)}","b"],'
                              f'"score":{draw.uniform(0, 1000):.6f},"text":"{"x" * draw.randrange(160)}"}}')
            i += 1
        out.write("]\n")
    with open(folder / "random.bin", "wb") as out:
        for _ in range(256):
            out.write(draw.randbytes(1 << 20))


def ceno(*args):
    return subprocess.run([BUILD / "bin/ceno", *args], check=True, capture_output=True, text=True).stdout


def add_images(names):
    """Into the node, built from the recipes if this build has not yet."""
    there = {line.split()[0] for line in ceno("image", "ls").splitlines() if line.split()}
    for name in names:
        file = BUILD / "bench-images" / f"{name}.img"
        if name in there:
            continue
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            print(f"    image {name}, from Debian's packages", file=sys.stderr, flush=True)
            ceno("image", "build", "--from", f"deb:{ROOT}/images/recipes/{name}", "--name", name, "-o", str(file))
        ceno("image", "add", str(file))


def check_versions(rows, say):
    """A comparison of two versions of a program would compare nothing. A Debian revision more is said."""
    for image in sorted({row.image for row in rows}):
        text = ceno("run", "--quiet", "--no-proof", "--no-stdin", "--image", image, "--", "cat", "/usr/share/cenotaph/packages")
        inside = dict(line.split()[:2] for line in text.splitlines())
        for package in sorted({row.package for row in rows if row.image == image}):
            here = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], check=True, capture_output=True, text=True).stdout
            if inside[package].rpartition("-")[0] != here.rpartition("-")[0]:
                raise RuntimeError(f"{package} is {inside[package]} in the image {image}, {here} here")
            if inside[package] != here:
                say(f"{package} is {inside[package]} in the image, {here} on the host")


class Host:
    """The rows' programs outside of sessions: /in is `folder`, /tmp an empty directory in RAM."""

    def __init__(self, folder):
        self.folder = folder

    def words(self, row, tmp):
        return [word.replace("/in/", f"{self.folder}/").replace("/tmp/", f"{tmp}/") for word in row.words]

    def run(self, row, before=()):
        """Returns seconds, output, minor faults."""
        with tempfile.TemporaryDirectory(dir="/dev/shm") as tmp:
            begin = time.monotonic()
            child = subprocess.Popen([*before, *self.words(row, tmp)], env=ENV, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE)
            seen = child.stdout.read()
            _pid, status, usage = os.wait4(child.pid, 0)
            took = time.monotonic() - begin
            child.returncode = os.waitstatus_to_exitcode(status)
            child.stdout.close()
        if child.returncode:
            raise RuntimeError(f"{row.name} on the host: status {child.returncode}, output {seen[:200]!r}")
        return took * 1e3, seen, usage.ru_minflt

    def bwrap(self, row, output):
        links = [word for name in ("bin", "lib", "lib64") for word in ("--symlink", "usr/" + name, "/" + name)]
        begin = time.monotonic()
        done = subprocess.run(["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", *links,
                               "--tmpfs", "/tmp", "--dev", "/dev", "--proc", "/proc", "--ro-bind", self.folder, "/in", "--",
                               *row.words], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        took = time.monotonic() - begin
        if not same(done.stdout, output):
            raise RuntimeError(f"{row.name} in bwrap: {done.stdout[:200]!r}, not {output!r}")
        return took * 1e3

    def syscalls(self, row):
        with tempfile.NamedTemporaryFile() as counts:
            self.run(row, before=("strace", "-f", "-c", "-U", "calls,name", "-o", counts.name))
            lines = [line.split() for line in Path(counts.name).read_text().splitlines()]
        return sum(int(line[0]) for line in lines if len(line) == 2 and line[0].isdigit() and line[1] != "total")


def same(a, b):
    """Output but for the folder that sha256sum names."""
    return a.split()[:1] == b.split()[:1]


def terms(host, calls, pages, unit_us=1e3):
    parts = {"host": HOST_FACTOR * host, "calls": calls * US_PER_CALL / unit_us, "pages": pages * US_PER_PAGE / unit_us}
    return {**parts, "target": sum(parts.values()), "syscalls": calls, "first_pages": pages}


def measure(row, host, folder, runs, rest, hz):
    samples = {"cenotaph": [], "in the VM": [], "host": [], "bwrap": []}
    pages, launches = [], []
    for _ in range(runs):
        rest()
        took, output, faults = host.run(row)
        samples["host"].append(took)
        pages.append(faults)
        rest()
        samples["bwrap"].append(host.bwrap(row, output))
        rest()
        live = rpc.Session(row.words[0], row.words[1:], row.memory_bytes, row.image, [folder / name for name in row.inputs],
                           [f"{name}={value}" for name, value in ENV.items()]).finish()
        if not same(live.output, output):
            raise RuntimeError(f"{row.name} in a session: {live.output[:200]!r}, not {output!r}")
        samples["cenotaph"].append(live.ended_ms())
        samples["in the VM"].append(live.ran_ms(hz))
        launches.append((live.times["launched"] - live.times["sent"]) / 1e6)
    middle = {name: median(values) for name, values in samples.items()}
    return {"name": row.name, "unit": "ms", "goal": row.goal, "median": middle, "samples": samples,
            "parts": {"launch": min(launches), "in the VM": min(samples["in the VM"]), "host": min(samples["host"]),
                      **{name: live.program[name] for name in ("syscalls", "faults", "ram_peak_bytes")}},
            **terms(middle["host"], host.syscalls(row), median(pages))}


def median(values):
    return sorted(values)[len(values) // 2]


def one_call(systems, runs, name, word, count, calls):
    """The row of one call, no page, microseconds; timed by the program itself. calls: system calls that it is."""
    samples = {"cenotaph": [], "bwrap": [], "host": []}
    for _ in range(runs):
        for system, values in samples.items():
            words = [word, str(count if system == "cenotaph" else 200000)]
            mark = {"syscall": b"null_syscall_ns", "clock": b"clock_ns"}[word]
            if system == "host":
                out = subprocess.run([BUILD / "test-bin/bench_workload", *words], check=True, capture_output=True).stdout
            else:
                out = systems.run(system, words, word=mark)[2]
            values.append(float(out.split(mark)[1].split()[0]) / 1e3)
    middle = {name: median(values) for name, values in samples.items()}
    return {"name": name, "unit": "us", "goal": "", "median": middle, "samples": samples,
            **terms(middle["host"], calls, 0, unit_us=1)}


def bench(systems, runs, rest, hz, say, only=""):
    rows = [row for row in ROWS if only in row.name]
    add_images(sorted({row.image for row in rows}))
    check_versions(rows, say)
    out = []
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ceno-bench.") as scratch:
        folder = Path(scratch)
        make_inputs(folder)
        host = Host(folder)
        for row in rows:
            say(row.name)
            try:
                out.append(measure(row, host, folder, runs, rest, hz))
            except RuntimeError as error:
                out.append({"name": row.name, "error": str(error)})
    for name, word, count, calls in (("null system call", "syscall", 20000, 1), ("clock_gettime", "clock", 200000, 0)):
        if only in name:
            say(name)
            out.append(one_call(systems, runs, name, word, count, calls))
    return out


def print_table(rows):
    print(f"{'':44}{'cenotaph':>10}{'in the VM':>10}{'host':>9}{'bwrap':>9}{'calls':>7}{'pages':>8}"
          f"{'1.1 host':>10}{'+ calls':>9}{'+ pages':>9}{'= target':>9}{'/target':>9}")
    for r in rows:
        if "error" in r:
            print(f"{r['name']:44}FAILED: {r['error']}")
            continue
        m = r["median"]
        inside = f"{m['in the VM']:.1f}" if "in the VM" in m else "-"
        print(f"{r['name'] + ', ' + r['unit']:44}{m['cenotaph']:>10.1f}{inside:>10}{m['host']:>9.2f}{m['bwrap']:>9.2f}"
              f"{r['syscalls']:>7}{r['first_pages']:>8}{r['host']:>10.2f}{r['calls']:>9.1f}{r['pages']:>9.1f}"
              f"{r['target']:>9.1f}{m['cenotaph'] / r['target']:>9.2f}{'  goal ' + r['goal'] if r['goal'] else ''}")
    print_parts(rows)


def print_parts(rows):
    """Where a row's time goes, as docs/membrane.md has it: least times, and what the session itself has counted."""
    print(f"\n{'least of the runs, ms; counts of the session':44}{'launch':>10}{'in the VM':>10}{'host':>9}{'calls':>8}{'faults':>8}"
          f"{'RAM, MiB':>10}")
    for name, p in ((r["name"], r["parts"]) for r in rows if "parts" in r):
        print(f"{name:44}{p['launch']:>10.1f}{p['in the VM']:>10.1f}{p['host']:>9.1f}{p['syscalls']:>8}{p['faults']:>8}"
              f"{p['ram_peak_bytes'] / (1 << 20):>10.1f}")
