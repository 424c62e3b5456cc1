/*
 * What prov is told (abi/trail.h). What happens before prov runs waits here, in a
 * bounded array; a prov that does not read is waited for, but not for ever, and a
 * prov that stays dead is told nothing more.
 */
#include "init.h"
#include "abi/native.h"
#include "lib/mem.h"

#define PATIENCE 10000u /* yields to a prov whose channel is full */

static bool is_prov(const struct service *s)
{
	return s->module->id == CENO_MODULE_PROV && s->module->grants >> CENO_SLOT_TRAIL_MESSAGES & 1;
}

static void send(struct init *init, const struct ceno_prov_message *m)
{
	struct ceno_message message;
	int64_t rc;

	memcpy(&message, m, sizeof message);
	for (uint32_t n = 0; (rc = ceno_send(SLOT_MESSAGES, -1, &message)) == CENO_E_FULL && n < PATIENCE; n++)
		must(ceno_tick(1, 0, NULL));
	if (rc == CENO_E_FULL)
		init->trail = TRAIL_OFF;
}

static void tell(struct init *init, const struct ceno_prov_message *m)
{
	if (init->trail == TRAIL_ON)
		send(init, m);
	else if (init->trail == TRAIL_WAITS && init->kept < KEPT_MAX)
		init->keep[init->kept++] = *m;
}

void trail_event(struct init *init, const struct ceno_fiber_event *e)
{
	struct ceno_prov_message m;

	memcpy(&m, e, sizeof m);
	tell(init, &m);
}

static uint64_t now(void)
{
	return ceno_rdtsc();
}

/* init's own: what the boot manifest gave it, all of which it may pass on. */
static uint64_t own_slots(void)
{
	const struct ceno_boot *boot = boot_page();
	uint64_t slots = 1ull << CENO_SLOT_SELF | 1ull << CENO_SLOT_CLOCK | 1ull << CENO_SLOT_RAM |
	    1ull << CENO_SLOT_BUNDLE | 1ull << CENO_SLOT_BOOT | 1ull << CENO_SLOT_TRAP | 1ull << CENO_SLOT_SERVICE |
	    1ull << CENO_SLOT_EVENTS | 1ull << CENO_SLOT_TRAIL |
	    (uint64_t)(boot->pledge_mask & ~CENO_PLEDGE_POSIX) << CENO_SLOT_WINDOW;

	return slots | (uint64_t)(boot->pack_bytes != 0) << CENO_SLOT_PACK |
	    (uint64_t)(boot->image_bytes != 0) << CENO_SLOT_IMAGE;
}

void trail_find(struct init *init)
{
	for (uint32_t i = 0; i < init->count; i++)
		if (is_prov(&init->service[i]))
			init->trail = TRAIL_WAITS;
	tell(init,
	     &(struct ceno_prov_message){ .what = CENO_PROV_MODULE,
	                                  .a = CENO_MODULE_INIT,
	                                  .b = own_slots(),
	                                  .c = own_slots(),
	                                  .root3 =
	                                      (boot_page()->pledge_mask & ~CENO_PLEDGE_POSIX) | 1u << CENO_PLEDGE_SPAWN,
	                                  .tsc = now() });
}

void trail_module(struct init *init, const struct service *s, uint64_t slots)
{
	struct ceno_prov_message m = { .fiber = s->fiber,
		                       .what = CENO_PROV_MODULE,
		                       .a = s->module->id,
		                       .b = slots,
		                       .root3 = s->pledge,
		                       .tsc = now() };

	if (is_native(s)) {
		uint64_t digest[4];

		memcpy(digest, s->module->content_id, sizeof digest);
		m.what = CENO_PROV_NATIVE;
		m.a = digest[0];
		m.b = digest[1];
		m.c = digest[2];
		m.root3 = digest[3];
		m.spent = CENO_PROV_START(slots, slots & CENO_NATIVE_ONWARD, s->pledge);
	}
	tell(init, &m);
}

void trail_restart(struct init *init, const struct service *s)
{
	tell(init,
	     &(struct ceno_prov_message){ .fiber = s->fiber,
	                                  .what = CENO_PROV_RESTART,
	                                  .a = s->restarts,
	                                  .b = s->checkpoints != 0,
	                                  .tsc = now() });
}

void trail_checkpoint(struct init *init, const struct service *s)
{
	uint64_t root[4];

	memcpy(root, s->root, sizeof root);
	tell(init,
	     &(struct ceno_prov_message){ .fiber = s->fiber,
	                                  .what = CENO_PROV_CHECKPOINT,
	                                  .a = root[0],
	                                  .b = root[1],
	                                  .c = root[2],
	                                  .root3 = root[3],
	                                  .tsc = now() });
}

void trail_finish(struct init *init)
{
	init->finishing = 1;
	tell(init, &(struct ceno_prov_message){ .what = CENO_PROV_FINISH, .tsc = now() });
}

void trail_again(struct init *init, const struct service *s)
{
	if (init->finishing && is_prov(s))
		trail_finish(init);
}

void trail_open(const struct service *s)
{
	if (is_prov(s))
		must(ceno_spawn_channel(SLOT_MESSAGES));
}

void trail_begin(struct init *init, const struct service *s)
{
	uint32_t kept = init->kept;

	if (!is_prov(s) || init->trail != TRAIL_WAITS)
		return;
	init->trail = TRAIL_ON;
	for (uint32_t i = 0; i < kept; i++)
		tell(init, &init->keep[i]);
	init->kept = 0;
}

void trail_dead(struct init *init, const struct service *s)
{
	if (is_prov(s))
		init->trail = TRAIL_OFF;
}
