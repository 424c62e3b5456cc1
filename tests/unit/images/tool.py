#!/usr/bin/env python3
"""The ceno-bundle tool as a user meets it.

usage: tool.py CENO-BUNDLE SOURCE-FOLDER BUILD-FOLDER

Links small modules with the shipping linker scripts, good and bad, and builds
bundles of them: same input, same bytes; what may not be in a module fails at
the link or at the tool, with a sentence and a status, and leaves no file.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

tool, source, build = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
scratch = tempfile.TemporaryDirectory(prefix="ceno-bundle-")
folder = Path(scratch.name)
failures = 0
key = str(source / "images/keys/development.seed")

VECTORS = """.section .text.vectors,"ax"
.globl ceno_vectors
.balign 32
ceno_vectors: .rept 34\n.balign 32\nint3\n.endr\n.balign 32
"""
START = '.section .text.entry,"ax"\n.globl ceno_start\nceno_start: lea value(%rip),%rax\nud2\n.section .rodata\nvalue: .quad 7\n'


def check(name, good, seen=""):
    global failures
    print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f": {seen}"))
    failures += not good


def run(*arguments):
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True)


def expect(name, status, sentence, *arguments):
    done = run(*arguments)
    check(name, done.returncode == status and sentence in done.stdout + done.stderr and "\n" not in done.stderr.rstrip("\n"),
          f"status {done.returncode}, {done.stderr.strip()!r}")


def link(name, script, text, *options):
    """Links one assembly text; returns the ELF path and the linker's complaint, if any."""
    (folder / f"{name}.s").write_text(text)
    kind = ["-pie", "--no-dynamic-linker", "-z", "text"] if script == "nucleus.ld" else ["-static"]
    subprocess.run(["as", "-o", folder / f"{name}.o", folder / f"{name}.s"], check=True)
    done = subprocess.run(["ld", "-nostdlib", *kind, "-T", build / "guest" / script, "--gc-sections", "--orphan-handling=error",
                           "-z", "noexecstack", "-z", "norelro", "-z", "max-page-size=4096", *options,
                           "-o", folder / f"{name}.elf", folder / f"{name}.o"], capture_output=True, text=True)
    return folder / f"{name}.elf", done.stderr.strip() if done.returncode else ""


def links():
    for name, script, text, sentence in (
            ("data", "service.ld", START + ".data\n.globl d\nd: .quad 1\n.text\nx: mov d(%rip),%rax\n.globl keep\n.section .text.entry\njmp x\n", ".data"),
            ("pointer", "nucleus.ld", VECTORS + START + '.section .data.rel.ro,"aw"\np: .quad ceno_start\n.section .text.entry,"ax"\nlea p(%rip),%rax\n', "relocation"),
            ("late", "service.ld", '.section .text.entry,"ax"\nnop\n' + START, "ceno_start must be the first"),
            ("handler", "service.ld", START + '.section .text.entry,"ax"\n.globl ceno_handler_syscall\nceno_handler_syscall: nop\n', "+0x40"),
            ("large", "entry.ld", START + '.section .text.entry,"ax"\n.fill 5000, 1, 0x90\n', "larger than one page"),
            ("bss", "entry.ld", START + '.bss\nb: .skip 8\n.section .text.entry,"ax"\nmov b(%rip),%rax\n', "no writable memory"),
            ("orphan", "service.ld", START + '.section .mine,"aw"\nm: .quad 1\n.section .text.entry\nlea m(%rip),%rax\n', "orphan")):
        _, complaint = link(name, script, text)
        check(f"link refuses: {name}", sentence in complaint, complaint)


def bundles():
    nucleus, problem = link("nucleus", "nucleus.ld", VECTORS + START)
    init, other = link("init", "service.ld", START)
    check("links", not problem and not other, problem + other)
    out, again = folder / "b.bin", folder / "again.bin"
    modules = [f"nucleus={nucleus}", f"init={init}:stdio,rw"]
    expect("build", 0, "", "build", "--secret", key, "--out", out, *modules)
    expect("build again", 0, "", "build", "--secret", key, "--out", again, *modules)
    check("same input, same bytes", out.read_bytes() == again.read_bytes())
    shown = run("show", out).stdout
    check("show", re.search(r"init: entry 0x10000000, at most pledges 0x03", shown) is not None, shown)
    sizes = run("show", "--sizes", out).stdout
    check("sizes add up", sum(int(l.split("\t")[0]) for l in sizes.splitlines()[:-1]) == int(run("show", "--total", out).stdout), sizes)
    check("sizes", "4096\tbundle header\n8192\tnucleus\n8192\tinit\n" in sizes, sizes)
    none = folder / "none.bin"
    for name, sentence, arguments in (
            ("no nucleus", "first module must be the nucleus", [modules[1]]),
            ("nucleus last", "first module must be the nucleus", modules[::-1]),
            ("a module twice", "the same", [*modules, modules[1]]),
            ("a service as nucleus", "no symbol ceno_vectors", [f"nucleus={init}"]),
            ("a host program", "dynamically linked", [f"nucleus={tool}"]),
            ("not an ELF file", "not an ELF file", [f"nucleus={key}"]),
            ("unknown pledge", "not a list of pledge classes", [modules[0] + ":stdio,root"])):
        expect(f"build refuses: {name}", 1, sentence, "build", "--secret", key, "--out", none, *arguments)
    expect("unknown module", 2, "known module", "build", "--secret", key, "--out", none, f"kernel={nucleus}")
    expect("missing file", 2, "cannot read", "build", "--secret", key, "--out", none, "nucleus=/nonexistent")
    expect("unwritable output", 2, "cannot write", "build", "--secret", key, "--out", folder / "no" / "b.bin", *modules)
    check("nothing half-written", not none.exists() and not list(folder.glob("*.bin.*")))
    cut = folder / "cut.bin"
    cut.write_bytes(out.read_bytes()[:-4096])
    expect("show refuses a truncated bundle", 1, "truncated", "show", cut)
    cut.write_bytes(b"x" * 8192)
    expect("show refuses anything else", 1, "not a firmware image", "show", cut)


def keys():
    secret, public, trust = folder / "k.secret", folder / "k.pub", folder / "trust.bin"
    expect("key", 0, "", "key", "--out", secret, "--pub", public, "--name", "Example")
    check("the secret is its owner's", secret.stat().st_mode & 0o777 == 0o600)
    expect("trust from the public key", 0, "", "trust", "--pub", public, "--out", trust)
    one = trust.read_bytes()
    expect("trust from the secret key", 0, "", "trust", "--secret", secret, "--out", trust)
    check("the same trust page", one == trust.read_bytes() and len(one) == 4096)
    check("show trust", "trust page: Example\n" in run("show", trust).stdout)
    expect("development trust", 0, "", "trust", "--secret", key, "--out", trust)
    check("it says what it is", "development key (public) [test key]" in run("show", trust).stdout)
    expect("a public key cannot sign", 1, "no secret key", "build", "--secret", public, "--out", folder / "x.bin",
           f"nucleus={folder / 'nucleus.elf'}")
    (folder / "junk").write_text("ceno-key-v1 public\n")
    expect("not a key", 1, "not a key file", "trust", "--pub", folder / "junk", "--out", trust)
    expect("no name", 2, "needs", "key", "--out", secret, "--pub", public)
    expect("no subcommand", 2, "no subcommand")
    expect("unknown subcommand", 2, "unknown subcommand", "frob")
    expect("help", 0, "usage:", "--help")


links()
bundles()
keys()
sys.exit(1 if failures else 0)
