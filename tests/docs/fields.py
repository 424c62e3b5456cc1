#!/usr/bin/env python3
"""fields.py FORMAT DOCUMENT: every field that DOCUMENT names, in backticks, is one of docs/proof-format.md."""
import re
import sys


def main():
    texts = [open(path, encoding="utf-8").read() for path in sys.argv[1:]]
    known = set(re.findall(r"^\| `([^`]+)` \|", texts[0], re.M))
    known |= {path.rsplit("[", 1)[0] for path in known if path.endswith("]")}
    # An object, or an array of objects, is named by its path too.
    for path in list(known):
        parts = re.split(r"\.|\[\]", path)
        known.update(".".join(parts[:n]) for n in range(1, len(parts)))
        known.update(path[:m.start()] for m in re.finditer(r"\[\d*\]", path))
    named = re.findall(r"`((?:predicate|seal|dsse)\.[^`]*)`", texts[1])
    unknown = [n for n in named if n not in known]
    print("%d fields named, unknown: %s" % (len(named), ", ".join(unknown) or "none"))
    return 1 if unknown or not named else 0


sys.exit(main())
