/* Forgeries of what happened: every record well made, chained and sealed, but no guest could have done it. */
#include "forgeries.h"

#include <string.h>

static void unknown_actor(void)
{
	first(CENO_TRAIL_EXIT)->exit.fiber = 50;
	redo();
}
static void unknown_receiver(void)
{
	first(CENO_TRAIL_GRANT)->grant.to = 50;
	redo();
}
static void unknown_pledged(void)
{
	first(CENO_TRAIL_PLEDGE)->pledge.fiber = 50;
	redo();
}
static void unknown_struck(void)
{
	first(CENO_TRAIL_STRIKE)->strike.fiber = 50;
	redo();
}
static void unknown_restarted(void)
{
	first(CENO_TRAIL_RESTART)->restart.fiber = 50;
	redo();
}
static void no_module(void)
{
	trail_remove(&f, trail_find(&f, CENO_TRAIL_MODULE, 2));
	redo();
}
static void module_twice(void)
{
	struct ceno_trail_record r = *nth(CENO_TRAIL_MODULE, 2);

	trail_insert(&f, trail_find(&f, CENO_TRAIL_MODULE, 2), &r);
	redo();
}
static void spawn_over_module(void)
{
	first(CENO_TRAIL_SPAWN)->spawn.child = FIBER_PROV;
	redo();
}
static void acts_after_end(void)
{
	uint32_t i = trail_find(&f, CENO_TRAIL_RESTART, 0);

	make(i, CENO_TRAIL_CHECKPOINT)->checkpoint.fiber = FIBER_MEMBRANE;
	redo();
}
static void runs_without_module(void)
{
	trail_remove(&f, trail_find(&f, CENO_TRAIL_MODULE, 3));
	redo();
}
static void module_pledge(void)
{
	first(CENO_TRAIL_MODULE)->module.pledge = 0x11; /* init: membrane starts with rw */
	redo();
}
static void spawn_pledge(void)
{
	first(CENO_TRAIL_SPAWN)->spawn.pledge = 0x15;
	redo();
}
static void spawn_without_class(void)
{
	uint32_t i = trail_find(&f, CENO_TRAIL_PLEDGE, 0) + 1;
	struct ceno_trail_record *r = make(i, CENO_TRAIL_SPAWN);

	r->spawn.fiber = FIBER_NATIVE; /* its pledge has lost the class */
	r->spawn.child = 9;
	r->spawn.pledge = 1;
	redo();
}
static void grant_by_stranger(void)
{
	first(CENO_TRAIL_GRANT)->grant.from = FIBER_PROV; /* holds no frames that it may pass on */
	first(CENO_TRAIL_GRANT)->grant.depth = 1;
	redo();
}
static void grant_of_more(void)
{
	nth(CENO_TRAIL_GRANT, 1)->grant.rights |= CENO_RIGHT_EXECUTE;
	nth(CENO_TRAIL_GRANT, 1)->grant.depth = 2; /* too shallow to have come over a channel */
	redo();
}
static void grant_too_shallow(void)
{
	nth(CENO_TRAIL_GRANT, 1)->grant.depth = 2;
	redo();
}
/* One holds READ and may pass it on, another WRITE and may not: nobody can have passed WRITE on. */
static void grant_of_what_two_held(void)
{
	trail_begin(&f, 1);
	trail_module(&f, FIBER_INIT, CENO_MODULE_INIT, 0xff, 1u << CENO_SLOT_RAM, 1u << CENO_SLOT_RAM);
	trail_module(&f, FIBER_PROV, CENO_MODULE_PROV, 0, 1u << CENO_SLOT_TRAIL, 0);
	trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 2, 0);
	trail_do(&f, FIBER_INIT, CENO_FIBER_EVENT_GRANT, FIBER_MEMBRANE, CENO_OBJECT_FRAMES,
	         CENO_RIGHT_READ | CENO_RIGHT_GRANT | 1u << 8);
	trail_do(&f, FIBER_PROV, CENO_FIBER_EVENT_GRANT, FIBER_MEMBRANE, CENO_OBJECT_FRAMES,
	         CENO_RIGHT_WRITE | 9u << 8);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
}
static void grant_after_restart(void)
{
	uint32_t i = trail_find(&f, CENO_TRAIL_MODULE, 3) + 1;
	struct ceno_trail_record *r = make(i, CENO_TRAIL_GRANT);

	r->grant = (struct ceno_trail_grant){ FIBER_MEMBRANE, FIBER_NATIVE, CENO_OBJECT_FRAMES, CENO_RIGHT_READ, 2, 0 };
	redo();
}
static void pledge_old(void)
{
	first(CENO_TRAIL_PLEDGE)->pledge.old = 0x13;
	redo();
}
static void pledge_wider(void)
{
	first(CENO_TRAIL_PLEDGE)->pledge.now = 0x13;
	redo();
}
static void strike_same(void)
{
	nth(CENO_TRAIL_STRIKE, 1)->strike.count = 1;
	redo();
}
static void strike_faster(void)
{
	nth(CENO_TRAIL_STRIKE, 2)->strike.spectrum = CENO_SPECTRUM_PHOTON;
	redo();
}
static void crash_count(void)
{
	nth(CENO_TRAIL_FAULT, 2)->fault.count = 1;
	redo();
}
static void restart_alive(void)
{
	trail_remove(&f, trail_find(&f, CENO_TRAIL_FAULT, 1));
	redo();
}
static void restart_count(void)
{
	nth(CENO_TRAIL_RESTART, 1)->restart.count = 3;
	redo();
}
static void restart_checkpoint(void)
{
	first(CENO_TRAIL_RESTART)->restart.checkpoint--; /* the one before the last */
	redo();
}
static void restart_other_checkpoint(void)
{
	first(CENO_TRAIL_RESTART)->restart.checkpoint = 2;
	redo();
}
static void restart_other_code(void)
{
	nth(CENO_TRAIL_MODULE, 3)->module.content_id[9] ^= 1;
	redo();
}
static void restart_other_pledge(void)
{
	nth(CENO_TRAIL_MODULE, 3)->module.pledge = 0x11;
	redo();
}
static void restart_other_module(void)
{
	nth(CENO_TRAIL_MODULE, 3)->module.module = CENO_MODULE_VAULT;
	redo();
}
static void restart_other_program(void)
{
	nth(CENO_TRAIL_MODULE, NATIVE + 1)->module.content_id[9] ^= 1;
	expect.program = NULL;
	redo();
}
static void restart_wider_program(void)
{
	nth(CENO_TRAIL_MODULE, NATIVE + 1)->module.pledge = 0x11;
	redo();
}
/* What init gives a native program is known: READ of the clock, of which it keeps one step. */
static void program_grants_more(void)
{
	nth(CENO_TRAIL_GRANT, 3)->grant.rights = CENO_RIGHT_WRITE;
	redo();
}
static void after_loss(void)
{
	trail_story(&f, 1);
	first(CENO_TRAIL_LOSS)->loss = (struct ceno_trail_loss){ 1, 2, CENO_TRAIL_FULL };
	redo();
}
static void resume_bytes(void)
{
	first(CENO_TRAIL_RESUME)->resume.bytes += 8;
	trail_rehash(&f, f.seed);
}
static void resume_sealed(void)
{
	first(CENO_TRAIL_RESUME)->resume.sealed = 0;
	redo();
}

const struct forgery replay_forgeries[] = {
	F(unknown_actor, FIBER_UNKNOWN),
	F(unknown_receiver, FIBER_UNKNOWN),
	F(unknown_pledged, FIBER_UNKNOWN),
	F(unknown_struck, FIBER_UNKNOWN),
	F(unknown_restarted, FIBER_UNKNOWN),
	F(no_module, FIBER_UNKNOWN),
	F(module_twice, FIBER_TWICE),
	F(spawn_over_module, FIBER_TWICE),
	F(acts_after_end, FIBER_ENDED),
	F(runs_without_module, FIBER_ENDED),
	F(module_pledge, MODULE_PLEDGE),
	F(spawn_pledge, SPAWN_PLEDGE),
	F(spawn_without_class, SPAWN_PLEDGE),
	F(grant_by_stranger, GRANT_HOLDER),
	F(grant_of_more, GRANT_HOLDER),
	F(grant_too_shallow, GRANT_HOLDER),
	F(grant_of_what_two_held, GRANT_HOLDER),
	F(grant_after_restart, GRANT_HOLDER),
	F(pledge_old, PLEDGE_OLD),
	F(pledge_wider, PLEDGE_WIDER),
	F(strike_same, STRIKE),
	F(strike_faster, STRIKE),
	F(crash_count, CRASH_COUNT),
	F(restart_alive, RESTART_ALIVE),
	F(restart_count, RESTART_COUNT),
	F(restart_checkpoint, RESTART_CHECKPOINT),
	F(restart_other_checkpoint, RESTART_CHECKPOINT),
	F(restart_other_code, RESTART_MODULE),
	F(restart_other_pledge, RESTART_MODULE),
	F(restart_other_module, RESTART_MODULE),
	F(restart_other_program, RESTART_MODULE),
	F(restart_wider_program, RESTART_MODULE),
	F(program_grants_more, GRANT_HOLDER),
	F(after_loss, AFTER_LOSS),
	F(resume_bytes, RESUME),
	F(resume_sealed, RESUME),
};
const size_t replay_forgery_count = sizeof replay_forgeries / sizeof replay_forgeries[0];
