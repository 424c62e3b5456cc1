/* Shared pieces of the command line: see cli.h. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void ceno_cli_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("ceno: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

int ceno_cli_dispatch(const struct ceno_cli_command *commands, size_t count, int argc, char **argv)
{
	static char title[32]; /* argv is not const */

	for (size_t i = 0; i < count; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(title, sizeof title, "%s", commands[i].title);
		argv[1] = title;
		return commands[i].run(argc - 1, argv + 1);
	}
	return -1;
}

int ceno_cli_usage(const char *usage, bool asked)
{
	fputs(usage, asked ? stdout : stderr);
	return asked ? CENO_EXIT_OK : CENO_EXIT_USAGE;
}

int ceno_cli_print_json(json_t *object)
{
	int rc = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

	json_decref(object);
	if (rc || putchar('\n') == EOF || fflush(stdout)) {
		ceno_cli_error("cannot write the result");
		return CENO_EXIT_FAILURE;
	}
	return CENO_EXIT_OK;
}

int ceno_cli_write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length) {
		ssize_t n = write(fd, at, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

void ceno_cli_random(void *out, size_t bytes)
{
	if (getrandom(out, bytes, 0) != (ssize_t)bytes) {
		ceno_cli_error("no random bytes from the kernel");
		exit(CENO_EXIT_FAILURE);
	}
}
