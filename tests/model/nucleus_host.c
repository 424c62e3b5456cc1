/*
 * nucleus-host: the nucleus on a fake machine, driven by lines on stdin, answering on
 * stdout. README.md is its protocol. Answers are written out before it waits for more
 * input, so that whoever drives it may send one line or a million at a time.
 *
 * Exit: 0 at the end of input, 2 for a line that is no operation (said on stderr).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"
#include "machine.h"
#include "trace.h"

#define LINE_MAX_BYTES 512u

/* A verb of a named fiber is a switch and a verb, and shows what both did. */
static int apply(struct ceno_op *op)
{
	const struct ceno_op first = { .kind = CENO_OP_SWITCH, .fiber = CENO_OP_CURRENT, .arg = { op->fiber } };
	int rc = 0;

	if (op->kind == CENO_OP_VERB && op->fiber != CENO_OP_CURRENT) {
		rc = ceno_op_apply(&first);
		ceno_dump_events(stdout);
		op->fiber = CENO_OP_CURRENT;
	}
	if (!rc) {
		rc = ceno_op_apply(op);
		if (rc >= 0)
			ceno_dump_events(stdout);
	}
	return rc;
}

static int run_line(char *line, unsigned long number)
{
	struct ceno_op op;
	int rc;

	line[strcspn(line, "#\r")] = '\0';
	if (!line[strspn(line, " ")])
		return 0;
	if (ceno_op_parse(line, &op)) {
		fprintf(stderr, "nucleus-host: line %lu is no operation: %s\n", number, line);
		return -1;
	}
	if (op.kind == CENO_OP_DUMP) {
		ceno_dump_state(stdout);
		return 0;
	}
	rc = apply(&op);
	if (rc < 0)
		puts("refused");
	else if (rc > 0)
		puts("unready");
	else
		ceno_dump_ok(stdout);
	return 0;
}

/* Runs the whole lines of buffer[0, *used) and moves the rest to its start. */
static int run_lines(char *buffer, size_t *used, unsigned long *number)
{
	char *at = buffer, *end;

	while ((end = memchr(at, '\n', *used - (size_t)(at - buffer)))) {
		*end = '\0';
		if (run_line(at, ++*number))
			return -1;
		at = end + 1;
	}
	*used -= (size_t)(at - buffer);
	memmove(buffer, at, *used);
	return 0;
}

int main(void)
{
	static char buffer[1u << 20], out[1u << 20];
	unsigned long number = 0;
	size_t used = 0;
	ssize_t n;

	setvbuf(stdout, out, _IOFBF, sizeof out);
	if (ceno_machine_reset(NULL))
		return 2;
	while ((n = read(STDIN_FILENO, buffer + used, sizeof buffer - 1 - used)) > 0) {
		used += (size_t)n;
		if (run_lines(buffer, &used, &number))
			return 2;
		if (used > LINE_MAX_BYTES) {
			fprintf(stderr, "nucleus-host: line %lu is too long\n", number + 1);
			return 2;
		}
		if (fflush(stdout))
			return 2;
	}
	buffer[used] = '\0';
	return n < 0 || (used && run_line(buffer, number + 1)) || fflush(stdout) ? 2 : 0;
}
