"""Capabilities: naming one, making one from another (the law of decay), losing one."""
from abi import C, CLOCK, ERRORS, FIBER, FRAMES, WINDOW
from state import NEVER, Cap

FULL, MIN = C["CENO_STRENGTH_FULL"], C["CENO_STRENGTH_MIN"]
SHIFT, DEEPEST = C["CENO_FADE_SHIFT"], C["CENO_DEPTH_MAX"]


class Refused(Exception):
    """Decode refused the call: the error's number."""

    def __init__(self, name):
        super().__init__(name)
        self.code = ERRORS[name]


class Blocks(Exception):
    """The verb waits: for what, until when."""

    def __init__(self, wait, wake=NEVER):
        super().__init__(wait)
        self.wait, self.wake = wait, wake


class Unfinished(Exception):
    """The machine said AGAIN where the contract lets it: paid, and to be called again."""


def strength_now(cap, tsc):
    return cap.strength >> ((tsc - cap.born) >> (SHIFT - cap.depth)) if cap.depth else cap.strength


def fades_at(born, depth, strength):
    """The TSC from which a copy of this depth and strength is below the minimum."""
    halvings = 0
    while strength >> halvings >= MIN:
        halvings += 1
    return min(NEVER, born + (halvings << (SHIFT - depth)))


class Caps:
    """The capability half of the machine: self.tsc, and self.end(object, closer) elsewhere."""

    @staticmethod
    def held(f, index):
        return f.slots[index & 63]

    def name(self, f, index, types, rights):
        """The capability in this slot of f, or Refused in the contract's order. types: a tuple."""
        cap = f.slots[index & 63]
        if cap is None:
            raise Refused("SLOT")
        if types and cap.type not in types:
            raise Refused("TYPE")
        if cap.epoch != cap.obj.epoch:
            raise Refused("STALE")
        if self.tsc >= cap.until:
            raise Refused("EXPIRED")
        if cap.type == WINDOW and not f.pledge >> cap.obj.number & 1:
            raise Refused("PLEDGE")
        if rights & ~cap.rights:
            raise Refused("RIGHTS")
        return cap

    @staticmethod
    def empty(f, index):
        if not index & 63 or f.slots[index & 63] is not None:
            raise Refused("SLOT")

    def put(self, f, index, cap):
        f.slots[index & 63] = cap
        cap.obj.holders += 1
        cap.obj.live += cap.epoch == cap.obj.epoch

    def first(self, obj, rights, length=0):
        """A capability to a new object, or of the boot manifest."""
        return Cap(obj.type, rights, 0, FULL, obj, 0, length, NEVER, obj.epoch, self.tsc)

    def deeper(self, cap, rights):
        """A copy one step down, or DEPTH. Changes nothing."""
        now = strength_now(cap, self.tsc)
        strength, depth = now - (now >> 3), cap.depth + 1
        if depth > DEEPEST or strength < MIN:
            raise Refused("DEPTH")
        until = min(cap.until, fades_at(self.tsc, depth, strength))
        return cap._replace(rights=rights, depth=depth, strength=strength, until=until, born=self.tsc)

    def drop(self, cap, closer):
        """One capability less. The last that counts ends its object, the last of all frees it."""
        obj = cap.obj
        obj.holders -= 1
        if cap.epoch == obj.epoch and not obj.ended:
            obj.live -= 1
            if obj.live == self.own(obj) and self.can_end(obj):
                self.end(obj, closer)
        self.settle(obj, closer)

    @staticmethod
    def own(obj):
        """A fiber's live capabilities to itself: they keep nothing alive."""
        if obj.type != FIBER:
            return 0
        return sum(1 for cap in obj.slots if cap and cap.obj is obj and cap.epoch == obj.epoch)

    def can_end(self, obj):
        """Boot ranges, the clock and init stay; and whoever runs can but exit."""
        return obj.type not in (FRAMES, CLOCK) and not (obj.type == FIBER and (obj.index == 0 or obj is self.acting))

    def close(self, f, index, closer):
        cap, f.slots[index] = f.slots[index], None
        self.drop(cap, closer)

    @staticmethod
    def is_self(cap, f):
        return cap.type == FIBER and cap.obj is f
