/*
 * A native program (abi/native.h) in membrane's place: found in the pack, checked, and
 * then started, restarted and supervised like any service. What it cannot say itself,
 * that it is no good or has crashed for good, init writes into the stdio window.
 */
#include "init.h"
#include "abi/pack.h"
#include "lib/mem.h"
#include "lib/native.h"

#define PACK_GVA 0x22000000ull /* the pack's table */
#define FILE_GVA 0x23000000ull /* the program's file */
#define WINDOW   (CENO_GVA_WINDOW + CENO_PLEDGE_STDIO * CENO_LARGE_PAGE)

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE, G = CENO_RIGHT_GRANT;

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + CENO_PAGE - 1) & ~(CENO_PAGE - 1);
}

static const struct ceno_native_header *header(void)
{
	return (const struct ceno_native_header *)FILE_GVA;
}

/* ---- what the host reads ---- */

/* Whether the host takes the window, or has: it is not touched any more (boot.h). */
static bool is_lost(void)
{
	return boot_dropped() >> CENO_PLEDGE_STDIO & 1;
}

static volatile struct ceno_stdio_guest *report(void)
{
	int64_t rc = ceno_map(CENO_SLOT_SELF, CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO, WINDOW, 0, CENO_STDIO_BYTES, R | W);

	if (rc != CENO_E_EXISTS)
		must(rc);
	return (volatile struct ceno_stdio_guest *)(WINDOW + CENO_STDIO_GUEST_OFFSET);
}

static void publish(uint32_t state)
{
	volatile struct ceno_stdio_guest *g = report();

	g->magic = CENO_STDIO_MAGIC;
	g->abi_version = CENO_ABI_VERSION;
	g->seq = 1;
	g->done_tsc = ceno_rdtsc();
	__atomic_store_n(&g->state, state, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*(volatile uint32_t *)(WINDOW + CENO_LARGE_PAGE - CENO_PAGE) = 1;
}

static void refuse(enum ceno_native_error error)
{
	if (is_lost())
		return;
	report()->refusal = CENO_REFUSAL_NATIVE;
	report()->detail = error;
	publish(CENO_PROGRAM_REFUSED);
}

void native_crashed(const struct service *s, const struct ceno_fiber_event *e)
{
	bool struck = e->what & CENO_FIBER_EVENT_KILLED;

	if (!is_native(s) || is_lost())
		return;
	report()->restarts = s->restarts;
	if (!s->over)
		return;
	report()->end = struck ? CENO_END_STRUCK : CENO_END_CRASHED;
	report()->detail = (uint8_t)(struck ? e->strikes : e->a);
	report()->signal = struck ? 9 : 11;
	publish(CENO_PROGRAM_DONE);
}

#define LETS_GO_MS 20u /* what a program has begun with the window is done then */

void native_narrow(const struct service *s)
{
	const uint32_t left = s->pledge & ~boot_dropped();

	if (left == s->pledge)
		return;
	must(ceno_tick(ceno_rdtsc() + boot_page()->tsc_hz / 1000 * LETS_GO_MS, 0, NULL));
	must(ceno_pledge(SLOT_FIBER + s->number, (uint8_t)left)); /* an event follows */
	if (is_lost())
		__atomic_store_n(&report()->released, 1, __ATOMIC_RELEASE);
}

bool native_is_stopped(void)
{
	if (is_lost())
		return false;
	(void)report();
	return ((volatile const struct ceno_stdio_host *)WINDOW)->shutdown == CENO_SHUTDOWN_NOW;
}

/* ---- what it is ---- */

/* The program's entry, its file alone in SLOT_NATIVE and mapped at FILE_GVA. */
static const struct ceno_pack_entry *find_program(const struct ceno_pack_header *pack)
{
	const struct ceno_pack_entry *entry = (const struct ceno_pack_entry *)(pack + 1), *end = entry + pack->count;
	uint64_t table = whole_pages(sizeof *pack + pack->count * sizeof *entry);

	if (table > CENO_PAGE)
		must(ceno_map(CENO_SLOT_SELF, CENO_SLOT_PACK, PACK_GVA + CENO_PAGE, CENO_PAGE, table - CENO_PAGE, R));
	while (entry != end && !(entry->mode & CENO_PACK_PROGRAM))
		entry++;
	if (entry == end)
		init_stop(CENO_STOP_MANIFEST);
	return entry;
}

static enum ceno_native_error check(const struct ceno_pack_entry *e)
{
	uint64_t bytes = whole_pages(e->length), seen = bytes < CENO_NATIVE_BYTES_MAX ? bytes : CENO_NATIVE_BYTES_MAX;

	if (!bytes)
		return CENO_NATIVE_E_MAGIC;
	must(ceno_grant(CENO_SLOT_SELF, CENO_SLOT_PACK, SLOT_NATIVE, R | X | G));
	must(ceno_mask(SLOT_NATIVE, R | X | G, e->offset, bytes, 0));
	must(ceno_map(CENO_SLOT_SELF, SLOT_NATIVE, FILE_GVA, 0, seen, R));
	return ceno_native_check(header(), e->length);
}

static void add_service(struct init *init)
{
	const struct ceno_native_header *h = header();
	const struct ceno_native_segment *data = ceno_native_segment(h, CENO_NATIVE_DATA);
	const struct ceno_native_segment *bss = ceno_native_segment(h, CENO_NATIVE_BSS);
	struct service *s = &init->service[init->count];

	init->native = (struct ceno_bundle_module){
		.id = MODULE_NATIVE,
		.pledge_mask = (1u << CENO_PLEDGE_COUNT) - 1,
		.entry = h->entry,
		.budget = h->budget ? h->budget : CENO_JOULES_DEFAULT,
		.spectrum = h->spectrum > CENO_SPECTRUM_MATTER ? (uint8_t)h->spectrum : CENO_SPECTRUM_MATTER,
		.restarts_max = (uint16_t)h->restarts_max,
		.pool_pages = CENO_MODULE_POOL_REST,
		.state_bytes = h->state_bytes,
		.grants = 1ull << CENO_SLOT_BOOT,
	};
	memcpy(init->native.content_id, h->content_id, sizeof h->content_id);
	s->module = &init->native;
	s->number = init->count++;
	s->bss_gva = data ? data->gva : bss ? bss->gva : 0;
	s->bss_bytes = (data ? data->bytes : 0) + (bss ? bss->bytes : 0);
}

bool native_find(struct init *init)
{
	const struct ceno_pack_header *pack = (const struct ceno_pack_header *)PACK_GVA;
	enum ceno_native_error error;

	if (!(boot_page()->flags & CENO_BOOT_NATIVE))
		return false;
	must(ceno_map(CENO_SLOT_SELF, CENO_SLOT_PACK, PACK_GVA, 0, CENO_PAGE, R));
	error = check(find_program(pack));
	if (error)
		refuse(error);
	else
		add_service(init);
	return true;
}

/* ---- what it gets ---- */

void native_fill_space(uint32_t fiber, uint8_t *data)
{
	const struct ceno_native_header *h = header();

	for (const struct ceno_native_segment *g = h->segments; g < h->segments + CENO_NATIVE_SEGMENTS; g++) {
		if (g->kind == CENO_NATIVE_TEXT || g->kind == CENO_NATIVE_RODATA)
			must_give(ceno_map(fiber, SLOT_NATIVE, g->gva, g->offset, g->bytes,
			                   g->kind == CENO_NATIVE_TEXT ? R | X : R));
		else if (g->kind == CENO_NATIVE_DATA)
			memcpy(data, (const uint8_t *)FILE_GVA + g->offset, g->bytes);
	}
}

uint64_t native_fill_cspace(uint32_t fiber)
{
	static const struct {
		uint8_t from, to, rights;
	} grants[] = {
		{ CENO_SLOT_CLOCK, CENO_SLOT_CLOCK, CENO_RIGHT_READ | CENO_RIGHT_GRANT },
		{ CENO_SLOT_RAM, CENO_SLOT_RAM, CENO_RIGHT_READ | CENO_RIGHT_WRITE | CENO_RIGHT_GRANT },
		{ CENO_SLOT_PACK, CENO_SLOT_PACK, CENO_RIGHT_READ },
		{ SLOT_NATIVE, CENO_SLOT_PROGRAM, CENO_RIGHT_READ | CENO_RIGHT_EXECUTE },
		{ CENO_SLOT_BOOT, CENO_SLOT_BOOT, CENO_RIGHT_READ },
		{ CENO_SLOT_SUPERVISOR, CENO_SLOT_SUPERVISOR, CENO_RIGHT_WRITE },
	};
	uint64_t given = 1ull << CENO_SLOT_SELF;

	must_give(ceno_grant(fiber, fiber, CENO_SLOT_SELF, CENO_RIGHT_MAP | CENO_RIGHT_SPAWN));
	for (uint32_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
		must_give(ceno_grant(fiber, grants[i].from, grants[i].to, grants[i].rights));
		given |= 1ull << grants[i].to;
	}
	for (uint32_t slot = CENO_SLOT_WINDOW; slot < CENO_SLOT_WINDOW + CENO_PLEDGE_COUNT; slot++) {
		int64_t rc = ceno_grant(fiber, slot, slot, R | W);

		if (rc == CENO_E_SLOT || rc == CENO_E_PLEDGE)
			continue; /* not pledged, given up before a crash, or a class without a window */
		must_give(rc);
		given |= 1ull << slot;
	}
	return given;
}
