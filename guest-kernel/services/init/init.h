/*
 * init: the first fiber. It holds the boot manifest's capabilities, starts the
 * services of the signed bundle, each with what its own manifest says and nothing
 * else, and then supervises them.
 *
 *   init.c        what happens in which order
 *   modules.c     a module's content id, memory, space and capabilities
 *   native.c      a native program in membrane's place
 *   supervise.c   events of the nucleus, requests of services, restarts
 *   trail.c       what prov is told
 *   checkpoint.c  a copy of a service's state that the service cannot reach
 *
 * It has no writable data of its own but its stack. Whatever it cannot do ends the
 * session with a stop code: there is nobody to go on without it.
 */
#ifndef CENO_INIT_H
#define CENO_INIT_H

#include <stdbool.h>
#include "abi/supervisor.h"
#include "abi/trail.h"
#include "sdk/ceno.h"

#define SERVICES_MAX  4
#define SLOT_FIBER    (CENO_SLOT_FIRST_FREE + 8)  /* + number: the service's fiber */
#define SLOT_REPLY    (SLOT_FIBER + SERVICES_MAX) /* + number: its reply channel */
#define SLOT_MESSAGES (SLOT_REPLY + SERVICES_MAX) /* channel: what prov is told */
#define SLOT_NATIVE   (SLOT_MESSAGES + 1)         /* a native program's file */
#define SLOT_CAME     63u                         /* what comes along with a request */

/* Service memory, all of it from CENO_SLOT_SERVICE, from `memory` on: stack, bss, state,
 * then the shadow of the state, which is mapped nowhere but here. */
struct service {
	const struct ceno_bundle_module *module;
	uint32_t number;
	uint32_t fiber; /* index; 0: not started */
	uint32_t restarts;
	uint32_t pledge; /* what it has kept */
	uint32_t over;   /* 1: it exited or stays dead */
	bool prepared;   /* its space is laid out (boot.h) */
	uint64_t memory; /* bytes from the start of the range */
	uint64_t bss_bytes, bss_gva;
	uint64_t checkpoints;
	uint8_t root[32]; /* of the shadow; zero before the first checkpoint */
};

/* WAITS until prov runs; OFF if there is none or it is dead. */
enum trail_state { TRAIL_OFF, TRAIL_WAITS, TRAIL_ON };
#define KEPT_MAX 24u

struct init {
	const struct ceno_bundle_header *bundle;
	uint64_t memory_used;
	uint32_t count;
	uint32_t started;
	struct service service[SERVICES_MAX];
	uint32_t trail; /* enum trail_state */
	uint32_t kept;
	uint32_t finishing;               /* 1: prov was told to FINISH */
	uint32_t sealed;                  /* 1: it answered */
	struct ceno_bundle_module native; /* what a native program's header says */
	struct ceno_prov_message keep[KEPT_MAX];
};

static inline const struct ceno_boot *boot_page(void)
{
	return (const struct ceno_boot *)CENO_GVA_BOOT_PAGE;
}

/* 1 << enum ceno_pledge_class: what the session has lost since it began. */
static inline uint32_t boot_dropped(void)
{
	return __atomic_load_n(&boot_page()->dropped, __ATOMIC_RELAXED);
}

/* Ends the session with this stop code. */
_Noreturn void init_stop(enum ceno_stop code);

static inline void must(int64_t rc)
{
	if (rc < 0)
		__builtin_trap(); /* CENO_STOP_INIT_FAULT */
}

/* The session has less than the manifest says. */
static inline void must_give(int64_t rc)
{
	if (rc < 0)
		init_stop(CENO_STOP_MANIFEST);
}

/* ---- modules.c ---- */

/* Fills in init->bundle and the services of the bundle, none started. init: zero. */
void init_find(struct init *init);

/* Checks its content id (CENO_STOP_MODULE), makes its fiber and gives it what its
 * manifest says (CENO_STOP_MANIFEST if the session has not as much), starts it. */
void service_start(struct init *init, struct service *s);

/* After a crash: as new, but with the state of its last checkpoint; not running yet. */
void service_remake(struct init *init, struct service *s);

/* Lets it run from its entry. */
void service_run(const struct service *s);

/* Where its state and the shadow lie in init's own space; only if it may be restarted. */
uint8_t *service_state(const struct service *s);
uint8_t *service_shadow(const struct service *s);

/* ---- native.c ---- */

#define MODULE_NATIVE CENO_TRAIL_NATIVE /* no module of the bundle */

static inline bool is_native(const struct service *s)
{
	return s->module->id == MODULE_NATIVE;
}

/* Whether the boot page says that the pack's program is a native file. If it is a good one it is a
 * service now, not started; if not, the host is told why. */
bool native_find(struct init *init);

/* Its text and rodata into the fiber's space; its data to where the fiber will find it. */
void native_fill_space(uint32_t fiber, uint8_t *data);

/* Returns the slots that are filled now. */
uint64_t native_fill_cspace(uint32_t fiber);

/* s is the native program, and runs: what the session lost, it loses. */
void native_narrow(const struct service *s);

/* Whether the host says that the session stops now; there is a native program. */
bool native_is_stopped(void);

/* After a crash of s, restarted or over: the host is told, if s is a native program. */
void native_crashed(const struct service *s, const struct ceno_fiber_event *e);

/* ---- supervise.c ---- */

/* Takes one message or event, and does what a message asks for. wait: blocks for one.
 * *event: the event, `what` 0 if it was none. False if there was neither. */
bool supervise_receive(struct init *init, struct ceno_fiber_event *event, bool wait);

/* A service has crashed: the session ends, or it is restarted, or it stays dead, as its manifest says. */
void service_crashed(struct init *init, struct service *s);

/* Acts on an event (or none: `what` 0), then takes messages and events for ever. */
_Noreturn void supervise(struct init *init, struct ceno_fiber_event *event);

/* ---- trail.c ---- */

/* Whether the bundle has a prov that can be told anything; then the first thing is that init runs. */
void trail_find(struct init *init);
/* Before prov starts: its channel. Others: nothing. */
void trail_open(const struct service *s);
/* Now prov runs: what waited is told. */
void trail_begin(struct init *init, const struct service *s);
/* prov will never run again. */
void trail_dead(struct init *init, const struct service *s);

void trail_event(struct init *init, const struct ceno_fiber_event *e);
/* A module is about to run, with these slots filled, none of them to be passed on; or a native program. */
void trail_module(struct init *init, const struct service *s, uint64_t slots);
void trail_restart(struct init *init, const struct service *s);
void trail_checkpoint(struct init *init, const struct service *s);
/* Nothing follows: prov seals and wipes its key. */
void trail_finish(struct init *init);
/* s runs again; if it is prov and was to seal, it may not have heard of it. */
void trail_again(struct init *init, const struct service *s);

/* ---- checkpoint.c ---- */

/* The answer goes to its reply channel; true if there is a new checkpoint. */
bool checkpoint_take(struct service *s);
void checkpoint_restore(struct service *s);

#endif
