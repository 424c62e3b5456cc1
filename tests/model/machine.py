"""The reference model: a nucleus and the little that the machine around it decides.

Who runs next is not the model's: each call names the fiber that acts, and
`may_run` says whether it may. `verb` returns the outcome and the registers after.
"""
from abi import C, CHANNEL, CLOCK, ERRORS, FIBER, FRAMES, LARGE, PAGE, PRICE, PROCESS, REGION, U64, WINDOW
from caps import Blocks, Caps, Refused
from energy import Meter, U32, FAULT
from mapping import ENTRY, Frames_in_use, Mapping
from state import BLOCKED, DEAD, EITHER, ENERGY, MESSAGE, READY, Clock, Fiber, Frames, Window
from verbs import MASK_REVOKE, Verbs

DONE, WAITS, EXITED, HALTED = "done", "blocked", "exited", "halted"


class Model(Meter, Caps, Mapping, Verbs):
    # Pool pages that an object takes: fiber and CSpace, or process; root and the two tables on the way to the entry page's.
    FIBER_PAGES, PROCESS_PAGES = 2 + 3, 1 + 3
    FIBER_LEAST, PROCESS_LEAST = 7, 6         # with an FPU one more, its area

    def __init__(self, boot):
        """boot: what the machine was laid out with (boot.py)."""
        self.tsc = boot.tsc
        self.set_clock_rate(boot.tsc_per_ms)
        self.trap_pages, self.pool, self.ram = boot.trap_pages, boot.pool, boot.ram
        self.fibers, self.channels, self.processes, self.regions, self.spawned = {}, [], [], [], 0
        self.unsettled, self.acting = [], None    # ended, but not yet free; the fiber whose verb runs
        self.stop = 0                 # the code with which init ended the session
        self.use, self.signals = Frames_in_use(), 0
        self.boot(boot)
        self.verbs = (self.verb_spawn, self.verb_send, self.verb_recv, self.verb_map, self.verb_mask, self.verb_tick,
                      self.verb_grant)

    def boot(self, boot):
        """init and its CSpace."""
        init = Fiber(0, boot.pledge, boot.spectrum, U32, boot.pool)
        init.state, init.refill_at = READY, boot.tsc + self.period[boot.spectrum]
        self.fibers[0] = init
        for slot, kind, rights, number, gpa, bytes_ in boot.slots:
            obj = {FIBER: lambda: init, CLOCK: lambda: Clock("C"),
                   FRAMES: lambda: Frames(f"R{slot}", gpa, bytes_),
                   WINDOW: lambda: Window(f"R{slot}", number, gpa, bytes_)}[kind]()
            if kind == WINDOW:
                obj.pages = 1 + -(-bytes_ // LARGE)
                obj.doorbell = C["CENO_GPA_DOORBELL"] + number * PAGE
            self.put(init, slot, self.first(obj, rights, bytes_ if kind == FRAMES else 0))
        self.entry_gpa = next(gpa for gva, gpa, *_ in boot.maps if gva == ENTRY)
        init.space.entry = ENTRY // PAGE
        for gva, gpa, bytes_, rights, large in boot.maps:
            for at in range(0, bytes_, LARGE if large else PAGE):
                self.set_entry(init.space, gva + at, gpa + at, rights, large)
                init.space.tables |= set(self.tables_for(gva + at, not large))   # laid out, not taken

    def next_name(self):
        self.spawned += 1
        return f"O{self.spawned}"

    def free_index(self):
        return next((i for i in range(self.trap_pages) if i not in self.fibers), None)

    # ---- one verb ----

    def verb(self, f, regs):
        """(outcome, registers after). Blocked: the registers are as before."""
        number = regs[0]
        price = PRICE[number] if number < len(PRICE) else 1
        f.state, f.wait, f.pending = READY, None, None
        self.acting = f
        paid = self.pay(f, price)
        if paid < 0:
            return DONE, (ERRORS["ENERGY"] & U64, *regs[1:])
        if paid == 0:
            if f.state == DEAD:
                return EXITED, regs
            f.pending = regs
            return WAITS, regs
        try:
            out = self.verbs[number](f, regs) if number < len(PRICE) else ERRORS["VERB"]
        except Refused as refused:
            return DONE, (refused.code & U64, *regs[1:])
        except Blocks as blocks:
            self.refund(f, price)
            f.state, f.wait, f.wake, f.pending = BLOCKED, blocks.wait, blocks.wake, regs
            return WAITS, regs
        if f.state == DEAD:
            return HALTED if self.stop else EXITED, regs
        return DONE, self.results(regs, out)

    @staticmethod
    def results(regs, out):
        if not isinstance(out, tuple):
            return (out & U64, *regs[1:])
        if len(out) == 3:                # TICK: rdx
            return (out[0], regs[1], regs[2], out[2], *regs[4:])
        rax, message = out               # RECV: rsi and the message registers
        return (rax, regs[1], *message)

    # ---- what the machine does to fibers ----

    def tick(self, f):
        """A timer interrupt while f, or the process that it runs, was running."""
        self.cpu_time(f)

    def clock(self, tsc):
        self.tsc = tsc
        for f in self.fibers.values():
            if f.wait == ENERGY and tsc >= f.wake:
                f.seen.append(tsc)

    def signal(self):
        """The host rang: one bell for every window."""
        self.signals += 1

    def lengthy(self, f, regs):
        """May it say AGAIN: is it a close that ends something, or a restart?"""
        if regs[0] == 4:
            return not regs[2] or regs[2] & MASK_REVOKE
        return regs[0] == 0 and regs[2] & 255 == C["CENO_SPAWN_RESTART"]

    def unfinished(self, f, regs):
        """AGAIN: paid, some of it done; what is left is done when it is called again."""
        f.state, f.wait, f.pending = READY, None, None
        self.pay(f, PRICE[regs[0]])

    def fault(self, f, vector, error, rip):
        """In its own code. False: the session stops (nobody supervises it)."""
        if not f.events:
            return False
        self.note(f, FAULT)
        f.fault = (vector, error, rip)
        self.die(f)
        return True

    def still_waits(self, f):
        """Would the pending verb of f block again? What would refuse it meanwhile wakes nobody, but
        for a channel that was revoked under those who wait for it."""
        if f.wait == ENERGY:
            return self.tsc < f.wake
        try:
            self.verbs[f.pending[0]](f, f.pending)
        except Blocks:
            return True
        except Refused as refused:
            return f.wait not in (MESSAGE, EITHER) or refused.code == ERRORS["EXPIRED"]
        return False

    # ---- pool pages ----

    @staticmethod
    def check_quota(f, pages, least):
        if pages > f.quota or pages < least:
            raise Refused("POOL")

    def charge(self, f, pages, holder, own):
        """`pages` leave f's quota for a new fiber or space, which `own` of them make."""
        f.quota -= pages
        holder.quota = pages - own
        space = holder.space if isinstance(holder, Fiber) else holder
        space.enter(ENTRY, self.entry_gpa, self.tables_for(ENTRY, False))
        self.pool -= own
        holder.given = pages

    def take(self, f, pages):
        if pages > f.quota or pages > self.pool:
            raise Refused("POOL")
        f.quota -= pages
        self.pool -= pages

    def give_back(self, closer, pages, own=None):
        """To closer's quota; `own` of them were in use."""
        closer.quota += pages
        self.pool += pages if own is None else own

    # ---- ends ----

    def end(self, obj, closer):
        """The last capability that counts is gone: what it holds goes, the rest is stale."""
        obj.ended, obj.live = True, 0
        obj.epoch += 1
        self.unsettled.append(obj)
        end = {FIBER: self.end_fiber, PROCESS: self.end_process, CHANNEL: self.empty_ring, REGION: self.unshow, WINDOW: self.unshow}
        end[obj.type](obj, closer)

    def settle(self, obj, closer):
        """Ended, named by nothing, mapped nowhere: its last pages are whose act that was."""
        kept = getattr(obj, "maps", 0) or obj.type == FIBER and obj.untold()
        if obj.ended and not obj.holders and not kept and obj in self.unsettled:
            self.unsettled.remove(obj)
            self.give_back(closer, obj.pages)
            for listed in (self.channels, self.processes, self.regions):
                if obj in listed:
                    listed.remove(obj)

    def end_fiber(self, f, closer):
        self.die(f)
        for t in f.told:
            if not any(t.same(own) for own in closer.listeners()):
                t.bits = 0
        self.empty_fiber(f, closer)
        f.lingers = f.untold()
        if not f.lingers:
            del self.fibers[f.index]
        self.inherit(closer, f)
        own = self.FIBER_PAGES + f.area - f.pages
        self.give_back(closer, f.quota + own, own)
        f.quota, f.fpu = 0, None

    def gone_if_told(self, f, receiver):
        """An ended fiber stays until what became of it is told."""
        if f.lingers and not f.untold():
            f.lingers = False
            del self.fibers[f.index]
            self.settle(f, receiver)

    def empty_fiber(self, f, closer):
        for slot in range(64):
            if f.slots[slot]:
                self.close(f, slot, closer)
        self.empty_space(f.space)

    def empty_space(self, space):
        """All but the entry page, and its tables."""
        self.clear_space(space)
        kept = set(self.tables_for(ENTRY, False))
        space.quota += len(space.tables - kept)
        self.pool += len(space.tables - kept)
        space.tables &= kept

    def end_process(self, process, closer):
        self.unrun(process)
        self.clear_space(process.space, everything=True)
        self.empty_space(process.space)
        own = self.PROCESS_PAGES - process.pages
        self.give_back(closer, process.space.quota + own, own)

    def unrun(self, process):
        process.runnable = False
        for f in self.fibers.values():
            if f.process is process:
                f.process = None

    def empty_ring(self, channel, closer):
        ring, channel.ring = channel.ring, []
        for f in list(self.fibers.values()):
            for t in f.told:
                if t.channel is channel:
                    t.bits = 0
            self.gone_if_told(f, closer)
        for _, _, cap in ring:
            if cap:
                self.drop(cap, closer)
