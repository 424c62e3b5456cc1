"""Traces for a guest (guest.py), and the model of what is in it before the trace begins.

A guest's time is its own, so nothing in a trace depends on when it is done: deadlines and
expiries are long past or never, copies stay too shallow to fade, no fiber that runs is
ever short of joules. What replay.c needs to go on (its mappings and capabilities, and
the same in each child that runs) is left alone.
"""
from abi import ALL, C, CHANNEL, CLOCK, EXECUTE, FIBER, FRAMES, LARGE, MAP, PAGE, PROCESS, READ, REVOKE, U64, WINDOW, WRITE
from caps import strength_now
from machine import DONE, EXITED, Model
from state import PARKED, READY

VERB, ENDS, LOAD, STORE, FAULT = range(5)
KIND_NAME = ("verb", "verb", "load", "store", "fault")

# replay.c's, in init: service memory, the trace; in a child: its page, clock and entries.
AREA, AREA_PAGES, TRACE = 0x22000000, 364, 0x24000000
BOX, CHILD_CLOCK = C["CENO_GVA_SERVICE_STACK"] - PAGE, 62
TEXT = C["CENO_GVA_SERVICE"]
CHILD_RIP, FAULT_RIP, PEEK_RIP, CHILD_RSP = TEXT + 0x40, TEXT + 0x80, TEXT + 0x90, C["CENO_GVA_SERVICE_STACK"]
KEPT_GVA = (TEXT, 0x26000000)
SELF, CLOCK_SLOT, PACK, BUNDLE, SERVICE, RAM = (C[f"CENO_SLOT_{n}"] for n in ("SELF", "CLOCK", "PACK", "BUNDLE", "SERVICE", "RAM"))
STDIO = C["CENO_SLOT_WINDOW"] + C["CENO_PLEDGE_STDIO"]
KEPT_SLOTS = (SELF, CLOCK_SLOT, PACK, BUNDLE, STDIO, SERVICE)
KEPT_PLEDGE = 1 << C["CENO_PLEDGE_STDIO"] | 1 << C["CENO_PLEDGE_SPAWN"]
RICH = 100000                         # joules of a fiber that runs: far more than it can spend in a period
DEEPEST = 12                          # a copy so deep halves in 2^40 cycles
NEVER = 1 << 62

RX, RW = READ | EXECUTE, READ | WRITE
RIGHTS = {"RAM": RX | WRITE, "PACK": RX, "BUNDLE": RX, "BOOT": READ, "IMAGE": RX, "TRAP": RW, "SERVICE": RW, "EVENTS": READ,
          "TRAIL": RW}
GRANT = 1 << 3


class Layout:
    """What Model wants to know of the launch; sizes as the guest measured them."""
    trap_pages, spectrum, tsc_per_ms = 64, C["CENO_SPECTRUM_MATTER"], 1000

    def __init__(self, facts, tsc):
        self.tsc, self.pool, self.pledge = tsc, 1 << 20, facts.pledge
        self.segments = segments(facts.bundle)
        ram = C["CENO_GPA_RAM"] + (4 << 20)
        self.ram = (ram, ram + facts.length[RAM])
        self.slots = [(SELF, FIBER, ALL, 0, 0, 0), (CLOCK_SLOT, CLOCK, READ | GRANT, 0, 0, 0)]
        places = {"RAM": ram, "PACK": C["CENO_GPA_PACK"], "BUNDLE": C["CENO_GPA_BUNDLE"], "SERVICE": ram - LARGE + PAGE}
        for name, rights in RIGHTS.items():
            slot = C[f"CENO_SLOT_{name}"]
            if facts.length[slot]:
                self.slots.append((slot, FRAMES, rights | GRANT, 0, places.get(name, (slot << 30) + PAGE), facts.length[slot]))
        self.slots.append((STDIO, WINDOW, RW | GRANT | REVOKE, C["CENO_PLEDGE_STDIO"], C["CENO_GPA_WINDOW"], C["CENO_STDIO_BYTES"]))
        self.maps = [(gva, gpa, bytes_, rights, 0) for gva, gpa, bytes_, rights in self.init_maps(facts)]

    def init_maps(self, facts):
        """init's space as the warden lays it out (layout.h); frames of the boot granule are not told apart."""
        bundle = C["CENO_GPA_BUNDLE"]
        for module, kind, offset, bytes_, gva in self.segments:
            if module in (1, 3) and kind:
                yield gva, bundle + offset, bytes_, (0, RX, READ, RW)[kind]
        stack = C["CENO_GVA_SERVICE_STACK"]
        yield stack - 16 * PAGE, 1 << 29, 16 * PAGE, RW
        yield C["CENO_GVA_TRAP_PAGE"], 1 << 29, PAGE, RW
        yield C["CENO_GVA_BOOT_PAGE"], C["CENO_GPA_BOOT"], PAGE, READ
        yield C["CENO_GVA_BUNDLE"], bundle, len(facts.bundle), READ

    def text(self):
        """(offset in the bundle, bytes) of init's text, which children run, too."""
        return next((offset, bytes_) for module, kind, offset, bytes_, _ in self.segments if module == 1 and kind == 1)


def segments(bundle):
    """[(module id, kind, offset, bytes, gva)] of a bundle (bundle.h)."""
    count = int.from_bytes(bundle[24:28], "little")
    out = []
    for i in range(count):
        words = [int.from_bytes(bundle[32 + 32 * i + at:32 + 32 * i + at + size], "little") for at, size in
                 ((0, 4), (4, 4), (8, 8), (16, 8), (24, 8))]
        out.append(tuple(words))
    return out


class Guest(Model):
    """The model as the trace finds the guest: replay.c has mapped what it needs."""

    def __init__(self, facts, tsc):
        self.layout = Layout(facts, tsc)
        super().__init__(self.layout)
        init, self.words = self.fibers[0], {}
        self.signals = init.heard = facts.signals
        for regs in ((3, SELF, STDIO, C["CENO_GVA_WINDOW"], 0, C["CENO_STDIO_BYTES"], RW), (3, SELF, PACK, TRACE, 0, LARGE, READ),
                     (3, SELF, SERVICE, AREA, 0, AREA_PAGES * PAGE, RW)):
            outcome, after = self.verb(init, (*regs, 0, 0, 0, 0))
            if outcome != DONE or after[0]:
                raise ValueError(f"replay.c could not have mapped what it needs: {after[0]:#x}")
        self.pool = init.quota = facts.quota

    def pay(self, f, price):
        """Nobody that acts here freezes."""
        if price > f.budget:
            return -1
        f.energy = f.budget
        f.energy -= price
        f.spent += price
        return 1

    def fault_on_request(self, f, gva):
        """By loading from where nothing is mapped, or (0) by an illegal instruction."""
        self.fault(f, *((14, 4, PEEK_RIP) if gva else (6, 0, FAULT_RIP)))

    # ---- memory of RAM: the first word of each page ----

    def page(self, f, gva):
        return next(gpa + gva - start for start, gpa, size, _, _ in f.space.runs() if start <= gva < start + size)

    def read(self, f, gva):
        return self.words.get(self.page(f, gva), 0)

    def write(self, f, gva, word):
        self.words[self.page(f, gva)] = word


class Maker:
    """A trace, operation by operation, as the model does it."""

    def __init__(self, model, seed, generator):
        self.model, self.trace = model, []
        self.mapped = {}              # addresses at which something ever was, by fiber
        self.generator = generator(model, seed)
        self.random = self.generator.random
        self.generator.recipes = [r for r in self.generator.recipes if r.__name__ not in ("fade", "waste")]

    def fill(self, operations):
        while len(self.trace) < operations:
            dice = self.random.random()
            if dice < 0.07:
                self.touch() if dice < 0.04 else self.lose()
                continue
            operation = self.generator.next()
            if operation and operation[0] == "verb":
                self.attempt(self.tame(operation))
            elif operation and operation[0] == "fault":
                self.fault()

    # ---- verbs ----

    def tame(self, operation):
        """The same in a guest: entries that replay.c has, joules enough, no near deadlines."""
        _, index, *regs = operation
        if regs[0] == 0 and regs[2] & 255 in (1, 5) and regs[5] in (0x10000000, CHILD_RIP):
            regs[5:7] = CHILD_RIP, CHILD_RSP
        budget = regs[2] >> 32
        if regs[0] == 0 and regs[2] & 255 == 1 and 0 < budget < RICH:
            regs[2] += (RICH + 1000 * budget) << 32
            regs[2] &= U64
        if regs[0] == 4 and regs[2] and regs[5] > self.model.tsc:
            regs[5] |= NEVER
        return index, tuple(regs)

    def attempt(self, operation):
        """Done by the model and in the trace, unless it would wait or spoil the machinery."""
        index, regs = operation
        f = self.model.fibers.get(index)
        if not f or f.state != READY or len(regs) != 11 or self.spoils(f, regs):
            return None
        space = f.slots[regs[1] & 63]
        outcome, after = self.model.verb(f, regs)
        if outcome == DONE and not after[0] and regs[0] == 3 and regs[2] != U64:
            self.mapped.setdefault(space.obj, set()).update((regs[3], regs[3] + regs[5] - PAGE))
        if outcome not in (DONE, EXITED):
            f.state, f.wait, f.pending = READY, None, None
            return None
        self.trace.append((ENDS if outcome == EXITED else VERB, index, regs))
        self.generator.running = f
        if outcome == DONE and not after[0] >> 63 and regs[0] == 0 and regs[2] & 255 in (1, 5) and index == 0:
            self.dress(regs[3] & 63)
        return after

    def spoils(self, f, regs):
        number = regs[0]
        if number >= 7:
            return False
        return (self.spoils_spawn, self.spoils_send, self.spoils_recv, self.spoils_map, self.spoils_mask, self.spoils_tick,
                self.deep)[number](f, regs)

    @staticmethod
    def spoils_recv(f, regs):
        """Whether the host has rung before the trace is the guest's to find out."""
        cap = f.slots[regs[1] & 63]
        return cap is not None and (cap.type == WINDOW and regs[3] != 1 or cap.type == CHANNEL and regs[3] == 2)

    def spoils_tick(self, _f, regs):
        return regs[2] > self.model.tsc and regs[4] == 1

    @staticmethod
    def spoils_spawn(f, regs):
        """A fiber that runs stays rich."""
        budget = regs[2] >> 32
        return regs[2] & 255 == 1 and f.budget - RICH < budget <= f.budget

    def deep(self, f, regs):
        cap = f.slots[regs[2] & 63]
        return cap is not None and cap.depth >= DEEPEST

    def kept(self, f, slot):
        return slot & 63 in KEPT_SLOTS if f.index == 0 else slot & 63 == CHILD_CLOCK

    def spoils_send(self, f, regs):
        to = f.slots[regs[1] & 63]
        if to and to.type == FIBER and to.obj.state == PARKED and not self.is_dressed(to.obj):
            return True
        return regs[2] != U64 and (self.kept(f, regs[2]) or self.deep(f, regs))

    def spoils_map(self, f, regs):
        gva, bytes_ = regs[3], regs[5]
        if regs[2] != U64 and f.slots[regs[2] & 63] and f.slots[regs[2] & 63].type == WINDOW:
            to = f.slots[regs[1] & 63]
            return bool(to) and to.obj is self.model.fibers[0]
        return gva < KEPT_GVA[1] and gva + bytes_ > KEPT_GVA[0]

    def spoils_mask(self, f, regs):
        slot, keep = regs[1] & 63, regs[2]
        cap = f.slots[slot]
        init = self.model.fibers[0]
        if cap is None:
            return False
        if cap.obj is init and (keep & (1 << 16) or keep & (1 << 17) and regs[6] & KEPT_PLEDGE != KEPT_PLEDGE or f is init and not keep):
            return True
        if cap.type == WINDOW and cap.obj.number == C["CENO_PLEDGE_STDIO"] and keep & (1 << 16):
            return True
        return self.kept(f, slot) and (keep != ALL or any(regs[3:6]))

    # ---- children that run ----

    def dress(self, slot):
        """What replay.c needs in a child: its text, a page, the clock."""
        cap = self.model.fibers[0].slots[slot]
        if not cap or cap.type != FIBER:
            return
        offset, bytes_ = self.model.layout.text()
        for regs in ((3, slot, BUNDLE, TEXT, offset, bytes_, RX), (3, slot, SERVICE, BOX, cap.obj.index * PAGE, PAGE, RW),
                     (6, slot, CLOCK_SLOT, CHILD_CLOCK, ALL, 0, 0)):
            regs = (*regs, 0, 0, 0, 0)
            outcome, _ = self.model.verb(self.model.fibers[0], regs)
            if outcome != DONE:
                init = self.model.fibers[0]
                init.state, init.wait, init.pending = READY, None, None
                return
            self.trace.append((VERB, 0, regs))

    def is_dressed(self, f):
        offset, bytes_ = self.model.layout.text()
        slots = {slot: gpa for slot, _, _, _, gpa, _ in self.model.layout.slots}
        clock = f.slots[CHILD_CLOCK]
        return f.rip == CHILD_RIP and f.rsp == CHILD_RSP and f.budget >= RICH and clock is not None and clock.type == CLOCK and \
            clock.rights & READ and clock.depth <= DEEPEST and self.model.tsc < clock.until and \
            f.space.small.get(BOX // PAGE) == (slots[SERVICE] + f.index * PAGE, RW) and \
            all(f.space.small.get((TEXT + at) // PAGE) == (slots[BUNDLE] + offset + at, RX) for at in range(0, bytes_, PAGE))

    def fault(self):
        """A child falls, if somebody would hear of it."""
        children = [f for f in self.model.fibers.values() if f.index and f.state == READY and f.events]
        if children and self.random.random() < 0.3:
            f = self.random.choice(children)
            self.fall(f, self.random.choice([0, *self.gone(f)]))

    def gone(self, f):
        """Addresses where something was mapped, and nothing is."""
        runs = f.space.runs()
        return [gva for gva in sorted(self.mapped.get(f, ())) if not any(start <= gva < start + size for start, _, size, _, _ in runs)]

    def fall(self, f, gva):
        self.model.fault_on_request(f, gva)
        self.trace.append((FAULT, f.index, (gva, *(0,) * 10)))

    def lose(self):
        """A child sees a mapping that it then loses: unmapped, its region revoked, its class dropped."""
        init, fallible = self.model.fibers[0], lambda f: f.index and f.state == READY and f.events
        slots = [i for i, cap in enumerate(init.slots) if cap and cap.type == FIBER and fallible(cap.obj) and cap.epoch == cap.obj.epoch]
        if not slots or self.random.random() < 0.5:
            return
        slot, free, gva = self.random.choice(slots), self.generator.free(init), 0x50000000
        f = init.slots[slot].obj
        region = self.ask(init, 0, SELF, 4, free, 3 * PAGE, RAM | READ << 8, 0x2000000)
        steps = [((3, slot, RAM, gva, 0x2100000, PAGE, READ), (3, slot, U64, gva, 0, PAGE))]
        if region and not region[0]:
            steps.append(((3, slot, free, gva, 0, 3 * PAGE, READ), (4, free, ALL | 1 << 16)))
        if f.pledge & 1:
            steps.append(((3, slot, STDIO, C["CENO_GVA_WINDOW"], 0, C["CENO_STDIO_BYTES"], READ),
                          (4, slot, ALL | 1 << 17, 0, 0, 0, f.pledge & ~1)))
        give, take = self.random.choice(steps)
        results = [self.ask(init, *give)]
        if results[0] and not results[0][0] and f.state == READY:
            self.touch_at(f, give[3], False) if give[2] != STDIO else None
            results.append(self.ask(init, *take))
        last = give[3] + give[5] - PAGE
        if f.state == READY and f.events and last in self.gone(f):
            self.fall(f, last)

    # ---- memory ----

    def touchable(self, f, rights):
        """Pages of RAM that f reaches so."""
        return [(gva, size) for gva, gpa, size, have, _ in f.space.runs() if self.model.is_ram(gpa) and have & rights]

    def touch(self):
        f = self.random.choice([f for f in self.model.fibers.values() if f.state == READY])
        is_store = self.random.random() < 0.5
        runs = self.touchable(f, WRITE if is_store else READ)
        if runs:
            start, size = self.random.choice(runs)
            self.touch_at(f, start + self.random.randrange(size // PAGE) * PAGE, is_store)

    def touch_at(self, f, gva, is_store):
        word = self.random.getrandbits(64) if is_store else 0
        if is_store:
            self.model.write(f, gva, word)
        self.trace.append((STORE if is_store else LOAD, f.index, (gva, word, *(0,) * 9)))

    # ---- the end: what is there? ----

    def ask_everything(self):
        for f in [f for f in self.model.fibers.values() if f.state == READY]:
            for gva, size in self.touchable(f, READ)[:60]:
                self.touch_at(f, gva, False)
                self.touch_at(f, gva + size - PAGE, False)
            for slot in range(64):
                self.ask_slot(f, slot)
            self.ask_quota(f)
        for f in [f for f in self.model.fibers.values() if f.index and f.state == READY and f.events]:
            if self.gone(f):
                self.fall(f, self.random.choice(self.gone(f)))

    def ask(self, f, *regs):
        return self.attempt((f.index, (*regs, *(0,) * (11 - len(regs)))))

    def ask_slot(self, f, slot):
        """Its type, rights and ring, by errors and what comes out."""
        self.ask(f, 4, slot, ALL)
        self.ask(f, 5, slot, 0)
        for right in (READ, WRITE, EXECUTE):
            self.ask(f, 3, SELF, slot, 1, 0, PAGE, right)
        self.ask(f, 3, slot, U64, 1, 0, PAGE)
        self.ask(f, 6, slot, 0, 0, 0)
        self.ask(f, 0, slot, 0, 0)
        cap = f.slots[slot]
        if cap and cap.type == FRAMES and cap.length:
            for at in (cap.length - PAGE, cap.length):
                self.ask(f, 3, SELF, slot, 1 << 40, at, PAGE, READ | 1 << 20)
        for _ in range(40 if cap and cap.type == CHANNEL else 1):
            after = self.ask(f, 2, slot, U64, 1)
            if after is None or after[0] >> 63:
                break

    def ask_quota(self, f):
        """A fiber at no address: the one number of pages is too many, the other is not."""
        for pages in (f.quota, f.quota + 1):
            self.ask(f, 0, SELF, 1 | 3 << 16, 63, pages, U64, 0)
