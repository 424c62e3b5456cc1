/*
 * The nucleus, hosted, driven by operations made from the input's bytes, with every
 * invariant of tests/unit/nucleus after each of them. Input: numbers for generate.c,
 * first those of the reset; a trace ends with its bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/nucleus/check.h"
#include "tests/unit/nucleus/generate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 300

static void must(const char *bad)
{
	if (!bad)
		return;
	fprintf(stderr, "%s\n", bad);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = { .data = data, .left = size };
	struct ceno_op op;

	generate_reset(&s, &op);
	if (ceno_op_apply(&op) < 0)
		abort();
	must(check_begin());
	for (int i = 0; i < OPERATIONS_MAX && s.left; i++) {
		generate_op(&s, &op);
		if (op.kind == CENO_OP_RESET) /* stopped */
			break;
		(void)ceno_op_apply(&op);
		must(check_after(&op));
	}
	return 0;
}
