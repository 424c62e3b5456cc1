/*
 * The launch layout, looked at as the CPU would: both page-table trees are
 * walked and every leaf is held against the rules of docs/architecture.md
 * (W^X through every alias, nothing of the kernel in ring 3, guard pages,
 * higher half without PML4 slot 256, a slide that slides). Prepared spaces: prepared.c.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "guest-kernel/abi/clock.h"

#define SLIDES 300

static void collect(struct fixture *f)
{
	const struct ceno_handoff *h = (const void *)f->ram;

	f->leaves = 0;
	layout_walk(f, f->regs.cr3, 3, 0, 1, 1, 1);
	layout_walk(f, h->init_cr3, 3, 0, 1, 1, 1);
	for (uint32_t i = 0; i < CENO_PREPARED_MAX; i++)
		if (h->prepared[i].cr3)
			layout_walk(f, h->prepared[i].cr3, 3, 0, 1, 1, 1);
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

		layout_build(f, &seed);
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

	layout_build(f, &seed);
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

	layout_build(f, &seed);
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

	layout_build(f, &seed);
	assert_int_equal(f->boot.pledge_mask, f->in.pledge_mask);
	assert_int_equal(h->pledge_mask,
	                 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_GPU); /* the others have no window */
	check_window((const void *)(f->ram + h->pool_used * CENO_PAGE), CENO_PLEDGE_STDIO, CENO_STDIO_BYTES);
	check_window((const void *)(f->ram + (h->pool_used + 1) * CENO_PAGE), CENO_PLEDGE_GPU,
	             CENO_LARGE_PAGE - CENO_PAGE);
}

static void test_registers(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 9;

	layout_build(f, &seed);
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

	layout_fill_random(f->in.trail_seed, sizeof f->in.trail_seed, &seed);
	layout_build(f, &seed);
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
		cmocka_unit_test_setup_teardown(test_rules_hold_for_every_slide, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_clock, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_pages_that_are_free_are_zero, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_windows, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_registers, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_trail_seed, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_bad_input, layout_setup, layout_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
