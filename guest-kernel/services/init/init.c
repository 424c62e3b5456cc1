/*
 * init: the first fiber. It holds the boot manifest's capabilities, makes the
 * membrane's fiber and space from the signed bundle, hands on what membrane
 * needs and nothing else, keeps what nobody needs, and waits.
 *
 * There is nobody to report a failure to but the nucleus: ud2 stops the session
 * with CENO_STOP_INIT_FAULT.
 */
#include "sdk/ceno.h"

#define BUNDLE_GVA  0x20000000ull /* where the bundle's header is mapped here */
#define SLOT_CHILD  CENO_SLOT_FIRST_FREE
#define STACK_PAGES 16u
/* POSIX pays for system calls in CPU time, not in verbs: never short of joules. */
#define MEMBRANE_JOULES 0x7fffffffu

static void must(int64_t rc)
{
	if (rc < 0)
		__builtin_trap();
}

static const struct ceno_boot *boot_page(void)
{
	return (const struct ceno_boot *)CENO_GVA_BOOT_PAGE;
}

static uint64_t pool_bytes(void)
{
	return (boot_page()->ram_bytes / 32 + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1);
}

static const struct ceno_bundle_segment *find_segment(const struct ceno_bundle_header *h, uint32_t module,
                                                      uint32_t kind)
{
	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == module && h->segments[i].kind == kind)
			return &h->segments[i];
	return 0;
}

static uint64_t entry_of(const struct ceno_bundle_header *h, uint32_t module)
{
	for (uint32_t i = 0; i < h->module_count; i++)
		if (h->modules[i].id == module)
			return h->modules[i].entry;
	__builtin_trap();
}

/* As many pool pages as there are, less a little for init's own tables. */
static uint32_t spawn_child(uint64_t rip)
{
	uint64_t all = pool_bytes() / CENO_PAGE, pages = all - all / 8, step = all / 32;
	int64_t index = CENO_E_POOL;

	for (; pages > step && index == CENO_E_POOL; pages -= step)
		index = ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = SLOT_CHILD,
		                                                     .pledge = (uint8_t)boot_page()->pledge_mask,
		                                                     .spectrum = CENO_SPECTRUM_MATTER,
		                                                     .budget = MEMBRANE_JOULES,
		                                                     .pool_pages = (uint32_t)pages,
		                                                     .rip = rip,
		                                                     .rsp = CENO_GVA_SERVICE_STACK });
	must(index);
	return (uint32_t)index;
}

static void map_segment(const struct ceno_bundle_segment *s, uint32_t rights)
{
	if (s)
		must(ceno_map(SLOT_CHILD, CENO_SLOT_BUNDLE, s->gva, s->offset, s->bytes, rights));
}

/* bss and stack come from the end of user RAM, so that the rest, which membrane
 * gets, stays aligned to large pages at its start. Returns the pages taken. */
static uint64_t map_memory(const struct ceno_bundle_segment *bss, uint64_t user_bytes)
{
	uint64_t bss_bytes = bss ? bss->bytes : 0, stack_bytes = STACK_PAGES * CENO_PAGE;
	uint64_t at = user_bytes - bss_bytes - stack_bytes, done, step;

	for (done = 0; done < bss_bytes; done += step) {
		step = bss_bytes - done < CENO_LARGE_PAGE ? bss_bytes - done : CENO_LARGE_PAGE;
		must(ceno_map(SLOT_CHILD, CENO_SLOT_RAM, bss->gva + done, at + done, step,
		              CENO_RIGHT_READ | CENO_RIGHT_WRITE));
	}
	must(ceno_map(SLOT_CHILD, CENO_SLOT_RAM, CENO_GVA_SERVICE_STACK - stack_bytes, at + bss_bytes, stack_bytes,
	              CENO_RIGHT_READ | CENO_RIGHT_WRITE));
	return (bss_bytes + stack_bytes) / CENO_PAGE;
}

static void grant_all(uint64_t user_bytes, uint64_t taken_pages)
{
	const uint32_t rw = CENO_RIGHT_READ | CENO_RIGHT_WRITE, rx = CENO_RIGHT_READ | CENO_RIGHT_EXECUTE;

	must(ceno_grant(SLOT_CHILD, SLOT_CHILD, CENO_SLOT_SELF, CENO_RIGHT_MAP | CENO_RIGHT_SPAWN));
	must(ceno_grant(SLOT_CHILD, CENO_SLOT_CLOCK, CENO_SLOT_CLOCK, CENO_RIGHT_READ));
	must(ceno_mask(CENO_SLOT_RAM, CENO_RIGHTS_ALL, 0, user_bytes - taken_pages * CENO_PAGE, 0));
	must(ceno_grant(SLOT_CHILD, CENO_SLOT_RAM, CENO_SLOT_RAM, rw | CENO_RIGHT_EXECUTE));
	if (boot_page()->pack_bytes)
		must(ceno_grant(SLOT_CHILD, CENO_SLOT_PACK, CENO_SLOT_PACK, rx));
	must(ceno_grant(SLOT_CHILD, CENO_SLOT_BOOT, CENO_SLOT_BOOT, CENO_RIGHT_READ));
	if (boot_page()->image_bytes)
		must(ceno_grant(SLOT_CHILD, CENO_SLOT_IMAGE, CENO_SLOT_IMAGE, rx));
	for (uint32_t pledge = 0; pledge < CENO_PLEDGE_COUNT; pledge++)
		if (boot_page()->pledge_mask >> pledge & 1)
			must(ceno_grant(SLOT_CHILD, CENO_SLOT_WINDOW + pledge, CENO_SLOT_WINDOW + pledge, rw));
	must(ceno_spawn_channel(CENO_SLOT_SUPERVISOR));
	must(ceno_grant(SLOT_CHILD, CENO_SLOT_SUPERVISOR, CENO_SLOT_SUPERVISOR, CENO_RIGHT_WRITE));
	must(ceno_mask(CENO_SLOT_RAM, 0, 0, 0, 0)); /* init can reach no program memory from here on */
}

void ceno_service_main(void)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)BUNDLE_GVA;
	uint64_t user_bytes = boot_page()->ram_bytes - pool_bytes() - CENO_LARGE_PAGE, taken;
	const uint32_t rw = CENO_RIGHT_READ | CENO_RIGHT_WRITE;
	struct ceno_message message;
	uint32_t index;

	must(ceno_map(CENO_SLOT_SELF, CENO_SLOT_BUNDLE, BUNDLE_GVA, 0, CENO_PAGE, CENO_RIGHT_READ));
	index = spawn_child(entry_of(h, CENO_MODULE_MEMBRANE));
	map_segment(find_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_TEXT), CENO_RIGHT_READ | CENO_RIGHT_EXECUTE);
	map_segment(find_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_RODATA), CENO_RIGHT_READ);
	taken = map_memory(find_segment(h, CENO_MODULE_MEMBRANE, CENO_SEGMENT_BSS), user_bytes);
	must(ceno_map(SLOT_CHILD, CENO_SLOT_TRAP, CENO_GVA_TRAP_PAGE, index * CENO_PAGE, CENO_PAGE, rw));
	must(ceno_map(SLOT_CHILD, CENO_SLOT_BOOT, CENO_GVA_BOOT_PAGE, 0, CENO_PAGE, CENO_RIGHT_READ));
	grant_all(user_bytes, taken);
	must(ceno_send(SLOT_CHILD, -1, &(struct ceno_message){ { 0 } }));
	for (;;)
		must(ceno_recv(CENO_SLOT_SUPERVISOR, -1, &message, 0));
}
