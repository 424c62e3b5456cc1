/*
 * A module becomes a fiber: its bytes are checked, its memory laid out, its space
 * and CSpace filled by its manifest. A restart does the same in the fiber that is
 * there already.
 */
#include "init.h"
#include "lib/bundle.h"
#include "lib/mem.h"

#define MEMORY_GVA  0x21000000ull /* service memory of restartable services, at the same offsets */
#define STACK_BYTES ((uint64_t)CENO_SERVICE_STACK_BYTES)
/* Granted with the rights of the boot manifest, but GRANT and REVOKE. */
#define SAME_SLOTS \
	(1ull << CENO_SLOT_CLOCK | 1ull << CENO_SLOT_RAM | 1ull << CENO_SLOT_PACK | 1ull << CENO_SLOT_BOOT | \
	 1ull << CENO_SLOT_IMAGE | CENO_MODULE_WINDOWS)

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE;

_Noreturn void init_stop(enum ceno_stop code)
{
	ceno_verb(CENO_VERB_MASK, CENO_SLOT_SELF, 0, 0, 0, 0, code, NULL);
	__builtin_trap();
}

static bool is_restartable(const struct service *s)
{
	return s->module->restarts_max != 0;
}

/* Who can ask for nothing that is answered has no channel for answers. */
static bool has_reply(const struct service *s)
{
	return is_restartable(s) && (is_native(s) || s->module->state_bytes);
}

/* Of the memory that the service itself has: stack and bss in one piece. */
static uint64_t own_bytes(const struct service *s)
{
	return STACK_BYTES + s->bss_bytes;
}

static uint64_t all_bytes(const struct service *s)
{
	return own_bytes(s) + (is_restartable(s) ? 2u : 1u) * (uint64_t)s->module->state_bytes;
}

void init_find(struct init *init)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)CENO_GVA_BUNDLE;
	bool native = native_find(init);

	init->bundle = h;
	for (uint32_t i = 0; i < h->module_count; i++) {
		struct service *s = &init->service[init->count];

		if (!h->modules[i].budget || /* nucleus, init, entry page: not started by their manifest */
		    (native && h->modules[i].id == CENO_MODULE_MEMBRANE))
			continue;
		if (init->count == SERVICES_MAX)
			init_stop(CENO_STOP_MANIFEST);
		s->module = &h->modules[i];
		s->number = init->count++;
		for (uint32_t k = 0; k < h->segment_count; k++)
			if (h->segments[k].module == s->module->id && h->segments[k].kind == CENO_SEGMENT_BSS) {
				s->bss_bytes = h->segments[k].bytes;
				s->bss_gva = h->segments[k].gva;
			}
	}
	trail_find(init);
}

static uint32_t slot_of(const struct service *s)
{
	return SLOT_FIBER + s->number;
}

static void check_content(const struct init *init, const struct ceno_bundle_module *m)
{
	struct ceno_blake3 hash;
	uint8_t digest[sizeof m->content_id];

	ceno_bundle_content(&hash, init->bundle, m->id);
	ceno_blake3_final(&hash, digest, sizeof digest);
	if (!ceno_mem_equal(digest, m->content_id, sizeof digest))
		init_stop(CENO_STOP_MODULE);
}

/* ---- memory ---- */

uint8_t *service_state(const struct service *s)
{
	return (uint8_t *)(MEMORY_GVA + s->memory + own_bytes(s));
}

uint8_t *service_shadow(const struct service *s)
{
	return service_state(s) + s->module->state_bytes;
}

static void map_for_init(const struct service *s)
{
	must_give(ceno_map(CENO_SLOT_SELF, CENO_SLOT_SERVICE, MEMORY_GVA + s->memory, s->memory, all_bytes(s), R | W));
}

/* Of a prepared one, init touches nothing before a restart. */
static void take_memory(struct init *init, struct service *s)
{
	s->memory = init->memory_used;
	init->memory_used += all_bytes(s);
	if (!s->prepared && (is_restartable(s) || is_native(s)))
		map_for_init(s);
}

/* ---- its space ---- */

static void map_segments(const struct init *init, const struct service *s)
{
	for (uint32_t i = 0; i < init->bundle->segment_count; i++) {
		const struct ceno_bundle_segment *g = &init->bundle->segments[i];

		if (g->module == s->module->id && g->kind != CENO_SEGMENT_BSS)
			must_give(ceno_map(slot_of(s), CENO_SLOT_BUNDLE, g->gva, g->offset, g->bytes,
			                   g->kind == CENO_SEGMENT_TEXT ? R | X : R));
	}
}

/* Of its own memory, from this offset; none if bytes is 0. */
static void map_memory(const struct service *s, uint64_t gva, uint64_t offset, uint64_t bytes)
{
	if (bytes)
		must_give(ceno_map(slot_of(s), CENO_SLOT_SERVICE, gva, s->memory + offset, bytes, R | W));
}

/* What there is no capability to (manifest.h), but for BOOT. */
static void map_views(const struct service *s)
{
	static const struct {
		uint8_t from, to, rights;
		uint32_t gva, bytes;
	} views[] = {
		{ CENO_SLOT_BOOT, CENO_SLOT_BOOT, CENO_RIGHT_READ, CENO_GVA_BOOT_PAGE, CENO_PAGE },
		{ CENO_SLOT_BUNDLE, CENO_SLOT_BUNDLE, CENO_RIGHT_READ, CENO_GVA_TRAIL_BUNDLE, CENO_PAGE },
		{ CENO_SLOT_EVENTS, CENO_SLOT_TRAIL_EVENTS, CENO_RIGHT_READ, CENO_GVA_TRAIL_EVENTS, CENO_PAGE },
		{ CENO_SLOT_TRAIL, CENO_SLOT_TRAIL, CENO_RIGHT_READ | CENO_RIGHT_WRITE, CENO_GVA_TRAIL,
		  CENO_TRAIL_BYTES },
	};

	for (uint32_t i = 0; i < sizeof views / sizeof views[0]; i++)
		if (s->module->grants >> views[i].to & 1)
			must_give(
			    ceno_map(slot_of(s), views[i].from, views[i].gva, 0, views[i].bytes, views[i].rights));
}

static void fill_space(const struct init *init, const struct service *s)
{
	if (s->prepared)
		return;
	if (is_native(s))
		native_fill_space(slot_of(s), (uint8_t *)(MEMORY_GVA + s->memory + STACK_BYTES));
	else
		map_segments(init, s);
	map_memory(s, CENO_GVA_SERVICE_STACK - STACK_BYTES, 0, STACK_BYTES);
	map_memory(s, s->bss_gva, STACK_BYTES, s->bss_bytes);
	map_memory(s, CENO_GVA_STATE, own_bytes(s), s->module->state_bytes);
	must_give(ceno_map(slot_of(s), CENO_SLOT_TRAP, CENO_GVA_TRAP_PAGE, s->fiber * CENO_PAGE, CENO_PAGE, R | W));
	map_views(s);
}

/* ---- its capabilities ---- */

static uint64_t grant(const struct service *s, uint32_t from, uint32_t to, uint32_t rights)
{
	if (!(s->module->grants >> to & 1))
		return 0;
	must_give(ceno_grant(slot_of(s), from, to, rights));
	return 1ull << to;
}

/* Under the number that init has it, with the rights of the boot manifest but GRANT and
 * REVOKE. What the session does not have is passed over. */
static uint64_t grant_same(const struct service *s, uint64_t want)
{
	uint64_t given = 0;

	for (; want; want &= want - 1) {
		uint32_t slot = (uint32_t)__builtin_ctzll(want);
		int64_t rc = ceno_grant(slot_of(s), slot, slot, R | W | X);

		if (rc == CENO_E_SLOT)
			continue;
		must_give(rc);
		given |= 1ull << slot;
	}
	return given;
}

/* Returns the slots that are filled now. */
static uint64_t fill_cspace(const struct service *s)
{
	const struct ceno_boot *boot = boot_page();
	uint32_t given_up = s->module->pledge_mask & ~s->pledge; /* or never the session's */
	uint64_t absent =
	    ((uint64_t)(~boot->pledge_mask | given_up | CENO_PLEDGE_POSIX) << CENO_SLOT_WINDOW & CENO_MODULE_WINDOWS) |
	    (uint64_t)!boot->image_bytes << CENO_SLOT_IMAGE |
	    (uint64_t)(s->module->flags & CENO_MODULE_PREPARED ? 1 : 0) << CENO_SLOT_BOOT;
	uint64_t given;

	if (is_native(s))
		given = native_fill_cspace(slot_of(s));
	else
		given = grant_same(s, s->module->grants & SAME_SLOTS & ~absent);
	given |= grant(s, slot_of(s), CENO_SLOT_SELF, CENO_RIGHT_MAP | CENO_RIGHT_SPAWN);
	given |= grant(s, CENO_SLOT_SUPERVISOR, CENO_SLOT_SUPERVISOR, W);
	given |= grant(s, SLOT_MESSAGES, CENO_SLOT_TRAIL_MESSAGES, R);
	if (has_reply(s)) {
		must_give(ceno_grant(slot_of(s), SLOT_REPLY + s->number, CENO_SLOT_REPLY, R));
		given |= 1ull << CENO_SLOT_REPLY;
	}
	return given;
}

/* ---- start ---- */

/* What the others leave of the pool, less what init needs itself. */
static uint32_t rest_of_pool(const struct init *init)
{
	uint64_t bytes = (boot_page()->ram_bytes / 32 + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1);
	uint64_t pages = bytes / CENO_PAGE - bytes / CENO_PAGE / 8;

	for (uint32_t i = 0; i < init->count; i++)
		if (init->service[i].module->pool_pages != CENO_MODULE_POOL_REST)
			pages -= init->service[i].module->pool_pages;
	return (uint32_t)pages;
}

static int64_t spawn(const struct init *init, const struct service *s)
{
	const struct ceno_bundle_module *m = s->module;
	bool rest = m->pool_pages == CENO_MODULE_POOL_REST;
	uint32_t pages = rest ? rest_of_pool(init) : m->pool_pages, step = pages / 32;
	int64_t index;

	do {
		index = ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = slot_of(s),
		                                                     .pledge = (uint8_t)s->pledge,
		                                                     .spectrum = m->spectrum,
		                                                     .fpu = !(m->flags & CENO_MODULE_INTEGER),
		                                                     .events_slot = CENO_SLOT_SUPERVISOR,
		                                                     .prepared = s->prepared,
		                                                     .budget = m->budget,
		                                                     .pool_pages = pages,
		                                                     .rip = m->entry,
		                                                     .rsp = CENO_GVA_SERVICE_STACK });
		pages -= step;
	} while (rest && index == CENO_E_POOL && pages > step);
	return index;
}

static void fill(struct init *init, const struct service *s)
{
	fill_space(init, s);
	trail_module(init, s, fill_cspace(s));
}

void service_run(const struct service *s)
{
	must(ceno_send(slot_of(s), -1, &(struct ceno_message){ { 0 } }));
}

/* As the warden has it (boot.h). */
static bool is_prepared(const struct init *init, const struct service *s)
{
	return boot_page()->flags & CENO_BOOT_PREPARED && s->module->flags & CENO_MODULE_PREPARED &&
	    !s->module->state_bytes && init->started < CENO_PREPARED_MAX;
}

void service_start(struct init *init, struct service *s)
{
	int64_t index;

	if (!is_native(s))
		check_content(init, s->module);
	s->prepared = is_prepared(init, s);
	init->started++;
	take_memory(init, s);
	trail_open(s);
	s->pledge = s->module->pledge_mask & boot_page()->pledge_mask & ~(1u << CENO_PLEDGE_RW);
	index = spawn(init, s);
	must_give(index);
	s->fiber = (uint32_t)index;
	if (has_reply(s))
		must_give(ceno_spawn_channel(SLOT_REPLY + s->number));
	fill(init, s);
	service_run(s);
	trail_begin(init, s);
}

static void again(int64_t rc)
{
	if (rc != CENO_E_AGAIN)
		must(rc);
}

void service_remake(struct init *init, struct service *s)
{
	int64_t rc;

	do
		again(rc = ceno_restart(slot_of(s), s->module->entry, CENO_GVA_SERVICE_STACK));
	while (rc);
	do /* an answer that the fiber before did not take */
		again(rc = has_reply(s) ? ceno_revoke(SLOT_REPLY + s->number, CENO_RIGHTS_ALL) : 0);
	while (rc);
	if (s->prepared)
		map_for_init(s);
	s->prepared = false;
	memset((uint8_t *)(MEMORY_GVA + s->memory), 0, own_bytes(s));
	checkpoint_restore(s);
	trail_restart(init, s);
	fill(init, s);
}
