"""The model's whole state against a dump of the nucleus: what differs, in words.

Keys that the dump does not have are not compared (README.md says what each means);
REQUIRED are those without which the comparison would be hollow.
"""
from abi import FIBER, TYPE_NAME, U64
from state import BLOCKED, DEAD, PARKED, READY

REQUIRED = {"fiber": {"state", "epoch", "quota"}, "cap": {"type", "object", "rights", "depth", "stale"}}


def want_cap(cap):
    return {"type": TYPE_NAME[cap.type], **({} if cap.obj.ended else {"object": cap.obj.name}), "rights": cap.rights, "depth": cap.depth,
            "strength": cap.strength, "until": cap.until, "expiry": cap.until, "stale": cap.epoch != cap.obj.epoch, **({"born": cap.born} if cap.depth else {}),
            **({"offset": cap.offset, "length": cap.length} if cap.type == 3 else {})}


def told(f):
    """What waits for the one who hears first, and for the witness behind it."""
    waits = [t.bits for t in f.listeners()] + [0, 0]
    who = {} if f.ended else dict(zip(("events", "witness"), [t.channel.name for t in f.listeners()] + ["-", "-"]))
    return {"noted": waits[0], "witnessed": waits[1], **who}


def want_fiber(model, f):
    return {"state": f.state if f.state in (PARKED, DEAD) else "alive", "holders": f.holders, "live": f.live,
            "quota": f.quota, "energy": f.energy, "budget": f.budget, "spectrum": f.spectrum, "refill": f.refill_at,
            "spent": f.spent, "refilled": f.refilled, "row": f.row, "freezes": f.row, "strikes": f.strikes,
            "restarts": f.restarts, "pledge": f.pledge, **told(f),
            "fpu": f.area, "process": f.process.name if f.process and not f.process.ended else "-"}


def value(text):
    return int(text, 0) if text[0].isdigit() else text


class Dump:
    """Lines of a dump, by what they are about."""

    def __init__(self, lines):
        self.fibers, self.caps, self.maps, self.objects, self.messages = {}, {}, {}, {}, {}
        self.machine = {}
        for word, fields in lines:
            if word == "fiber":
                self.fibers[fields["name"]] = fields
            elif word == "cap":
                self.caps[fields["fiber"], int(fields["slot"])] = fields
            elif word == "map":
                self.maps.setdefault(fields["space"], []).append(
                    tuple(int(fields[key], 0) for key in ("gva", "gpa", "bytes", "rights", "large")))
            elif word == "message":
                self.messages.setdefault(fields["channel"], []).append(fields)
            elif word == "machine":
                self.machine = fields
            elif word == "broken":
                self.machine["broken"] = str(fields)
            elif "name" in fields and word != "regs":
                self.objects[fields["name"]] = fields
        self.mark_stale()

    def mark_stale(self):
        """Epochs are compared as what they mean: is a capability its object's, or stale?"""
        now = {name: fields["epoch"] for name, fields in [*self.objects.items(), *self.fibers.items()]}
        for fields in [*self.caps.values(), *(m for ring in self.messages.values() for m in ring if m["type"] != "null")]:
            fields["stale"] = str(int(fields["epoch"] != now.get(fields["object"])))


def unequal(where, want, seen, word=None):
    missing = REQUIRED.get(word, set()) - seen.keys()
    if missing:
        yield f"{where}: the dump has no {missing}"
    for key, number in want.items():
        if key in seen and value(seen[key]) != number and not (key == "expiry" and number == U64 and seen[key] == "0"):
            yield f"{where} {key} is {seen[key]}, the model says {hex(number) if isinstance(number, int) else number}"


def normal(fields):
    """ready and blocked are one: who runs next is the machine's."""
    return {**fields, "state": "alive"} if fields["state"] in (READY, BLOCKED) else fields


def slots(model, dump):
    for f in model.fibers.values():
        for slot, cap in enumerate(f.slots):
            seen = dump.caps.pop((f.name, slot), None)
            if (cap is None) != (seen is None):
                yield f"{f.name} slot {slot} is {seen and seen['type']}, the model says {cap and TYPE_NAME[cap.type]}"
            elif cap:
                yield from unequal(f"{f.name} slot {slot}", want_cap(cap), seen, "cap")
    for name, slot in dump.caps:
        yield f"{name} slot {slot} is not null, which the model does not know"


def spaces(model, dump):
    for holder in (h for h in (*model.fibers.values(), *model.processes) if not h.ended):
        want, seen = [tuple(run) for run in holder.space.runs()], dump.maps.get(holder.name, [])
        if want != seen:
            yield f"space of {holder.name} has {show(seen, want)}, the model {show(want, seen)}"


def show(runs, others):
    return [f"{gva:#x}->{gpa:#x}+{size:#x}/{rights}{'L' if large else ''}" for gva, gpa, size, rights, large in runs
            if (gva, gpa, size, rights, large) not in others][:4]


def rings(model, dump):
    for channel in model.channels:
        seen = dump.messages.get(channel.name, [])
        if len(seen) != len(channel.ring):
            yield f"{channel.name} holds {len(seen)} messages, the model says {len(channel.ring)}"
            continue
        for (_, words, cap), fields in zip(channel.ring, seen):
            if words != tuple(int(fields[f"w{i}"], 0) for i in range(8)):
                yield f"{channel.name}: a message differs"
            if cap:
                yield from unequal(f"{channel.name}'s message", want_cap(cap), fields, "cap")
            elif fields["type"] != "null":
                yield f"{channel.name}: a message has a {fields['type']}, which the model does not know"


def differences(model, lines):
    dump = Dump(lines)
    out = [f"the page tables are broken: {dump.machine['broken']}"] if "broken" in dump.machine else []
    if {f.name for f in model.fibers.values()} != dump.fibers.keys():
        return [f"the fibers are {sorted(dump.fibers)}, the model says {sorted(f.name for f in model.fibers.values())}"]
    for f in model.fibers.values():
        out += unequal(f.name, want_fiber(model, f), normal(dump.fibers[f.name]), "fiber")
    out += slots(model, dump)
    out += spaces(model, dump)
    out += rings(model, dump)
    for obj in model.unsettled:       # a fiber's index may be another's already
        if obj.type != FIBER:
            out += unequal(obj.name, {"holders": obj.holders}, dump.objects.pop(obj.name, {}))
    for holder in [h for h in (*model.channels, *model.processes, *model.regions) if not h.ended]:
        if holder.name not in dump.objects:
            out.append(f"{holder.name} is gone, the model has it")
        else:
            want = {"holders": holder.holders, "live": holder.live}
            if holder in model.processes:
                want["quota"] = holder.space.quota
            out += unequal(holder.name, want, dump.objects.pop(holder.name))
    return out + [f"{name} is there, the model has it not" for name in dump.objects if name[0] == "O"]
