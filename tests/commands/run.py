#!/usr/bin/env python3
"""The same command lines on the host and in sessions: run.py CENO TREE [--seed N] [--count N] [--only TEXT]

Standard output, standard error and exit status must be equal, byte for byte: of
every fixed line (lines), and of as many drawn from a grammar over files of
/usr/share (grammar.py; the seed is printed). Exit 0 if all are."""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import grammar

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = "/usr/bin:/bin"
SECONDS = 120


def host(folder, image, command):
    """In a root like an image's: the host's own /usr, nothing else but /in and an empty /tmp."""
    shell = ["busybox", "sh"] if image == "base" else ["sh"]
    binds = [a for name in ("passwd", "group", "ssl", "alternatives") for a in ("--ro-bind", "/etc/" + name, "/etc/" + name)]
    links = [a for name in ("bin", "lib", "lib64") for a in ("--symlink", "usr/" + name, "/" + name)]
    return run(["bwrap", "--unshare-all", "--clearenv", "--setenv", "PATH", PATH, "--setenv", "HOME", "/root", "--tmpfs", "/",
                "--ro-bind", "/usr", "/usr", *links, *binds, "--dir", "/tmp",
                "--dev", "/dev", "--proc", "/proc", "--dir", "/root", "--ro-bind", folder, "/in", "--chdir", "/tmp",
                *shell, "-c", command])


def session(ceno, folder, image, command):
    inputs = [a for name in sorted(os.listdir(folder)) for a in ("--input", os.path.join(folder, name))]
    return run([ceno, "run", "--quiet", "--memory", "512M", "--image", image, *inputs, "--workdir", "/tmp", "--env", "HOME=/root",
                "--env", "PATH=" + PATH, "--", "sh", "-c", command])


def run(argv):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return "no end within %d s" % SECONDS, b"", b""


def first_difference(a, b):
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return i
    return min(len(a), len(b))


def explain(want, got):
    for name, a, b in zip(("standard output", "standard error"), want[1:], got[1:]):
        if a != b:
            at = first_difference(a, b)
            print("    %s differs at byte %d of %d and %d:\n      host    %r\n      session %r" % (
                name, at, len(a), len(b), a[max(0, at - 40):at + 60], b[max(0, at - 40):at + 60]))
    if want[0] != got[0]:
        print("    status: host %s, session %s" % (want[0], got[0]))


class Comparison:
    def __init__(self, ceno):
        self.ceno, self.equal, self.different = ceno, 0, 0

    def compare(self, folder, image, command):
        begin = time.monotonic()
        want, got = host(folder, image, command), session(self.ceno, folder, image, command)
        if want == got:
            self.equal += 1
            print("  equal   %5.1f s  %s: %s" % (time.monotonic() - begin, image, command[:100]))
        else:
            self.different += 1
            print("  DIFFERS %5.1f s  %s: %s" % (time.monotonic() - begin, image, command))
            explain(want, got)
        sys.stdout.flush()


def fixed_lines():
    with open(os.path.join(HERE, "lines"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                yield line.rstrip("\n").split(" ", 1)


def programs(ceno, folder):
    """C programs in every executable format, as tests/guest builds them. No image has musl's loader: the dynamic
    one of musl looks for it in /tmp."""
    built = os.path.join(os.path.dirname(ceno), "..", "test-bin")
    for name in ("static", "static-pie", "dynamic", "musl-static"):
        shutil.copy(os.path.join(built, "guest_formats_" + name), os.path.join(folder, "c-" + name))
    shutil.copy(os.path.join(built, "guest_program_threads"), os.path.join(folder, "c-threads"))
    shutil.copy(os.path.join(built, "commands_musl"), os.path.join(folder, "c-musl"))
    shutil.copy("/lib/ld-musl-x86_64.so.1", os.path.join(folder, "ld-musl"))


def shared_files(chance):
    """Text of /usr/share, as the machine has it."""
    found = []
    for top in ("/usr/share/common-licenses", "/usr/share/doc", "/usr/share/perl", "/usr/share/misc"):
        for folder, _, names in sorted(os.walk(top)):
            found += [os.path.join(folder, n) for n in sorted(names)]
    chance.shuffle(found)
    return [p for p in found if os.path.isfile(p) and not os.path.islink(p) and 0 < os.path.getsize(p) < 200000]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("ceno")
    options.add_argument("tree")
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--count", type=int, default=20, help="lines drawn from the grammar")
    options.add_argument("--only", default="", help="fixed lines that contain this text")
    args = options.parse_args()
    comparison, chance = Comparison(args.ceno), random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as built:
        subprocess.run([os.path.join(HERE, "inputs.py"), args.tree, folder], check=True)
        programs(args.ceno, built)
        for image, command in fixed_lines():
            if args.only in command:
                comparison.compare(built if "/in/c-" in command else folder, image, command)
    print("drawn with --seed %d:" % args.seed)
    files = shared_files(chance)
    for i, command in enumerate(grammar.pipelines(args.seed, args.count)):
        with tempfile.TemporaryDirectory() as folder:
            for name, path in (("1", files[2 * i]), ("2", files[2 * i + 1])):
                with open(path, "rb") as source, open(os.path.join(folder, name), "wb") as copy:
                    copy.write(source.read())
            comparison.compare(folder, "data", command)
    print("commands: %d equal, %d different" % (comparison.equal, comparison.different))
    return 0 if comparison.equal and not comparison.different else 1


if __name__ == "__main__":
    sys.exit(main())
