"""Model and hosted nucleus in lockstep: one operation, what happened, the same in both?"""
from abi import C, ERROR_NAME, ERRORS, MAP, U64, VERBS
from boot import Boot
from compare import differences
from invariants import Broken, Watch
from machine import DONE, Model
from state import BLOCKED, DEAD, ENERGY, MESSAGE, READY, ROOM

NAMES = ("rax", "rdi", "rsi", "rdx", "r10", "r8", "r9", "r12", "r13", "r14", "r15")
AGAIN = ERRORS["AGAIN"] & U64
RESTART = C["CENO_SPAWN_RESTART"]


class Divergence(Exception):
    """Model and nucleus disagree, or an invariant broke: what was seen."""


def text(operation):
    """The operation as a line of the protocol."""
    return " ".join([operation[0]] + [str(x) if x < 1024 else "-1" if x == U64 else f"{x:#x}" for x in operation[1:]])


def parse(line):
    word, *numbers = line.split("#")[0].split()
    return (word, *(int(n, 0) & U64 for n in numbers))


def result(rax):
    return ERROR_NAME.get(rax - (1 << 64), str(rax)) if rax >> 63 else str(rax)


class Session:
    """One machine from its reset on. counts: outcomes by verb, for coverage."""

    def __init__(self, host, counts=None):
        self.host, self.counts = host, counts
        boot = Boot()
        self.operations = 0
        events, self.tail = host.do(boot.line())
        if events or not self.tail:
            raise Divergence("the machine does not boot")
        self.model = Model(boot.adopt(host.dump()))
        self.watch = Watch(self.model)
        self.over = False
        self.tearing = None           # (fiber, registers) of a call that said AGAIN
        self.lost = False             # another fiber acted between two halves of such a call
        self.compare()

    def do(self, operation):
        """False if it was not possible (then nothing happened)."""
        if operation[0] == "verb":
            f = self.model.fibers.get(operation[1])
            if not f or f.state != READY:
                return False
        events, tail = self.host.do(text(operation))
        self.operations += 1
        self.around(operation)
        asked = operation[1:] if operation[0] == "verb" else None
        for event in events:
            asked = self.happened(event, asked)
        while self.tearing and tail and not asked and not self.lost:
            asked, tail = self.go_on(*self.tearing)
        if self.lost:
            self.over = True
            return True
        if tail is None or asked:
            raise Divergence(f"fiber {operation[1]} is ready for the model, but the machine does not run it")
        self.tail = tail
        current = self.running()
        if current and current.wait == ENERGY and not current.pending:
            self.wakes()
        self.rest(operation)
        return True

    def go_on(self, f, registers):
        """A call that said AGAIN is called again at once: in between the state is nobody's, and if one that
        waited wakes just then and finds it, nothing more can be said of this machine."""
        again = ("verb", f.index, *registers)
        if f.state != READY:          # it froze: its period has to end, and then somebody has to look
            again = ("clock", f.wake) if f.wake > self.model.tsc else ("tick",)
        if f.state == DEAD:
            self.over, self.tearing = True, None
            return None, self.tail
        events, tail = self.host.do(text(again))
        self.around(again)
        asked = again[1:] if again[0] == "verb" else None
        for event in events:
            asked = self.happened(event, asked)
        return asked, tail

    # ---- what happened ----

    def around(self, operation):
        model = self.model
        if operation[0] == "clock":
            model.clock(operation[1])
        elif operation[0] == "fpu":
            f = self.running()
            if f and f.fpu is not None:
                f.fpu = operation[1]
        elif operation[0] == "signal":
            model.signal()
        elif operation[0] == "fault" and self.tail["state"] == "running" and self.tail["in"][0] == "F":
            f = model.fibers[int(self.tail["in"][1:])]
            self.over |= not model.fault(f, operation[1], operation[2], int(self.tail["rip"], 16))
            self.watch.step("fault", f)

    def happened(self, event, asked):
        index, what, outcome, registers = event
        self.lost |= self.tearing is not None and what != "tick" and index != self.tearing[0].index
        if self.lost:
            return asked
        f = self.model.fibers.get(index)
        if f is None:
            raise Divergence(f"fiber {index} acts, which the model does not know")
        if f.wait == ENERGY:
            self.wakes()
        if what == "tick":
            self.model.tick(f)
            self.watch.step("tick", f)
            return asked
        if f.pending:
            before = f.pending
            if not self.model.may_run(f):
                raise Divergence(f"fiber {index} acts, which is frozen until {f.wake:#x}, now {self.model.tsc:#x}")
        elif asked and asked[0] == index and f.state == READY:
            before, asked = asked[1:], None
        else:
            raise Divergence(f"fiber {index} acts, which is {f.state}")
        self.verb(f, before, outcome, registers)
        return asked

    def wakes(self, dump=None):
        """When the machine refilled a frozen fiber is its own; that it was when it could be is not."""
        seen = {fields["name"]: fields for word, fields in dump or self.host.dump() if word == "fiber"}
        for f in self.model.fibers.values():
            if f.wait != ENERGY or f.name not in seen or int(seen[f.name]["refill"], 0) == f.refill_at:
                continue
            now = int(seen[f.name]["refill"], 0) - self.model.period[f.spectrum]
            if now not in f.seen:
                raise Divergence(f"fiber {f.index} froze until {f.wake:#x} and was refilled at {now:#x}")
            self.model.wake(f, now)
            self.watch.step("wake", f)

    def verb(self, f, before, outcome, registers):
        if outcome == DONE and registers[0] == AGAIN and self.model.lengthy(f, before):
            self.model.unfinished(f, before)
            self.tearing = (f, before)
            return
        if outcome != "blocked":
            self.tearing = None
        expected, after = self.model.verb(f, before)
        if self.counts is not None:
            self.counts[before[0] if before[0] < 7 else 7, result(after[0]) if expected == DONE and after[0] >> 63 else
                        "ok" if expected == DONE else f.wait or expected] += 1
        if expected != outcome:
            said = f" {result(registers[0])}" if outcome == DONE else ""
            wanted = f" {result(after[0])}" if expected == DONE else f" {f.wait}"
            raise Divergence(f"{self.name(before)} of fiber {f.index}: the nucleus says {outcome}{said}, the model {expected}{wanted}")
        if outcome == DONE and after != registers:
            raise Divergence(f"{self.name(before)} of fiber {f.index}: " + ", ".join(
                f"{name} is {result(a) if name == 'rax' else hex(a)}, the model says {result(b) if name == 'rax' else hex(b)}"
                for name, a, b in zip(NAMES, registers, after) if a != b))
        self.watch.step(before[0], f, after[0] if expected == DONE else None)

    @staticmethod
    def name(registers):
        return VERBS[registers[0]] if registers[0] < len(VERBS) else f"verb {registers[0]:#x}"

    def rest(self, operation):
        """How the machine stands after it."""
        state = self.tail["state"]
        self.over |= bool(self.model.stop)
        if state == "stopped":
            if self.model.stop and int(self.tail["stop"], 16) != self.model.stop:
                raise Divergence(f"the machine stopped with {self.tail['stop']}, init asked for {self.model.stop:#x}")
            if not self.over and any(self.may_go_on(f) for f in list(self.model.fibers.values())):
                raise Divergence(f"the machine stopped ({self.tail['stop']}) at {operation[0]}")
            self.over = True
        elif state == "running":
            self.registers()
        if state != "stopped" and self.over:
            raise Divergence("the machine runs on after a fault of a fiber without an events channel")
        elif state == "idle":
            for f in list(self.model.fibers.values()):
                if f.state == READY or f.state == BLOCKED and not self.model.still_waits(f):
                    raise Divergence(f"the machine sleeps, but fiber {f.index} ({f.state}, {f.wait}) could run")

    def registers(self):
        """Whoever runs has its own FPU state."""
        f = self.running()
        if f and f.fpu is not None and int(self.tail["fpu"], 0) != f.fpu:
            raise Divergence(f"fiber {f.index} runs with {self.tail['fpu']} in the FPU, its own is {f.fpu:#x}")

    def not_woken(self, dump):
        """Who waits on a channel is woken at once, not when somebody looks."""
        for word, fields in dump:
            if word != "fiber" or fields["state"] != "blocked" or fields["wait"] != "channel":
                continue
            f = self.model.fibers[int(fields["name"][1:])]
            if f.state != BLOCKED or f.wait in (MESSAGE, ROOM) and not self.model.still_waits(f):
                return [f"{f.name} still waits on {fields['on']}, where something came"]
        return []

    def may_go_on(self, f):
        """Ready, or waiting for something that comes by itself."""
        return f.state == READY or f.state == BLOCKED and (f.wait not in (MESSAGE, ROOM) or not self.model.still_waits(f))

    def running(self):
        """The fiber in ring 3, None while there is none."""
        if self.tail["state"] != "running":
            return None
        return self.model.fibers.get(int(self.tail["current"][1:]))

    def compare(self):
        """Everything that can be seen."""
        if self.over or self.tearing:
            return                    # between two calls of a long one the model has nothing to say
        dump = self.host.dump()
        self.wakes(dump)
        found = differences(self.model, dump) + self.not_woken(dump)
        if found:
            raise Divergence("state: " + "; ".join(found[:6]))
