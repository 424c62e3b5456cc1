"""Logs of measured boot: the host's event log (TCG, crypto agile) and IMA's list, from their public formats."""
import struct

from cdp_crypto import sha

NO_ACTION, SHA256, IMA_PCR = 3, 0x000b, 10


class Cut:
    """Little-endian fields from the front of bytes; ValueError where there are too few."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise ValueError("too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def u16(self):
        return struct.unpack("<H", self.take(2))[0]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def part(self):
        return self.take(self.u32())

    def left(self):
        return len(self.data) - self.at


def demand(condition):
    if not condition:
        raise ValueError("malformed")


def algorithms(data):
    """{algorithm: bytes of its digest}"""
    cut, out = Cut(data), {}
    demand(cut.take(24)[:16] == b"Spec ID Event03\0")
    count = cut.u32()
    demand(count <= 8)
    for _ in range(count):
        name, size = cut.u16(), cut.u16()
        demand(name not in out and 0 < size <= 64 and (name != SHA256 or size == 32))
        out[name] = size
    cut.take(cut.take(1)[0])
    demand(SHA256 in out and not cut.left())
    return out


def replay_events(log):
    """PCRs 0 to 15 after the events; ValueError if the log is malformed."""
    cut, pcrs, extended = Cut(log), [bytes(32)] * 16, False
    demand((cut.u32(), cut.u32(), cut.take(20)) == (0, NO_ACTION, bytes(20)))
    known = algorithms(cut.part())
    while cut.left():
        pcr, kind, digests = cut.u32(), cut.u32(), {}
        demand(cut.u32() == len(known))
        for _ in known:
            name = cut.u16()
            demand(name in known and name not in digests)
            digests[name] = cut.take(known[name])
        data = cut.part()
        if kind == NO_ACTION:
            if pcr == 0 and data[:16] == b"StartupLocality\0":
                demand(len(data) == 17 and not extended and data[16] <= 4)
                pcrs[0] = bytes(31) + data[16:]
            continue
        demand(pcr <= 23)
        extended = extended or pcr == 0
        if pcr < 16:
            pcrs[pcr] = sha(pcrs[pcr], digests[SHA256])
    return pcrs


def file_digest(field):
    """The SHA-256 that the first field of an entry names, or None."""
    name, zero, value = field.partition(b"\0")
    return value if zero and len(value) == 32 and (name == b"sha256:" or name.endswith(b":sha256:")) else None


def read_ima(log):
    """[(digest or None, what the PCR is extended with)]; ValueError if the list is malformed."""
    cut, out = Cut(log), []
    while cut.left():
        demand(cut.u32() == IMA_PCR)
        violation = cut.take(20) == bytes(20)
        name, data = cut.part(), cut.part()
        demand(5 <= len(name) <= 32 and name[:4] == b"ima-" and data)
        fields, inner = [], Cut(data)
        while inner.left():
            fields.append(inner.part())
            demand(len(fields) <= 16)
        out.append((None, b"\xff" * 32) if violation else (file_digest(fields[0]), sha(data)))
    return out


def quoted_part(entries, quoted):
    """The entries that make the quoted PCR 10; none if no beginning of the list does."""
    pcr, most = bytes(32), 0
    for i, (_, value) in enumerate(entries):
        pcr = sha(pcr, value)
        if pcr == quoted:
            most = i + 1
    return entries[:most]


def all_listed(entries, pcrs, executables):
    first = sha(*pcrs[:IMA_PCR])
    return all(digest is not None and (digest in executables or (i == 0 and digest == first))
               for i, (digest, _) in enumerate(entries))


def parsed(read, log):
    try:
        return read(log)
    except ValueError:
        return None
