"""Traces: what fibers ask and what happens around them, seeded, chosen by looking at the model.

Four in five are sensible: they pick capabilities that the fiber holds and follow
recipes that lead deep (a supervised child, a chain of copies, a region in several
spaces, a fiber that wastes its energy). The rest is one of those with registers
spoilt, or noise.

An operation is a tuple: ("verb", fiber index, rax rdi rsi rdx r10 r8 r9 r12 r13 r14 r15),
("clock", TSC), ("tick",), ("signal",), ("fault", vector, error, cr2), ("fpu", value).
"""
import random

from abi import (ALL, C, CHANNEL, CLOCK, EXECUTE, FIBER, FRAMES, GRANT, LARGE, MAP, PAGE, PROCESS, READ, REGION, REVOKE,
                 U64, WINDOW, WRITE)
from mapping import ENTRY, ENTRY_REGION, REPLACE, WINDOWS
from state import BLOCKED, DEAD, ENERGY, PARKED, READY
from verbs import MASK_PLEDGE, MASK_REVOKE

ODD = (U64, U64 - 1, 0, 1, 1 << 63, 1 << 47, (1 << 47) - PAGE, (1 << 47) - 1, 1 << 32, (1 << 32) - 1, 63, 64, 127, 4095,
       PAGE, LARGE, LARGE - PAGE, ENTRY, ENTRY - PAGE, ENTRY_REGION - PAGE, WINDOWS, WINDOWS + LARGE, 0x10000, 0x20000, 0x30000)
GVAS = tuple(base + at for base in (0x400000, 0x40000000, 0x7fc0000000, 1 << 40)
             for at in (0, PAGE, 5 * PAGE, LARGE, LARGE + PAGE, 2 * LARGE - PAGE, 2 * LARGE, 8 * LARGE))
GVAS += ((1 << 40) - LARGE, ENTRY_REGION, ENTRY_REGION + 7 * PAGE)    # two directories at once; what no MAP may touch
SIZES = tuple(n * PAGE for n in (1, 1, 1, 2, 3, 8, 16, 64, 511, 512, 512, 513, 1024, 1536, 2048))
MESSAGES = (0, 1, 7, U64, 1 << 40)


class Generator:
    def __init__(self, model, seed):
        self.model, self.random = model, random.Random(seed)
        self.running = None
        self.found = True             # the last choice found what it looked for
        self.plan = []                # what a recipe still wants: functions of nothing, or None to skip
        r = self.random
        self.verbs = [self.spawn] * 7 + [self.send] * 16 + [self.recv] * 16 + [self.map] * 20 + [self.mask] * 15 + \
            [self.tick_verb] * 5 + [self.grant] * 16
        self.recipes = [self.child, self.child, self.chain, self.share, self.waste, self.ring, self.restart, self.alias, self.relocate, self.reuse, self.fade,
                        self.dress, self.supervise]
        self.sloppy = r.choice((0.05, 0.2, 0.2, 0.4))
        self.lively = r.choice((0.004, 0.02, 0.08))

    # ---- choosing ----

    def next(self):
        r, model = self.random, self.model
        while self.plan:
            operation = self.plan.pop()()
            f = operation and operation[0] == "verb" and model.fibers[operation[1]]
            if operation and not (f and self.ends_all(f, operation, True)):
                return operation
        ready = [f for f in model.fibers.values() if f.state == READY]
        if not ready or r.random() < 0.07:
            return self.around(ready)
        if r.random() < self.lively:
            r.choice(self.recipes)(r.choice(ready))
            return self.next()
        f = self.actor(ready)
        for _ in range(6):
            self.found = True
            operation = r.choice(self.verbs)(f)
            if self.found:
                break
        operation = self.spoil(operation, f) if r.random() < self.sloppy else operation
        return self.next() if self.ends_all(f, operation) else operation

    def actor(self, ready):
        """One that holds something, mostly; and often the one that runs (a switch costs ticks)."""
        if self.running in ready and any(self.running.slots) and self.random.random() < 0.7:
            return self.running
        able = [f for f in ready if sum(cap is not None for cap in f.slots) > 2]
        if able and self.random.random() < 0.97:
            return able[0] if self.random.random() < 0.25 else self.random.choice(able)
        return self.random.choice(ready)

    def ends_all(self, f, operation, planned=False):
        """init dead, bereft or waiting for ever is a dull end: seldom let it."""
        number, slot, second, third = operation[2:6]
        cap = f.slots[slot & 63]
        if f.index or planned and not (number == 4 and cap and cap.obj is f):
            return False
        dull = cap and (number == 4 and (slot & 63 < 18 and cap.type != WINDOW or cap.obj is f) or
                        number == 2 and third != 1 or number == 5 and second > self.model.tsc + (1 << 30) or
                        number == 0 and second >> 32 > f.budget // 2 or
                        number == 1 and f.slots[second & 63] and second & 63 < 8)
        return dull and self.random.random() < 0.995

    def around(self, ready):
        r, model = self.random, self.model
        dice = r.random()
        wakes = [f.wake for f in model.fibers.values() if f.state == BLOCKED and model.tsc < f.wake < 1 << 62]
        if not ready and (wakes and dice < 0.8 or not model.fibers):
            return ("clock", min(wakes)) if wakes else None
        if dice < 0.2:
            return ("fpu", r.randrange(1, 1 << 32))
        if dice < 0.4:
            return ("tick",)
        if dice < 0.55 and ready:
            return ("fault", r.choice((0, 6, 13, 14)), r.choice((0, 4, 6, 0x15)), r.choice(GVAS))
        if dice < 0.7:
            return ("signal",)
        return ("clock", self.later())

    def later(self):
        """Mostly a little, sometimes to where something happens, seldom far (copies fade)."""
        r, model = self.random, self.model
        dice = r.random()
        ends = [f.refill_at for f in model.fibers.values() if f.refill_at > model.tsc]
        if dice < 0.5 and ends:
            return min(ends) + r.choice((-1, 0, 0, 1))
        if dice < 0.97 or model.tsc > 1 << 60:
            return model.tsc + r.randrange(1, 2 * model.period[0])
        return model.tsc + (1 << r.randrange(20, 52))

    def slot(self, f, types=(), rights=0):
        """A slot of f with such a capability (now and then just any)."""
        r = self.random
        now = self.model.tsc
        good = [i for i, cap in enumerate(f.slots) if cap and (not types or cap.type in types) and
                not rights & ~cap.rights and cap.until > now and cap.epoch == cap.obj.epoch]
        if good and r.random() < 0.95:
            return r.choice(good)
        self.found = False
        held = [i for i, cap in enumerate(f.slots) if cap]
        return r.choice(held) if held and r.random() < 0.8 else r.randrange(64)

    def free(self, f):
        r = self.random
        empty = [i for i in range(18, 64) if f.slots[i] is None]
        return r.choice(empty) if empty and r.random() < 0.95 else r.randrange(64)

    @staticmethod
    def verb(f, number, *registers):
        return ("verb", f.index, number, *(x & U64 for x in registers), *[0] * (10 - len(registers)))

    def spoil(self, operation, f):
        """Some registers become odd, or another slot, or a little off."""
        r, out = self.random, list(operation)
        if r.random() < 0.1:
            out[2] = r.choice((7, 8, U64, 1 << 32, r.randrange(7)))
        for _ in range(r.choice((1, 1, 1, 2, 3))):
            at = r.randrange(3, 9)
            out[at] = r.choice((r.choice(ODD), r.randrange(64), out[at] ^ 1 << r.randrange(64), out[at] + PAGE & U64,
                                out[at] - 1 & U64, out[at] + 64 & U64, r.getrandbits(64)))
        return tuple(out)

    # ---- verbs ----

    def myself(self, f):
        good = [i for i, cap in enumerate(f.slots) if cap and cap.obj is f]
        self.found &= bool(good)
        return good[0] if good else self.random.randrange(64)

    def spawn(self, f):
        kind = self.random.choice((1, 1, 2, 3, 3, 4, 4, 5))
        if kind == 1 and self.random.random() < 0.8:
            self.child(f)
            return self.plan.pop()() or self.tick_verb(f)
        return (self.spawn_fiber, self.spawn_small, self.spawn_small, self.spawn_region, self.spawn_restart)[kind - 1](f, kind)

    def spawn_fiber(self, f, kind=1, slot=None):
        r = self.random
        pledge = f.pledge & r.choice((255, 255, 255, r.randrange(256)))
        budget = min(f.budget, r.choice((2000, 2000, 600, 10000, 40, 0, f.budget // 8, f.budget // 2, f.budget)))
        pages = min(f.quota, r.choice((10, 16, 16, 30, f.quota // 2, r.randrange(8))))
        events = self.slot(f, (CHANNEL,), READ) if r.random() < 0.6 else 0
        spectrum = min(3, f.spectrum + r.choice((0, 0, 0, 1, 2)))
        fpu = C["CENO_SPAWN_FPU"] if r.random() < 0.5 else 0
        return self.verb(f, 0, self.myself(f), kind | pledge << 8 | spectrum << 16 | (r.random() < 0.02) << 18 | budget << 32 | fpu,
                         self.free(f) if slot is None else slot, pages | events << 32, 0x10000000, 0x1f000000)

    def spawn_small(self, f, kind):
        r = self.random
        return self.verb(f, 0, self.myself(f), kind, self.free(f), min(f.quota, r.choice((6, 10, 20, r.randrange(8)))))

    def spawn_region(self, f, kind, slot=None):
        r = self.random
        rights = r.choice((1, 1, 3, 3, 5, 5, 7, 2))
        at, offset, size = self.part(f, rights)
        return self.verb(f, 0, self.myself(f), kind, self.free(f) if slot is None else slot, size, at | rights << 8, offset)

    def spawn_restart(self, f, kind):
        return self.verb(f, 0, self.myself(f), kind, self.slot(f, (FIBER,), REVOKE), 0, 0x10000040, 0x1f000000)

    def part(self, f, rights):
        """A frame range slot, and an offset and size mostly inside it."""
        r = self.random
        at = self.slot(f, (FRAMES,), rights)
        cap = f.slots[at]
        size = r.choice(SIZES)
        room = max(0, (cap.length if cap else 0) - size)
        offset = min(room, r.choice((0, 0, PAGE, LARGE, 2 * LARGE, r.randrange(64) * PAGE)))
        if r.random() < 0.97 and cap and cap.length:
            size = min(size, cap.length)
        return at, offset, size

    def send(self, f):
        r = self.random
        parked = [i for i, cap in enumerate(f.slots) if cap and cap.type == FIBER and cap.obj.state == PARKED]
        if parked and r.random() < 0.3:
            return self.verb(f, 1, r.choice(parked), U64)
        moved = self.slot(f, (), GRANT) if r.random() < 0.4 else U64
        return self.verb(f, 1, self.slot(f, (CHANNEL,), WRITE), moved, *(r.choice(MESSAGES) for _ in range(8)))

    def recv(self, f):
        r = self.random
        kind = r.choice((CHANNEL, CHANNEL, CHANNEL, CHANNEL, WINDOW, PROCESS))
        into = self.free(f) if r.random() < 0.8 else U64
        return self.verb(f, 2, self.slot(f, (kind,), READ), into, r.choice((1, 1, 1, 1, 1, 0, 2, 2)))

    def map(self, f):
        r = self.random
        at = self.slot(f, (FIBER, FIBER, PROCESS), MAP)
        cap = f.slots[at]
        space = cap.obj.space if cap and cap.type in (FIBER, PROCESS) else None
        if space and r.random() < 0.35:
            return self.unmap(f, at, space)
        if r.random() < 0.2:
            return self.map_shared(f, at)
        if r.random() < 0.15:
            return self.move(f)
        rights = r.choice((1, 3, 3, 3, 5, 5, 7, 2, 4))
        what, offset, size = self.part(f, rights)
        return self.verb(f, 3, at, what, self.gva(space), offset, size, rights | (REPLACE if r.random() < 0.3 else 0))

    def gva(self, space):
        r = self.random
        if space and space.small and r.random() < 0.3:
            return r.choice(list(space.small)[:64]) * PAGE
        return r.choice(GVAS)

    def unmap(self, f, at, space):
        r = self.random
        spans = [*space.large, *space.shared]
        if spans and r.random() < 0.5:
            return self.verb(f, 3, at, U64, r.choice(spans) * LARGE, 0, r.choice((LARGE, LARGE, 2 * LARGE, 4 * LARGE, PAGE)))
        return self.verb(f, 3, at, U64, self.gva(space), 0, r.choice(SIZES))

    def move(self, f):
        """A table of one process's space into another's, or elsewhere in its own."""
        r = self.random
        to, what = self.slot(f, (PROCESS,), MAP), self.slot(f, (PROCESS,), MAP)
        cap = f.slots[what]
        space = cap.obj.space if cap and cap.type == PROCESS else None
        spans = sorted(at for level, at in space.tables if level == 1) if space else []
        spans = spans * 4 + [*space.large, *space.shared] if space else spans
        offset = r.choice(spans) * LARGE if spans and r.random() < 0.9 else r.choice(GVAS)
        size, rights = (LARGE, 0) if r.random() < 0.9 else (r.choice(SIZES), r.choice((0, 1, 3)))
        return self.verb(f, 3, to, what, self.place(f, to), offset, size, rights)

    def place(self, f, to):
        """Where a table may go: anywhere, or over something large."""
        cap, r = f.slots[to], self.random
        large = [*cap.obj.space.large, *cap.obj.space.shared] if cap and cap.type == PROCESS else []
        return r.choice(large) * LARGE if large and r.random() < 0.5 else r.choice(GVAS) & ~(LARGE - 1)

    def map_shared(self, f, at, what=None):
        r = self.random
        what = self.slot(f, (REGION, REGION, WINDOW)) if what is None else what
        cap = f.slots[what]
        gva, size, rights = r.choice(GVAS) & ~(LARGE - 1), LARGE, 1
        if cap and cap.type in (REGION, WINDOW):
            size, rights = cap.obj.bytes, r.choice((cap.rights & 7, cap.rights & 7, 1, 3, 5))
            gva = WINDOWS + cap.obj.number * LARGE if cap.type == WINDOW else gva
        return self.verb(f, 3, at, what, gva, 0, size, rights)

    def mask(self, f):
        r = self.random
        dice = r.random()
        if dice < 0.3:
            return self.close(f)
        if dice < 0.45:
            return self.verb(f, 4, self.slot(f, (), REVOKE), ALL | MASK_REVOKE)
        if dice < 0.6:
            at = self.slot(f, (FIBER,))
            held = f.slots[at].obj.pledge if f.slots[at] and f.slots[at].type == FIBER else 255
            return self.verb(f, 4, at, ALL | MASK_PLEDGE, 0, 0, 0, held & r.choice((255, 255 ^ 1 << r.randrange(8), 0x1f)))
        at = self.slot(f)
        cap = f.slots[at]
        expiry = 0 if r.random() < 0.6 else self.model.tsc + r.choice((0, 1, 1000, 1 << 30))
        offset = length = 0
        if cap and cap.type == FRAMES and r.random() < 0.6:
            offset = r.choice((0, PAGE, LARGE, r.randrange(max(1, cap.length // PAGE)) * PAGE))
            length = r.choice((0, PAGE, LARGE, max(0, cap.length - offset)))
        return self.verb(f, 4, at, r.choice((ALL, ALL, ALL & ~WRITE, ALL & ~GRANT, r.randrange(1, 128))), offset, length, expiry)

    def close(self, f):
        r = self.random
        at = r.choice([i for i, cap in enumerate(f.slots) if cap and (i > 2 or r.random() < 0.02)] or [r.randrange(64)])
        if f.index == 0 and at < 18 and r.random() < 0.95:
            at = self.slot(f, (FIBER, CHANNEL, PROCESS, REGION))
            at = r.randrange(18, 64) if at < 18 else at
        return self.verb(f, 4, at, 0)

    def tick_verb(self, f):
        r, now = self.random, self.model.tsc
        deadline = r.choice((0, 0, 1, 1, now, now + 1, now + r.randrange(1 << 16)))
        return self.verb(f, 5, self.slot(f, (CLOCK,), READ), deadline, 0, r.random() < 0.3)

    def grant(self, f):
        r = self.random
        to = self.slot(f, (FIBER,), GRANT)
        other = f.slots[to].obj if f.slots[to] and f.slots[to].type == FIBER else f
        return self.verb(f, 6, to, self.slot(f, (), GRANT), self.free(other), r.choice((ALL, ALL, ALL, ALL & ~REVOKE, r.randrange(128))))

    # ---- recipes: each plans what follows, last first ----

    def later_by(self, f, make):
        """make(), if f still may act then."""
        def act():
            return make() if self.model.fibers.get(f.index) is f and f.state == READY else None
        return act

    def child(self, f):
        """A fiber with an own capability, clock, RAM, channel; started."""
        slot = self.free(f)
        gifts = [(FIBER, 1), (CLOCK, 2), (FRAMES, 3), (CHANNEL, 19), (FRAMES, 4), (WINDOW, 8), (CHANNEL, 20)]

        def gift(kind, at):
            cap = f.slots[slot]
            source = slot if kind == FIBER else self.slot(f, (kind,), GRANT)
            return self.verb(f, 6, slot, source, at, ALL) if cap and cap.type == FIBER else None
        steps = [lambda: self.spawn_fiber(f, 1, slot)]
        steps += [lambda kind=kind, at=at: gift(kind, at) for kind, at in gifts]
        steps += [lambda: self.verb(f, 1, slot, U64)]
        self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def chain(self, f):
        """A copy of a copy of a copy, as deep as it goes or nearly."""
        source, me = self.slot(f, (), GRANT), self.myself(f)
        where = [source, self.free(f), self.free(f)]

        def deeper(i):
            a, b = where[1 + i % 2], where[1 + (i + 1) % 2]
            return self.verb(f, 6, me, a if i else source, b, ALL)

        def clear(i):
            return self.verb(f, 4, where[1 + i % 2], 0) if i else None
        for i in reversed(range(self.random.choice((3, 10, 44)))):
            self.plan += [self.later_by(f, lambda i=i: clear(i)), self.later_by(f, lambda i=i: deeper(i))]

    def fade(self, f):
        """A few copies deep, some halvings later, one more."""
        slots = [self.slot(f, (), GRANT)] + [self.free(f) for _ in range(self.random.choice((3, 6, 12)))]
        me, depth = self.myself(f), len(slots) - 1
        steps = [lambda a=a, b=b: self.verb(f, 6, me, a, b, ALL) for a, b in zip(slots, slots[1:])]
        steps.append(lambda: ("clock", self.model.tsc + self.random.choice((1, 2, 5)) * (1 << 52 - depth) + self.random.choice((-1, 0, 1))))
        steps.append(lambda: self.verb(f, 6, me, slots[-1], self.free(f), ALL))
        if self.model.tsc < 1 << 58:
            self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def dress(self, f):
        """A window in a space whose fiber then drops the class."""
        window, at = self.slot(f, (WINDOW,), READ), self.slot(f, (FIBER,), MAP | REVOKE)
        cap, there = f.slots[window], f.slots[at]
        if cap and cap.type == WINDOW and there and there.type == FIBER:
            steps = [lambda: self.map_shared(f, at, window),
                     lambda: self.verb(f, 4, at, ALL | MASK_PLEDGE, 0, 0, 0, there.obj.pledge & ~(1 << cap.obj.number))]
            self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def supervise(self, f):
        """A child whose end its maker waits for."""
        channel, slot = self.slot(f, (CHANNEL,), READ | WRITE), self.free(f)

        def start():
            operation = list(self.spawn_fiber(f, 1, slot))
            operation[6] = operation[6] & 0xffffffff | channel << 32
            return tuple(operation)

        def end():
            child = f.slots[slot] and f.slots[slot].obj
            good = child and child.type == FIBER and child.state == READY and child is not f
            return self.verb(child, 4, 1, 0) if good else None
        steps = [start, lambda: self.verb(f, 6, slot, slot, 1, ALL)]
        steps += [lambda: self.verb(f, 2, channel, self.free(f), 1)] * 40
        steps += [lambda: self.verb(f, 1, slot, U64), lambda: self.verb(f, 2, channel, self.free(f), 0)]
        self.plan += [end, *(self.later_by(f, step) for step in reversed(steps))]

    def share(self, f):
        """A region, mapped in some spaces, handed on, revoked."""
        slot = self.free(f)
        steps = [lambda: self.spawn_region(f, 4, slot)]
        steps += [lambda: self.map_shared(f, self.slot(f, (FIBER, PROCESS), MAP), slot)] * 3
        steps += [lambda: self.verb(f, 6, self.slot(f, (FIBER,), GRANT), slot, self.random.randrange(18, 64), ALL)] * 2
        steps += [lambda: self.verb(f, 4, slot, ALL | MASK_REVOKE), lambda: self.map_shared(f, self.slot(f, (FIBER,), MAP), slot)]
        self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def waste(self, f):
        """All it has, period after period: it freezes, and takes strikes. Then it is restarted."""
        poor = [g for g in self.model.fibers.values() if g.index and g.state == READY and g.budget < 5000]
        f = self.random.choice(poor) if poor else f
        if f.index == 0:
            return

        def spend():
            price = self.random.choice((0, 6, 3)) if f.energy > 20 else 5
            return self.verb(f, price, 64 + 1, 1 if price == 5 else 3)

        def wake():
            if f.state == BLOCKED and f.wait == ENERGY:
                return ("clock", f.wake)
            return None
        def again(number, *registers):
            init = self.model.fibers[0]
            at = next((i for i, cap in enumerate(init.slots) if cap and cap.obj is f and cap.rights & REVOKE), None)
            if at is None or init.state != READY:
                return None
            return self.verb(init, number, at, *registers) if number else self.verb(init, 0, 1, 5, at, 0, 0x10000040)
        self.plan += [lambda: again(1, U64), lambda: again(0), lambda: again(4, ALL | MASK_REVOKE)]
        for _ in range(self.random.choice((9, 17, 26))):
            self.plan.append(wake)
            self.plan += [self.later_by(f, spend)] * min(60, 2 + f.budget // 10)

    def ring(self, f):
        """A channel filled to its brim, and emptied."""
        to = self.slot(f, (CHANNEL,), READ | WRITE)
        n = self.random.choice((5, 40))
        full = [lambda: self.verb(f, 1, to, self.slot(f, (), GRANT) if self.random.random() < 0.2 else U64, 1, 2, 3, 4, 5, 6, 7, 8)]
        empty = [lambda: self.verb(f, 2, to, self.free(f), 1)]
        self.plan += [self.later_by(f, step) for step in empty * n + full * n]

    def relocate(self, f):
        """A table moves, and there is a new one where it was."""
        r = self.random
        source, to, gva = self.slot(f, (PROCESS,), MAP), self.slot(f, (PROCESS,), MAP), r.choice(GVAS) & ~(LARGE - 1)
        there, weak = self.place(f, to), self.free(f)

        def fill():
            what, offset, _ = self.part(f, 3)
            return self.verb(f, 3, source, what, gva + r.randrange(4) * PAGE, offset, PAGE, 3)
        steps = [fill, fill, lambda: self.map_shared(f, to), lambda: self.verb(f, 3, to, source, self.place(f, to), gva, LARGE, 0),
                 lambda: self.verb(f, 6, self.myself(f), source, weak, ALL & ~MAP),
                 lambda: self.verb(f, 3, to, weak, there, gva, LARGE, 0),
                 lambda: self.verb(f, 3, to, source, there, gva, LARGE, 0), fill, fill,
                 lambda: self.verb(f, 3, to, U64, there, 0, LARGE, 0)]
        self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def restart(self, f):
        """Kill a child, close or revive it."""
        slot = self.slot(f, (FIBER,), REVOKE)
        steps = [lambda: self.verb(f, 4, slot, ALL | MASK_REVOKE),
                 lambda: self.verb(f, 0, self.myself(f), 5, slot, 0, 0x10000040, 0),
                 lambda: self.verb(f, 1, slot, U64)]
        self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def reuse(self, f):
        """Frames that were written in a process become code there, and the other way round."""
        r = self.random
        at, (what, offset, _) = self.slot(f, (PROCESS,), MAP), self.part(f, EXECUTE)
        gva, size = r.choice(GVAS) & ~(LARGE - 1), r.choice((1, 3, 9)) * PAGE
        steps = []
        for rights in r.choice(((3, 5), (5, 3), (3, 5, 3))):
            steps += [lambda rights=rights: self.verb(f, 3, at, what, gva, offset, size, rights),
                      lambda: self.verb(f, 3, at, U64, gva, 0, size)]
        self.plan += [self.later_by(f, step) for step in reversed(steps)]

    def alias(self, f):
        """The same frames, writable here and executable there."""
        r = self.random
        at, offset, size = self.part(f, EXECUTE)
        steps = []
        for rights in r.sample((3, 5, 3, 5), 4):
            steps.append(lambda rights=rights: self.verb(f, 3, self.slot(f, (FIBER, PROCESS), MAP), at, r.choice(GVAS), offset, size, rights))
        steps.append(lambda: self.unmap(f, self.myself(f), f.space))
        self.plan += [self.later_by(f, step) for step in reversed(steps)]
