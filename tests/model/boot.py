"""What the launch lays out: the machine's size and init's CSpace, as the header lists it."""
from dataclasses import dataclass, field

from abi import ALL, C, CLOCK, EXECUTE, FIBER, FRAMES, LARGE, READ, WINDOW, WRITE

RWX = READ | WRITE | EXECUTE
# The rights by which memory can be reached, by boot slot; what else they carry is the machine's.
REACH = {"RAM": RWX, "PACK": READ | EXECUTE, "BUNDLE": READ | EXECUTE, "BOOT": READ, "IMAGE": READ | EXECUTE, "TRAP": READ | WRITE,
         "TRAIL": READ | WRITE}


@dataclass
class Boot:
    """A reset's arguments, and what the machine's first dump says of it."""
    ram_bytes: int = 8 << 20
    pool_pages: int = 200
    trap_pages: int = 8
    pledges: int = 5
    tick_tsc: int = 8000
    tsc: int = 0
    spectrum: int = C["CENO_SPECTRUM_MATTER"]
    slots: list = field(default_factory=list)

    def line(self):
        return f"reset {self.ram_bytes} {self.pool_pages} {self.trap_pages} {self.pledges} 0 -1 -1 {self.tick_tsc}"

    def adopt(self, dump):
        """Sizes and init's capabilities as the machine has them; wrong ones are refused."""
        self.tsc_per_ms = self.tick_tsc // C["CENO_TICK_MS"]
        objects = {fields["name"]: fields for word, fields in dump if word in ("range", "region", "clock")}
        machine = next(fields for word, fields in dump if word == "machine")
        init = next(fields for word, fields in dump if word == "fiber")
        self.pool, self.pledge = int(init["quota"]), int(init.get("pledge", "255"), 0)
        user = int(machine["user_gpa"], 16)
        self.ram = (user, user + int(machine["user_bytes"], 16))
        kinds = {"fiber": FIBER, "clock": CLOCK, "frames": FRAMES, "window": WINDOW}
        for word, cap in dump:
            if word != "cap":
                continue
            slot, kind, rights = int(cap["slot"]), kinds[cap["type"]], int(cap["rights"], 0)
            self.check(slot, kind, rights)
            there = objects.get(cap["object"], {"gpa": "0", "bytes": "0"})
            self.slots.append((slot, kind, rights, slot - C["CENO_SLOT_WINDOW"], int(there.get("gpa", "0"), 0),
                               int(there.get("bytes", "0"), 0)))
        self.maps = [tuple(int(fields[key], 0) for key in ("gva", "gpa", "bytes", "rights", "large"))
                     for word, fields in dump if word == "map"]
        return self

    @staticmethod
    def check(slot, kind, rights):
        name = next((name for name in REACH if C[f"CENO_SLOT_{name}"] == slot), None)
        expected = {C["CENO_SLOT_SELF"]: FIBER, C["CENO_SLOT_CLOCK"]: CLOCK}.get(slot, FRAMES if name else WINDOW)
        if kind != expected or rights & ~ALL or name and rights & RWX != REACH[name]:
            raise ValueError(f"boot slot {slot} is not what the header says: type {kind} rights {rights:#x}")
