"""Spaces: what is mapped where, which frames are writable or executable, tables."""
from collections import Counter

from abi import C, EXECUTE, LARGE, LIMIT, MAP, PAGE, PROCESS, FIBER, FRAMES, READ, REGION, U64, WINDOW, WRITE
from caps import Refused

ENTRY, ENTRY_REGION = C["CENO_GVA_ENTRY"], C["CENO_GVA_ENTRY_REGION"]
REPLACE = C["CENO_MAP_REPLACE"]
WINDOWS = C.get("CENO_GVA_WINDOW", 0x18000000)
ENTRIES_MAX = 512
FRAME_MAPS, SPAN_MAPS = 126, 65535    # of one frame, of one 2 MiB frame
SPAN_PAGES = LARGE // PAGE


class Frames_in_use:
    """How often each frame of RAM is mapped writable, and how often executable."""

    def __init__(self):
        self.pages = {WRITE: Counter(), EXECUTE: Counter()}    # by frame, 4 KiB mappings
        self.spans = {WRITE: Counter(), EXECUTE: Counter()}    # by 2 MiB frame, large mappings
        self.inside = {WRITE: Counter(), EXECUTE: Counter()}   # 4 KiB mappings inside a 2 MiB frame

    def count(self, right, gpa, large, by):
        if large:
            self.spans[right][gpa // LARGE] += by
        else:
            self.pages[right][gpa // PAGE] += by
            self.inside[right][gpa // LARGE] += by

    def add(self, gpa, rights, large, by=1):
        for right in (WRITE, EXECUTE):
            if rights & right:
                self.count(right, gpa, large, by)

    def many(self, gpa, rights, large):
        if large:
            return bool(rights & WRITE) and self.spans[WRITE][gpa // LARGE] >= SPAN_MAPS
        return any(rights & right and self.pages[right][gpa // PAGE] >= FRAME_MAPS for right in (WRITE, EXECUTE))

    def conflict(self, gpa, rights, large):
        """Would a mapping with these rights meet one of the other kind, or one too many?"""
        if self.many(gpa, rights, large):
            return True
        for right, other in ((WRITE, EXECUTE), (EXECUTE, WRITE)):
            if rights & right:
                mine = self.inside[other][gpa // LARGE] if large else self.pages[other][gpa // PAGE]
                if mine > 0 or self.spans[other][gpa // LARGE] > 0:
                    return True
        return False


class Mapping:
    """The memory half of the machine: self.use (Frames_in_use), self.ram (gpa range)."""

    def is_ram(self, gpa):
        return self.ram[0] <= gpa < self.ram[1]

    def claim(self, gpa, rights, large, by=1):
        if self.is_ram(gpa):
            self.use.add(gpa, rights, large, by)

    # ---- tables ----

    @staticmethod
    def tables_for(gva, leaf_table):
        """Those that an entry at gva needs below the root: by level and index."""
        need = [(3, gva >> 39), (2, gva >> 30)]
        return need + [(1, gva >> 21)] if leaf_table else need

    def take_tables(self, space, wanted):
        """Those of `wanted` that are missing, or POOL if the quota has not so many."""
        missing = {t for t in wanted if t not in space.tables}
        if len(missing) > space.quota or len(missing) > self.pool:
            raise Refused("POOL")
        return missing

    def add_tables(self, space, missing):
        space.tables |= missing
        space.quota -= len(missing)
        self.pool -= len(missing)

    # ---- single entries ----

    @staticmethod
    def taken(space, gva, large):
        span = gva // LARGE
        if span in space.large or span in space.shared:
            return True
        return (1, span) in space.tables if large else gva // PAGE in space.small

    def set_small(self, space, gva, gpa, rights):
        space.small[gva // PAGE] = (gpa, rights)
        space.spans[gva // LARGE] = space.spans.get(gva // LARGE, 0) + 1
        self.claim(gpa, rights, False)

    def clear_small(self, space, page):
        gpa, rights = space.small.pop(page)
        space.spans[page // SPAN_PAGES] -= 1
        self.claim(gpa, rights, False, -1)

    def clear_large(self, space, span):
        gpa, rights = space.large.pop(span)
        self.claim(gpa, rights, True, -1)

    def clear_shared(self, space, span):
        obj = space.shared.pop(span)[0]
        obj.maps -= 1
        self.settle(obj, space)

    def clear_space(self, space, everything=False):
        for page in [page for page in space.small if everything or page != space.entry]:
            self.clear_small(space, page)
        for span in list(space.large):
            self.clear_large(space, span)
        for span in list(space.shared):
            self.clear_shared(space, span)

    # ---- MAP ----

    def verb_map(self, f, regs):
        _, space_slot, what, gva, offset, bytes_, flags = regs[:7]
        target = self.name(f, space_slot, (FIBER, PROCESS), MAP)
        space = target.obj.space
        if what == U64:
            self.check_span(gva, 0, bytes_)
            return self.unmap(space, gva, bytes_)
        cap = self.name(f, what, (FRAMES, REGION, WINDOW, PROCESS), flags & 7)
        if cap.type == PROCESS:
            self.name(f, what, (PROCESS,), MAP)
        self.check_span(gva, offset, bytes_)
        if cap.type == PROCESS:
            return self.move(target, cap.obj.space, gva, offset, bytes_, flags)
        if cap.type == FRAMES:
            return self.map_frames(space, cap, gva, offset, bytes_, flags)
        return self.map_shared(target, space, cap, gva, offset, bytes_, flags)

    @staticmethod
    def check_span(gva, offset, bytes_):
        if (gva | offset | bytes_) & (PAGE - 1) or not bytes_:
            raise Refused("BOUNDS")
        if gva >= LIMIT or offset >= LIMIT or bytes_ >= LIMIT or gva + bytes_ > LIMIT:
            raise Refused("BOUNDS")
        if gva < ENTRY_REGION + LARGE and gva + bytes_ > ENTRY_REGION:
            raise Refused("BOUNDS")

    @staticmethod
    def check_rights(rights, allowed):
        if not rights & READ or rights & ~allowed:
            raise Refused("RIGHTS")
        if rights & WRITE and rights & EXECUTE:
            raise Refused("WX")

    def map_frames(self, space, cap, gva, offset, bytes_, flags):
        """All in 2 MiB entries, or all in 4 KiB ones."""
        if offset + bytes_ > cap.length:
            raise Refused("BOUNDS")
        rights, replace = flags & 7, flags & REPLACE
        gpa = cap.obj.gpa + cap.offset + offset
        large = not (gva | gpa | bytes_) & (LARGE - 1) and not (rights & EXECUTE and self.is_ram(gpa))
        size = LARGE if large else PAGE
        if bytes_ > ENTRIES_MAX * size:
            raise Refused("BOUNDS")
        self.check_rights(flags & ~REPLACE, 7)
        plan = [(gva + at, gpa + at) for at in range(0, bytes_, size)]
        gone = [at for at, _ in plan if self.taken(space, at, large)]
        if gone and not (replace and all(self.replaceable(space, at, large) for at in gone)):
            raise Refused("EXISTS")
        missing = self.take_tables(space, {t for at, _ in plan for t in self.tables_for(at, not large)})
        if self.is_ram(gpa) and any(self.use.conflict(frame, rights, large) for _, frame in plan):
            raise Refused("WX")
        for at in gone:
            self.clear_large(space, at // LARGE) if large else self.clear_small(space, at // PAGE)
        for at, frame in plan:
            self.set_entry(space, at, frame, rights, large)
        self.add_tables(space, missing)
        return 0

    @staticmethod
    def replaceable(space, gva, large):
        return gva // LARGE in space.large if large else gva // PAGE in space.small

    def set_entry(self, space, gva, gpa, rights, large):
        if large:
            space.large[gva // LARGE] = (gpa, rights)
            self.claim(gpa, rights, True)
        else:
            self.set_small(space, gva, gpa, rights)

    def map_shared(self, target, space, cap, gva, offset, bytes_, flags):
        obj = cap.obj
        spans = -(-obj.bytes // LARGE)
        if gva & (LARGE - 1) or offset or bytes_ != obj.bytes:
            raise Refused("BOUNDS")
        if cap.type == WINDOW:
            if target.type != FIBER or gva != WINDOWS + obj.number * LARGE:
                raise Refused("BOUNDS")
            if not target.obj.pledge >> obj.number & 1:
                raise Refused("PLEDGE")
        self.check_rights(flags, obj.rights if cap.type == REGION else READ | WRITE)
        if not obj.shows:
            raise Refused("STATE")
        first = gva // LARGE
        for span in range(first, first + spans):
            if span in space.large or span in space.shared or (1, span) in space.tables:
                raise Refused("EXISTS")
        missing = self.take_tables(space, {t for i in range(spans) for t in self.tables_for(gva + i * LARGE, False)})
        for i in range(spans):
            space.shared[first + i] = (obj, i, flags & 7)
            obj.maps += 1
        self.add_tables(space, missing)
        return 0

    def move(self, target, source, gva, offset, bytes_, flags):
        """A table of 4 KiB entries, from one process's space into another's; one there comes back."""
        space = target.obj.space
        if target.type != PROCESS or (gva | offset) & (LARGE - 1) or bytes_ != LARGE:
            raise Refused("BOUNDS")
        self.check_span(offset, 0, bytes_)
        if flags:
            raise Refused("RIGHTS")
        table, place = (1, offset // LARGE), (1, gva // LARGE)
        if table not in source.tables:
            raise Refused("STATE")
        if place[1] in space.large or place[1] in space.shared:
            raise Refused("EXISTS")
        missing = {t for t in self.tables_for(gva, True) if t not in space.tables}
        if len(missing) > space.quota:
            raise Refused("POOL")
        there, here = self.lift(source, table[1]), self.lift(space, place[1])
        if missing:
            source.tables.remove(table)
            source.quota += 1
            self.pool += 1
            self.add_tables(space, missing)
        self.put_down(space, gva, there)
        self.put_down(source, offset, here)
        return 0

    def lift(self, space, span):
        """What is mapped there in 4 KiB entries is not any more."""
        lifted = {page % SPAN_PAGES: entry for page, entry in space.small.items() if page // SPAN_PAGES == span}
        for page in lifted:
            self.clear_small(space, span * SPAN_PAGES + page)
        return lifted

    def put_down(self, space, gva, lifted):
        for page, (frame, rights) in lifted.items():
            self.set_small(space, gva + page * PAGE, frame, rights)

    def unmap(self, space, gva, bytes_):
        """At most 2 MiB: one whole 2 MiB entry or region span, or 4 KiB entries."""
        if bytes_ > LARGE:
            raise Refused("BOUNDS")
        span, whole = gva // LARGE, not (gva | bytes_) & (LARGE - 1)
        if whole and span in space.large:
            self.clear_large(space, span)
        elif whole and span in space.shared:
            self.clear_shared(space, span)
        else:
            for at in {span, (gva + bytes_ - 1) // LARGE}:
                if at in space.large or at in space.shared:
                    raise Refused("BOUNDS")
            for page in range(gva // PAGE, (gva + bytes_) // PAGE):
                if page in space.small:
                    self.clear_small(space, page)
        return 0
