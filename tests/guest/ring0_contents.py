#!/usr/bin/env python3
"""What is linked into ring 0: its size, where it comes from, and that it holds no text.

usage: ring0_contents.py ELF SOURCES

Ring 0 has no parser, no cryptography and nothing to say but a stop code. So its code and
constants are below LIMIT bytes; every source that its symbols or its debug information
name lies in SOURCES/nucleus or SOURCES/arch; nothing is undefined; and six letters in a
row stand nowhere. In code, push and pop are letters to whoever looks at bytes: those
instructions are left out, and so is the magic number of the handoff record, by name.
First shows that it finds what it must.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 64 * 1024
SECTIONS = (".text", ".rodata", ".data", ".data.rel.ro")
MAGIC = b"CNOTHOF"  # CENO_HANDOFF_MAGIC, abi/boot.h
LETTERS = re.compile(rb"[A-Za-z]{6,}")
FLAT = ("push", "pop")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sections(elf):
    found = {}
    with open(elf, "rb") as f:
        data = f.read()
    for line in run("readelf", "-SW", elf).splitlines():
        m = re.match(r"\s*\[\s*\d+\] (\S+)\s+PROGBITS\s+([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) \S+\s+(\w*A\w*) ", line)
        if m:
            at, offset, size = (int(m[i], 16) for i in (2, 3, 4))
            found[m[1]] = (at, bytearray(data[offset:offset + size]))
    return found


def without_pushes(elf, at, code):
    for line in run("objdump", "-d", "-j", ".text", elf).splitlines():
        m = re.match(r"\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t(\w+)", line)
        if m and m[3] in FLAT:
            start = int(m[1], 16) - at
            code[start:start + len(m[2].split())] = bytes(len(m[2].split()))
    return code


def strings(elf):
    for name, (at, data) in sections(elf).items():
        if name not in SECTIONS:
            yield f"{name}: a section of its own"
        elif name == ".text":
            data = without_pushes(elf, at, data)
        for text in LETTERS.findall(bytes(data)):
            if text != MAGIC:
                yield f"{name}: {text.decode()}"


def sources(elf, root):
    allowed = [p for folder in ("nucleus", "arch/x86_64") for p in (root / folder).iterdir()]
    names = {p.name for p in allowed} | {p.name + ".o" for p in allowed}
    for line in run("readelf", "-sW", elf).splitlines():
        words = line.split()
        if len(words) > 7 and words[3] == "FILE" and words[7] not in names:
            yield f"from {words[7]}"
        if len(words) > 7 and words[6] == "UND":
            yield f"undefined: {words[7]}"
    for line in run("readelf", "-wi", "--dwarf-depth=1", elf).splitlines():
        m = re.search(r"DW_AT_name\s*:.*?(\S+)$", line)
        if m and Path(m[1]).resolve() not in {p.resolve() for p in allowed}:
            yield f"compiled from {m[1]}"


def problems(elf, root):
    size = sum(len(data) for _, data in sections(elf).values())
    return size, [*strings(elf), *sources(elf, root)] + ([f"{size} bytes"] if size >= LIMIT else [])


def self_test(root):
    with tempfile.TemporaryDirectory() as folder:
        for text, what in (('.section .rodata; .ascii "secret"', "a string"), ('mov $0x746572636573, %rax', "letters in code"),
                           ('.section .rodata; .fill 65536', "too large"), ('call elsewhere', "an undefined symbol"),
                           ('nop', None)):
            source = Path(folder) / "entry.S"
            source.write_text(f".text; nop; push %rax; push %rdi; push %rsi; push %rdx; push %r12; push %r13; {text}\n")
            subprocess.run(["gcc", "-c", "-o", f"{folder}/t.o", source], check=True)
            if bool(problems(f"{folder}/t.o", root)[1]) != bool(what):
                sys.exit(f"self-test: {what or 'pushes alone'}: {problems(f'{folder}/t.o', root)[1]}")
        other = Path(folder) / "parser.c"
        other.write_text("int f(void);\nint f(void) { return 1; }\n")
        subprocess.run(["gcc", "-c", "-o", f"{folder}/t.o", other], check=True)
        if "from parser.c" not in problems(f"{folder}/t.o", root)[1]:
            sys.exit("self-test: a source from elsewhere was let through")


def main():
    elf, root = sys.argv[1], Path(sys.argv[2])
    self_test(root)
    size, bad = problems(elf, root)
    print(*bad, sep="\n", end="\n" if bad else "")
    print(f"ring 0: {size} bytes of code and constants, limit {LIMIT}")
    sys.exit(1 if bad else 0)


main()
