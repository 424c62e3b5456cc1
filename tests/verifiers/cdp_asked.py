"""What a verifier is asked: the strict texts of docs/proof-format.md (pins, policy, reference values, comparison)."""
import re

from cdp_crypto import CHECKPOINT, ed25519_ok, key_ok, sha, u64
from cdp_form import NONE32, b64

KEYS = ["none", "software", "vtpm", "ftpm", "dtpm"]
CODES = ["none", "boot", "runtime"]
NO_TIME = 2**64 - 1
LIST_MAX, PCR_MAX, EXECUTABLES_MAX = 32, 128, 768

NAME, HASH, NUMBER = r"([A-Za-z0-9./_-]{1,64})", r"sha256:([0-9a-f]{64})", r"(0|[1-9][0-9]{0,19})"
KEY, SIGNATURE = r"([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)", r"([A-Za-z0-9+/]{85}[AQgw]==)"
ASSURANCE, EK = r"(vtpm|ftpm|dtpm)", r"(none|sha256:[0-9a-f]{64})"


def forms(**lines):
    return {word: re.compile(form.replace("@", " ") + r"\Z") for word, form in lines.items()}


def lines_of(text, first):
    """The lines behind the first; ValueError if the text is not of lines or not of that kind."""
    lines = text.split("\n")
    if lines[0] != first or lines[-1] != "" or len(lines) < 3:
        raise ValueError("not a %s file, or empty" % first.split(" ")[0])
    return lines[1:-1]


def match_line(table, line):
    word = line.split(" ")[0]
    match = table[word].match(line) if word in table else None
    if not match:
        raise ValueError("line %r" % line)
    return word, match


def number(text):
    if int(text) > NO_TIME:
        raise ValueError("number")
    return int(text)


def unhash(text):
    return NONE32 if text == "none" else bytes.fromhex(text.removeprefix("sha256:"))


# ---- pins ---------------------------------------------------------------------------

PIN_LINES = forms(pin="pin@%s@%s@%s" % (NAME, HASH, KEY), revoked="revoked@%s(?:@([1-9][0-9]{0,19}))?" % HASH,
                  identity="identity@%s@%s" % (NAME, KEY),
                  seen="seen@%s@%s@%s@%s@%s@%s" % (NAME, NUMBER, HASH, NUMBER, NUMBER, NUMBER))


def read_pins(text):
    """A pin file; ValueError if it is not exactly of the form."""
    pins, revoked = [], []
    for line in lines_of(text, "ceno-pins 1"):
        word, match = match_line(PIN_LINES, line)
        if word == "pin":
            pins.append({"origin": match[1], "ak": bytes.fromhex(match[2]), "log": b64(match[3]), "size": 0})
        elif word == "revoked":
            revoked.append((bytes.fromhex(match[1]), number(match[2] or "0")))
        elif word == "identity":  # whose word a pin follows to another key: no proof's verdict depends on it
            mine = [p for p in pins if p["origin"] == match[1]]
            if not mine or any("identity" in p for p in mine) or not any(b64(match[2])):
                raise ValueError("line %r" % line)
            for pin in mine:
                pin["identity"] = b64(match[2])
        else:
            pin = [p for p in pins if p["origin"] == match[1]][-1]
            pin.update(size=number(match[2]), root=bytes.fromhex(match[3]), nv=number(match[4]), clock=number(match[5]),
                       resets=number(match[6]))
    return pins, revoked


# ---- policy ---------------------------------------------------------------------------

POLICY_LINES = forms(
    key="key@(%s)" % "|".join(KEYS), code="code@(%s)" % "|".join(CODES), memory="memory@(full|none|sample:[1-7])",
    refuse="refuse@(test-key)", passes="passes@([1-7])", cause="cause@(exit|request|ttl|oom|violation|crash)",
    classification="classification@(general|PHI|PII|financial|credentials)", jurisdiction="jurisdiction@(US|EU|UK|CA|AU|IN|OTHER)",
    host="host@(npt|swap|zswap|ksm|compact_unevictable|numa_balancing|init_on_free|dumpable|kdump|hibernation|huge_pages)@(on|off)",
    platform="platform@" + HASH, signer="signer@" + KEY, authority="authority@%s@%s" % (KEY, ASSURANCE),
    enrolled="enrolled@%s@%s@%s@%s" % (HASH, ASSURANCE, EK, NUMBER),
    vouched="vouched@%s@%s@%s@%s@%s@%s" % (HASH, ASSURANCE, EK, NUMBER, KEY, SIGNATURE))
ONCE = ("key", "code", "memory", "refuse", "passes", "classification", "jurisdiction")


def read_rules(text):
    """A policy file as {word: [groups of each line]}; ValueError if it is not exactly of the form."""
    rules = {word: [] for word in POLICY_LINES}
    for line in lines_of(text, "ceno-policy 1"):
        word, match = match_line(POLICY_LINES, line)
        # Enrolments may repeat; of the others no line twice, of hosts no switch twice.
        same = [r for r in rules[word] if r[0] == match[1]] if word not in ("enrolled", "vouched") else []
        if same or (word in ONCE and rules[word]) or len(rules["enrolled"] + rules["vouched"]) > LIST_MAX \
                or len(rules[word]) == LIST_MAX:
            raise ValueError("line %r" % line)
        rules[word].append(match.groups())
    return rules


NO_RULES = {word: [] for word in POLICY_LINES}


def authority_ok(rules, ak, assurance, ek, until, key, signature):
    known = {b64(k): most for k, most in rules["authority"]}
    public, level = b64(key), KEYS.index(assurance)
    message = b"CDP/v1/vouch\0" + bytes([level]) + u64(number(until)) + unhash(ak) + unhash(ek)
    return public in known and level <= KEYS.index(known[public]) and key_ok(public) \
        and ed25519_ok(public, message, b64(signature))


def enrolments(rules, ak, stated_ek, as_of):
    """(whether all that is said of this key holds, the most that is said)."""
    holds, most = True, 0
    for line in rules["enrolled"] + rules["vouched"]:
        if bytes.fromhex(line[0]) != ak:
            continue
        ek = unhash(line[2])
        most = max(most, KEYS.index(line[1]))
        holds = holds and (NONE32 in (ek, stated_ek) or ek == stated_ek) and as_of <= number(line[3]) \
            and (len(line) == 4 or authority_ok(rules, *line))
    return holds, most if holds else 0


# ---- reference values --------------------------------------------------------------------

REFERENCE_LINES = forms(valid="valid@%s@%s" % (NUMBER, NUMBER), runtime="runtime", platform="platform@" + HASH,
                        pcr="pcr@([0-9]|1[0-5])@" + HASH, executable="executable@" + HASH, **{"event-log": "event-log@" + HASH})
REFERENCE_END = re.compile("signature %s %s\n\\Z" % (KEY, SIGNATURE))


def read_reference(text):
    """Reference values; ValueError if they are not exactly of the form or the signature is wrong."""
    end = REFERENCE_END.search(text)
    if not end or (end.start() and text[end.start() - 1] != "\n"):
        raise ValueError("no signature")
    body, public = text[:end.start()], b64(end[1])
    if not key_ok(public) or not ed25519_ok(public, b"CDP/v1/reference\0" + body.encode(), b64(end[2])):
        raise ValueError("signature")
    out = {"signer": public, "valid": None, "runtime": False, "platform": [], "pcr": [], "event-log": [], "executable": []}
    for at, line in enumerate(lines_of(body, "ceno-reference 1")):
        word, match = match_line(REFERENCE_LINES, line)
        if (word == "valid") != (at == 0) or (word == "runtime" and out["runtime"]):
            raise ValueError("line %r" % line)
        if word == "valid":
            out["valid"] = number(match[1]), number(match[2])
        elif word == "runtime":
            out["runtime"] = True
        elif word == "pcr":
            out["pcr"].append((int(match[1]), bytes.fromhex(match[2])))
        else:
            out[word].append(bytes.fromhex(match[1]))
    if not out["platform"] or not out["pcr"] or len(out["pcr"]) > PCR_MAX or max(len(out["platform"]), len(out["event-log"])) > LIST_MAX \
            or len(out["executable"]) > EXECUTABLES_MAX:
        raise ValueError("no platform, no PCR or too many")
    return out


def judge_reference(reference, platform, pcrs, event_log):
    """(platform listed, PCRs as listed, event log as listed)"""
    named = {n for n, _ in reference["pcr"]}
    met = {n for n, value in reference["pcr"] if pcrs[n] == value}
    return platform in reference["platform"], named == met, not reference["event-log"] or event_log in reference["event-log"]


# ---- comparison ---------------------------------------------------------------------------


def read_comparison(text, origin, log):
    """(path, size, root) of another checkpoint of that log, or None."""
    head, _, note = text.partition(b"\n\n")
    lines = head.split(b"\n")
    old = re.match(rb"old (0|[1-9][0-9]{0,19}) sha256:([0-9a-f]{64})\Z", lines[1]) if len(lines) > 1 else None
    match = CHECKPOINT.match(note)
    if lines[0] != b"ceno-consistency 1" or len(lines) > 99 or not old or not match or match[1] != match[4] or not 0 < int(match[2]) < 2**64:
        return None
    path = [re.match(rb"node sha256:([0-9a-f]{64})\Z", line) for line in lines[2:]]
    blob = b64(match[5])
    if None in path or match[1].decode() != origin or blob[:4] != sha(match[1], b"\n\1", log)[:4] \
            or not ed25519_ok(log, note[:match.end(3) + 1], blob[4:]):
        return None
    return [bytes.fromhex(m[1].decode()) for m in path], int(match[2]), b64(match[3]), int(old[1]), bytes.fromhex(old[2].decode())


def roots_of(path, first, first_root, second):
    """RFC 9162, 2.1.4.2: the two roots that a path leads to, or None if it has other nodes than the sizes need."""
    path = [first_root] + path if first & (first - 1) == 0 else path
    if not path:
        return None
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for node in path[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            old, new = sha(b"\1", node, old), sha(b"\1", node, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = sha(b"\1", new, node)
        fn, sn = fn >> 1, sn >> 1
    return (old, new) if sn == 0 else None


def compare(text, origin, log, size, root):
    """(could be compared, is a fork)"""
    other = read_comparison(text, origin, log)
    if other is None:
        return False, False
    path, shown, shown_root, old_size, old_root = other
    if shown == size:
        return not path and old_size == size, shown_root != root
    (first, first_root), (second, second_root) = sorted([(size, root), (shown, shown_root)])
    if old_size != first or roots_of(path, first, old_root, second) != (old_root, second_root):
        return False, False
    return True, old_root != first_root
