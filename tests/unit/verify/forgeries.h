/*
 * Forged proofs, one or more for each reason code of the verifier. Each begins
 * with start(), and leaves the file in f.file and what the verifier is asked in
 * policy. `code` is the check that must catch it.
 */
#ifndef CENO_TESTS_FORGERIES_H
#define CENO_TESTS_FORGERIES_H

#include "tests/lib/proof_fixture.h"

struct forgery {
	const char *name;
	void (*forge)(void);
	uint32_t code;
};

extern struct fixture f;
extern struct ceno_verify_policy policy;
extern const struct forgery forgeries[];
extern const size_t forgery_count;

/* Compare the proof's log with an honest checkpoint of `count` leaves, shorter, equal or longer. */
void compare_honest(uint32_t count);

/* A fresh fixture and the built-in policy with its pins. */
void start(void);

#endif
