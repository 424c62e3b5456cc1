"""Energy: who pays what, when a fiber freezes, when it takes a strike."""
from abi import C, PERIOD_MS
from state import BLOCKED, DEAD, ENERGY, READY

U32 = (1 << 32) - 1
STRIKE, KILLED, FAULT, EXIT = (C[f"CENO_FIBER_EVENT_{n}"] for n in ("STRIKE", "KILLED", "FAULT", "EXIT"))
FREEZES, KILL, TICK_JOULES = C["CENO_STRIKE_FREEZES"], C["CENO_STRIKES_KILL"], C["CENO_TICK_JOULES"]


class Meter:
    """The energy half of the machine. Uses self.tsc and self.period (TSC, by spectrum)."""

    def set_clock_rate(self, tsc_per_ms):
        self.period = [ms * tsc_per_ms for ms in PERIOD_MS]

    def refill(self, f):
        """A new period. One that was not waited for ends the row of freezes."""
        f.refilled += f.budget - f.energy
        f.energy = f.budget
        f.refill_at = self.tsc + self.period[f.spectrum]
        if not f.frozen:
            f.row = 0
        f.frozen = False

    def pay(self, f, price):
        """1 paid, 0 frozen (or killed by it), -1 refused: the price is above the budget."""
        if price > f.budget:
            return -1
        if f.energy < price:
            if self.tsc < f.refill_at:
                self.freeze(f)
                return 0
            self.refill(f)
        f.energy -= price
        f.spent += price
        return 1

    def wake(self, f, now):
        """It froze, and its period was over at `now`, when the machine looked at it."""
        before, self.tsc = self.tsc, now
        self.refill(f)
        self.tsc = before
        f.wait = None
        if not f.pending:
            f.state = READY

    def refund(self, f, price):
        f.energy += price
        f.spent -= price

    def freeze(self, f):
        """Until its period ends. The eighth in a row is a strike."""
        f.state, f.wait, f.wake, f.frozen, f.seen = BLOCKED, ENERGY, f.refill_at, True, []
        f.row += 1
        if f.row == FREEZES:
            f.row = 0
            self.strike(f)

    def strike(self, f):
        f.strikes += 1
        self.note(f, STRIKE)
        if f.strikes >= KILL:
            self.note(f, KILLED)
            self.die(f)
        elif f.strikes == KILL - 1 and f.spectrum < len(PERIOD_MS) - 1:
            f.spectrum += 1

    def cpu_time(self, f):
        """A tick found it running: it pays what its verbs did not cover."""
        due = min(f.energy, max(0, TICK_JOULES - (f.spent - f.spent_at_tick)))
        f.energy -= due
        f.spent += due
        f.spent_at_tick = f.spent
        if not f.energy:
            if self.tsc >= f.refill_at:
                self.refill(f)
            else:
                self.freeze(f)

    def carve(self, f, child):
        """The child's budget and first energy come out of its parent's."""
        f.budget -= child.budget
        child.energy = min(child.budget, f.energy)
        f.energy -= child.energy
        child.refill_at = self.tsc + self.period[child.spectrum]

    def inherit(self, f, dead):
        """Whoever closes a fiber for good has its budget back, but no refill of it before the dead one's."""
        if dead.budget:
            f.refill_at = max(f.refill_at, min(dead.refill_at, self.tsc + self.period[f.spectrum]))
        f.budget = min(U32, f.budget + dead.budget)
        dead.spent += dead.energy
        dead.budget = dead.energy = 0

    @staticmethod
    def die(f):
        f.state, f.wait, f.pending = DEAD, None, None

    def may_run(self, f):
        """I6: it is ready, or blocked on something that may have come."""
        if f.state == BLOCKED and f.wait == ENERGY:
            return self.tsc >= f.wake
        return f.state in (READY, BLOCKED)
