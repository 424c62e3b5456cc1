#!/usr/bin/env python3
"""Runs what a document shows: console.py DOCUMENT EXAMPLE BIN [--write]

Each block of the document that is marked `console` holds commands behind "$ "
(continued behind "> ") and what they print. All run in one shell in a copy of the
folder EXAMPLE, with BIN first in PATH; what they print must be what is shown.
--write puts it into the document instead.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOLS = ("jq", "xxd", "openssl", "sha256sum", "tpm2_checkquote")
MARK = "@@done %s@@" % os.getpid()


def blocks(text):
    return list(re.finditer(r"^```console\n(.*?)^```$", text, re.M | re.S))


def commands(body):
    """[(command as shown, output as shown)]"""
    out = []
    for line in body.splitlines(keepends=True):
        if line.startswith("$ "):
            out.append([line, ""])
        elif line.startswith("> ") and out and not out[-1][1]:
            out[-1][0] += line
        elif out:
            out[-1][1] += line
        else:
            raise ValueError("output before any command: %r" % line)
    return out


class Shell:
    def __init__(self, folder, path):
        environment = {"PATH": path + ":" + os.environ["PATH"], "HOME": folder, "LC_ALL": "C", "TPM2TOOLS_TCTI": "none"}
        self.process = subprocess.Popen(["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)

    def run(self, shown):
        text = "\n".join(line[2:] for line in shown.splitlines())
        self.process.stdin.write(("%s\nprintf '%%s\\n' '%s'\n" % (text, MARK)).encode())
        self.process.stdin.flush()
        out = b""
        while not out.endswith((MARK + "\n").encode()):
            byte = self.process.stdout.read1(4096)
            if not byte:
                raise EOFError("the shell ended at: %s" % shown)
            out += byte
        return out.decode()[:-len(MARK) - 1]


def main():
    document, example, path = sys.argv[1:4]
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print("not here: %s" % ", ".join(missing))
        return 77
    with open(document, encoding="utf-8") as file:
        text = file.read()
    folder = tempfile.mkdtemp()
    wrong, count, pieces, at = 0, 0, [], 0
    try:
        work = shutil.copytree(example, os.path.join(folder, "example"))
        shell = Shell(work, os.path.abspath(path))
        for block in blocks(text):
            body = ""
            for shown, expected in commands(block.group(1)):
                got = shell.run(shown)
                count += 1
                if got and not got.endswith("\n"):
                    got += "\n"
                body += shown + got
                if got != expected:
                    wrong += 1
                    if "--write" not in sys.argv:
                        print("%sprints:\n%sthe document shows:\n%s" % (shown, got, expected))
            pieces += [text[at:block.start(1)], body]
            at = block.end(1)
    finally:
        shutil.rmtree(folder)
    if "--write" in sys.argv:
        with open(document, "w", encoding="utf-8") as file:
            file.write("".join(pieces) + text[at:])
        return 0
    print("%d commands, %d print something else" % (count, wrong))
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
