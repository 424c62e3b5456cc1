#!/usr/bin/env python3
"""damage.py NATIVE-FILE FOLDER: copies of the file, each with one thing wrong, the content id
made right again where that is not the thing; prints a line for each: name, what init says.

Offsets are those of guest-kernel/abi/native.h, written down a second time."""
import os
import struct
import subprocess
import sys

good, folder = open(sys.argv[1], "rb").read(), sys.argv[2]
os.mkdir(folder)
PAGE, BASE = 4096, 0x10000000
ENTRY, STATE, BUDGET, SPECTRUM, RESTARTS, SEGMENTS, ID, RESERVED = 24, 32, 36, 40, 44, 48, 176, 208
KIND, ZERO, OFFSET, BYTES, GVA = 0, 4, 8, 16, 24


def content(data):
    return subprocess.run(["b3sum", "--raw"], input=data[:ID] + bytes(32) + data[ID + 32:], check=True,
                          capture_output=True).stdout


def write(name, text, data, sign=True):
    if sign:
        data = data[:ID] + content(data) + data[ID + 32:]
    path = os.path.join(folder, name)
    open(path, "wb").write(data)
    os.chmod(path, 0o755)
    print(name, text)


def field(name, text, offset, form, value):
    write(name, text, good[:offset] + struct.pack(form, value) + good[offset + struct.calcsize(form):])


def segment(name, text, n, offset, value):
    field(name, text, SEGMENTS + 32 * n + offset, "<I" if offset < 8 else "<Q", value)


assert content(good) == good[ID:ID + 32], "the content id is not what docs/content-id.md says"
kinds = [struct.unpack_from("<I", good, SEGMENTS + 32 * n)[0] for n in range(4)]
assert kinds == [1, 2, 4, 0], kinds
text_bytes = struct.unpack_from("<Q", good, SEGMENTS + BYTES)[0]

field("header-bytes", "its header's length", 12, "<I", 8192)
field("total-more", "its length is not", 16, "<Q", len(good) + PAGE)
field("total-less", "its length is not", 16, "<Q", len(good) - PAGE)
write("cut-page", "its length is not", good[:-PAGE])
write("cut-byte", "its length is not", good[:-1])
write("cut-header", "its length is not", good[:100] + b"", sign=False)
write("one-page-more", "its length is not", good + bytes(PAGE))
field("entry-below", "its entry is not in its text", ENTRY, "<Q", BASE - 1)
field("entry-above", "its entry is not in its text", ENTRY, "<Q", BASE + text_bytes)
field("entry-kernel", "its entry is not in its text", ENTRY, "<Q", 0xffffffff80000000)
field("state-odd", "its state is", STATE, "<I", 100)
field("state-large", "its state is", STATE, "<I", 0x11000)
field("budget", "its budget", BUDGET, "<I", 1000001)
field("spectrum", "its budget is above 1000000 J, or its spectrum", SPECTRUM, "<I", 4)
field("restarts", "it asks for more than", RESTARTS, "<I", 1001)
field("reserved-first", "its header's length or a reserved byte", RESERVED, "<B", 1)
field("reserved-last", "its header's length or a reserved byte", PAGE - 1, "<B", 1)
segment("no-text", "its segments are", 0, KIND, 0)
segment("kind-unknown", "its segments are", 0, KIND, 5)
segment("kind-twice", "its segments are", 1, KIND, 1)
segment("kind-order", "its segments are", 0, KIND, 3)
segment("segment-reserved", "its segments are", 1, ZERO, 1)
segment("segment-after-last", "its segments are", 3, GVA, BASE)
segment("bytes-zero", "its segments are", 1, BYTES, 0)
segment("bytes-odd", "its segments are", 1, BYTES, 4097)
segment("bytes-more", "its segments do not fill the file", 0, BYTES, text_bytes + PAGE)
segment("bytes-wrap", "its segments do not fill the file", 0, BYTES, 2**64 - PAGE)
segment("offset-header", "its segments do not fill the file", 0, OFFSET, 0)
segment("offset-other", "its segments do not fill the file", 1, OFFSET, PAGE)
segment("offset-bss", "its segments do not fill the file", 2, OFFSET, PAGE)
segment("place-below", "a segment lies", 0, GVA, BASE - PAGE)
segment("place-odd", "a segment lies", 0, GVA, BASE + 8)
segment("place-over", "a segment lies", 1, GVA, BASE)
segment("place-window", "a segment lies", 2, GVA, 0x18000000)
segment("place-kernel", "a segment lies", 2, GVA, 0xffffffff80000000)
segment("memory", "its data and bss are", 2, BYTES, (512 << 10) + PAGE)
field("photon", "", SPECTRUM, "<I", 0) # no damage: it runs as MATTER
write("content-id", "its bytes do not have", good[:ID] + bytes([good[ID] ^ 1]) + good[ID + 1:], sign=False)
write("code-bit", "its bytes do not have", good[:PAGE + 7] + bytes([good[PAGE + 7] ^ 0x10]) + good[PAGE + 8:], sign=False)
write("last-bit", "its bytes do not have", good[:-1] + bytes([good[-1] ^ 0x80]), sign=False)
write("budget-bit", "its bytes do not have", good[:BUDGET] + bytes([good[BUDGET] ^ 1]) + good[BUDGET + 1:], sign=False)
