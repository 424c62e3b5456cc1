#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static const struct {
	const char *name;
	unsigned args; /* at most; what is missing is 0 */
} shape[CENO_OP_COUNT] = {
	[CENO_OP_RESET] = { "reset", CENO_OP_RESET_ARGS },
	[CENO_OP_SWITCH] = { "switch", 1 },
	[CENO_OP_VERB] = { "verb", CENO_OP_ARGS },
	[CENO_OP_SYSRET] = { "sysret", 2 },
	[CENO_OP_RESUME] = { "resume", 2 },
	[CENO_OP_SYSCALL] = { "syscall", 1 },
	[CENO_OP_FAULT] = { "fault", 3 },
	[CENO_OP_CLOCK] = { "clock", 1 },
	[CENO_OP_TICK] = { "tick", 0 },
	[CENO_OP_SIGNAL] = { "signal", 0 },
	[CENO_OP_FPU] = { "fpu", 1 },
	[CENO_OP_DUMP] = { "dump", 0 },
};

static const char *skip_blanks(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* Decimal, 0x, or -1 for 2^64 - 1. */
static int parse_number(const char **at, uint64_t *v)
{
	const char *s = skip_blanks(*at);
	char *end;

	if ((*s < '0' || *s > '9') && *s != '-')
		return -1;
	errno = 0;
	*v = *s == '-' ? (uint64_t)strtoll(s, &end, 0) : strtoull(s, &end, 0);
	if (errno || end == s || (*end && *end != ' '))
		return -1;
	*at = end;
	return 0;
}

static int parse_kind(const char **line, struct ceno_op *op)
{
	size_t n = strcspn(*line, " ");

	for (unsigned k = 0; k < CENO_OP_COUNT; k++) {
		if (strlen(shape[k].name) == n && memcmp(shape[k].name, *line, n) == 0) {
			op->kind = k;
			*line += n;
			return 0;
		}
	}
	return -1;
}

static int parse_fiber(const char **at, struct ceno_op *op)
{
	const char *s = skip_blanks(*at);
	uint64_t v;

	if (s[0] == '.' && (s[1] == ' ' || !s[1])) {
		op->fiber = CENO_OP_CURRENT;
		*at = s + 1;
		return 0;
	}
	if (parse_number(at, &v) || v >= CENO_FIBERS_MAX)
		return -1;
	op->fiber = (uint32_t)v;
	return 0;
}

int ceno_op_parse(const char *line, struct ceno_op *op)
{
	unsigned n = 0;

	*op = (struct ceno_op){ .fiber = CENO_OP_CURRENT };
	if (parse_kind(&line, op) || (op->kind == CENO_OP_VERB && parse_fiber(&line, op)))
		return -1;
	if (op->kind == CENO_OP_RESET)
		op->arg[3] = op->arg[5] = op->arg[6] = UINT64_MAX;
	for (line = skip_blanks(line); *line; line = skip_blanks(line))
		if (n == shape[op->kind].args || parse_number(&line, &op->arg[n++]))
			return -1;
	return 0;
}

static void print_number(FILE *to, uint64_t v)
{
	if (v == UINT64_MAX)
		fputs(" -1", to);
	else
		fprintf(to, v < 1024 ? " %llu" : " %#llx", (unsigned long long)v);
}

void ceno_op_print(FILE *to, const struct ceno_op *op)
{
	fputs(shape[op->kind].name, to);
	if (op->kind == CENO_OP_VERB) {
		if (op->fiber == CENO_OP_CURRENT)
			fputs(" .", to);
		else
			fprintf(to, " %u", op->fiber);
	}
	for (unsigned i = 0; i < shape[op->kind].args; i++)
		print_number(to, op->arg[i]);
	fputc('\n', to);
}

static uint64_t either(uint64_t v, uint64_t unset, uint64_t otherwise)
{
	return v == unset ? otherwise : v;
}

static int apply_reset(const uint64_t *a)
{
	const struct ceno_machine_config *d = &ceno_machine_default;
	struct ceno_machine_config c = { .ram_bytes = either(a[0], 0, d->ram_bytes),
		                         .pool_pages = either(a[1], 0, d->pool_pages),
		                         .trap_pages = either(a[2], 0, d->trap_pages),
		                         .pledge_mask = either(a[3], UINT64_MAX, d->pledge_mask),
		                         .bundle_bytes = either(a[4], 0, d->bundle_bytes),
		                         .pack_bytes = either(a[5], UINT64_MAX, d->pack_bytes),
		                         .image_bytes = either(a[6], UINT64_MAX, d->image_bytes),
		                         .tick_tsc = either(a[7], 0, d->tick_tsc),
		                         .syscall_mode = (uint32_t)either(a[8], 0, d->syscall_mode) };

	return ceno_machine_reset(&c);
}

int ceno_op_apply(const struct ceno_op *op)
{
	const uint64_t *a = op->arg;

	if (op->kind == CENO_OP_RESET)
		return apply_reset(a);
	if (op->kind == CENO_OP_SWITCH)
		return !ceno_machine_switch(a[0] < CENO_FIBERS_MAX ? (uint32_t)a[0] : CENO_FIBERS_MAX);
	if (op->kind == CENO_OP_VERB && op->fiber != CENO_OP_CURRENT && !ceno_machine_switch(op->fiber))
		return 1;
	if (op->kind == CENO_OP_VERB)
		ceno_machine_verb(a);
	else if (op->kind == CENO_OP_SYSRET)
		ceno_machine_sysret(a[0], a[1]);
	else if (op->kind == CENO_OP_RESUME)
		ceno_machine_resume(a[0], a[1]);
	else if (op->kind == CENO_OP_SYSCALL)
		ceno_machine_syscall(a[0]);
	else if (op->kind == CENO_OP_FAULT)
		ceno_machine_fault((uint32_t)a[0] & 31, a[1], a[2]);
	else if (op->kind == CENO_OP_CLOCK)
		ceno_machine_clock(a[0]);
	else if (op->kind == CENO_OP_TICK)
		ceno_machine_tick();
	else if (op->kind == CENO_OP_SIGNAL)
		ceno_machine_signal();
	else if (op->kind == CENO_OP_FPU)
		ceno_machine_fpu(a[0]);
	return 0;
}
