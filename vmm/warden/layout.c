/*
 * Builds the launch layout in session RAM. See layout.h.
 *
 * Everything is written through the host mapping; guest page tables hold
 * guest-physical addresses. Pool pages are handed out from the bottom up
 * (`take`), boot-granule pages likewise, so what the nucleus may still use is
 * one number.
 */
#include "layout.h"

#include <string.h>

#include "../../guest-kernel/abi/bundle.h"
#include "../../guest-kernel/abi/clock.h"
#include "../../guest-kernel/abi/manifest.h"
#include "../../guest-kernel/abi/pack.h"
#include "../../guest-kernel/abi/trail.h"
#include "../../guest-kernel/abi/verbs.h"
#include "../../guest-kernel/abi/window.h"

/* SDM vol. 3, 4.5: paging entries. */
#define PTE_P       (1ull << 0)
#define PTE_W       (1ull << 1)
#define PTE_U       (1ull << 2)
#define PTE_A       (1ull << 5)
#define PTE_D       (1ull << 6)
#define PTE_PS      (1ull << 7)
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define TRAP_PAGES          64u
#define STACK_PAGES         4u
#define SERVICE_STACK_PAGES (CENO_SERVICE_STACK_BYTES / CENO_PAGE)
#define PT_ENTRIES          512u
#define NUCLEUS_PML4        511u

struct build {
	const struct ceno_layout_input *in;
	const struct ceno_firmware_header *fw;
	const struct ceno_bundle_header *bundle;
	uint64_t pool_bytes, pool_next; /* offsets in RAM */
	uint64_t granule_end, granule_next;
	uint64_t kernel_pdpt; /* RAM offset of the table at PML4[511] */
	uint64_t firmware_root, init_root;
	uint64_t nucleus_gva, pool_gva;
	uint64_t text_pages; /* text and rodata of the nucleus */
	uint64_t bss_gva, stack_gva, trap_gva;
	uint64_t trap_offset, events_offset, verifier_stack_offset;
	struct ceno_prepared prepared[CENO_PREPARED_MAX];
	int any_prepared;
	struct ceno_handoff *handoff;
	int failed;
};

static uint64_t align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

/* Next free pool pages; returns an offset in RAM. Exhaustion sets `failed` and
 * returns page 0, so that callers need no check of their own until the end. */
static uint64_t take_pool(struct build *b, uint64_t pages)
{
	uint64_t at = b->pool_next;

	if (pages > (b->pool_bytes - at) / CENO_PAGE) {
		b->failed = 1;
		return 0;
	}
	b->pool_next += pages * CENO_PAGE;
	return at;
}

static uint64_t take_granule(struct build *b, uint64_t pages)
{
	uint64_t at = b->granule_next;

	if (pages > (b->granule_end - at) / CENO_PAGE) {
		b->failed = 1;
		return b->pool_bytes;
	}
	b->granule_next += pages * CENO_PAGE;
	return at;
}

static uint64_t *table_at(const struct build *b, uint64_t offset)
{
	return (uint64_t *)(void *)(b->in->ram + offset);
}

/* The next lower table behind entry `i` of the table at `offset`, made if absent. */
static uint64_t descend(struct build *b, uint64_t offset, unsigned i)
{
	uint64_t *entry = &table_at(b, offset)[i];

	if (!(*entry & PTE_P))
		*entry = (CENO_GPA_RAM + take_pool(b, 1)) | PTE_P | PTE_W | PTE_U;
	return (*entry & PTE_ADDRESS) - CENO_GPA_RAM;
}

static unsigned index_of(uint64_t gva, int level)
{
	return (unsigned)(gva >> (12 + 9 * level)) & (PT_ENTRIES - 1);
}

/* Maps `pages` pages with 4 KiB entries. Accessed and dirty are set beforehand:
 * one memory write less for whoever emulates the walk. */
static void map_pages(struct build *b, uint64_t root, uint64_t gva, uint64_t gpa, uint64_t pages, uint64_t flags)
{
	for (uint64_t n = 0; n < pages && !b->failed; n++, gva += CENO_PAGE, gpa += CENO_PAGE) {
		uint64_t table = root;

		for (int level = 3; level > 0; level--)
			table = descend(b, table, index_of(gva, level));
		table_at(b, table)[index_of(gva, 0)] = gpa | flags | PTE_P | PTE_A | (flags & PTE_W ? PTE_D : 0);
	}
}

static const struct ceno_bundle_segment *find_segment(const struct build *b, uint32_t module, uint32_t kind)
{
	for (uint32_t i = 0; i < b->bundle->segment_count; i++)
		if (b->bundle->segments[i].module == module && b->bundle->segments[i].kind == kind)
			return &b->bundle->segments[i];
	return NULL;
}

static const struct ceno_bundle_module *find_module(const struct build *b, uint32_t module)
{
	for (uint32_t i = 0; i < b->bundle->module_count; i++)
		if (b->bundle->modules[i].id == module)
			return &b->bundle->modules[i];
	return NULL;
}

static int check_firmware(const struct build *b)
{
	const struct ceno_firmware_header *fw = b->fw;
	uint64_t end = 0;
	const uint64_t parts[3][2] = { { fw->rodata_offset, fw->rodata_bytes },
		                       { fw->stub_offset, fw->stub_bytes },
		                       { fw->text_offset, fw->text_bytes } };

	if (b->in->firmware_bytes < CENO_PAGE || b->in->firmware_bytes > CENO_FIRMWARE_MAX ||
	    fw->magic != CENO_FIRMWARE_MAGIC || fw->abi_version != CENO_ABI_VERSION ||
	    fw->total_bytes != b->in->firmware_bytes)
		return CENO_LAYOUT_FIRMWARE;
	for (int i = 0; i < 3; i++) {
		if (parts[i][0] != end || parts[i][0] % CENO_PAGE || parts[i][1] % CENO_PAGE ||
		    parts[i][1] > b->in->firmware_bytes - end)
			return CENO_LAYOUT_FIRMWARE;
		end += parts[i][1];
	}
	if (end != b->in->firmware_bytes || !fw->rodata_bytes || fw->entry_offset < fw->stub_offset ||
	    fw->entry_offset - fw->stub_offset >= fw->stub_bytes || fw->vector_offset < fw->stub_offset ||
	    fw->vector_offset - fw->stub_offset + CENO_VECTORS * CENO_VECTOR_BYTES > fw->stub_bytes)
		return CENO_LAYOUT_FIRMWARE;
	return 0;
}

/* Only what the layout itself relies on; the firmware judges the rest. */
static int check_bundle(const struct build *b)
{
	const struct ceno_bundle_header *h = b->bundle;
	const struct ceno_bundle_module *nucleus;

	if (b->in->bundle_bytes < CENO_PAGE || b->in->bundle_bytes > CENO_BUNDLE_MAX ||
	    b->in->bundle_bytes % CENO_PAGE || h->magic != CENO_BUNDLE_MAGIC || h->total_bytes != b->in->bundle_bytes ||
	    h->segment_count > CENO_BUNDLE_SEGMENTS || h->module_count > CENO_BUNDLE_MODULES)
		return CENO_LAYOUT_BUNDLE;
	for (uint32_t i = 0; i < h->segment_count; i++) {
		const struct ceno_bundle_segment *s = &h->segments[i];

		if (s->offset % CENO_PAGE || s->bytes % CENO_PAGE || s->gva % CENO_PAGE || s->bytes > CENO_BUNDLE_MAX ||
		    s->gva >= 1ull << 40 ||
		    (s->kind != CENO_SEGMENT_BSS &&
		     (s->offset > b->in->bundle_bytes || s->bytes > b->in->bundle_bytes - s->offset)))
			return CENO_LAYOUT_BUNDLE;
	}
	nucleus = find_module(b, CENO_MODULE_NUCLEUS);
	if (!nucleus || !find_module(b, CENO_MODULE_INIT) || !find_segment(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT) ||
	    !find_segment(b, CENO_MODULE_INIT, CENO_SEGMENT_TEXT) ||
	    !find_segment(b, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT))
		return CENO_LAYOUT_BUNDLE;
	return 0;
}

static int check_input(const struct ceno_layout_input *in)
{
	if (in->ram_bytes < CENO_RAM_MIN || in->ram_bytes > CENO_RAM_MAX || in->ram_bytes % CENO_LARGE_PAGE)
		return CENO_LAYOUT_RAM;
	if (!in->tsc_hz || (in->syscall_mode != CENO_SYSCALL_LSTAR && in->syscall_mode != CENO_SYSCALL_PAGE) ||
	    in->pledge_mask >> CENO_PLEDGE_COUNT || in->pack_bytes % CENO_PAGE || in->pack_bytes > CENO_PACK_MAX ||
	    in->image_bytes % CENO_PAGE)
		return CENO_LAYOUT_INPUT;
	return 0;
}

static uint64_t segment_pages(const struct build *b, uint32_t module, uint32_t kind)
{
	const struct ceno_bundle_segment *s = find_segment(b, module, kind);

	return s ? s->bytes / CENO_PAGE : 0;
}

/*
 * The slide. Nucleus, stack and trap pages share one last-level table; the pool
 * has a gigabyte entry of its own (two, adjacent, when it is that large). About
 * 26 bits for the nucleus, 16 for the pool. PML4 slot 256 is never used.
 */
static void choose_slide(struct build *b)
{
	const uint8_t *r = b->in->slide_random;
	uint64_t r0, r1, base = 0xffff000000000000ull | (uint64_t)NUCLEUS_PML4 << 39;
	uint64_t span, gib, pool_gib, pool_slots;

	memcpy(&r0, r, 8);
	memcpy(&r1, r + 8, 8);
	b->text_pages = segment_pages(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT) +
	    segment_pages(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_RODATA);
	/* text, rodata | guard | bss | guard | stack | guard | trap pages */
	span = b->text_pages + 1 + segment_pages(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_BSS) + 1 + STACK_PAGES + 1 +
	    TRAP_PAGES;
	if (span > PT_ENTRIES - 2) {
		b->failed = 1;
		return;
	}
	gib = 1 + r0 % 250;
	b->nucleus_gva =
	    base | gib << 30 | ((r0 >> 16) % PT_ENTRIES) << 21 | (1 + (r0 >> 32) % (PT_ENTRIES - 1 - span)) << 12;
	pool_gib = 252 + r1 % 250; /* never the nucleus's entry */
	pool_slots = PT_ENTRIES - b->pool_bytes % (1ull << 30) / CENO_LARGE_PAGE;
	b->pool_gva = base | pool_gib << 30 | ((r1 >> 16) % pool_slots) << 21;
}

static void map_segment(struct build *b, uint64_t root, uint64_t base, const struct ceno_bundle_segment *s,
                        uint64_t flags)
{
	if (s)
		map_pages(b, root, base + s->gva, CENO_GPA_BUNDLE + s->offset, s->bytes / CENO_PAGE, flags);
}

/* Everything behind PML4[511], shared by every space. `root` is any space. */
static void map_nucleus(struct build *b, uint64_t root)
{
	const struct ceno_bundle_segment *bss = find_segment(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_BSS);
	uint64_t rw = PTE_W | PTE_NX, at, table;

	map_segment(b, root, b->nucleus_gva, find_segment(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT), 0);
	map_segment(b, root, b->nucleus_gva, find_segment(b, CENO_MODULE_NUCLEUS, CENO_SEGMENT_RODATA), PTE_NX);
	at = b->nucleus_gva + (b->text_pages + 1) * CENO_PAGE;
	if (bss) {
		/* the linker put bss behind rodata with one page between (nucleus.ld) */
		b->bss_gva = b->nucleus_gva + bss->gva;
		if (b->bss_gva < at || b->bss_gva > at + CENO_PAGE)
			b->failed = 1;
		map_pages(b, root, b->bss_gva, CENO_GPA_RAM + take_pool(b, bss->bytes / CENO_PAGE),
		          bss->bytes / CENO_PAGE, rw);
		at = b->bss_gva + bss->bytes;
	}
	b->stack_gva = at + CENO_PAGE;
	map_pages(b, root, b->stack_gva, CENO_GPA_RAM + take_pool(b, STACK_PAGES), STACK_PAGES, rw);
	b->trap_gva = b->stack_gva + (STACK_PAGES + 1) * CENO_PAGE;
	b->trap_offset = take_granule(b, TRAP_PAGES);
	map_pages(b, root, b->trap_gva, CENO_GPA_RAM + b->trap_offset, TRAP_PAGES, rw);
	for (uint64_t n = 0; n < b->pool_bytes / CENO_LARGE_PAGE && !b->failed; n++) {
		uint64_t gva = b->pool_gva + n * CENO_LARGE_PAGE;

		table = descend(b, descend(b, root, NUCLEUS_PML4), index_of(gva, 2));
		table_at(b, table)[index_of(gva, 1)] =
		    (CENO_GPA_RAM + n * CENO_LARGE_PAGE) | PTE_P | PTE_PS | PTE_A | PTE_D | rw;
	}
	b->kernel_pdpt = descend(b, root, NUCLEUS_PML4);
	table_at(b, root)[NUCLEUS_PML4] &= ~PTE_U; /* no ring-3 access below, whatever the lower levels say */
}

static void map_firmware(struct build *b)
{
	const struct ceno_firmware_header *fw = b->fw;
	uint64_t root = b->firmware_root, ro = PTE_U | PTE_NX, rw = PTE_U | PTE_W | PTE_NX, base = CENO_GPA_FIRMWARE;

	map_pages(b, root, base + fw->stub_offset, base + fw->stub_offset, fw->stub_bytes / CENO_PAGE, 0);
	map_pages(b, root, base + fw->text_offset, base + fw->text_offset, fw->text_bytes / CENO_PAGE, PTE_U);
	map_pages(b, root, base + fw->rodata_offset, base + fw->rodata_offset, fw->rodata_bytes / CENO_PAGE, ro);
	map_pages(b, root, CENO_GPA_TRUST, CENO_GPA_TRUST, 1, ro);
	map_pages(b, root, CENO_GPA_BUNDLE, CENO_GPA_BUNDLE, b->in->bundle_bytes / CENO_PAGE, ro);
	map_pages(b, root, CENO_GPA_BOOT, CENO_GPA_BOOT, 1, ro);
	b->events_offset = take_granule(b, 1);
	b->verifier_stack_offset = take_granule(b, CENO_VERIFIER_STACK_BYTES / CENO_PAGE);
	map_pages(b, root, CENO_GVA_VERIFIER_EVENTS, CENO_GPA_RAM + b->events_offset, 1, rw);
	map_pages(b, root, CENO_GVA_VERIFIER_STACK - CENO_VERIFIER_STACK_BYTES, CENO_GPA_RAM + b->verifier_stack_offset,
	          CENO_VERIFIER_STACK_BYTES / CENO_PAGE, rw);
}

/* Into the entry page's table, and so into every space. */
static void map_clock(struct build *b)
{
	const struct ceno_layout_input *in = b->in;
	const struct ceno_clock clock = ceno_clock_of(in->tsc_hz, in->start_tsc, in->start_realtime_ns);
	uint64_t at = take_granule(b, 1);

	memcpy(in->ram + at, &clock, sizeof clock);
	map_pages(b, b->init_root, CENO_GVA_CLOCK, CENO_GPA_RAM + at, 1, PTE_U | PTE_NX);
}

static void map_init(struct build *b)
{
	const struct ceno_bundle_segment *bss = find_segment(b, CENO_MODULE_INIT, CENO_SEGMENT_BSS);
	uint64_t root = b->init_root, rw = PTE_U | PTE_W | PTE_NX;

	map_segment(b, root, 0, find_segment(b, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT), PTE_U);
	map_clock(b);
	map_segment(b, root, 0, find_segment(b, CENO_MODULE_INIT, CENO_SEGMENT_TEXT), PTE_U);
	map_segment(b, root, 0, find_segment(b, CENO_MODULE_INIT, CENO_SEGMENT_RODATA), PTE_U | PTE_NX);
	if (bss)
		map_pages(b, root, bss->gva, CENO_GPA_RAM + take_granule(b, bss->bytes / CENO_PAGE),
		          bss->bytes / CENO_PAGE, rw);
	map_pages(b, root, CENO_GVA_SERVICE_STACK - SERVICE_STACK_PAGES * CENO_PAGE,
	          CENO_GPA_RAM + take_granule(b, SERVICE_STACK_PAGES), SERVICE_STACK_PAGES, rw);
	map_pages(b, root, CENO_GVA_TRAP_PAGE, CENO_GPA_RAM + b->trap_offset, 1, rw); /* trap page 0 is init's */
	map_pages(b, root, CENO_GVA_BOOT_PAGE, CENO_GPA_BOOT, 1, PTE_U | PTE_NX);
	map_pages(b, root, CENO_GVA_BUNDLE, CENO_GPA_BUNDLE, b->in->bundle_bytes / CENO_PAGE, PTE_U | PTE_NX);
}

/* The table that holds entry and clock page, shared by every space: nothing else is in it. */
static uint64_t entry_table(struct build *b)
{
	uint64_t table = b->init_root;

	for (int level = 3; level > 0; level--)
		table = descend(b, table, index_of(CENO_GVA_ENTRY, level));
	return table;
}

/* ---- prepared spaces (boot.h) ---- */

/* They rely on these being mapped: init could not do it, nor do it again. */
#define ONLY_PREPARED (1ull << CENO_SLOT_RAM | 1ull << CENO_SLOT_PACK | 1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO))

/* Number n of those that init starts, in that order; NULL: there are not so many. */
static const struct ceno_bundle_module *started(const struct build *b, uint32_t n)
{
	const struct ceno_bundle_module *first = b->bundle->modules, *end = first + b->bundle->module_count;

	for (uint32_t lazy = 0; lazy <= CENO_MODULE_LAZY; lazy += CENO_MODULE_LAZY)
		for (const struct ceno_bundle_module *m = first; m != end; m++)
			if (m->budget && (m->flags & CENO_MODULE_LAZY) == lazy && n-- == 0)
				return m;
	return NULL;
}

static int is_prepared(const struct ceno_bundle_module *m, uint32_t n)
{
	return m->flags & CENO_MODULE_PREPARED && n < CENO_PREPARED_MAX && !m->state_bytes;
}

static int check_prepared(const struct build *b)
{
	const struct ceno_bundle_module *m;

	for (uint32_t n = 0; (m = started(b, n)) != NULL; n++)
		if (m->flags & CENO_MODULE_PREPARED && m->grants & ONLY_PREPARED &&
		    (!is_prepared(m, n) || m->restarts_max))
			return CENO_LAYOUT_BUNDLE;
	return 0;
}

static void map_large(struct build *b, uint64_t root, uint64_t gva, uint64_t gpa, uint64_t count, uint64_t flags)
{
	uint64_t table = descend(b, descend(b, root, index_of(gva, 3)), index_of(gva, 2));

	for (uint64_t n = 0; n < count && !b->failed; n++)
		table_at(b, table)[index_of(gva, 1) + n] =
		    (gpa + n * CENO_LARGE_PAGE) | flags | PTE_P | PTE_PS | PTE_A | (flags & PTE_W ? PTE_D : 0);
}

/* What there is no capability to. */
static void map_views(struct build *b, uint64_t root, const struct ceno_bundle_module *m)
{
	const uint64_t ro = PTE_U | PTE_NX;
	const struct {
		uint32_t slot;
		uint64_t gva, gpa, bytes, flags;
	} views[] = {
		{ CENO_SLOT_BOOT, CENO_GVA_BOOT_PAGE, CENO_GPA_BOOT, CENO_PAGE, ro },
		{ CENO_SLOT_BUNDLE, CENO_GVA_TRAIL_BUNDLE, CENO_GPA_BUNDLE, CENO_PAGE, ro },
		{ CENO_SLOT_TRAIL_EVENTS, CENO_GVA_TRAIL_EVENTS, CENO_GPA_RAM + b->events_offset, CENO_PAGE, ro },
		{ CENO_SLOT_TRAIL, CENO_GVA_TRAIL, CENO_GPA_TRAIL, CENO_TRAIL_BYTES, ro | PTE_W },
	};

	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		if (m->grants >> views[i].slot & 1)
			map_pages(b, root, views[i].gva, views[i].gpa, views[i].bytes / CENO_PAGE, views[i].flags);
}

/* The parts of RAM and pack that it would map first of all. */
static void map_parts(struct build *b, uint64_t root, const struct ceno_bundle_module *m, struct ceno_prepared *p)
{
	uint64_t ram = b->in->ram_bytes - b->granule_end, pack = b->in->pack_bytes;

	if (m->grants >> CENO_SLOT_RAM & 1) {
		p->large_pages = (ram < CENO_PREPARED_RAM ? ram : CENO_PREPARED_RAM) / CENO_LARGE_PAGE;
		map_large(b, root, CENO_GVA_RAM, CENO_GPA_RAM + b->granule_end, p->large_pages, PTE_U | PTE_W | PTE_NX);
	}
	if (m->grants >> CENO_SLOT_PACK & 1) {
		if (pack >= CENO_LARGE_PAGE)
			map_large(b, root, CENO_GVA_PACK, CENO_GPA_PACK, 1, PTE_U | PTE_NX);
		else
			map_pages(b, root, CENO_GVA_PACK, CENO_GPA_PACK, pack / CENO_PAGE, PTE_U | PTE_NX);
	}
	p->windows = m->grants >> CENO_SLOT_WINDOW & b->in->pledge_mask & m->pledge_mask & 1u << CENO_PLEDGE_STDIO;
}

static uint64_t bss_bytes(const struct build *b, const struct ceno_bundle_module *m)
{
	return segment_pages(b, m->id, CENO_SEGMENT_BSS) * CENO_PAGE;
}

/* memory: where its own begins in that of services. */
static void prepare(struct build *b, const struct ceno_bundle_module *m, uint32_t n, uint64_t memory)
{
	const struct ceno_bundle_segment *bss = find_segment(b, m->id, CENO_SEGMENT_BSS);
	uint64_t rw = PTE_U | PTE_W | PTE_NX, root = take_pool(b, 1), gpa = CENO_GPA_RAM + b->granule_next + memory, at;
	uint64_t before = root;

	if (memory + CENO_SERVICE_STACK_BYTES + bss_bytes(b, m) > b->granule_end - b->granule_next)
		b->failed = 1;
	if (b->failed)
		return;
	table_at(b, root)[NUCLEUS_PML4] = table_at(b, b->init_root)[NUCLEUS_PML4];
	at = descend(b, descend(b, root, index_of(CENO_GVA_ENTRY, 3)), index_of(CENO_GVA_ENTRY, 2));
	table_at(b, at)[index_of(CENO_GVA_ENTRY, 1)] = (CENO_GPA_RAM + entry_table(b)) | PTE_P | PTE_W | PTE_U;
	map_segment(b, root, 0, find_segment(b, m->id, CENO_SEGMENT_TEXT), PTE_U);
	map_segment(b, root, 0, find_segment(b, m->id, CENO_SEGMENT_RODATA), PTE_U | PTE_NX);
	map_pages(b, root, CENO_GVA_SERVICE_STACK - CENO_SERVICE_STACK_BYTES, gpa, SERVICE_STACK_PAGES, rw);
	if (bss)
		map_pages(b, root, bss->gva, gpa + CENO_SERVICE_STACK_BYTES, bss->bytes / CENO_PAGE, rw);
	map_pages(b, root, CENO_GVA_TRAP_PAGE, CENO_GPA_RAM + b->trap_offset + (n + 1) * CENO_PAGE, 1, rw);
	map_views(b, root, m);
	map_parts(b, root, m, &b->prepared[n]);
	b->prepared[n].cr3 = CENO_GPA_RAM + root;
	b->prepared[n].pages = (b->pool_next - before) / CENO_PAGE;
}

static void map_prepared(struct build *b)
{
	const struct ceno_bundle_module *m;
	uint64_t memory = 0;

	for (uint32_t n = 0; !b->in->native && (m = started(b, n)) != NULL; n++) {
		if (is_prepared(m, n)) {
			prepare(b, m, n, memory);
			b->any_prepared = 1;
		}
		memory += CENO_SERVICE_STACK_BYTES + bss_bytes(b, m) + (m->restarts_max ? 2u : 1u) * m->state_bytes;
	}
}

/* A window's table where the prepared spaces map it; the directory is there, the stack's. */
static void point_prepared(struct build *b, uint32_t class, uint64_t table)
{
	const uint64_t gva = CENO_GVA_WINDOW + class * CENO_LARGE_PAGE;

	for (const struct ceno_prepared *p = b->prepared; p != b->prepared + CENO_PREPARED_MAX; p++) {
		uint64_t at;

		if (!(p->windows >> class & 1))
			continue;
		at = descend(b, descend(b, p->cr3 - CENO_GPA_RAM, index_of(gva, 3)), index_of(gva, 2));
		table_at(b, at)[index_of(gva, 1)] = (CENO_GPA_RAM + table) | CENO_PREPARED_WINDOW(class) | PTE_P |
		    PTE_W | PTE_U | PTE_A | PTE_D | PTE_NX;
	}
}

/* Page 0 of the pool: handoff record, GDT at 1024, TSS at 2048. */
#define GDT_OFFSET 1024u
#define TSS_OFFSET 2048u
#define GDT_LIMIT  (CENO_SEL_TSS + 16 - 1)
#define TSS_LIMIT  103u

static void write_descriptors(struct build *b, uint64_t rsp0)
{
	uint64_t *gdt = table_at(b, GDT_OFFSET), tss = b->pool_gva + TSS_OFFSET;
	uint8_t *t = b->in->ram + TSS_OFFSET;
	uint16_t iomap = TSS_LIMIT + 1;

	gdt[CENO_SEL_KERNEL_CS / 8] = 0x00af9b000000ffffull; /* SDM vol. 3, 3.4.5: code, DPL 0, L, accessed */
	gdt[CENO_SEL_KERNEL_SS / 8] = 0x00cf93000000ffffull;
	gdt[CENO_SEL_USER_SS / 8] = 0x00cff3000000ffffull;
	gdt[CENO_SEL_USER_CS / 8] = 0x00affb000000ffffull;
	gdt[CENO_SEL_TSS / 8] = TSS_LIMIT | (tss & 0xffffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56;
	gdt[CENO_SEL_TSS / 8 + 1] = tss >> 32;
	memcpy(t + 4, &rsp0, 8);
	memcpy(t + 102, &iomap, 2);
}

/* 34 interrupt gates; int3 alone may be used from ring 3. */
static uint64_t write_idt(struct build *b, uint64_t vectors_gva)
{
	uint64_t offset = take_pool(b, 1), *idt = table_at(b, offset);

	for (unsigned v = 0; v < CENO_VECTORS && !b->failed; v++) {
		uint64_t to = vectors_gva + v * CENO_VECTOR_BYTES, dpl = v == 3 ? 3 : 0;

		idt[2 * v] = (to & 0xffff) | (uint64_t)CENO_SEL_KERNEL_CS << 16 | (0x8eull | dpl << 5) << 40 |
		    (to >> 16 & 0xffff) << 48;
		idt[2 * v + 1] = to >> 32;
	}
	return b->pool_gva + offset;
}

static void write_boot_page(const struct build *b)
{
	const struct ceno_layout_input *in = b->in;
	struct ceno_boot *boot = in->boot;

	memset(boot, 0, sizeof *boot);
	boot->magic = CENO_BOOT_MAGIC;
	boot->abi_version = CENO_ABI_VERSION;
	boot->syscall_mode = in->syscall_mode;
	boot->tsc_hz = in->tsc_hz;
	memcpy(boot->session_id, in->session_id, sizeof boot->session_id);
	memcpy(boot->nonce, in->nonce, sizeof boot->nonce);
	memcpy(boot->seed, in->seed, sizeof boot->seed);
	boot->ram_bytes = in->ram_bytes;
	boot->pack_bytes = in->pack_bytes;
	boot->image_bytes = in->image_bytes;
	boot->start_realtime_ns = in->start_realtime_ns;
	boot->start_tsc = in->start_tsc;
	boot->pledge_mask = in->pledge_mask;
	boot->flags = in->native ? CENO_BOOT_NATIVE
				 : (b->any_prepared ? CENO_BOOT_PREPARED : 0u) | (in->errors ? CENO_BOOT_ERRORS : 0u);
}

static void write_handoff(struct build *b, uint64_t idt_gva, uint64_t frames, uint64_t granules)
{
	const struct ceno_layout_input *in = b->in;
	struct ceno_handoff *h = b->handoff;
	const struct ceno_bundle_segment *entry = find_segment(b, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT);

	h->magic = CENO_HANDOFF_MAGIC;
	h->abi_version = CENO_ABI_VERSION;
	h->syscall_mode = in->syscall_mode;
	h->nucleus_gva = b->nucleus_gva;
	h->nucleus_entry_gva = b->nucleus_gva + find_module(b, CENO_MODULE_NUCLEUS)->entry;
	h->nucleus_pdpt_gpa = CENO_GPA_RAM + b->kernel_pdpt;
	h->pool_gva = b->pool_gva;
	h->pool_gpa = CENO_GPA_RAM;
	h->pool_pages = b->pool_bytes / CENO_PAGE;
	h->pool_used = b->pool_next / CENO_PAGE;
	h->frame_gva = b->pool_gva + frames;
	h->granule_gva = b->pool_gva + granules;
	h->trap_gva = b->trap_gva;
	h->trap_gpa = CENO_GPA_RAM + b->trap_offset;
	h->trap_pages = TRAP_PAGES;
	h->gdt_gva = b->pool_gva + GDT_OFFSET;
	h->idt_gva = idt_gva;
	h->tss_gva = b->pool_gva + TSS_OFFSET;
	h->stack_top_gva = b->stack_gva + STACK_PAGES * CENO_PAGE;
	h->ram_bytes = in->ram_bytes;
	h->user_gpa = CENO_GPA_RAM + b->granule_end;
	h->user_bytes = in->ram_bytes - b->granule_end;
	h->entry_page_gpa = CENO_GPA_BUNDLE + entry->offset;
	h->entry_table_gpa = CENO_GPA_RAM + entry_table(b);
	h->service_gpa = CENO_GPA_RAM + b->granule_next;
	h->service_bytes = b->granule_end - b->granule_next;
	h->events_gpa = CENO_GPA_RAM + b->events_offset;
	memcpy(b->in->ram + b->events_offset + offsetof(struct ceno_boot_events, trail_seed), in->trail_seed,
	       sizeof in->trail_seed);
	h->init_cr3 = CENO_GPA_RAM + b->init_root;
	memcpy(h->prepared, b->prepared, sizeof h->prepared);
	h->init_rip = find_module(b, CENO_MODULE_INIT)->entry;
	h->init_rsp = CENO_GVA_SERVICE_STACK;
	h->bundle_bytes = in->bundle_bytes;
	h->pack_bytes = in->pack_bytes;
	h->image_bytes = in->image_bytes;
	h->pledge_mask = in->pledge_mask & ~CENO_PLEDGE_POSIX;
	h->tick_tsc = in->tsc_hz / 1000 * CENO_TICK_MS;
}

/* Page tables of the windows, right behind pool_used (boot.h). */
static void write_windows(struct build *b)
{
	const uint64_t flags = PTE_P | PTE_U | PTE_W | PTE_NX | PTE_A | PTE_D;

	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++) {
		uint64_t *table, offset, at = CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE;

		if (!(b->handoff->pledge_mask >> class & 1))
			continue;
		offset = take_pool(b, 1);
		table = table_at(b, offset);
		for (uint64_t i = 0; i < CENO_WINDOW_BYTES(class) / CENO_PAGE; i++)
			table[i] = (at + i * CENO_PAGE) | flags;
		table[PT_ENTRIES - 1] = (CENO_GPA_DOORBELL + class * CENO_PAGE) | flags;
		point_prepared(b, class, offset);
	}
}

static void write_registers(const struct build *b, uint64_t firmware_idt, struct ceno_vmm_registers *regs)
{
	memset(regs, 0, sizeof *regs);
	regs->rip = CENO_GPA_FIRMWARE + b->fw->entry_offset;
	regs->rsp = b->handoff->stack_top_gva;
	regs->rdi = b->pool_gva; /* the handoff record */
	regs->rsi = b->handoff->nucleus_entry_gva;
	regs->cr0 = 0x80010033ull; /* PG WP NE ET MP PE */
	regs->cr3 = CENO_GPA_RAM + b->firmware_root;
	regs->cr4 = 0x350e20ull; /* SMAP SMEP OSXSAVE FSGSBASE UMIP OSXMMEXCPT OSFXSR PAE */
	regs->efer = 0xd01ull;   /* NXE LMA LME SCE */
	regs->gdt_base = b->handoff->gdt_gva;
	regs->gdt_limit = GDT_LIMIT;
	regs->idt_base = firmware_idt;
	regs->idt_limit = CENO_VECTORS * 16 - 1;
	regs->tss_base = b->handoff->tss_gva;
	regs->tss_limit = TSS_LIMIT;
}

int ceno_layout_build(const struct ceno_layout_input *in, struct ceno_vmm_registers *regs)
{
	struct build b = { .in = in, .fw = in->firmware, .bundle = in->bundle };
	uint64_t firmware_idt, nucleus_idt, frames, granules, user_max;
	int rc = check_input(in);

	if (!rc)
		rc = check_firmware(&b);
	if (!rc)
		rc = check_bundle(&b);
	if (!rc && !in->native)
		rc = check_prepared(&b);
	if (rc)
		return rc;
	b.pool_bytes = align_up(in->ram_bytes / 32, CENO_LARGE_PAGE);
	b.pool_next = CENO_PAGE; /* page 0: handoff, GDT, TSS */
	b.granule_next = b.pool_bytes;
	b.granule_end = b.pool_bytes + CENO_LARGE_PAGE;
	b.handoff = (void *)in->ram;
	choose_slide(&b);
	b.firmware_root = take_pool(&b, 1);
	b.init_root = take_pool(&b, 1);
	map_nucleus(&b, b.init_root);
	table_at(&b, b.firmware_root)[NUCLEUS_PML4] = table_at(&b, b.init_root)[NUCLEUS_PML4];
	map_firmware(&b);
	map_init(&b);
	map_prepared(&b);
	firmware_idt = write_idt(&b, CENO_GPA_FIRMWARE + b.fw->vector_offset);
	nucleus_idt = write_idt(&b, b.nucleus_gva + find_module(&b, CENO_MODULE_NUCLEUS)->vectors);
	user_max = in->ram_bytes - b.granule_end;
	frames = take_pool(&b, align_up(user_max / CENO_PAGE, CENO_PAGE) / CENO_PAGE);
	granules = take_pool(&b, align_up(user_max / CENO_LARGE_PAGE * 4, CENO_PAGE) / CENO_PAGE);
	write_handoff(&b, nucleus_idt, frames, granules);
	write_windows(&b);
	if (b.failed)
		return CENO_LAYOUT_POOL;
	write_descriptors(&b, b.handoff->stack_top_gva - 64);
	write_boot_page(&b);
	write_registers(&b, firmware_idt, regs);
	return 0;
}
