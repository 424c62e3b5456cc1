/*
 * The table behind ceno_warden_event; for machine.c and its unit test.
 */
#ifndef CENO_WARDEN_MACHINE_H
#define CENO_WARDEN_MACHINE_H

#include <stddef.h>
#include "warden.h"

struct ceno_rule {
	unsigned states; /* enum ceno_state, or-ed */
	enum ceno_event event;
	enum ceno_state (*action)(struct ceno_warden *);
};

/* All rows. */
const struct ceno_rule *ceno_machine_rules(size_t *count);

/* The row for a state and an event, or NULL. */
const struct ceno_rule *ceno_machine_find(enum ceno_state state, enum ceno_event event);

#endif
