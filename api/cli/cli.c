/* Shared pieces of the command line: see cli.h. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "options.h"
#include "text.h"

void ceno_cli_error(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	ceno_text_line(stderr, "ceno: %s", line);
}

int ceno_cli_dispatch(const struct ceno_cli_command *commands, size_t count, const char *usage, int argc, char **argv)
{
	static char title[32]; /* argv is not const */

	if (argc < 2)
		return ceno_options_misuse(usage, "no command given; %s --help lists them", argv[0]);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		fputs(usage, stdout);
		return ceno_cli_stdio_end(CENO_EXIT_FAILURE);
	}
	for (size_t i = 0; i < count; i++) {
		int status, written;

		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(title, sizeof title, "%s", commands[i].title);
		argv[1] = title;
		status = commands[i].run(argc - 1, argv + 1);
		written = ceno_cli_stdio_end(commands[i].unwritten ? commands[i].unwritten : CENO_EXIT_FAILURE);
		return status ? status : written;
	}
	return ceno_options_misuse(usage, "no command `%s'; %s --help lists them", argv[1], argv[0]);
}

void ceno_cli_stdio_begin(void)
{
	for (int fd = 0; fd < 3;
	     fd++) /* open takes the least number that is free; reading from 1 and 2 is all it allows */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_NOCTTY) != fd)
			exit(CENO_EXIT_FAILURE);
}

int ceno_cli_stdio_end(int failed)
{
	struct pollfd nobody = { .fd = STDOUT_FILENO, .events = POLLOUT };
	static bool told;
	bool lost = ferror(stdout); /* why is forgotten by now, but the disk is as full as it was */

	errno = 0;
	if (!fflush(stdout) && !lost)
		return CENO_EXIT_OK;
	if (poll(&nobody, 1, 0) == 1 && (nobody.revents & POLLERR))
		return failed; /* as silent as the signal would be that this process ignores */
	if (!told)
		ceno_cli_error("cannot write standard output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
	told = true;
	return failed;
}

int ceno_cli_print_json(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(object);
	if (!text) {
		ceno_cli_error("out of memory");
		return CENO_EXIT_FAILURE;
	}
	puts(text);
	free(text);
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
