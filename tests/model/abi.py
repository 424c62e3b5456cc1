"""The numbers of the contract, read from the headers themselves (guest-kernel/abi).

Only `#define`s of integers, the X-macros of verbs, errors and spectra, and enums
are understood; anything else is prose for the reader.
"""
import re
from pathlib import Path

ABI = Path(__file__).resolve().parents[2] / "guest-kernel" / "abi"


def _number(text, known):
    """An integer expression of C: literals with suffixes, shifts, names seen before."""
    text = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]+\b", r"\1", text)
    if not re.fullmatch(r"[\w\s()+*<|&-]+", text):
        return None
    try:
        return eval(text, {"__builtins__": {}}, known)  # pylint: disable=eval-used
    except (NameError, SyntaxError, TypeError):
        return None


def _enums(text, known):
    for body in re.findall(r"enum\s+\w*\s*\{(.*?)\}", text, re.S):
        following = 0
        for item in body.split(","):
            match = re.fullmatch(r"\s*(CENO_\w+)\s*(?:=\s*(.+?))?\s*", item, re.S)
            if not match:
                continue
            value = _number(match[2], known) if match[2] else following
            if value is not None:
                known[match[1]] = value
                following = value + 1


def read(*names):
    """Every constant of these headers, by its C name."""
    known = {}
    for name in names:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", (ABI / name).read_text(), flags=re.S).replace("\\\n", " ")
        for key, value in re.findall(r"^\s*#define\s+(\w+)[ \t]+(.+?)\s*$", text, re.M):
            number = _number(value, known)
            if number is not None:
                known[key] = number
        _enums(text, known)
        for macro, prefix in (("CENO_VERBS", "CENO_VERB_"), ("CENO_VERB_ERRORS", "CENO_E_"), ("CENO_SPECTRA", "CENO_SPECTRUM_")):
            match = re.search(rf"#define {macro}\(X\)(.*?)\n", text)
            for item in re.findall(r"X\((\w+),\s*(-?\d+)(?:,\s*(\d+))?", match[1] if match else ""):
                known[prefix + item[0]] = int(item[1])
                if item[2]:
                    known[f"{prefix}{item[0]}_VALUE"] = int(item[2])
    return known


C = read("layout.h", "boot.h", "verbs.h", "window.h")
U64 = (1 << 64) - 1
PAGE = C["CENO_PAGE"]
LARGE = C["CENO_LARGE_PAGE"]
LIMIT = 1 << 47                       # of addresses in ring 3

VERBS = ("SPAWN", "SEND", "RECV", "MAP", "MASK", "TICK", "GRANT")
PRICE = [C[f"CENO_VERB_{name}_VALUE"] for name in VERBS]
SPECTRA = ("PHOTON", "MATTER", "GRAVITY", "VOID")
PERIOD_MS = [C[f"CENO_SPECTRUM_{name}_VALUE"] for name in SPECTRA]
ERRORS = {name[len("CENO_E_"):]: value for name, value in C.items() if name.startswith("CENO_E_")}
ERROR_NAME = {value: name for name, value in ERRORS.items()}

READ, WRITE, EXECUTE, GRANT, REVOKE, MAP, SPAWN = (1 << bit for bit in range(7))
ALL = C["CENO_RIGHTS_ALL"]

NULL, FIBER, PROCESS, FRAMES, CHANNEL, WINDOW, CLOCK, REGION = range(8)
assert [C[f"CENO_OBJECT_{n}"] for n in ("FIBER", "PROCESS", "FRAMES", "CHANNEL", "WINDOW", "CLOCK", "REGION")] == list(range(1, 8))
TYPE_NAME = ("null", "fiber", "process", "frames", "channel", "window", "clock", "region")
