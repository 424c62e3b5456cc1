"""SPAWN, SEND, RECV, MASK, TICK, GRANT as the header tells them. Each verb is a function
of the fiber and its registers (rax rdi rsi rdx r10 r8 r9 r12 r13 r14 r15) that either
raises before it changes anything, or returns rax (or rax and changed registers)."""
from abi import (ALL, C, CHANNEL, CLOCK, EXECUTE, FIBER, FRAMES, GRANT, LARGE, LIMIT, PAGE, PROCESS, READ, REGION, REVOKE,
                 SPAWN, U64, WINDOW, WRITE)
from caps import Blocks, Refused
from state import BLOCKED, DEAD, EITHER, PARKED, READY, ROOM, MESSAGE, SIGNAL, SLEEP, Channel, Fiber, Process, Region, Told

MASK_REVOKE, MASK_PLEDGE = C["CENO_MASK_REVOKE"], C["CENO_MASK_PLEDGE"]
EVENT_SPAWN, EVENT_GRANT, EVENT_PLEDGE = (C[f"CENO_FIBER_EVENT_{n}"] for n in ("SPAWN", "GRANT", "PLEDGE"))
EXIT, FAULT = C["CENO_FIBER_EVENT_EXIT"], C["CENO_FIBER_EVENT_FAULT"]
CLASS_SPAWN = 1 << C["CENO_PLEDGE_SPAWN"]
REGION_MAX = C["CENO_REGION_BYTES_MAX"]
REGIONS = 120                         # beside one of each class of windows
CAPACITY = C.get("CENO_CHANNEL_MESSAGES", 31)


def bits(value, low, count):
    return value >> low & (1 << count) - 1


class Verbs:
    # ---- SPAWN ----

    def verb_spawn(self, f, regs):
        me = self.name(f, regs[1], (FIBER,), SPAWN)
        if me.obj is not f:
            raise Refused("TYPE")
        kind = regs[2] & 255
        if kind == C["CENO_SPAWN_RESTART"]:
            return self.restart(f, regs)
        make = {1: self.spawn_fiber, 2: self.spawn_process, 3: self.spawn_channel, 4: self.spawn_region}.get(kind)
        self.empty(f, regs[3])
        if not make:
            raise Refused("BOUNDS")
        return make(f, regs)

    def spawn_fiber(self, f, regs):
        _, _, kind, slot, size, rip, rsp = regs[:7]
        events = bits(size, 32, 6)
        channel = self.name(f, events, (CHANNEL,), READ) if events else None
        pledge, spectrum, budget, pages = bits(kind, 8, 8), bits(kind, 16, 2), kind >> 32, size & 0xffffffff
        if pledge & ~f.pledge or not f.pledge & CLASS_SPAWN:
            raise Refused("PLEDGE")
        if spectrum < f.spectrum or budget > f.budget:
            raise Refused("ENERGY")
        index = self.free_index()
        if index is None:
            raise Refused("POOL")
        fpu = f.fpu is not None or bool(kind & C["CENO_SPAWN_FPU"])
        self.check_quota(f, pages, self.FIBER_LEAST + fpu)
        if bits(kind, 18, 1): # the model's machine boots without a prepared space
            raise Refused("STATE")
        if rip >= LIMIT:
            raise Refused("BOUNDS")
        self.room_for_event(f)
        child = Fiber(index, pledge, spectrum, budget, pages)
        child.rip, child.rsp = rip, rsp
        line = [Told(t.channel) for t in f.listeners()[-1:]]
        child.told = ([Told(channel.obj)] if channel else []) + [t for t in line if not channel or t.channel is not channel.obj]
        child.events = bool(child.told)
        child.fpu = 0 if fpu else None
        self.fibers[index] = child
        self.charge(f, pages, child, self.FIBER_PAGES + child.area)
        self.carve(f, child)
        self.put(f, slot, self.first(child, ALL))
        self.post(f, EVENT_SPAWN, index, pledge, budget)
        return index

    def spawn_process(self, f, regs):
        pages = regs[4] & 0xffffffff
        self.check_quota(f, pages, self.PROCESS_LEAST)
        process = Process(self.next_name(), f, pages)
        self.charge(f, pages, process.space, self.PROCESS_PAGES)
        self.processes.append(process)
        self.put(f, regs[3], self.first(process, ALL))
        return 0

    def spawn_channel(self, f, regs):
        self.take(f, 1)
        channel = Channel(self.next_name(), CAPACITY)
        self.channels.append(channel)
        self.put(f, regs[3], self.first(channel, ALL))
        return 0

    def spawn_region(self, f, regs):
        _, _, _, slot, bytes_, what, offset = regs[:7]
        rights = bits(what, 8, 3)
        cap = self.name(f, what & 63, (FRAMES,), rights)
        if not rights & READ:
            raise Refused("RIGHTS")
        if rights & WRITE and rights & EXECUTE:
            raise Refused("WX")
        if (offset | bytes_) & (PAGE - 1) or not bytes_ or bytes_ > REGION_MAX or offset + bytes_ > cap.length:
            raise Refused("BOUNDS")
        gpa = cap.obj.gpa + cap.offset + offset
        frames = range(gpa, gpa + bytes_, PAGE)
        pages = 1 + -(-bytes_ // LARGE)
        if pages > f.quota or len(self.regions) >= REGIONS:
            raise Refused("POOL")
        if self.is_ram(gpa) and any(self.use.conflict(at, rights, False) for at in frames):
            raise Refused("WX")
        self.take(f, pages)
        region = Region(self.next_name(), gpa, bytes_, rights)
        self.regions.append(region)
        self.claim_region(region, 1)
        self.put(f, slot, self.first(region, rights | GRANT | REVOKE))
        return 0

    def claim_region(self, region, by):
        for at in range(region.gpa, region.gpa + region.bytes, PAGE):
            self.claim(at, region.rights, False, by)

    def restart(self, f, regs):
        _, _, _, slot, _, rip, rsp = regs[:7]
        cap = self.name(f, slot, (FIBER,), REVOKE)
        target = cap.obj
        if target.state not in (DEAD, PARKED) or target.index == 0:
            raise Refused("STATE")
        if rip >= LIMIT:
            raise Refused("BOUNDS")
        self.empty_fiber(target, target)
        target.epoch += 1
        target.live = 1
        f.slots[slot & 63] = cap._replace(epoch=target.epoch)
        target.state, target.wait, target.pending, target.process = PARKED, None, None, None
        target.rip, target.rsp = rip, rsp
        target.fpu = None if target.fpu is None else 0
        target.frozen = False
        target.restarts, target.heard = target.restarts + 1, 0
        return 0

    # ---- SEND, RECV ----

    def verb_send(self, f, regs):
        to = self.name(f, regs[1], (CHANNEL, FIBER), WRITE)
        if to.type == FIBER:
            if to.obj.state != PARKED:
                raise Refused("STATE")
            to.obj.state = READY
            return 0
        cap = self.name(f, regs[2], (), GRANT) if regs[2] != U64 else None
        if len(to.obj.ring) >= to.obj.capacity:
            raise Refused("FULL")
        moved = self.moved(f, to, cap) if cap else None
        if moved:
            f.slots[regs[2] & 63] = None
        to.obj.ring.append((f.index << 8, (regs[3], regs[4], regs[5], regs[6], *regs[7:11]), moved))
        return 0

    def moved(self, f, to, cap):
        if cap.obj is to.obj or self.is_self(cap, f):
            raise Refused("SELF")
        return self.deeper(cap, cap.rights)

    def verb_recv(self, f, regs):
        what = self.name(f, regs[1], (CHANNEL, WINDOW, PROCESS), READ)
        if what.type == PROCESS:
            return self.recv_process(f, what.obj)
        if what.type == WINDOW:
            return self.recv_window(f, regs[3])
        return self.recv_channel(f, what.obj, regs)

    @staticmethod
    def recv_process(f, process):
        if process.handler is not f or process.handler_epoch != f.epoch or not process.runnable:
            raise Refused("STATE")
        f.process = process
        return 0

    def recv_window(self, f, at_once):
        if f.heard == self.signals:
            if at_once == 1:
                raise Refused("AGAIN")
            raise Blocks(SIGNAL)
        f.heard = self.signals
        return 0

    def recv_channel(self, f, channel, regs):
        if channel.ring:
            return self.deliver(f, channel, regs)
        for index in sorted(self.fibers):
            about = self.fibers[index]
            for t in about.listeners():
                if t.channel is channel and t.bits:
                    return 1, (0, *self.tell(about, t, f))
        if regs[3] == 1:
            raise Refused("AGAIN")
        if regs[3] != 2:
            raise Blocks(MESSAGE)
        if f.heard == self.signals:
            raise Blocks(EITHER)
        f.heard = self.signals
        return 2

    def deliver(self, f, channel, regs):
        sender, words, cap = channel.ring[0]
        if cap and regs[2] == U64:
            raise Refused("SLOT")
        if cap:
            self.empty(f, regs[2])
        channel.ring.pop(0)
        if cap:
            f.slots[regs[2] & 63] = cap
        if sender is None:
            return 1, (0, *words)
        return 0, (sender | (1 if cap else 0), *words)

    # ---- events ----

    def room_for_event(self, f):
        if any(len(t.channel.ring) >= t.channel.capacity for t in f.listeners()):
            raise Blocks(ROOM)

    def post(self, f, what, a, b, c):
        for t in f.listeners():
            t.channel.ring.append((None, (f.index, what, a, b, c, f.sees(), f.spent, self.tsc), None))

    def note(self, f, bit):
        """Something happened to f; it waits in f, if anybody is to hear of it."""
        for t in f.listeners():
            t.bits |= bit
            f.noted_at = self.tsc

    def tell(self, f, t, receiver):
        """What waits in a fiber, as a message; it waits no more."""
        words = (f.index, t.bits, *(f.fault if t.bits & FAULT else (0, 0, 0)), f.sees(), f.spent, f.noted_at)
        t.bits = 0
        self.gone_if_told(f, receiver)
        return words

    # ---- MASK ----

    def verb_mask(self, f, regs):
        if not regs[2]:
            return self.mask_close(f, regs[1] & 63, regs[6])
        revokes, pledges, slot = regs[2] & MASK_REVOKE, regs[2] & MASK_PLEDGE, regs[1] & 63
        there = f.slots[slot]
        other = there is not None and there.obj is not f
        cap = self.name(f, slot, (FIBER,) if pledges else (), REVOKE if revokes or pledges and other else 0)
        if regs[2] & ~(ALL | MASK_REVOKE | MASK_PLEDGE):
            raise Refused("RIGHTS")
        narrow = self.narrowed(cap, regs[2] & ALL, regs)
        if pledges and regs[6] & ~cap.obj.pledge:
            raise Refused("PLEDGE")
        if pledges and regs[6] != cap.obj.pledge:
            self.room_for_event(f)
        if pledges:
            self.drop_pledge(f, cap.obj, regs[6])
        f.slots[slot] = self.revoke(f, cap.obj, narrow) if revokes else narrow
        return 0

    def mask_close(self, f, slot, code):
        cap = f.slots[slot]
        if cap is None:
            raise Refused("SLOT")
        if self.is_self(cap, f):
            self.stop = f.index == 0 and code & 0xffffffff
            self.note(f, EXIT)
            self.die(f)
        else:
            self.close(f, slot, f)
        return 0

    @staticmethod
    def narrowed(cap, rights, regs):
        offset, length, expiry = regs[3], regs[4], regs[5]
        if cap.type == FRAMES:
            if (offset | length) & (PAGE - 1) or offset > cap.length or length > cap.length - offset:
                raise Refused("BOUNDS")
            length = length or cap.length
            if offset + length > cap.length:
                raise Refused("BOUNDS")
        elif offset or length:
            raise Refused("BOUNDS")
        until = min(cap.until, expiry) if expiry else cap.until
        return cap._replace(rights=cap.rights & rights, offset=cap.offset + offset, length=length, until=until)

    def revoke(self, f, obj, cap):
        """Every other capability is stale from here; this one follows."""
        obj.epoch += 1
        obj.live = 1
        if obj.type == FIBER:
            if obj.state != DEAD and obj is not f:
                self.note(obj, EXIT)
            self.die(obj)
        elif obj.type == CHANNEL:
            self.empty_ring(obj, f)
        elif obj.type == PROCESS:
            self.unrun(obj)
        elif obj.type in (REGION, WINDOW):
            self.unshow(obj, f)
        return cap._replace(epoch=obj.epoch)

    def unshow(self, obj, _closer):
        """Out of every space, though the spans stay taken until they are unmapped."""
        if obj.shows and obj.type == REGION:
            self.claim_region(obj, -1)
        obj.shows = False

    def drop_pledge(self, f, target, pledge):
        old, target.pledge = target.pledge, pledge
        for span, (obj, _, _) in list(target.space.shared.items()):
            if obj.type == WINDOW and not pledge >> obj.number & 1:
                self.clear_shared(target.space, span)
        if old != pledge:
            self.post(f, EVENT_PLEDGE, target.index, old, pledge)

    # ---- TICK, GRANT ----

    def verb_tick(self, f, regs):
        self.name(f, regs[1], (CLOCK,), READ)
        deadline, listens = regs[2], regs[4] == 1
        if deadline > 1 and self.tsc < deadline and not (listens and f.heard != self.signals):
            raise Blocks(SLEEP, deadline)
        if listens:
            f.heard = self.signals
        return 0, None, self.tsc

    def verb_grant(self, f, regs):
        to = self.name(f, regs[1], (FIBER,), GRANT).obj
        cap = self.name(f, regs[2], (), GRANT)
        self.empty(to, regs[3])
        if regs[4] & ~ALL:
            raise Refused("RIGHTS")
        if cap.type == WINDOW and not to.pledge >> cap.obj.number & 1:
            raise Refused("PLEDGE")
        copy = self.deeper(cap, cap.rights & regs[4])
        self.room_for_event(f)
        self.put(to, regs[3], copy)
        self.post(f, EVENT_GRANT, to.index, cap.type, copy.rights | copy.depth << 8)
        return 0
