"""Hashes, signatures, TPM structures and trees: what a proof is made with."""
import functools
import hashlib
import hmac
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

# ---- hashes -------------------------------------------------------------------


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u32(n):
    return struct.pack(">I", n)


def u64(n):
    return struct.pack(">Q", n)


def hkdf(key, info):
    prk = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


# ---- Ed25519, strict (RFC 8032; prime-order keys, one spelling of everything) -----

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = add(q, p)
        p, n = add(p, p), n >> 1
    return q


def is_zero(p):
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


def encode(p):
    z = pow(p[2], -1, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(raw):
    """The point of 32 bytes, or None if they are not its one encoding."""
    y, sign = int.from_bytes(raw, "little") & (1 << 255) - 1, raw[31] >> 7
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * SQRT_M1 % P
    if x * x % P != x2 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=4096)
def key_ok(pub):
    point = decode(pub)
    return point is not None and not is_zero(multiply(8, point)) and is_zero(multiply(L, point))


@functools.lru_cache(maxsize=4096)
def ed25519_ok(pub, message, signature):
    a, r, s = decode(pub), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or is_zero(multiply(8, a)) or is_zero(multiply(8, r)):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + pub + message).digest(), "little") % L
    return encode(add(multiply(s, BASE), multiply(L - h, a))) == signature[:32]


# ---- TPM structures -----------------------------------------------------------------


class Cursor:
    def __init__(self, blob):
        self.blob, self.at = blob, 0

    def take(self, n):
        if self.at + n > len(self.blob):
            raise ValueError("short")
        self.at += n
        return self.blob[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def sized(self):
        return self.take(self.number(2))

    def end(self):
        if self.at != len(self.blob):
            raise ValueError("bytes left")


def read_public(blob):
    """TPMT_PUBLIC of an ECC key."""
    c, out = Cursor(blob), {}
    if c.number(2) != 0x0023:
        raise ValueError("not ECC")
    out["name_alg"], out["attributes"] = c.number(2), c.number(4)
    c.sized()
    if c.number(2) != 0x0010:
        raise ValueError("symmetric")
    out["scheme"] = c.number(2)
    out["hash"] = c.number(2) if out["scheme"] != 0x0010 else 0
    out["curve"] = c.number(2)
    if c.number(2) != 0x0010:
        raise ValueError("kdf")
    out["x"], out["y"] = c.sized(), c.sized()
    c.end()
    if len(out["x"]) != 32 or len(out["y"]) != 32:
        raise ValueError("coordinates")
    return out


def read_attest(blob, kind):
    """TPMS_ATTEST with the attested part of a quote (0x8018) or an NV certification (0x8014), whatever it says it is."""
    c, out = Cursor(blob), {}
    out["magic"], out["type"] = c.number(4), c.number(2)
    out["signer"], out["extra"], out["clock"] = c.sized(), c.sized(), c.number(8)
    out["resets"], out["restarts"], safe = c.number(4), c.number(4), c.number(1)
    c.number(8)
    if safe > 1:
        raise ValueError("safe")
    if kind == 0x8018:
        if c.number(4) != 1:
            raise ValueError("one bank")
        out["hash"], out["select"] = c.number(2), c.take(c.number(1))
        if len(out["select"]) > 8:
            raise ValueError("selection")
        out["digest"] = c.sized()
        c.end()
    else:
        out["index"], out["offset"], out["contents"] = c.sized(), c.number(2), c.sized()
        c.end()
    return out


def parse(reader, *given):
    try:
        return reader(*given)
    except ValueError:
        return None


HALF_N = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8


def ecdsa_ok(public, message, signature):
    """Of s and n - s, which sign alike, a proof holds the lower."""
    if int.from_bytes(signature[32:], "big") > HALF_N:
        return False
    try:
        key = ec.EllipticCurvePublicNumbers(int.from_bytes(public["x"], "big"), int.from_bytes(public["y"], "big"),
                                            ec.SECP256R1()).public_key()
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        key.verify(der, message, ec.ECDSA(hashes.SHA256()))
        return True
    except (ValueError, InvalidSignature):
        return False


# ---- trees ------------------------------------------------------------------------


def tree_root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", tree_root(leaves[:split]), tree_root(leaves[split:]))


def included(leaf, index, size, path, root):
    """RFC 9162, 2.1.3.2"""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


CHECKPOINT = re.compile(rb"([A-Za-z0-9./_-]{1,64})\n(0|[1-9][0-9]{0,19})\n([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)\n"
                        rb"\n\xe2\x80\x94 ([A-Za-z0-9./_-]{1,64}) ([A-Za-z0-9+/]{90}[AEIMQUYcgkosw048]=)\n\Z")
