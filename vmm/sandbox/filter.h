/*
 * The system call filter of a locked vmm: built from filter_table.h, installed on
 * all threads at once, never removed.
 *
 * The program is the same bytes on every node, so its hash (filter_digest.h) is
 * known before any session runs.
 */
#ifndef CENO_SANDBOX_FILTER_H
#define CENO_SANDBOX_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define CENO_FILTER_MAX 128 /* instructions */

struct ceno_filter_condition { /* first <= argument <= last, as 64-bit numbers */
	uint32_t argument;
	uint32_t within; /* 0: first is the only value; 1: a range, of numbers below 2^32 */
	uint64_t first, last;
};

struct ceno_filter_rule {
	uint32_t number; /* system call, x86-64 */
	const char *name;
	const char *threads; /* "vcpu", "loop", "both" */
	uint32_t condition_count;
	struct ceno_filter_condition conditions[3];
	const char *reason;
};

/* The documented table, in filter order. Static storage. */
const struct ceno_filter_rule *ceno_filter_rules(size_t *count);

/* Does the table admit this call? The table's own word, for tests that hold the program and the kernel to it. Pure. */
int ceno_filter_admits(uint64_t number, const uint64_t argument[6]);

/* Build the program. out: room for CENO_FILTER_MAX instructions. Returns how many. Pure. */
size_t ceno_filter_build(struct sock_filter *out);

/* Install it on every thread of the process (TSYNC); no_new_privs must be set.
 * 0, or a negative errno with nothing installed (-ESRCH: a thread could not be
 * synchronised). */
int ceno_filter_install(void);

#endif
