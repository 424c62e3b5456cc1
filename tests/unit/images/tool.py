#!/usr/bin/env python3
"""The ceno-bundle tool as a user meets it.

usage: tool.py CENO-BUNDLE SOURCE-FOLDER BUILD-FOLDER

Links small modules with the shipping linker scripts, good and bad, and builds
bundles of them: same input, same bytes; what may not be in a module fails at
the link or at the tool, with a sentence and a status, and leaves no file.
"""
import base64
import struct
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
TABLE = """# module pledges budget spectrum flags restarts pool state grants
nucleus - 0 photon - 0 0 0 -
init stdio,rw 0 photon - 0 0 0 -
prov stdio 5000 gravity lazy 3 64 8192 self,clock,window-stdio,supervisor
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
            ("large", "entry.ld", START + '.section .ahead,"ax"\n.fill 1000, 1, 0x90\n', "larger than one page"),
            ("vdso", "entry.ld", START + '.section .text.vdso,"ax"\n.fill 5000, 1, 0x90\n', "backwards"),
            ("bss", "entry.ld", START + '.bss\nb: .skip 8\n.section .text.entry,"ax"\nmov b(%rip),%rax\n', "no writable memory"),
            ("orphan", "service.ld", START + '.section .mine,"aw"\nm: .quad 1\n.section .text.entry\nlea m(%rip),%rax\n', "orphan")):
        _, complaint = link(name, script, text)
        check(f"link refuses: {name}", sentence in complaint, complaint)


def contents(path, shown):
    """The content id of each module, computed here from the file alone (docs/content-id.md)."""
    data = path.read_bytes()
    tables = [(32, 32, 24), (32 + 24 * 32, 128, 8)]
    segments, modules = ([data[at + n * size:at + (n + 1) * size] for n in range(count)] for at, size, count in tables)
    for module in modules[:3]:
        number = struct.unpack_from("<I", module, 24)[0]
        content = b""
        for segment in segments:
            owner, kind, offset, size, gva = struct.unpack("<IIQQQ", segment)
            if owner == number and kind in (1, 2):
                content += struct.pack("<IIQQQ", kind, 0, gva, size, 0) + data[offset:offset + size]
        digest = subprocess.run(["b3sum", "--raw"], input=content, capture_output=True, check=True).stdout
        text = "vcid-" + base64.b32encode(b"\1\1\2" + digest).decode().lower()
        check(f"content id of module {number}", module[48:80] == digest and f"  content id {text}\n" in shown, shown)


def bundles():
    nucleus, problem = link("nucleus", "nucleus.ld", VECTORS + START)
    init, worse = link("init", "service.ld", START)
    check("links", not problem and not worse, problem + worse)
    table, other = folder / "table", folder / "other"
    table.write_text(TABLE)
    signed = ["--secret", key, "--table", table]
    out, again = folder / "b.bin", folder / "again.bin"
    modules = [f"nucleus={nucleus}", f"init={init}"]
    expect("build", 0, "", "build", *signed, "--out", out, *modules, f"prov={init}")
    expect("build again", 0, "", "build", *signed, "--out", again, *modules, f"prov={init}")
    check("same input, same bytes", out.read_bytes() == again.read_bytes())
    shown = run("show", out).stdout
    for line in ("init: entry 0x10000000\n", "  pledges    stdio,rw\n", "  flags      lazy\n", "  pool       64 pages\n",
                 "  grants     self,clock,window-stdio,supervisor\n", "  budget     5000 J, spectrum gravity\n",
                 "  restarts   at most 3, state 8192 bytes\n"):
        check(f"show: {line.strip()}", line in shown, shown)
    contents(out, shown)
    sizes = run("show", "--sizes", out).stdout
    check("sizes add up", sum(int(l.split("\t")[0]) for l in sizes.splitlines()[:-1]) == int(run("show", "--total", out).stdout), sizes)
    check("sizes", "4096\tbundle header\n4096\tnucleus\n8192\tinit\n8192\tprov\n" in sizes, sizes)
    none = folder / "none.bin"
    for name, sentence, arguments in (
            ("no nucleus", "first module must be the nucleus", [modules[1]]),
            ("nucleus last", "first module must be the nucleus", modules[::-1]),
            ("a module twice", "the same", [*modules, modules[1]]),
            ("a service as nucleus", "no symbol ceno_vectors", [f"nucleus={init}"]),
            ("a host program", "dynamically linked", [f"nucleus={tool}"]),
            ("not an ELF file", "not an ELF file", [f"nucleus={key}"]),
            ("not in the table", "not in the table", [*modules, f"vault={init}"])):
        expect(f"build refuses: {name}", 1, sentence, "build", *signed, "--out", none, *arguments)
    for name, sentence, text in (
            ("pledge", "line 3: not a list of pledge", TABLE.replace("stdio,rw", "stdio,root")),
            ("column", "line 2: not nine columns", TABLE.replace("nucleus -", "nucleus")),
            ("RAM twice", "what it may not have", TABLE.replace("clock", "ram") + "membrane all 1 void - 0 9 0 ram\n"),
            ("a window without its pledge", "what it may not have", TABLE.replace("prov stdio", "prov rw"))):
        other.write_text(text)
        expect(f"build refuses a table: {name}", 1, sentence, "build", "--secret", key, "--table", other, "--out", none,
               *modules, f"prov={init}", *([f"membrane={init}"] if "membrane" in text else []))
    expect("unknown module", 2, "known module", "build", *signed, "--out", none, f"kernel={nucleus}")
    expect("missing file", 2, "cannot read", "build", *signed, "--out", none, "nucleus=/nonexistent")
    expect("missing table", 2, "cannot read", "build", "--secret", key, "--table", "/nonexistent", "--out", none, *modules)
    expect("no table", 2, "--table", "build", "--secret", key, "--out", none, *modules)
    expect("unwritable output", 2, "cannot write", "build", *signed, "--out", folder / "no" / "b.bin", *modules)
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
    expect("a public key cannot sign", 1, "no secret key", "build", "--secret", public, "--table", folder / "table", "--out", folder / "x.bin",
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
