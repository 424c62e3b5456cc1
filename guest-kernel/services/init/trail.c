/*
 * What prov is told (abi/trail.h). What happens before prov runs waits here, in a
 * bounded array; a prov that does not read is waited for, but not for ever, and a
 * prov that stays dead is told nothing more.
 */
#include "init.h"
#include "lib/mem.h"

#define PATIENCE 10000u /* yields to a prov whose channel is full */

static bool is_prov(const struct service *s)
{
	return s->module->id == CENO_MODULE_PROV && s->module->grants >> CENO_SLOT_TRAIL_MESSAGES & 1;
}

void trail_find(struct init *init)
{
	for (uint32_t i = 0; i < init->count; i++)
		if (is_prov(&init->service[i]))
			init->trail = TRAIL_WAITS;
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

void trail_module(struct init *init, const struct service *s, uint64_t slots)
{
	tell(init,
	     &(struct ceno_prov_message){ .fiber = s->fiber,
	                                  .what = CENO_PROV_MODULE,
	                                  .a = s->module->id,
	                                  .b = slots,
	                                  .root3 = s->module->pledge_mask & boot_page()->pledge_mask,
	                                  .tsc = now() });
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
	tell(init, &(struct ceno_prov_message){ .what = CENO_PROV_FINISH, .tsc = now() });
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
