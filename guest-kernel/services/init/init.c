/* What happens in which order (init.h). */
#include "init.h"

static void start_services(struct init *init, uint8_t flags)
{
	for (uint32_t i = 0; i < init->count; i++)
		if ((init->service[i].module->flags & CENO_MODULE_LAZY) == flags)
			service_start(init, &init->service[i]);
}

/* Who waits for a program waits for nothing else: membrane says when it has time (supervisor.h), or
 * ends. Where it is not, the others have a turn. */
static void let_run(struct init *init, struct ceno_fiber_event *event)
{
	*event = (struct ceno_fiber_event){ 0 };
	for (uint32_t i = 0; i < init->count; i++)
		if (init->service[i].fiber && init->service[i].module->id == CENO_MODULE_MEMBRANE) {
			supervise_receive(init, event, true);
			return;
		}
	must(ceno_tick(1, 0, NULL));
}

void ceno_service_main(void)
{
	struct ceno_fiber_event event;
	struct init init = { 0 };

	init_find(&init);
	must(ceno_spawn_channel(CENO_SLOT_SUPERVISOR));
	start_services(&init, 0);
	let_run(&init, &event);
	if (!init.native.budget)                            /* a native program gets it again after a crash */
		must(ceno_mask(CENO_SLOT_RAM, 0, 0, 0, 0)); /* init can reach no program memory from here on */
	start_services(&init, CENO_MODULE_LAZY);
	supervise(&init, &event);
}
