/*
 * Which pledge words a program needed and did not have, as a session.program notification
 * says it: `missing` is the guest's word, `pledge` the node's.
 */
#ifndef CENO_API_CLI_MISSING_H
#define CENO_API_CLI_MISSING_H

#include <jansson.h>

#include "policy/pledge.h"

struct ceno_missing {
	char words[CENO_PLEDGE_TEXT_MAX];  /* that its session was not given; "" none */
	char own[CENO_PLEDGE_TEXT_MAX];    /* that it gave up itself, and then needed; "" none */
	char pledge[CENO_PLEDGE_TEXT_MAX]; /* what to give --pledge next time; "" if no more can be given */
	char absent[CENO_PLEDGE_TEXT_MAX]; /* of `words`, what this version gives to no session; "" none */
};

/* program: borrowed, NULL: nothing was missing. Words that are not defined count as none. */
void ceno_missing_read(const json_t *program, struct ceno_missing *out);

/* One line on stderr for each of them, after `indent`; none if nothing was missing. */
void ceno_missing_print(const json_t *program, const char *indent);

#endif
