#!/usr/bin/env python3
"""Checks who may include whom, and what each executable links.

    check.py [--bin DIR]     check the tree (and the executables in DIR)
    check.py --self-test     plant one violation of each rule and see it found

Rules (docs/architecture.md): abi <- lib <- {firmware, guest-kernel, vmm,
attest, policy} <- api, one way, without cycles; guest code sees no libc; one
folder each for the TPM library and for KVM ioctls; each executable links what
libraries.txt lists, no more and no less.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

# First match wins: folder prefix, component, components it may include.
COMPONENTS = [
    ("guest-kernel/abi/", "abi", {"abi"}),
    ("guest-kernel/lib/", "lib", {"abi", "lib"}),
    ("guest-kernel/", "guest", {"abi", "lib", "guest"}),
    ("firmware/", "firmware", {"abi", "lib", "firmware"}),
    ("vmm/warden/", "warden", {"abi", "lib", "vmm", "warden", "proof"}),
    # launch.h and wire.h are records between processes; the vmm itself knows nothing of the warden's insides.
    ("vmm/", "vmm", {"abi", "lib", "vmm"}),
    ("attest/proof/", "proof", {"abi", "lib", "proof"}),
    ("attest/", "attest", {"abi", "lib", "proof", "attest"}),
    ("policy/", "policy", {"abi", "lib", "policy"}),
    ("images/", "images", {"abi", "lib", "images"}),
    ("api/", "api", None),
    ("tests/", "tests", None),
]
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "stdatomic.h", "stdalign.h", "stdnoreturn.h",
                "limits.h", "float.h", "iso646.h", "cpuid.h"}
GUEST = {"abi", "lib", "guest", "firmware"}
HOSTED_GUEST = ("guest-kernel/arch/fake/",)  # the nucleus under host tests
KVM_FOLDER = "vmm/kvm/"
KVM_HEADER_TOO = ("vmm/sandbox/",)  # the filter names KVM_RUN, and issues no ioctl
TPM_FOLDER = "attest/tpm/"
# Pairs that exist to be included across a border, with the reason.
EXCEPTIONS = {
    ("vmm/core/direct.c", "vmm/warden/layout.h"),  # the test driver lays out RAM as the warden does
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
KVM_IOCTL = re.compile(r"\bioctl\s*\(\s*[^;]*?\bKVM_[A-Z]", re.S)
HOSTED_BLOCK = re.compile(r"^#(?:if __STDC_HOSTED__|ifdef CENO_ARCH_FAKE)\b.*?^#(else|endif)", re.S | re.M)  # not guest code
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def component(path):
    for prefix, name, allowed in COMPONENTS:
        if path.startswith(prefix):
            return name, allowed
    return None, None


def sources(root):
    for folder, dirs, files in os.walk(root):
        dirs[:] = [d for d in dirs if not d.startswith((".", "build")) and d not in ("out", "run")]
        for f in sorted(files):
            if f.endswith((".c", ".h", ".S", ".inc")):
                yield os.path.relpath(os.path.join(folder, f), root)


def resolve(root, path, name, everything):
    for base in (os.path.dirname(path), "", "guest-kernel"):
        candidate = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    hits = [p for p in everything if p.endswith("/" + name)]
    same = [p for p in hits if component(p)[0] == component(path)[0]]
    return (same or hits or [None])[0]


def check_one_include(path, kind, name, target):
    own, allowed = component(path)
    if kind == "<":
        if own in GUEST and not path.startswith(HOSTED_GUEST) and name not in FREESTANDING:
            yield f"{path}: guest code includes <{name}>"
        if name.startswith("tss2/") and not path.startswith((TPM_FOLDER, "tests/")):
            yield f"{path}: <{name}> outside {TPM_FOLDER}"
        if name == "linux/kvm.h" and not path.startswith((KVM_FOLDER, "tests/") + KVM_HEADER_TOO):
            yield f"{path}: <{name}> outside {KVM_FOLDER}"
        return
    if target is None and name.endswith(".inc"):
        return                        # made by the build
    if target is None:
        yield f'{path}: cannot find "{name}"'
        return
    other = component(target)[0]
    if allowed is not None and other not in allowed and (path, target) not in EXCEPTIONS:
        yield f'{path}: {own} includes {other} ("{name}")'


def find_cycles(graph):
    state, stack = {}, []

    def visit(node):
        state[node] = 1
        stack.append(node)
        for nxt in graph.get(node, ()):
            if state.get(nxt) == 1:
                yield "include cycle: " + " -> ".join(stack[stack.index(nxt):] + [nxt])
            elif nxt not in state:
                yield from visit(nxt)
        stack.pop()
        state[node] = 2

    for node in sorted(graph):
        if node not in state:
            yield from visit(node)


def check_includes(root):
    everything = list(sources(root))
    graph = {}
    for path in everything:
        if component(path)[0] is None:
            yield f"{path}: in no known component"
            continue
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            text = f.read()
        code = COMMENT.sub(" ", text)
        if KVM_IOCTL.search(code) and not path.startswith((KVM_FOLDER, "tests/")):
            yield f"{path}: a KVM ioctl outside {KVM_FOLDER}"
        for kind, name in INCLUDE.findall(HOSTED_BLOCK.sub("", text)):
            target = resolve(root, path, name, everything) if kind == '"' else None
            yield from check_one_include(path, kind, name, target)
            if target:
                graph.setdefault(path, []).append(target)
    yield from find_cycles(graph)


def read_table(path):
    table = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.split("#")[0].strip()
            if line:
                program, _, libraries = line.partition(":")
                table[program.strip()] = set(libraries.split())
    return table


def needed(path):
    out = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return {re.sub(r"\.so.*", "", n) for n in re.findall(r"\(NEEDED\).*\[(.*)\]", out)}


def check_links(bindir, table):
    for program in sorted(os.listdir(bindir)):
        path = os.path.join(bindir, program)
        with open(path, "rb") as f:
            if f.read(4) != b"\x7fELF":
                continue
        if program not in table:
            yield f"{program}: not in tests/deps/libraries.txt"
            continue
        links = needed(path) - {"libc", "ld-linux-x86-64"}
        for extra in sorted(links - table[program]):
            yield f"{program}: links {extra}, which tests/deps/libraries.txt does not allow"
        for stale in sorted(table[program] - links):
            yield f"{program}: does not link {stale}, which tests/deps/libraries.txt lists"


PLANTED = [
    ("guest-kernel/abi/x.h", '#include "../lib/y.h"\n', "abi includes lib"),
    ("guest-kernel/lib/x.c", '#include <string.h>\n', "guest code includes <string.h>"),
    ("guest-kernel/nucleus/x.c", '#include <stdio.h>\n', "guest code includes <stdio.h>"),
    ("firmware/verify/x.c", '#include "guest-kernel/nucleus/n.h"\n', "firmware includes guest"),
    ("vmm/core/x.c", '#include "api/a.h"\n', "vmm includes api"),
    ("vmm/core/x.c", '#include "policy/p.h"\n', "vmm includes policy"),
    ("vmm/core/x.c", '#include "attest/proof/w.h"\n', "vmm includes proof"),
    ("vmm/warden/x.c", '#include "attest/log/l.h"\n', "warden includes attest"),
    ("attest/log/x.c", '#include "vmm/core/v.h"\n', "attest includes vmm"),
    ("policy/x.c", '#include "api/a.h"\n', "policy includes api"),
    ("api/x.c", '#include <tss2/tss2_esys.h>\n', "outside attest/tpm/"),
    ("vmm/core/x.c", '#include <linux/kvm.h>\n', "outside vmm/kvm/"),
    ("vmm/core/x.c", "int f(int d) { return ioctl(d, KVM_RUN, 0); }\n", "a KVM ioctl outside"),
    ("vmm/core/x.c", '#include "nowhere.h"\n', "cannot find"),
    ("policy/x.h", '#include "x2.h"\n', "include cycle"),
    ("stray/x.c", "int x;\n", "in no known component"),
]
CLEAN = {
    "guest-kernel/abi/a.h": "#include <stdint.h>\n",
    "guest-kernel/lib/y.h": '#include "../abi/a.h"\n#if __STDC_HOSTED__\n#include <string.h>\n#else\n#endif\n',
    "guest-kernel/nucleus/n.h": '#include "../lib/y.h"\n',
    "vmm/core/v.h": '#include "guest-kernel/abi/a.h"\n',
    "vmm/kvm/k.c": "#include <linux/kvm.h>\nint f(int d) { return ioctl(d, KVM_RUN, 0); }\n",
    "attest/proof/w.h": "", "attest/log/l.h": "", "attest/tpm/t.c": "#include <tss2/tss2_esys.h>\n",
    "vmm/warden/w.c": '#include "attest/proof/w.h"\n',
    "policy/p.h": "", "policy/x2.h": '#include "x.h"\n', "policy/x.h": "",
    "api/a.h": '#include "policy/p.h"\n#include "vmm/core/v.h"\n',
}


def plant(root, files):
    for path, text in files.items():
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as f:
            f.write(text)


def self_test():
    failures = 0
    with tempfile.TemporaryDirectory() as root:
        plant(root, CLEAN)
        for message in check_includes(root):
            print("clean tree:", message)
            failures += 1
    for path, text, expected in PLANTED:
        with tempfile.TemporaryDirectory() as root:
            plant(root, {**CLEAN, path: text})
            found = list(check_includes(root))
            if not any(expected in m for m in found):
                print(f"not found: {path}: {expected} (got {found})")
                failures += 1
    with tempfile.TemporaryDirectory() as bindir:
        shutil.copy(shutil.which("readelf"), os.path.join(bindir, "ceno-vmm"))
        if not list(check_links(bindir, {"ceno-vmm": set()})) or not list(check_links(bindir, {})):
            print("not found: a library outside the table, a program outside the table")
            failures += 1
        if not any("does not link" in m for m in check_links(bindir, {"ceno-vmm": {"libnothing"}})):
            print("not found: a library in the table that is not linked")
            failures += 1
    print(f"deps self-test: {len(PLANTED) + 4} checks, {failures} failed")
    return 1 if failures else 0


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    messages = list(check_includes(root))
    if len(sys.argv) == 3 and sys.argv[1] == "--bin":
        messages += check_links(sys.argv[2], read_table(os.path.join(here, "libraries.txt")))
    for message in messages:
        print(message)
    count = len(list(sources(root)))
    print(f"deps: {count} files, {len(messages)} violations")
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())
