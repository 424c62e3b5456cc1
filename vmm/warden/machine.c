/*
 * The warden's state machine as a table; the picture is in warden.h.
 *
 * Order of rows does not matter: at most one row has a given state and event
 * (the unit test checks it).
 */
#include "machine.h"

#define IDLE       CENO_STATE_IDLE
#define PARKED     CENO_STATE_PARKED
#define READY      CENO_STATE_READY
#define COLLECTING CENO_STATE_COLLECTING
#define FILLING    CENO_STATE_FILLING
#define LOCKING    CENO_STATE_LOCKING
#define RECORDING  CENO_STATE_RECORDING
#define ACTIVE     CENO_STATE_ACTIVE
#define DRAINING   CENO_STATE_DRAINING
#define REAPING    CENO_STATE_REAPING

/* Accepted, not running yet. */
#define STARTING (COLLECTING | FILLING | LOCKING | RECORDING)

static const struct ceno_rule rules[] = {
	{ IDLE, CENO_EVENT_PARK, ceno_on_park },
	{ PARKED, CENO_EVENT_LAUNCH, ceno_on_launch },
	{ READY, CENO_EVENT_OPEN, ceno_on_open },
	{ COLLECTING, CENO_EVENT_FILE, ceno_on_file },
	{ COLLECTING, CENO_EVENT_ARGS, ceno_on_args },
	{ COLLECTING, CENO_EVENT_START, ceno_on_start },
	{ FILLING, CENO_EVENT_STEP, ceno_on_step },
	{ FILLING | LOCKING, CENO_EVENT_LOCKED, ceno_on_locked },
	{ RECORDING, CENO_EVENT_LAUNCHED, ceno_on_launched },
	{ ACTIVE, CENO_EVENT_EXEC, ceno_on_exec },
	{ ACTIVE, CENO_EVENT_TRAIL, ceno_on_trail },
	{ ACTIVE, CENO_EVENT_TERMINAL, ceno_on_terminal },
	{ ACTIVE, CENO_EVENT_NARROW, ceno_on_narrow },
	{ ACTIVE | DRAINING, CENO_EVENT_NARROWED, ceno_on_narrowed },
	{ ACTIVE, CENO_EVENT_DEADLINE, ceno_on_narrow_turn },
	{ ACTIVE, CENO_EVENT_PROGRAM, ceno_on_program },
	{ DRAINING, CENO_EVENT_PROGRAM, ceno_on_late_program },
	{ ACTIVE | DRAINING, CENO_EVENT_STOPPED, ceno_on_stopped },

	/* the end, asked for */
	{ ACTIVE, CENO_EVENT_DESTROY, ceno_on_request },
	{ ACTIVE, CENO_EVENT_CLIENT_GONE, ceno_on_request },
	{ ACTIVE, CENO_EVENT_STOP, ceno_on_request },
	{ ACTIVE, CENO_EVENT_TTL, ceno_on_ttl },
	{ IDLE | PARKED | READY | STARTING, CENO_EVENT_STOP, ceno_on_abandon },
	{ READY | STARTING, CENO_EVENT_DESTROY, ceno_on_abandon },
	{ READY | STARTING, CENO_EVENT_CLIENT_GONE, ceno_on_abandon },
	{ STARTING, CENO_EVENT_TTL, ceno_on_late },
	{ STARTING, CENO_EVENT_DEADLINE, ceno_on_late },
	{ DRAINING, CENO_EVENT_DEADLINE, ceno_on_drained },

	/* the vmm */
	{ PARKED | READY | COLLECTING | FILLING | LOCKING, CENO_EVENT_VMM_PARKED, ceno_on_vmm_parked },
	{ PARKED | READY | COLLECTING | FILLING | LOCKING, CENO_EVENT_STOPPED, ceno_on_refused },
	{ PARKED | READY | COLLECTING | FILLING | LOCKING, CENO_EVENT_VMM_GONE, ceno_on_vmm_failed },
	{ RECORDING | ACTIVE | DRAINING | REAPING, CENO_EVENT_VMM_GONE, ceno_on_vmm_gone },
	{ REAPING, CENO_EVENT_STOPPED, ceno_on_late_stop },
	{ REAPING, CENO_EVENT_DEADLINE, ceno_on_unreapable },

	/* others */
	{ RECORDING, CENO_EVENT_ATTEST_GONE, ceno_on_attest_gone },
	{ READY | STARTING | ACTIVE, CENO_EVENT_CLIENT_MALFORMED, ceno_on_malformed },
	{ PARKED | READY | STARTING | ACTIVE | DRAINING, CENO_EVENT_VMM_MALFORMED, ceno_on_lie },
};

const struct ceno_rule *ceno_machine_rules(size_t *count)
{
	*count = sizeof rules / sizeof rules[0];
	return rules;
}

const struct ceno_rule *ceno_machine_find(enum ceno_state state, enum ceno_event event)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].event == event && (rules[i].states & state))
			return &rules[i];
	return NULL;
}

/* A message that may not come now is the sender's fault. */
static enum ceno_event out_of_order(enum ceno_event event)
{
	switch (event) {
	case CENO_EVENT_OPEN:
	case CENO_EVENT_FILE:
	case CENO_EVENT_ARGS:
	case CENO_EVENT_START:
	case CENO_EVENT_EXEC:
		return CENO_EVENT_CLIENT_MALFORMED;
	case CENO_EVENT_VMM_PARKED:
	case CENO_EVENT_LOCKED:
	case CENO_EVENT_PROGRAM:
	case CENO_EVENT_STOPPED:
	case CENO_EVENT_NARROWED:
		return CENO_EVENT_VMM_MALFORMED;
	default:
		return event;
	}
}

void ceno_warden_event(struct ceno_warden *warden, enum ceno_event event)
{
	const struct ceno_rule *rule = ceno_machine_find(warden->state, event);
	if (!rule)
		rule = ceno_machine_find(warden->state, out_of_order(event));
	if (rule)
		warden->state = rule->action(warden);
}
