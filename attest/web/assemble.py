#!/usr/bin/env python3
"""Makes the offline page: one HTML file with everything inline, and a policy that
lets nothing else in. assemble.py SOURCE-TREE OUT"""
import base64
import hashlib
import json
import re
import sys


def sha256(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def codes(header):
    """The closed list of reason codes, from attest/verify/verify.h."""
    lines = re.findall(r'^\tX\(([A-Z0-9_]+), (\d+), (\d+), (\d), "(.*)"\)', header, re.M)
    return {number: {"name": name, "stage": int(stage), "text": text} for name, number, stage, _, text in lines}


def main():
    root, out = sys.argv[1:]

    def read(name):
        with open("%s/attest/%s" % (root, name), encoding="utf-8") as file:
            return file.read()

    schema = json.dumps(json.loads(read("proof/cdp.schema.json"))["$defs"], separators=(",", ":"))
    listed = json.dumps(codes(read("verify/verify.h")), separators=(",", ":"))
    script = "\n".join(read("web/" + name) for name in ("form.js", "crypto.js", "asked.js", "measured.js", "ladder.js"))
    script += "\nconst SCHEMA = %s;\nconst CODES = %s;\n" % (schema, listed) + read("web/page.js")
    style = read("web/page.css")
    policy = "default-src 'none'; script-src %s; style-src %s; base-uri 'none'; form-action 'none'" % (sha256(script), sha256(style))
    page = read("web/page.html").replace("@CSP@", policy).replace("@STYLE@", style).replace("@SCRIPT@", script)
    if len(page.encode()) > 120 * 1024:
        sys.exit("the page has %d bytes, more than 120 KiB" % len(page.encode()))
    with open(out, "w", encoding="utf-8") as file:
        file.write(page)


main()
