/*
 * images/abi/linux-x86_64.json, read strictly: an array of calls in ascending order, each
 *
 *   number, name   as Linux has them
 *   needed         "all", "answer" or "full": what the programs need that membrane was measured with
 *                  (all of them; an honest answer; their full semantics); absent: none of them does
 * and either, of a call that is served,
 *   args           its arguments, each fd, path, memory (an address) or number
 *   flags          what of an argument is served:
 *                    arg     its place, from 0
 *                    values  served ones; or
 *                    bits    served bits, "A+B" only together; with both, bits beside a value
 *                    low     values are in that many bits; above: bits are from there on
 *                    others  the errors that any other value or bit has, "A|B", or "ignored"
 *   errors         every error it can have, in the order of the alphabet
 *   limits         what of it differs, in words
 * or, of one that is ENOSYS on purpose,
 *   why            the reason
 */
#ifndef CENO_TEST_MEMBRANE_COVERAGE_H
#define CENO_TEST_MEMBRANE_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define COVERAGE_END 512

struct coverage_call {
	const char *name; /* NULL: the file does not have the number */
	const char *needed, *args, *limits, *why;
	const json_t *flags, *errors; /* arrays; errors NULL: not served */
};

/* The file's calls by number; the test fails if it is not as above. Read once, never freed. */
const struct coverage_call *coverage_read(void);
/* The number of an error's name; the test fails if there is none. */
int coverage_errno(const char *name);
/* The value of a constant of Linux's headers, or of several joined by '+'. */
uint64_t coverage_value(const char *name);

#endif
