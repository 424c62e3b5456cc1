#!/usr/bin/env python3
"""Refuses ring-0 text that holds an instruction an emulated ring 0 cannot run.

usage: ring0_instructions.py [--self-test] FILE:SECTION...

Disassembles each section and compares every instruction with an allowlist
(docs: the guest's ring 0): integer ALU, rep movsq and rep stosq, the named
system instructions. Everything else is refused, so an instruction that nobody
thought of fails too: SSE and VEX, BMI, popcnt, cmpxchg16b, other string
instructions, stac and clac, xsave, vmcall. Also refuses calls that a compiler
makes into libgcc. --self-test first shows that it fails where it must.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CONDITIONS = "o no b c nae ae nb nc e z ne nz be na a nbe s ns p pe np po l nge ge nl le ng g nle".split()
SUFFIXED = ("mov lea push pop call ret jmp test cmp add sub adc sbb and or xor not neg inc dec shl sal shr sar "
            "rol ror rcl rcr shld shrd mul imul div idiv bsf bsr bt bts btr btc bswap xchg cmpxchg xadd leave nop").split()
PLAIN = ("movabs cbtw cwtl cltq cwtd cltd cqto cmpxchg8b endbr64 int3 ud2 pause lfence mfence sfence rdtsc rdrand "
         "rdseed cpuid iretq rdfsbase wrfsbase rdgsbase wrgsbase swapgs lidt lgdt ltr invlpg in out rdmsr wrmsr "
         "sti cli hlt cld xchg").split()
ALLOWED = set(PLAIN)
ALLOWED |= {name + suffix for name in SUFFIXED for suffix in ("", "b", "w", "l", "q")}
ALLOWED |= {"mov" + sign + pair for sign in "sz" for pair in ("bw", "bl", "bq", "wl", "wq", "lq")}
ALLOWED |= {"j" + c for c in CONDITIONS} | {"set" + c for c in CONDITIONS}
ALLOWED |= {"cmov" + c + suffix for c in CONDITIONS for suffix in ("", "w", "l", "q")}
STRINGS = ("rep movsq %ds:(%rsi),%es:(%rdi)", "rep stos %rax,%es:(%rdi)")
PREFIXES = {"lock", "cs", "ds", "data16", "notrack", "rex.W", "bnd"}
REGISTERS = re.compile(r"%(?:[xyzt]?mm\d|k\d|st\b|bnd\d)")
LIBGCC = re.compile(r"^__\w*(?:[sdt]i|[sdtx]f)\d?$|^__(?:popcount|clz|ctz|bswap|parity)\w*$")

# One source line each that must be refused.
SELF_TEST = """popcnt %rax,%rbx; tzcnt %rax,%rbx; lzcnt %rax,%rbx; andn %rax,%rbx,%rcx; rorx $3,%rax,%rbx; movbe (%rax),%rbx
crc32b %al,%ebx; cmpxchg16b (%rdi); movaps %xmm0,%xmm1; vpxor %ymm0,%ymm1,%ymm2; movd %eax,%mm0; fld1; movnti %rax,(%rdi)
rep movsb; rep stosb; movsq; stosq; lodsb; repe cmpsb; repne scasb; rep movsl; stac; clac; rdtscp; rdpid %rax; xgetbv; xsetbv
xsave (%rdi); fxsave (%rdi); xrstor (%rdi); invpcid (%rdi),%rax; verw %ax; monitor; mwait; vmcall; vmmcall; int $0x80
syscall; sysretq; wbinvd; insb; outsb; enter $8,$0; adcx %rax,%rbx; sarx %rax,%rbx,%rcx; kmovq %k1,%rax; rdpmc; lss (%rdi),%eax"""
SELF_TEST_GOOD = """popq %rax; lock cmpxchg %rax,(%rdi); lock xadd %eax,(%rdi); lock btsq $3,(%rdi); rep movsq; rep stosq; mov %rax,%cr3
mov %cr2,%rax; mov %rax,%dr7; lidt (%rdi); ltr %ax; invlpg (%rdi); out %eax,%dx; rdmsr; wrmsr; sti; hlt; iretq; endbr64; pause
movslq %eax,%rbx; movzbl %al,%ebx; cmovae %rax,%rbx; setne %al; bsf %rax,%rbx; bswap %rax; mulq %rbx; shrd $3,%rax,%rbx; nopw 8(%rax)"""


def refused(instruction):
    """Why the instruction may not be there, or None."""
    if any(instruction.startswith(s) for s in STRINGS):
        return None
    words = instruction.split()
    while words and words[0] in PREFIXES:
        words.pop(0)
    if not words:
        return "a prefix without an instruction"
    name, operands = words[0], " ".join(words[1:])
    if "%es:(%rdi)" in operands or "%ds:(%rsi)" in operands:
        return "a string instruction other than rep movsq and rep stosq"
    if REGISTERS.search(operands):
        return "a vector or floating-point register"
    if name not in ALLOWED:
        return "not in the allowlist"
    return None


def disassemble(path, section):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", section, path], check=True,
                          capture_output=True, text=True).stdout
    function = "?"
    for line in text.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.+)>:$", line)
        if head:
            function = head[1]
            continue
        body = re.match(r"^\s*([0-9a-f]+):\s+(.*?)\s*(?:#.*)?$", line)
        if body:
            yield function, body[1], re.sub(r"\s*<[^>]*>", "", body[2])


def check(path, section):
    """Problems in one section, and how many instructions it has."""
    problems, count = [], 0
    for function, address, instruction in disassemble(path, section):
        count += 1
        why = refused(instruction)
        if why:
            problems.append(f"{path} {function} {address}: {instruction}: {why}")
    symbols = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    for line in symbols.splitlines():
        name = line.split()[-1]
        if LIBGCC.match(name):
            problems.append(f"{path}: {name}: a libgcc function")
    return problems, count


def assemble(folder, source):
    (folder / "t.s").write_text(source + "\n")
    subprocess.run(["as", "-o", str(folder / "t.o"), str(folder / "t.s")], check=True)
    return check(str(folder / "t.o"), ".text")


def split(lines):
    return [s.strip() for s in re.split(r"[;\n]", lines) if s.strip()]


def self_test():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in split(SELF_TEST):
            problems, _ = assemble(folder, line)
            if not problems:
                sys.exit(f"self-test: {line} was let through")
        problems, count = assemble(folder, "\n".join(split(SELF_TEST_GOOD)))
        if problems or count < len(split(SELF_TEST_GOOD)):
            sys.exit("self-test: refused: " + "; ".join(problems))
        if not assemble(folder, "call __popcountdi2\n.globl __popcountdi2\n__popcountdi2: ret")[0]:
            sys.exit("self-test: a libgcc function was let through")
    print(f"self-test: {len(split(SELF_TEST))} forbidden instructions refused, {len(split(SELF_TEST_GOOD))} allowed ones passed")


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--self-test"]:
        self_test()
        arguments = arguments[1:]
    failed = False
    for argument in arguments:
        path, _, section = argument.rpartition(":")
        problems, count = check(path, section)
        if count == 0:
            problems.append(f"{path}: no instruction in {section}")
        print(*problems, sep="\n", end="\n" if problems else "")
        print(f"{path} {section}: {count} instructions, {len(problems)} refused")
        failed = failed or bool(problems)
    sys.exit(1 if failed else 0)


main()
