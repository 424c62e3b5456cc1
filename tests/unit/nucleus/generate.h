/*
 * Makes the next operation of a trace out of a source of numbers: a seeded
 * generator (property test) or a fuzzer's bytes. It looks at the machine, so that
 * four verbs in five name what exists; the fifth has at least one argument of
 * garbage.
 */
#ifndef CENO_TEST_NUCLEUS_GENERATE_H
#define CENO_TEST_NUCLEUS_GENERATE_H

#include <stddef.h>
#include "tests/model/trace.h"

struct source {
	uint64_t state;      /* of the generator, not 0; or 0: bytes */
	const uint8_t *data; /* borrowed */
	size_t left;
	struct ceno_op again; /* the verb to come so many times more */
	unsigned times;
};

/* Uniform below n (n > 0); 0 for ever once the bytes are used up. */
uint64_t source_pick(struct source *s, uint64_t n);

/* A RESET with numbers of its own. */
void generate_reset(struct source *s, struct ceno_op *op);
/* The next operation for the machine as it is now. */
void generate_op(struct source *s, struct ceno_op *op);

#endif
