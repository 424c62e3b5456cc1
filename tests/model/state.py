"""What the contract speaks of, as plain values: capabilities, objects, fibers, spaces.

A capability is an immutable tuple (a change makes another), so comparing two
moments of a CSpace is comparing identities. Objects are named by `name`: fibers
f<index>, what SPAWN makes o<serial> in the order of its making, boot objects by
their type.
"""
from typing import NamedTuple

from abi import CHANNEL, CLOCK, FIBER, FRAMES, LARGE, PAGE, PROCESS, REGION, U64, WINDOW

# States of a fiber. BLOCKED: its verb runs again when what it waits for may have come.
PARKED, READY, BLOCKED, DEAD = "parked", "ready", "blocked", "dead"
# What a blocked fiber waits for.
ENERGY, MESSAGE, SIGNAL, SLEEP, ROOM, EITHER = "energy", "message", "signal", "sleep", "room", "message or signal"


class Cap(NamedTuple):
    """`until`: the TSC from which it is EXPIRED, U64 if never. offset, length: frame ranges."""
    type: int
    rights: int
    depth: int
    strength: int
    obj: object
    offset: int
    length: int
    until: int
    epoch: int
    born: int


class Object:
    """holders: capabilities to it, wherever they are; live: those that are not stale. It ends
    with the last live one."""
    type = 0

    def __init__(self, name):
        self.name, self.epoch, self.holders, self.live, self.ended = name, 1, 0, 0, False
        self.pages = 1                # pool pages that stay until nothing names it

    def __repr__(self):
        return self.name


class Frames(Object):
    """A boot range of guest-physical memory; only RAM counts for W^X."""
    type = FRAMES

    def __init__(self, name, gpa, bytes_):
        super().__init__(name)
        self.gpa, self.bytes = gpa, bytes_


class Clock(Object):
    type = CLOCK


class Window(Object):
    type = WINDOW

    def __init__(self, name, number, gpa, bytes_):
        super().__init__(name)
        self.number, self.gpa, self.bytes, self.shows, self.maps = number, gpa, bytes_, True, 0


class Channel(Object):
    """ring: (sender's index << 8 or None for the nucleus, words, cap or None), oldest first."""
    type = CHANNEL

    def __init__(self, name, capacity):
        super().__init__(name)
        self.ring, self.capacity = [], capacity


class Region(Object):
    """Frames with tables of their own. shows: they count for W^X and show in spaces."""
    type = REGION

    def __init__(self, name, gpa, bytes_, rights):
        super().__init__(name)
        self.gpa, self.bytes, self.rights, self.shows, self.maps = gpa, bytes_, rights, True, 0
        self.pages = 1 + -(-bytes_ // LARGE)


class Space:
    """Leaf entries by their number: small[gva / 4 KiB], large[gva / 2 MiB] = (gpa, rights),
    shared[gva / 2 MiB] = (region or window, index of the 2 MiB span in it, rights)."""

    def __init__(self, quota):
        self.small, self.large, self.shared = {}, {}, {}
        self.quota = quota            # pool pages left for tables
        self.tables = set()           # (level, index) of each table below the root
        self.spans = {}               # small entries in each 2 MiB span
        self.entry = None             # number of the entry page

    def enter(self, gva, gpa, tables):
        """The entry page, which every space has, and the tables that it takes."""
        self.entry = gva // PAGE
        self.small[self.entry] = (gpa, 5)
        self.spans[gva // LARGE] = 1
        self.tables |= set(tables)

    def runs(self):
        """Mappings as the CPU sees them, in order, like entries that touch joined:
        [gva, gpa, bytes, rights, large]."""
        leaves = [(page * PAGE, gpa, PAGE, rights, 0) for page, (gpa, rights) in self.small.items()]
        leaves += [(span * LARGE, gpa, LARGE, rights, 1) for span, (gpa, rights) in self.large.items()]
        for span, (obj, index, rights) in self.shared.items():
            leaves += [(span * LARGE + at, gpa, PAGE, rights & own, 0) for at, gpa, own in shared_leaves(obj, index)]
        leaves.sort()
        out = []
        for leaf in leaves:
            last = out[-1] if out else None
            if last and last[3:] == list(leaf[3:]) and last[0] + last[2] == leaf[0] and last[1] + last[2] == leaf[1]:
                last[2] += leaf[2]
            else:
                out.append(list(leaf))
        return out


def shared_leaves(obj, index):
    """(offset in the span, gpa, rights) of the pages that a region or window shows there."""
    if obj.type == REGION:
        if obj.shows:
            for at in range(index * LARGE, min(obj.bytes, (index + 1) * LARGE), PAGE):
                yield at - index * LARGE, obj.gpa + at, obj.rights
    elif obj.shows:
        for at in range(0, obj.bytes, PAGE):
            yield at, obj.gpa + at, 3
        yield LARGE - PAGE, obj.doorbell, 3


class Process(Object):
    type = PROCESS

    def __init__(self, name, handler, quota):
        super().__init__(name)
        self.handler, self.handler_epoch = handler, handler.epoch
        self.space, self.runnable = Space(quota), True


class Told:
    """A channel that hears of a fiber, and what it has not been told yet."""

    def __init__(self, channel):
        self.channel, self.epoch, self.bits = channel, channel.epoch, 0

    def good(self):
        return not self.channel.ended and self.channel.epoch == self.epoch

    def same(self, other):
        return self.channel is other.channel and self.epoch == other.epoch


class Fiber(Object):
    type = FIBER

    def __init__(self, index, pledge, spectrum, budget, quota):
        super().__init__(f"F{index}")
        self.index, self.slots = index, [None] * 64
        self.state, self.wait, self.wake, self.pending = PARKED, None, 0, None
        self.pledge, self.spectrum, self.budget, self.energy = pledge, spectrum, budget, budget
        self.refill_at = self.spent = self.refilled = self.spent_at_tick = 0
        self.frozen = False           # it froze since its last refill
        self.seen = []                # clock values since a freeze ended: when it may have been refilled
        self.row = self.strikes = self.restarts = 0
        self.told, self.events = [], False  # Told, its own channel first; whether it ever had one
        self.fault, self.noted_at = (0, 0, 0), 0
        self.lingers = False          # it ended, but for what is not told yet
        self.space = Space(quota)
        self.given = quota            # pool pages that its maker gave
        self.process = None           # what RESUME and SYSRET run
        self.fpu = None               # its FPU registers, 0 initial; None: it has none
        self.rip = self.rsp = 0
        self.heard = 0                # signals of the host, when it last listened

    @property
    def area(self):
        """Pool pages of its FPU's area."""
        return int(self.fpu is not None)

    @property
    def quota(self):
        """Pool pages it may still give away or use: one pot with its space."""
        return self.space.quota

    @quota.setter
    def quota(self, pages):
        self.space.quota = pages

    def listeners(self):
        return [t for t in self.told if t.good()]

    def untold(self):
        return any(t.bits for t in self.told)

    def sees(self):
        """Strikes, spectrum, pledge and restarts in one word, as an event tells them."""
        return self.strikes | self.spectrum << 8 | self.pledge << 16 | self.restarts << 32


NEVER = U64
