/* What happens in which order (init.h). */
#include "init.h"

static void start_services(struct init *init, uint8_t flags)
{
	for (uint32_t i = 0; i < init->count; i++)
		if ((init->service[i].module->flags & CENO_MODULE_LAZY) == flags)
			service_start(init, &init->service[i]);
}

void ceno_service_main(void)
{
	struct init init = { 0 };

	init_find(&init);
	must(ceno_spawn_channel(CENO_SLOT_SUPERVISOR));
	start_services(&init, 0);
	if (!init.native.budget)                            /* a native program gets it again after a crash */
		must(ceno_mask(CENO_SLOT_RAM, 0, 0, 0, 0)); /* init can reach no program memory from here on */
	must(ceno_tick(1, 0, NULL));                        /* whoever waits for a program waits for these */
	start_services(&init, CENO_MODULE_LAZY);
	supervise(&init);
}
