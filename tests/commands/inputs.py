#!/usr/bin/env python3
"""The files that the command lines read: inputs.py TREE DIR. The same bytes each time."""
import gzip
import hashlib
import json
import os
import shutil
import sys


def numbers(seed):
    """An endless stream of numbers below 2^32, the same on every machine."""
    i = 0
    while True:
        block = hashlib.sha256(b"%s %d" % (seed.encode(), i)).digest()
        for at in range(0, 32, 4):
            yield int.from_bytes(block[at:at + 4], "big")
        i += 1


SYLLABLES = ["pa", "ti", "ent", "re", "cor", "da", "ta", "pine", "oak", "li", "mu", "zo", "kel", "su", "an", "er"]


def words(count, seed):
    n = numbers(seed)
    return ["".join(SYLLABLES[next(n) % 16] for _ in range(1 + next(n) % 5)) for _ in range(count)]


def people(count):
    n = numbers("people")
    return [{"id": i, "name": w, "age": next(n) % 100, "city": ["Bern", "Lagos", "Quito", "Oslo"][next(n) % 4],
             "tags": [SYLLABLES[next(n) % 16] for _ in range(next(n) % 4)]} for i, w in enumerate(words(count, "names"))]


def main():
    tree, folder = sys.argv[1:]
    n = numbers("blob")

    def put(name, data):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())

    shutil.copy(os.path.join(tree, "tests/data/patients.csv"), os.path.join(folder, "patients.csv"))
    with open(os.path.join(folder, "patients.csv"), encoding="utf-8") as file:
        put("small.csv", "".join(file.readlines()[:40]))
    list_ = "\n".join(words(3000, "words")) + "\n"
    put("words", list_)
    put("words.gz", gzip.compress(list_.encode(), mtime=0))
    put("words-2", list_.replace("pine", "fir"))
    put("blob.bin", b"".join(next(n).to_bytes(4, "big") for _ in range(40000)))
    put("empty", b"")
    put("data.json", json.dumps(people(600)))
    put("small.json", '{"b": [1, 2.5, null], "a": "text"}')
    put("broken.json", '{"a": [1, 2')
    put("log.txt", "".join("2024-01-%02d %s %d-%d\n" % (i % 28 + 1, ["INFO", "ERROR", "WARNING", "DEBUG"][next(n) % 4], i, next(n) % 99)
                           for i in range(500)))
    put("script.py", 'import sys\nprint(len(sys.argv), sys.argv[1:], __name__, sys.stdin.isatty())\nraise SystemExit(9)\n')


main()
