/*
 * Spaces that the warden prepares for services, so that no ring-0 instruction maps them: what they map and
 * where, which modules have one, and bundles that rely on one that cannot be.
 */
#include "fixture.h"

#include <string.h>

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
	layout_walk(f, h->prepared[number].cr3, 3, 0, 1, 1, 1);
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
	layout_build(f, &seed);
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

	layout_build(f, &seed);
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
	layout_build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + window + 4 + 1);
	f->in.pack_bytes = 0;
	layout_build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + window + 4);
	f->in.pledge_mask = 1u << CENO_PLEDGE_GPU;
	layout_build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + 4);
	assert_int_equal(h->prepared[0].windows, 0);
	f->in.pledge_mask |= 1u << CENO_PLEDGE_STDIO;
	m->pledge_mask = 0;
	layout_build(f, &seed);
	assert_int_equal(look_at(f, 0), rest + 4);
	m->pledge_mask = 1u << CENO_PLEDGE_STDIO;
	f->in.pack_bytes = CENO_PAGE;
	m->grants = 0;
	layout_build(f, &seed);
	assert_int_equal(look_at(f, 0), rest - 1);
	assert_int_equal(h->prepared[0].windows | h->prepared[0].large_pages, 0);
}

static void expect_unprepared(struct fixture *f, uint32_t flags)
{
	const struct ceno_handoff *h = (const void *)f->ram;
	const struct ceno_prepared none[CENO_PREPARED_MAX] = { { 0 } };
	uint64_t seed = 11;

	layout_build(f, &seed);
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
	layout_build(f, &seed);
	assert_int_equal(handoff->prepared[1].cr3, 0);
	prov->flags = 0; /* started first now */
	m->flags = 0;
	expect_unprepared(f, 0);
	prov->state_bytes = 0;
	prov->flags = CENO_MODULE_PREPARED; /* number 1: membrane comes first */
	layout_build(f, &seed);
	assert_int_equal(f->boot.flags, CENO_BOOT_PREPARED);
	assert_int_equal(handoff->prepared[0].cr3, 0);
	assert_int_not_equal(handoff->prepared[1].cr3, 0);
	m->flags = CENO_MODULE_LAZY;
	layout_build(f, &seed);
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

	layout_add_module(h, CENO_MODULE_VAULT, "vault", CENO_GVA_SERVICE, 0);
	h->modules[PROV + 1].budget = 1;
	layout_build(f, &seed);
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
		layout_build(f, &seed);
		f->in.native = 0;
	}
	*m = before;
	m->flags |= CENO_MODULE_LAZY;
	layout_add_module(h, CENO_MODULE_VAULT, "vault", CENO_GVA_SERVICE, 0);
	h->modules[PROV + 1].budget = 1;
	layout_build(f, &seed); /* vault, membrane, prov */
	h->modules[PROV].flags = 0;
	expect_refused(f, CENO_LAYOUT_BUNDLE);
	h->modules[PROV + 1].budget = 0;
	h->segments[5].bytes = h->segments[BSS].bytes = 255 * CENO_PAGE; /* no room in the boot granule */
	expect_refused(f, CENO_LAYOUT_POOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prepared, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_prepared_second, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_prepared_parts, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_unprepared, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_third, layout_setup, layout_teardown),
		cmocka_unit_test_setup_teardown(test_only_prepared, layout_setup, layout_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
