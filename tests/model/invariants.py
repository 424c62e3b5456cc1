"""I1 to I10 on a model's state, step by step: what was before is remembered here, and
what may follow it is said here again, in other words than the verbs say it.

A step is (what, actor, result): what is a verb's number or the name of a happening,
actor the fiber, result rax (None unless the verb was done).
"""
from abi import EXECUTE, LARGE, PAGE, WRITE, WINDOW
from state import DEAD, ENERGY, shared_leaves

SPAWN_VERB, MAP_VERB, MASK_VERB = 0, 3, 4
U32, U64 = (1 << 32) - 1, (1 << 64) - 1


class Broken(Exception):
    """An invariant does not hold: its name and what was seen."""


def need(condition, name, text, *seen):
    if not condition:
        raise Broken(f"{name}: {text} {' '.join(map(str, seen))}".rstrip())


class Before:
    """A fiber as the last step left it."""
    __slots__ = ("slots", "epoch", "pledge", "strikes", "restarts", "spectrum", "energy", "budget", "spent", "refilled",
                 "refill_at", "state", "frozen_until")

    def __init__(self, f):
        self.slots, self.epoch, self.pledge, self.strikes = tuple(f.slots), f.epoch, f.pledge, f.strikes
        self.restarts, self.spectrum, self.energy, self.budget = f.restarts, f.spectrum, f.energy, f.budget
        self.spent, self.refilled, self.refill_at, self.state = f.spent, f.refilled, f.refill_at, f.state
        self.frozen_until = f.wake if f.state == "blocked" and f.wait == ENERGY else 0


class Watch:
    def __init__(self, model):
        self.model = model
        self.fibers = {f: Before(f) for f in model.fibers.values()}
        self.rings = {c: tuple(c.ring) for c in model.channels}
        self.total = sum(f.budget for f in model.fibers.values())
        self.tsc = model.tsc

    def step(self, what, actor, result=None):
        model = self.model
        need(model.tsc >= self.tsc, "clock", "went back")
        for f in model.fibers.values():
            was = self.fibers.get(f)
            if was is None:
                self.born(f, what, actor)
            else:
                self.ratchets(f, was)
                self.energy(f, was, what, actor)
                if was.slots != tuple(f.slots):
                    self.slots(f, was, actor)
        self.sums()
        self.all_rings(actor)
        if what in (MAP_VERB, MASK_VERB, SPAWN_VERB) and result is not None and result < 1 << 63:
            self.write_xor_execute()
        self.remember()

    def remember(self):
        model = self.model
        gone = [f for f in self.fibers if model.fibers.get(f.index) is not f]
        for f in gone:
            del self.fibers[f]
        for f in model.fibers.values():
            was = self.fibers.get(f)
            if was is None or was.slots != tuple(f.slots) or was.spent != f.spent or self.changed(f, was):
                self.fibers[f] = Before(f)
        self.rings = {c: tuple(c.ring) for c in model.channels}
        self.tsc = model.tsc

    @staticmethod
    def changed(f, was):
        frozen = f.wake if f.state == "blocked" and f.wait == ENERGY else 0
        return (f.state, f.energy, f.budget, f.epoch, f.pledge, f.refill_at, f.restarts, f.strikes, frozen) != (
            was.state, was.energy, was.budget, was.epoch, was.pledge, was.refill_at, was.restarts, was.strikes,
            was.frozen_until)

    # ---- I1, I8, I10 ----

    def born(self, f, what, actor):
        need(what == SPAWN_VERB, "I1", "a fiber came by", what)
        need(not any(f.slots), "I1", "a new fiber holds something:", f)
        need(not set(f.space.small) - {f.space.entry} and not f.space.large and not f.space.shared, "I1", "its space is not empty:", f)
        parent = self.fibers[actor]
        need(f.pledge & ~parent.pledge == 0, "I8", "a child may more than its parent:", f)
        need(f.spectrum >= parent.spectrum, "I8", "a child is faster than its parent:", f)
        need(actor.energy + f.energy <= parent.energy or actor.refilled > parent.refilled, "I5", "born with energy of nobody")

    @staticmethod
    def ratchets(f, was):
        need(f.epoch in (was.epoch, was.epoch + 1) and f.epoch <= U64, "I4", "an epoch leapt:", f)
        need(f.pledge & ~was.pledge == 0, "I8", "a pledge rose:", f)
        need(f.strikes >= was.strikes, "I8", "a strike was forgiven:", f)
        need(f.spectrum >= was.spectrum, "I8", "a spectrum got faster:", f)
        need(f.restarts in (was.restarts, was.restarts + 1), "I8", "restarts leapt:", f)
        if f.restarts != was.restarts:
            need(not any(f.slots) and not set(f.space.small) - {f.space.entry} and not f.space.shared and f.state == "parked",
                 "I10", "a restarted fiber is not as new:", f)
            need(f.epoch == was.epoch + 1, "I10", "an old capability outlives a restart:", f)
            need((f.pledge, f.spectrum, f.energy, f.strikes) == (was.pledge, was.spectrum, was.energy, was.strikes) and
                 f.budget >= was.budget, "I10", "a restart changed:", f)
        need(not (was.state == DEAD and f.state != DEAD and f.restarts == was.restarts), "I10", "the dead rose:", f)

    # ---- I5, I6, I7 ----

    def energy(self, f, was, what, actor):
        need(0 <= f.energy <= f.budget <= U32, "I5", "energy outside 0..budget:", f, f.energy, f.budget)
        if f is actor and what != "wake":
            need(self.model.tsc >= was.frozen_until and was.state != DEAD, "I6", "a frozen or dead fiber acted:", f)
        later = f.refill_at > was.refill_at and f.budget > was.budget  # it closed a fiber
        if f.refilled != was.refilled or f.refill_at != was.refill_at and not later:
            need(f is actor or was.frozen_until, "I7", "refilled by another's act:", f)
            need(self.model.tsc >= was.refill_at, "I7", "refilled before its period was over:", f)
        elif f.energy > was.energy:
            raise Broken(f"I5: energy from nowhere: {f} {was.energy} {f.energy}")
        lost = was.energy + (f.refilled - was.refilled) - (f.spent - was.spent) - f.energy
        need(lost == 0 or (f is actor and what == SPAWN_VERB and lost > 0), "I5", "energy unaccounted:", f, lost)

    def sums(self):
        total = sum(f.budget for f in self.model.fibers.values())
        need(total <= self.total, "I5", "more budget than the session began with:", total, self.total)

    # ---- I2, I3 ----

    def slots(self, f, was, actor):
        if f.restarts != was.restarts:
            return
        for slot, (old, new) in enumerate(zip(was.slots, f.slots)):
            if old is new or new is None:
                continue
            if old is None:
                self.appeared(f, slot, new, actor)
            else:
                self.narrowed(f, slot, old, new)

    def appeared(self, f, slot, new, actor):
        if new.depth == 0:
            need(f is actor and new.obj.epoch == 1 and new.obj.holders == 1 and new.strength == 65535 or
                 self.was_in_ring(new), "I2", "a root capability from nowhere:", f, slot)
            return
        need(self.was_in_ring(new) or any(self.descends(new, old) for old in self.fibers[actor].slots if old),
             "I2", "a capability without a parent:", f, slot, new)

    def was_in_ring(self, cap):
        return any(message[2] is cap for ring in self.rings.values() for message in ring)

    def descends(self, new, old):
        """new is old, one step deeper, made now, with nothing more."""
        if new.obj is not old.obj or new.depth != old.depth + 1 or new.epoch != old.epoch or new.rights & ~old.rights:
            return False
        now = old.strength
        if old.depth:
            for _ in range((self.model.tsc - old.born) // 2 ** (52 - old.depth)):
                now //= 2
                if not now:
                    break
        return (new.strength == now - now // 8 >= 256 and new.until <= old.until and new.born == self.model.tsc and
                (new.offset, new.length) == (old.offset, old.length) and new.depth <= 40 and
                new.until <= self.faded(new))

    @staticmethod
    def faded(cap):
        steps, strength = 0, cap.strength
        while strength >= 256:
            strength, steps = strength // 2, steps + 1
        return cap.born + steps * 2 ** (52 - cap.depth)

    @staticmethod
    def narrowed(f, slot, old, new):
        need(new.obj is old.obj and new.type == old.type, "I2", "a slot changed its object:", f, slot)
        need(new.rights & ~old.rights == 0, "I2", "rights rose:", f, slot)
        need(new.until <= old.until, "I2", "an expiry moved out:", f, slot)
        need((new.depth, new.strength, new.born) == (old.depth, old.strength, old.born), "I2", "stronger:", f, slot)
        need(new.offset >= old.offset and new.offset + new.length <= old.offset + old.length, "I2", "bounds grew:", f, slot)
        need(new.epoch == old.epoch or new.epoch == new.obj.epoch == old.epoch + 1, "I4", "an epoch leapt:", f, slot)

    def all_rings(self, actor):
        for channel in self.model.channels:
            before = self.rings.get(channel, ())
            ring = channel.ring
            if len(ring) == len(before) and all(a is b for a, b in zip(ring, before)):
                continue
            for message in ring:
                if message[2] is not None and not any(message is old for old in before):
                    self.moved(channel, message[2], actor)

    def moved(self, channel, cap, actor):
        parents = [old for slot, old in enumerate(self.fibers[actor].slots)
                   if old and actor.slots[slot] is not old and self.descends(cap, old)]
        need(parents, "I2", "a capability in a ring without a parent:", channel, cap)
        need(cap.obj is not channel, "I2", "a channel in its own ring:", channel)

    # ---- I3, I9 ----

    def mappings(self):
        for holder in [*self.model.fibers.values(), *self.model.processes]:
            space = holder.space
            for page, (gpa, rights) in space.small.items():
                yield gpa, PAGE, rights
            for gpa, rights in space.large.values():
                yield gpa, LARGE, rights
            for obj, index, rights in space.shared.values():
                if obj.type == WINDOW and not holder.pledge >> obj.number & 1:
                    raise Broken(f"I8: a window of a dropped class is mapped in {holder}")
                need(obj.epoch == 1 or not any(shared_leaves(obj, index)) or obj.type == WINDOW,
                     "I3", "a revoked region is still mapped in", holder)
        for region in self.model.regions:
            if region.shows:
                yield region.gpa, region.bytes, region.rights

    def write_xor_execute(self):
        """I9, from the mappings alone."""
        writable, executable = [], []
        for gpa, size, rights in self.mappings():
            need(rights & (WRITE | EXECUTE) != WRITE | EXECUTE, "I9", "one mapping writable and executable:", hex(gpa))
            if rights & WRITE:
                writable.append((gpa, gpa + size))
            elif rights & EXECUTE and self.model.is_ram(gpa):
                executable.append((gpa, gpa + size))
        if not executable or not writable:
            return
        edges = sorted([(a, 0, 1) for a, _ in writable] + [(b, -1, 1) for _, b in writable] +
                       [(a, 0, 2) for a, _ in executable] + [(b, -1, 2) for _, b in executable])
        depth = {1: 0, 2: 0}
        for at, end, kind in edges:
            depth[kind] += -1 if end else 1
            need(not (depth[1] and depth[2]), "I9", "a frame writable and executable:", hex(at))
