"""The bytes of a proof: the narrowed JCS form, and the closed schema."""
import base64
import json
import re

VALUES_MAX, DEPTH_MAX, NUMBER_MAX = 2048, 16, 2**53 - 1
NONE32 = bytes(32)


def jcs(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def b64(text):
    return base64.b64decode(text, validate=True)


def digest(text):
    return NONE32 if text == "none" else bytes.fromhex(text[7:])


# ---- bytes: one spelling a document ---------------------------------------------

TOKEN = re.compile(rb'"[ !#-\[\]-~]*"|0(?![0-9])|[1-9][0-9]{0,15}(?![0-9])|true|false|[][{},:]')
KEY = re.compile(rb'"[A-Za-z0-9_]{1,64}"\Z')
STRUCTURE = (b"{", b"}", b"[", b"]", b",", b":")


class Document:
    """Reads one document of the narrowed JCS; ValueError for any other bytes."""

    def __init__(self, text):
        self.text, self.at, self.values = text, 0, 0
        self.root = self.value(0)
        if self.at != len(text):
            raise ValueError("bytes after the end")

    def next(self):
        match = TOKEN.match(self.text, self.at)
        if not match:
            raise ValueError("byte %d" % self.at)
        self.at = match.end()
        return match.group()

    def peek(self):
        return self.text[self.at:self.at + 1]

    def value(self, depth):
        self.values += 1
        if self.values > VALUES_MAX:
            raise ValueError("too many values")
        token = self.next()
        if token in (b"{", b"["):
            if depth == DEPTH_MAX:
                raise ValueError("too deep")
            return self.object(depth + 1) if token == b"{" else self.array(depth + 1)
        if token in STRUCTURE:
            raise ValueError("no value at %d" % self.at)
        if token[:1] == b'"':
            return token[1:-1].decode("ascii")
        if token in (b"true", b"false"):
            return token == b"true"
        if int(token) > NUMBER_MAX:
            raise ValueError("number")
        return int(token)

    def array(self, depth):
        out = []
        while self.peek() != b"]":
            if out and self.next() != b",":
                raise ValueError("comma at %d" % self.at)
            out.append(self.value(depth))
        self.next()
        return out

    def object(self, depth):
        out, last = {}, ""
        while self.peek() != b"}":
            if out and self.next() != b",":
                raise ValueError("comma at %d" % self.at)
            token = self.next()
            if not KEY.match(token) or token[1:-1].decode() <= last or self.next() != b":":
                raise ValueError("key at %d" % self.at)
            last = token[1:-1].decode()
            out[last] = self.value(depth)
        self.next()
        return out


def read(text):
    try:
        return Document(text).root
    except ValueError:
        return None


# ---- schema: the part of JSON Schema that cdp.schema.json uses -------------------


def same_type(value, name):
    kinds = {"string": str, "object": dict, "array": list, "boolean": bool}
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kinds[name])


def fits_string(rule, value):
    if "pattern" in rule and not re.match(rule["pattern"][:-1] + r"\Z", value):
        return False
    if "bytes" in rule:
        return rule["bytes"][0] <= len(b64(value)) <= rule["bytes"][1]
    # A decimal string holds a number of 64 bits.
    return not rule["pattern"].startswith("^(?:0|[1-9]") or int(value) < 2**64


def fits(rule, value):
    if "const" in rule:
        return type(value) is type(rule["const"]) and value == rule["const"]
    if "enum" in rule:
        return isinstance(value, str) and value in rule["enum"]
    if not same_type(value, rule["type"]):
        return False
    if rule["type"] == "integer":
        return rule["minimum"] <= value <= rule["maximum"]
    if rule["type"] == "string":
        return fits_string(rule, value)
    if rule["type"] == "array":
        rules = rule.get("prefixItems") or [rule["items"]] * len(value)
        return rule["minItems"] <= len(value) <= rule["maxItems"] and all(map(fits, rules, value))
    if rule["type"] == "object":
        return sorted(value) == sorted(rule["required"]) and all(fits(rule["properties"][k], v) for k, v in value.items())
    return True
