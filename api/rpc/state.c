/* The state table: see state.h. */
#include "state.h"

#include <stddef.h>
#include <string.h>

#define NO -1

static const signed char next[CENO_STATE_COUNT][CENO_STATE_EVENT_COUNT] = {
#define ROW(running, idle, destroying, ended, ended_ttl, unclean) \
	{ \
		running, idle, destroying, ended, ended_ttl, unclean \
	}
	[CENO_STATE_ACTIVE] = ROW(CENO_STATE_EXECUTING, NO, CENO_STATE_DESTROYING, CENO_STATE_DESTROYED,
	                          CENO_STATE_EXPIRED, CENO_STATE_EXPIRED_UNCLEAN),
	[CENO_STATE_EXECUTING] = ROW(CENO_STATE_EXECUTING, CENO_STATE_ACTIVE, CENO_STATE_DESTROYING,
	                             CENO_STATE_DESTROYED, CENO_STATE_EXPIRED, CENO_STATE_EXPIRED_UNCLEAN),
	[CENO_STATE_DESTROYING] = ROW(NO, CENO_STATE_DESTROYING, CENO_STATE_DESTROYING, CENO_STATE_DESTROYED,
	                              CENO_STATE_EXPIRED, CENO_STATE_EXPIRED_UNCLEAN),
	[CENO_STATE_DESTROYED] = ROW(NO, NO, NO, NO, NO, NO),
	[CENO_STATE_EXPIRED] = ROW(NO, NO, NO, NO, NO, NO),
	[CENO_STATE_EXPIRED_UNCLEAN] = ROW(NO, NO, NO, NO, NO, NO),
#undef ROW
};

static const char *const words[CENO_STATE_COUNT] = {
	"active", "executing", "destroying", "destroyed", "expired", "expired_unclean",
};

int ceno_state_next(enum ceno_state state, enum ceno_state_event event)
{
	if ((unsigned)state >= CENO_STATE_COUNT || (unsigned)event >= CENO_STATE_EVENT_COUNT)
		return -1;
	return next[state][event];
}

bool ceno_state_final(enum ceno_state state)
{
	return state >= CENO_STATE_DESTROYED;
}

const char *ceno_state_word(int state)
{
	return state >= 0 && state < CENO_STATE_COUNT ? words[state] : NULL;
}

int ceno_state_parse(const char *word)
{
	for (int i = 0; i < CENO_STATE_COUNT; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

const char *ceno_cause_word(unsigned cause)
{
	static const char *const causes[] = { "none", "exit", "request", "ttl", "oom", "violation", "crash" };

	return cause < sizeof causes / sizeof causes[0] ? causes[cause] : causes[0];
}
