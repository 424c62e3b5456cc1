/*
 * Random traces over the hosted nucleus, every invariant after every operation.
 *
 *   unit_nucleus_properties [OPERATIONS [SEED]]
 *
 * Prints how often each verb gave each result. On a broken invariant: a trace made
 * small that breaks it again, in the language of tests/model, and exit 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "generate.h"

#define OPERATIONS   100000u
#define TRACE_MAX    1000u
#define RESULT_OTHER (VERB_ERRORS + 1) /* blocked or exited; below it: -error */
#define RESULTS      (RESULT_OTHER + 1)

static struct ceno_op trace[TRACE_MAX + 1], reduced[TRACE_MAX + 1];
static unsigned long count[CENO_VERB_COUNT + 1][RESULTS];
static unsigned long kinds[CENO_OP_COUNT], stops;

static const char *const verb_name[CENO_VERB_COUNT + 1] = {
#define NAME(name, number, joules) [number] = #name,
	CENO_VERBS(NAME)
#undef NAME
	    [CENO_VERB_COUNT] = "none",
};
static const char *const error_name[RESULTS] = {
	"ok",
#define NAME(name, number, text) [-(number)] = #name,
	CENO_VERB_ERRORS(NAME)
#undef NAME
	    [RESULT_OTHER] = "waits",
};

static void count_events(void)
{
	for (uint32_t i = 0; i < ceno_machine.events; i++) {
		const struct ceno_machine_event *e = &ceno_machine.event[i];
		int64_t rax = (int64_t)e->after.rax;
		uint64_t verb = e->verb < CENO_VERB_COUNT ? e->verb : CENO_VERB_COUNT;

		if (e->outcome != CENO_MACHINE_DONE)
			count[verb][RESULT_OTHER]++;
		else if (rax > -RESULT_OTHER)
			count[verb][rax < 0 ? -rax : 0]++;
	}
}

static const char *run_op(const struct ceno_op *op)
{
	int refused = ceno_op_apply(op);

	if (op->kind == CENO_OP_RESET)
		return refused < 0 ? "a reset was refused" : check_begin();
	return check_after(op);
}

static const char *replay(const struct ceno_op *ops, unsigned n)
{
	const char *bad = NULL;

	for (unsigned i = 0; !bad && i < n; i++)
		bad = run_op(&ops[i]);
	return bad;
}

/* Leaves out runs of operations, halves first, while something is still broken. */
static unsigned reduce(unsigned n)
{
	for (unsigned step = n / 2; step; step = step == 1 ? 0 : (step + 1) / 2) {
		for (unsigned at = 1; at + step <= n;) {
			memcpy(reduced, trace, at * sizeof *trace);
			memcpy(reduced + at, trace + at + step, (n - at - step) * sizeof *trace);
			if (replay(reduced, n - step)) {
				n -= step;
				memcpy(trace, reduced, n * sizeof *trace);
			} else {
				at += step;
			}
		}
	}
	return n;
}

static int report(const char *bad, unsigned n, unsigned long done)
{
	printf("BROKEN after %lu operations: %s\n", done, bad);
	n = reduce(n);
	bad = replay(trace, n);
	printf("%s\n%u operations do it:\n", bad ? bad : "and not again", n);
	for (unsigned i = 0; i < n; i++)
		ceno_op_print(stdout, &trace[i]);
	return 1;
}

static void print_table(void)
{
	printf("%-8s", "");
	for (int r = 0; r < RESULTS; r++)
		printf("%8s", error_name[r]);
	for (int v = 0; v <= CENO_VERB_COUNT; v++) {
		printf("\n%-8s", verb_name[v]);
		for (int r = 0; r < RESULTS; r++)
			printf("%8lu", count[v][r]);
	}
	printf("\n%lu switches, %lu ticks, %lu signals, %lu clock steps, %lu resumes, %lu process traps; %lu ends\n",
	       kinds[CENO_OP_SWITCH], kinds[CENO_OP_TICK], kinds[CENO_OP_SIGNAL], kinds[CENO_OP_CLOCK],
	       kinds[CENO_OP_SYSRET] + kinds[CENO_OP_RESUME], kinds[CENO_OP_SYSCALL] + kinds[CENO_OP_FAULT], stops);
}

int main(int argc, char **argv)
{
	unsigned long operations = argc > 1 ? strtoul(argv[1], NULL, 0) : OPERATIONS, done = 0;
	struct source s = { .state = argc > 2 ? strtoull(argv[2], NULL, 0) : 0x9e3779b97f4a7c15ull };
	unsigned n = TRACE_MAX;

	if (!s.state)
		return 2;
	for (; done < operations; done++) {
		const char *bad;

		if (n == TRACE_MAX || ceno_machine.state == CENO_MACHINE_STOPPED) {
			stops += n < TRACE_MAX;
			n = 0;
			generate_reset(&s, &trace[n]);
		} else {
			generate_op(&s, &trace[n]);
		}
		bad = run_op(&trace[n]);
		kinds[trace[n++].kind]++;
		count_events();
		if (bad)
			return report(bad, n, done);
	}
	print_table();
	return 0;
}
