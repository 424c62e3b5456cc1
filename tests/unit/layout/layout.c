/*
 * The launch layout, looked at as the CPU would: both page-table trees are
 * walked and every leaf is held against the rules of docs/architecture.md
 * (W^X through every alias, nothing of the kernel in ring 3, guard pages,
 * higher half without PML4 slot 256, a slide that slides).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "guest-kernel/abi/bundle.h"
#include "guest-kernel/abi/clock.h"
#include "guest-kernel/abi/manifest.h"
#include "guest-kernel/abi/trail.h"
#include "guest-kernel/abi/window.h"
#include "vmm/warden/layout.h"

#define RAM_BYTES  (64ull << 20)
#define LEAVES_MAX 8192
#define SLIDES     300
#define MEMBRANE   3 /* of the modules */
#define PROV       4
#define BSS        9 /* membrane's, of the segments */
#define STDIO      (1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO))

struct leaf {
	uint64_t gva, gpa, bytes;
	int user, writable, executable;
};

struct fixture {
	uint8_t firmware[4 * CENO_PAGE];
	uint8_t bundle[10 * CENO_PAGE];
	struct ceno_trust trust;
	struct ceno_boot boot;
	uint8_t *ram;
	struct ceno_layout_input in;
	struct ceno_vmm_registers regs;
	struct leaf leaf[LEAVES_MAX];
	size_t leaves;
};

static void add_segment(struct ceno_bundle_header *h, uint32_t module, uint32_t kind, uint64_t offset, uint64_t bytes,
                        uint64_t gva)
{
	h->segments[h->segment_count++] = (struct ceno_bundle_segment){ module, kind, offset, bytes, gva };
}

static void add_module(struct ceno_bundle_header *h, uint32_t id, const char *name, uint64_t entry, uint64_t vectors)
{
	struct ceno_bundle_module *m = &h->modules[h->module_count++];

	strncpy(m->name, name, sizeof m->name - 1);
	m->id = id;
	m->entry = entry;
	m->vectors = vectors;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct ceno_firmware_header *fw;
	struct ceno_bundle_header *h;

	assert_non_null(f);
	fw = (void *)f->firmware;
	*fw = (struct ceno_firmware_header){ .magic = CENO_FIRMWARE_MAGIC,
		                             .abi_version = CENO_ABI_VERSION,
		                             .total_bytes = sizeof f->firmware,
		                             .rodata_offset = 0,
		                             .rodata_bytes = CENO_PAGE,
		                             .stub_offset = CENO_PAGE,
		                             .stub_bytes = CENO_PAGE,
		                             .text_offset = 2 * CENO_PAGE,
		                             .text_bytes = 2 * CENO_PAGE,
		                             .entry_offset = CENO_PAGE + 1024,
		                             .vector_offset = CENO_PAGE + 1536 };
	h = (void *)f->bundle;
	*h = (struct ceno_bundle_header){ .magic = CENO_BUNDLE_MAGIC,
		                          .abi_version = CENO_ABI_VERSION,
		                          .header_bytes = CENO_PAGE,
		                          .total_bytes = sizeof f->bundle };
	add_segment(h, CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT, CENO_PAGE, 2 * CENO_PAGE, 0);
	add_segment(h, CENO_MODULE_NUCLEUS, CENO_SEGMENT_RODATA, 3 * CENO_PAGE, CENO_PAGE, 2 * CENO_PAGE);
	add_segment(h, CENO_MODULE_NUCLEUS, CENO_SEGMENT_BSS, 0, 3 * CENO_PAGE, 4 * CENO_PAGE);
	add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_TEXT, 4 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE);
	add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_RODATA, 5 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE + CENO_PAGE);
	add_segment(h, CENO_MODULE_INIT, CENO_SEGMENT_BSS, 0, CENO_PAGE, CENO_GVA_SERVICE + 2 * CENO_PAGE);
	add_segment(h, CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT, 6 * CENO_PAGE, CENO_PAGE, CENO_GVA_ENTRY);
	add_module(h, CENO_MODULE_NUCLEUS, "nucleus", 1088, 0);
	add_module(h, CENO_MODULE_INIT, "init", CENO_GVA_SERVICE, 0);
	add_module(h, CENO_MODULE_ENTRY_PAGE, "entry", CENO_GVA_ENTRY, 0);
	add_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_TEXT, 7 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE);
	add_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_RODATA, 8 * CENO_PAGE, CENO_PAGE,
	            CENO_GVA_SERVICE + CENO_PAGE);
	add_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_BSS, 0, 3 * CENO_PAGE, CENO_GVA_SERVICE + 2 * CENO_PAGE);
	add_module(h, CENO_MODULE_MEMBRANE, "membrane", CENO_GVA_SERVICE, 0);
	h->modules[MEMBRANE].budget = 1;
	h->modules[MEMBRANE].flags = CENO_MODULE_PREPARED;
	h->modules[MEMBRANE].pledge_mask = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_GPU;
	h->modules[MEMBRANE].grants = 1ull << CENO_SLOT_BOOT | 1ull << CENO_SLOT_RAM | 1ull << CENO_SLOT_PACK | STDIO |
	    1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_GPU);
	add_segment(h, CENO_MODULE_PROV, CENO_SEGMENT_TEXT, 9 * CENO_PAGE, CENO_PAGE, CENO_GVA_SERVICE);
	add_module(h, CENO_MODULE_PROV, "prov", CENO_GVA_SERVICE, 0);
	h->modules[PROV].budget = 1;
	h->modules[PROV].restarts_max = 3;
	h->modules[PROV].flags = CENO_MODULE_PREPARED | CENO_MODULE_LAZY;
	h->modules[PROV].grants = 1ull << CENO_SLOT_BOOT | 1ull << CENO_SLOT_BUNDLE | 1ull << CENO_SLOT_TRAIL |
	    1ull << CENO_SLOT_TRAIL_EVENTS | 1ull << CENO_SLOT_TRAIL_MESSAGES;
	f->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	f->in = (struct ceno_layout_input){ .firmware = f->firmware,
		                            .firmware_bytes = sizeof f->firmware,
		                            .trust = &f->trust,
		                            .bundle = f->bundle,
		                            .bundle_bytes = sizeof f->bundle,
		                            .ram = f->ram,
		                            .ram_bytes = RAM_BYTES,
		                            .pack_bytes = 16 * CENO_PAGE,
		                            .boot = &f->boot,
		                            .syscall_mode = CENO_SYSCALL_PAGE,
		                            .pledge_mask = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_RW |
		                                1u << CENO_PLEDGE_SPAWN | 1u << CENO_PLEDGE_GPU,
		                            .tsc_hz = 2000000000,
		                            .start_tsc = 123456789,
		                            .start_realtime_ns = 1700000000123456789 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	munmap(f->ram, RAM_BYTES);
	free(f);
	return 0;
}

static void fill_random(uint8_t *p, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
		p[i] = (uint8_t)(*seed >> 56);
	}
}

static void build(struct fixture *f, uint64_t *seed)
{
	assert_int_equal(madvise(f->ram, RAM_BYTES, MADV_DONTNEED), 0);
	fill_random(f->in.slide_random, sizeof f->in.slide_random, seed);
	assert_int_equal(ceno_layout_build(&f->in, &f->regs), 0);
}

static void walk(struct fixture *f, uint64_t table_gpa, int level, uint64_t gva, int user, int writable, int executable)
{
	const uint64_t *t;

	assert_true(table_gpa >= CENO_GPA_RAM && table_gpa < CENO_GPA_RAM + RAM_BYTES && table_gpa % CENO_PAGE == 0);
	t = (const uint64_t *)(const void *)(f->ram + (table_gpa - CENO_GPA_RAM));
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t e = t[i], at = gva | i << (12 + 9 * level), to = e & 0x000ffffffffff000ull;
		int u = user && (e & 4), w = writable && (e & 2), x = executable && !(e >> 63);

		if (!(e & 1)) {
			assert_true(e == 0);
			continue;
		}
		if (level == 3) {
			/* slot 256 belongs to others */
			assert_true(i == 0 || i == 511 || i == CENO_GVA_RAM >> 39 || i == CENO_GVA_PACK >> 39);
			if (i == 511)
				at |= 0xffff000000000000ull;
		}
		if (level == 0 || (e & 0x80)) {
			assert_true(level <= 1 && f->leaves < LEAVES_MAX);
			f->leaf[f->leaves++] = (struct leaf){ at, to, 1ull << (12 + 9 * level), u, w, x };
		} else {
			walk(f, to, level - 1, at, u, w, x);
		}
	}
}

static void collect(struct fixture *f)
{
	const struct ceno_handoff *h = (const void *)f->ram;

	f->leaves = 0;
	walk(f, f->regs.cr3, 3, 0, 1, 1, 1);
	walk(f, h->init_cr3, 3, 0, 1, 1, 1);
	for (uint32_t i = 0; i < CENO_PREPARED_MAX; i++)
		if (h->prepared[i].cr3)
			walk(f, h->prepared[i].cr3, 3, 0, 1, 1, 1);
}

static int mapped(const struct fixture *f, uint64_t gva)
{
	for (size_t i = 0; i < f->leaves; i++)
		if (gva - f->leaf[i].gva < f->leaf[i].bytes)
			return 1;
	return 0;
}

static void check_leaves(struct fixture *f)
{
	const struct ceno_handoff *h = (const void *)f->ram;
	uint64_t pool_end = h->pool_gpa + h->pool_pages * CENO_PAGE;

	for (size_t i = 0; i < f->leaves; i++) {
		const struct leaf *l = &f->leaf[i];

		assert_false(l->writable && l->executable);
		if (l->writable) /* read-only slots are never mapped writable */
			assert_true((l->gpa >= CENO_GPA_RAM && l->gpa + l->bytes <= CENO_GPA_RAM + RAM_BYTES) ||
			            (l->gpa >= CENO_GPA_WINDOW && l->gpa < CENO_GPA_TRAIL + CENO_TRAIL_BYTES) ||
			            l->gpa == CENO_GPA_DOORBELL + CENO_PLEDGE_STDIO * CENO_PAGE);
		if (l->executable) /* and nothing runs from RAM */
			assert_true(l->gpa < CENO_GPA_RAM);
		if (l->user) {
			assert_true(l->gva < 1ull << 47);
			assert_true(l->gpa + l->bytes <= h->pool_gpa || l->gpa >= pool_end);
			assert_true(l->gpa < h->user_gpa || l->gpa >= CENO_GPA_RAM + RAM_BYTES ||
			            l->gva - CENO_GVA_RAM < CENO_PREPARED_RAM);
		}
	}
}

static void check_guards(struct fixture *f)
{
	const struct ceno_handoff *h = (const void *)f->ram;
	uint64_t stack_bottom = h->stack_top_gva;

	assert_true(mapped(f, stack_bottom - 1));
	while (mapped(f, stack_bottom - CENO_PAGE))
		stack_bottom -= CENO_PAGE;
	assert_int_equal(h->stack_top_gva - stack_bottom, 4 * CENO_PAGE);
	assert_false(mapped(f, h->stack_top_gva));
	assert_false(mapped(f, h->trap_gva - 1));
	assert_false(mapped(f, h->nucleus_gva - 1));
	assert_false(mapped(f, h->nucleus_gva + 3 * CENO_PAGE)); /* rodata | guard | bss */
	assert_true(mapped(f, h->nucleus_gva + 4 * CENO_PAGE));
	assert_false(mapped(f, h->pool_gva - 1));
	assert_false(mapped(f, h->pool_gva + h->pool_pages * CENO_PAGE));
	assert_false(mapped(f, CENO_GVA_SERVICE_STACK));
	assert_false(mapped(f, CENO_GVA_SERVICE_STACK - 17 * CENO_PAGE));
	assert_false(mapped(f, 0));
}

static void test_rules_hold_for_every_slide(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 42, last = 0, last_pool = 0, same = 0;

	for (int n = 0; n < SLIDES; n++) {
		const struct ceno_handoff *h = (const void *)f->ram;

		build(f, &seed);
		collect(f);
		check_leaves(f);
		check_guards(f);
		assert_true(h->nucleus_gva >> 39 == 0x1ffffff && h->pool_gva >> 39 == 0x1ffffff);
		same += h->nucleus_gva == last || h->pool_gva == last_pool;
		last = h->nucleus_gva;
		last_pool = h->pool_gva;
	}
	assert_true(same <= 1);
}

/* Where the clock page is in RAM: the same in every space of ring 3, where it can only be read. */
static uint64_t clock_page(struct fixture *f)
{
	uint64_t gpa = 0, spaces = 0;

	collect(f);
	for (size_t i = 0; i < f->leaves; i++) {
		const struct leaf *l = &f->leaf[i];

		if (l->gva != CENO_GVA_CLOCK)
			continue;
		assert_true(l->user && !l->writable && !l->executable && (!gpa || gpa == l->gpa));
		gpa = l->gpa;
		spaces++;
	}
	for (size_t i = 0; i < f->leaves; i++) /* and has no other place, but for the nucleus's */
		assert_true(!f->leaf[i].user || gpa - f->leaf[i].gpa >= f->leaf[i].bytes ||
		            f->leaf[i].gva == CENO_GVA_CLOCK);
	assert_int_equal(spaces, 1 + CENO_PREPARED_MAX); /* init's, and those that are prepared */
	return gpa - CENO_GPA_RAM;
}

static void test_clock(void **state)
{
	struct fixture *f = *state;
	const struct ceno_handoff *h = (const void *)f->ram;
	const struct ceno_clock *clock;
	uint64_t seed = 13;

	build(f, &seed);
	clock = (const void *)(f->ram + clock_page(f));
	assert_true(CENO_GPA_RAM + clock_page(f) < h->service_gpa); /* no service's memory */
	assert_int_equal(clock->mult, (1000000000ull << 32) / f->in.tsc_hz);
	assert_int_equal(clock->start_tsc, f->in.start_tsc);
	assert_int_equal(clock->start_ns, f->in.start_realtime_ns);
}

static void test_pages_that_are_free_are_zero(void **state)
{
	struct fixture *f = *state;
	const struct ceno_handoff *h = (const void *)f->ram;
	uint64_t seed = 7;

	uint64_t clock;

	build(f, &seed);
	clock = clock_page(f);
	for (uint64_t at = (h->pool_used + 2) * CENO_PAGE; at < RAM_BYTES; at++) /* two windows' tables come first */
		if (f->ram[at] && at - clock >= sizeof(struct ceno_clock))
			fail_msg("byte %#llx of RAM is not zero", (unsigned long long)at);
}

static void check_window(const uint64_t *table, uint64_t class, uint64_t bytes)
{
	const uint64_t rw = 0x8000000000000067ull; /* NX, dirty, accessed, user, writable, present */

	for (uint64_t i = 0; i < bytes / CENO_PAGE; i++)
		assert_int_equal(table[i], (CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE + i * CENO_PAGE) | rw);
	for (uint64_t i = bytes / CENO_PAGE; i < 511; i++)
		assert_int_equal(table[i], 0);
	assert_int_equal(table[511], (CENO_GPA_DOORBELL + class * CENO_PAGE) | rw);
}

static void test_windows(void **state)
{
	struct fixture *f = *state;
	const struct ceno_handoff *h = (const void *)f->ram;
	uint64_t seed = 8;

	build(f, &seed);
	assert_int_equal(f->boot.pledge_mask, f->in.pledge_mask);
	assert_int_equal(h->pledge_mask,
	                 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_GPU); /* the others have no window */
	check_window((const void *)(f->ram + h->pool_used * CENO_PAGE), CENO_PLEDGE_STDIO, CENO_STDIO_BYTES);
	check_window((const void *)(f->ram + (h->pool_used + 1) * CENO_PAGE), CENO_PLEDGE_GPU,
	             CENO_LARGE_PAGE - CENO_PAGE);
}

/* Where gva lies in the prepared space; fails if it is not mapped with just these rights. */
static uint64_t prepared_at(struct fixture *f, uint64_t gva, int writable, int executable)
{
	for (size_t i = 0; i < f->leaves; i++) {
		const struct leaf *l = &f->leaf[i];

		if (!l->user || gva - l->gva >= l->bytes)
			continue;
		assert_int_equal(l->writable, writable);
		assert_int_equal(l->executable, executable);
		return l->gpa + (gva - l->gva);
	}
	fail_msg("%#llx is not mapped", (unsigned long long)gva);
	return 0;
}

/* Looks at one of them; returns how many leaves ring 3 has in it. */
static size_t look_at(struct fixture *f, uint32_t number)
{
	const struct ceno_handoff *h = (const void *)f->ram;
	size_t user = 0;

	f->leaves = 0;
	walk(f, h->prepared[number].cr3, 3, 0, 1, 1, 1);
	for (size_t i = 0; i < f->leaves; i++)
		user += f->leaf[i].user != 0;
	return user;
}

static void test_prepared(void **state)
{
	struct fixture *f = *state;
	const struct ceno_handoff *h = (const void *)f->ram;
	const uint64_t stack = CENO_GVA_SERVICE_STACK - CENO_SERVICE_STACK_BYTES,
		       bss = CENO_GVA_SERVICE + 2 * CENO_PAGE, window = CENO_STDIO_BYTES / CENO_PAGE;
	uint64_t seed = 10;

	f->in.errors = 1;
	build(f, &seed);
	assert_int_equal(f->boot.flags, CENO_BOOT_PREPARED | CENO_BOOT_ERRORS);
	/* PML4; PDPT and two directories; two page tables; PDPT and directory of RAM, the same and a table of the pack */
	assert_int_equal(h->prepared[0].pages, 6 + 2 + 3);
	/* entry, clock, text, rodata, bss, stack, trap and boot page; window and doorbell, RAM, pack */
	assert_int_equal(look_at(f, 0), 1 + 1 + 1 + 1 + 3 + 16 + 1 + 1 + window + 1 + 4 + 16);
	assert_int_equal(prepared_at(f, CENO_GVA_ENTRY, 0, 1), h->entry_page_gpa);
	assert_int_equal(prepared_at(f, CENO_GVA_SERVICE, 0, 1), CENO_GPA_BUNDLE + 7 * CENO_PAGE);
	assert_int_equal(prepared_at(f, CENO_GVA_SERVICE + CENO_PAGE, 0, 0), CENO_GPA_BUNDLE + 8 * CENO_PAGE);
	assert_int_equal(prepared_at(f, stack, 1, 0), h->service_gpa);
	assert_int_equal(prepared_at(f, CENO_GVA_SERVICE_STACK - CENO_PAGE, 1, 0), h->service_gpa + 15 * CENO_PAGE);
	assert_int_equal(prepared_at(f, bss, 1, 0), h->service_gpa + CENO_SERVICE_STACK_BYTES);
	assert_int_equal(prepared_at(f, CENO_GVA_TRAP_PAGE, 1, 0), h->trap_gpa + CENO_PAGE);
	assert_int_equal(prepared_at(f, CENO_GVA_BOOT_PAGE, 0, 0), CENO_GPA_BOOT);
	assert_int_equal(prepared_at(f, CENO_GVA_WINDOW, 1, 0), CENO_GPA_WINDOW);
	assert_int_equal(prepared_at(f, CENO_GVA_WINDOW + CENO_LARGE_PAGE - CENO_PAGE, 1, 0), CENO_GPA_DOORBELL);
	assert_int_equal(h->prepared[0].windows, 1u << CENO_PLEDGE_STDIO);
	assert_int_equal(prepared_at(f, CENO_GVA_RAM, 1, 0), h->user_gpa);
	assert_int_equal(prepared_at(f, CENO_GVA_RAM + CENO_PREPARED_RAM - 1, 1, 0),
	                 h->user_gpa + CENO_PREPARED_RAM - 1);
	assert_int_equal(h->prepared[0].large_pages, CENO_PREPARED_RAM / CENO_LARGE_PAGE);
	assert_int_equal(prepared_at(f, CENO_GVA_PACK, 0, 0), CENO_GPA_PACK);
	assert_int_equal(prepared_at(f, CENO_GVA_PACK + 15 * CENO_PAGE, 0, 0), CENO_GPA_PACK + 15 * CENO_PAGE);
}

/* Fiber 2's memory lies behind all of fiber 1's. */
static void test_prepared_second(void **state)
{
	struct fixture *f = *state;
	const struct ceno_handoff *h = (const void *)f->ram;
	uint64_t seed = 12, memory;

	build(f, &seed);
	memory = h->service_gpa + CENO_SERVICE_STACK_BYTES + 3 * CENO_PAGE;
	assert_int_equal(h->prepared[1].pages, 6);
	assert_int_equal(h->prepared[1].windows | h->prepared[1].large_pages, 0);
	/* entry, clock, text, stack, trap and boot page; bundle's header, events, area */
	assert_int_equal(look_at(f, 1), 1 + 1 + 1 + 16 + 1 + 1 + 1 + 1 + CENO_TRAIL_BYTES / CENO_PAGE);
	assert_int_equal(prepared_at(f, CENO_GVA_SERVICE, 0, 1), CENO_GPA_BUNDLE + 9 * CENO_PAGE);
	assert_int_equal(prepared_at(f, CENO_GVA_SERVICE_STACK - CENO_SERVICE_STACK_BYTES, 1, 0), memory);
	assert_int_equal(prepared_at(f, CENO_GVA_TRAP_PAGE, 1, 0), h->trap_gpa + 2 * CENO_PAGE);
	assert_int_equal(prepared_at(f, CENO_GVA_BOOT_PAGE, 0, 0), CENO_GPA_BOOT);
	assert_int_equal(prepared_at(f, CENO_GVA_TRAIL_BUNDLE, 0, 0), CENO_GPA_BUNDLE);
	assert_int_equal(prepared_at(f, CENO_GVA_TRAIL_EVENTS, 0, 0), h->events_gpa);
	assert_int_equal(prepared_at(f, CENO_GVA_TRAIL, 1, 0), CENO_GPA_TRAIL);
}

/* What is not there, or not granted, is not mapped. */
static void test_prepared_parts(void **state)
{
	struct fixture *f = *state;
	struct ceno_bundle_module *m = &((struct ceno_bundle_header *)(void *)f->bundle)->modules[MEMBRANE];
	const struct ceno_handoff *h = (const void *)f->ram;
	const size_t rest = 1 + 1 + 1 + 1 + 3 + 16 + 1 + 1, window = CENO_STDIO_BYTES / CENO_PAGE + 1;
	uint64_t seed = 13;

	f->in.pack_bytes = CENO_LARGE_PAGE + CENO_PAGE;
	build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + window + 4 + 1);
	f->in.pack_bytes = 0;
	build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + window + 4);
	f->in.pledge_mask = 1u << CENO_PLEDGE_GPU;
	build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + 4);
	assert_int_equal(h->prepared[0].windows, 0);
	f->in.pledge_mask |= 1u << CENO_PLEDGE_STDIO;
	m->pledge_mask = 0;
	build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + 4);
	m->pledge_mask = 1u << CENO_PLEDGE_STDIO;
	f->in.pack_bytes = CENO_PAGE;
	m->grants = 0;
	build(f, &seed);
	assert_int_equal(look_at(f, 0), rest - 1);
	assert_int_equal(h->prepared[0].windows | h->prepared[0].large_pages, 0);
}

static void expect_unprepared(struct fixture *f, uint32_t flags)
{
	const struct ceno_handoff *h = (const void *)f->ram;
	const struct ceno_prepared none[CENO_PREPARED_MAX] = { { 0 } };
	uint64_t seed = 11;

	build(f, &seed);
	assert_int_equal(f->boot.flags, flags);
	assert_memory_equal(h->prepared, none, sizeof none);
}

static void test_unprepared(void **state)
{
	struct fixture *f = *state;
	struct ceno_bundle_header *h = (void *)f->bundle;
	struct ceno_bundle_module *m = &h->modules[MEMBRANE], *prov = &h->modules[PROV];
	const struct ceno_handoff *handoff = (const void *)f->ram;
	uint64_t seed = 14;

	f->in.native = 1;
	expect_unprepared(f, CENO_BOOT_NATIVE);
	f->in.native = 0;
	prov->state_bytes = CENO_PAGE; /* who has a state is not prepared */
	build(f, &seed);
	assert_int_equal(handoff->prepared[1].cr3, 0);
	prov->flags = 0; /* started first now */
	m->flags = 0;
	expect_unprepared(f, 0);
	prov->state_bytes = 0;
	prov->flags = CENO_MODULE_PREPARED; /* number 1: membrane comes first */
	build(f, &seed);
	assert_int_equal(f->boot.flags, CENO_BOOT_PREPARED);
	assert_int_equal(handoff->prepared[0].cr3, 0);
	assert_int_not_equal(handoff->prepared[1].cr3, 0);
	m->flags = CENO_MODULE_LAZY;
	build(f, &seed);
	assert_int_not_equal(handoff->prepared[0].cr3, 0);
	assert_int_equal(handoff->prepared[1].cr3, 0);
}

/* Number 2 is not prepared. */
static void test_third(void **state)
{
	struct fixture *f = *state;
	struct ceno_bundle_header *h = (void *)f->bundle;
	const struct ceno_handoff *handoff = (const void *)f->ram;
	uint64_t seed = 15;

	add_module(h, CENO_MODULE_VAULT, "vault", CENO_GVA_SERVICE, 0);
	h->modules[PROV + 1].budget = 1;
	build(f, &seed);
	assert_int_not_equal(handoff->prepared[0].cr3, 0);
	assert_int_equal(handoff->prepared[1].cr3, 0);
}

static void expect_refused(struct fixture *f, int error)
{
	assert_int_equal(madvise(f->ram, RAM_BYTES, MADV_DONTNEED), 0);
	assert_int_equal(ceno_layout_build(&f->in, &f->regs), error);
}

/* A module that relies on what nobody could map for it. */
static void test_only_prepared(void **state)
{
	static const uint64_t only[] = { 1ull << CENO_SLOT_RAM, 1ull << CENO_SLOT_PACK, STDIO };
	struct fixture *f = *state;
	struct ceno_bundle_header *h = (void *)f->bundle;
	struct ceno_bundle_module *m = &h->modules[MEMBRANE];
	const struct ceno_bundle_module before = *m;
	uint64_t seed = 16;

	for (size_t i = 0; i < sizeof only / sizeof only[0]; i++) {
		*m = before;
		m->grants = only[i];
		m->restarts_max = 1;
		expect_refused(f, CENO_LAYOUT_BUNDLE);
		m->restarts_max = 0;
		m->state_bytes = CENO_PAGE;
		expect_refused(f, CENO_LAYOUT_BUNDLE);
		f->in.native = 1; /* it is not started */
		build(f, &seed);
		f->in.native = 0;
	}
	*m = before;
	m->flags |= CENO_MODULE_LAZY;
	add_module(h, CENO_MODULE_VAULT, "vault", CENO_GVA_SERVICE, 0);
	h->modules[PROV + 1].budget = 1;
	build(f, &seed); /* vault, membrane, prov */
	h->modules[PROV].flags = 0;
	expect_refused(f, CENO_LAYOUT_BUNDLE);
	h->modules[PROV + 1].budget = 0;
	h->segments[5].bytes = h->segments[BSS].bytes = 255 * CENO_PAGE; /* no room in the boot granule */
	expect_refused(f, CENO_LAYOUT_POOL);
}

static void test_registers(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 9;

	build(f, &seed);
	assert_int_equal(f->regs.rip, CENO_GPA_FIRMWARE + CENO_PAGE + 1024);
	assert_true(f->regs.cr4 & 1 << 20 && f->regs.cr4 & 1 << 21);  /* SMEP, SMAP */
	assert_true(f->regs.cr0 & 1 << 16 && f->regs.efer & 1 << 11); /* WP, NXE */
	assert_int_equal(f->boot.abi_version, CENO_ABI_VERSION);
	assert_int_equal(f->boot.ram_bytes, RAM_BYTES);
}

/* The guest key's seed lies in the boot events' page and nowhere else: not in the boot page, which
 * membrane and native programs map, and in no other page of RAM. */
static void test_trail_seed(void **state)
{
	struct fixture *f = *state;
	const struct ceno_handoff *h;
	uint64_t seed = 12, events;

	fill_random(f->in.trail_seed, sizeof f->in.trail_seed, &seed);
	build(f, &seed);
	h = (const void *)f->ram;
	events = h->events_gpa - CENO_GPA_RAM + offsetof(struct ceno_boot_events, trail_seed);
	assert_memory_equal(f->ram + events, f->in.trail_seed, 32);
	assert_null(memmem(&f->boot, sizeof f->boot, f->in.trail_seed, 32));
	assert_null(memmem(f->ram, events, f->in.trail_seed, 32));
	assert_null(memmem(f->ram + events + 32, RAM_BYTES - events - 32, f->in.trail_seed, 32));
}

static int result(struct fixture *f)
{
	return ceno_layout_build(&f->in, &f->regs);
}

static void test_bad_input(void **state)
{
	struct fixture *f = *state;
	struct ceno_firmware_header *fw = (void *)f->firmware;
	struct ceno_bundle_header *h = (void *)f->bundle;

	f->in.ram_bytes = RAM_BYTES - CENO_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_RAM);
	f->in.ram_bytes = CENO_RAM_MIN - CENO_LARGE_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_RAM);
	f->in.ram_bytes = CENO_RAM_MAX + CENO_LARGE_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_RAM);
	f->in.ram_bytes = RAM_BYTES;
	f->in.tsc_hz = 0;
	assert_int_equal(result(f), CENO_LAYOUT_INPUT);
	f->in.tsc_hz = 1;
	f->in.syscall_mode = 3;
	assert_int_equal(result(f), CENO_LAYOUT_INPUT);
	f->in.syscall_mode = CENO_SYSCALL_LSTAR;
	f->in.pack_bytes = 1;
	assert_int_equal(result(f), CENO_LAYOUT_INPUT);
	f->in.pack_bytes = 0;
	f->in.pledge_mask |= 1u << CENO_PLEDGE_COUNT;
	assert_int_equal(result(f), CENO_LAYOUT_INPUT);
	f->in.pledge_mask = 1;
	fw->stub_bytes = 0xfffff000;
	assert_int_equal(result(f), CENO_LAYOUT_FIRMWARE);
	fw->stub_bytes = 0;
	fw->text_offset = CENO_PAGE;
	fw->text_bytes = 3 * CENO_PAGE;
	fw->entry_offset = CENO_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_FIRMWARE); /* no stub */
	fw->stub_offset = fw->rodata_bytes = 0;
	fw->stub_bytes = CENO_PAGE;
	fw->entry_offset = fw->vector_offset = 0;
	assert_int_equal(result(f), CENO_LAYOUT_FIRMWARE); /* the header in ring-0 text */
	fw->text_bytes = 2 * CENO_PAGE;
	fw->text_offset = 0;
	fw->stub_offset = 2 * CENO_PAGE;
	fw->rodata_offset = 3 * CENO_PAGE;
	fw->rodata_bytes = CENO_PAGE;
	fw->entry_offset = fw->vector_offset = 2 * CENO_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_FIRMWARE); /* another order */
	fw->rodata_offset = 0;
	fw->stub_offset = CENO_PAGE;
	fw->text_offset = 2 * CENO_PAGE;
	fw->entry_offset = 2 * CENO_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_FIRMWARE);
	fw->entry_offset = CENO_PAGE;
	fw->vector_offset = 2 * CENO_PAGE - CENO_VECTOR_BYTES;
	assert_int_equal(result(f), CENO_LAYOUT_FIRMWARE);
	fw->vector_offset = CENO_PAGE;
	f->in.bundle_bytes = sizeof f->bundle - 1;
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	f->in.bundle_bytes = sizeof f->bundle - CENO_PAGE; /* truncated: a segment lies outside */
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	f->in.bundle_bytes = sizeof f->bundle;
	h->segment_count = CENO_BUNDLE_SEGMENTS + 1;
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	h->segment_count = 10;
	h->segments[0].offset = ~0xfffull;
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	h->segments[0].offset = CENO_PAGE;
	h->modules[1].id = CENO_MODULE_PROV;
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	h->modules[1].id = CENO_MODULE_INIT;
	h->segments[2].bytes = CENO_BUNDLE_MAX + CENO_PAGE;
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	h->segments[2].bytes = 255 * CENO_PAGE;
	h->segments[0].bytes = 255 * CENO_PAGE; /* more than one page table holds, and outside the bundle */
	assert_int_equal(result(f), CENO_LAYOUT_BUNDLE);
	h->segments[0].bytes = 2 * CENO_PAGE;
	h->segments[2].gva = 100 * CENO_PAGE; /* bss not behind rodata */
	assert_int_equal(result(f), CENO_LAYOUT_POOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules_hold_for_every_slide, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages_that_are_free_are_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepared_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepared_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unprepared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_third, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_prepared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trail_seed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_input, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
