/*
 * Fetching /out of a session whose program ended: the rest of the program's output goes where
 * it went, then one more request is made, and what it writes is put into the directory. All
 * of it waits: nothing else is left to do for this run but to end the session.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "guest-kernel/abi/window.h"
#include "output.h"
#include "run.h"
#include "text.h"

#define SILENCE_MS    30000
#define LIMIT_DEFAULT (256ull << 20) /* the default memory */
#define TOLD_MAX      10u            /* names of what was left out */

/* Is there nothing in it? -1: that cannot be said, errno. */
static int is_empty(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), empty = 1;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!list) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (empty && (entry = readdir(list)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(list);
	return empty;
}

int ceno_run_output_open(struct ceno_run *run)
{
	const char *path = run->options.output, *why = NULL;
	int empty;

	if (!path)
		return 0;
	run->output_made = !mkdir(path, 0777);
	if (run->output_made || errno == EEXIST)
		run->output_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->output_fd < 0)
		why = strerror(errno);
	else if ((empty = is_empty(run->output_fd)) != 1)
		why = empty ? strerror(errno) : "it is not empty, and nothing in it would be replaced";
	else if (faccessat(run->output_fd, ".", W_OK | X_OK, AT_EACCESS))
		why = strerror(errno);
	if (!why)
		return 0;
	ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "--output %.200s: %s", path, why);
	return -1;
}

void ceno_run_output_abort(struct ceno_run *run)
{
	if (run->output_made && !run->launched)
		(void)rmdir(run->options.output);
	if (run->output_fd >= 0)
		close(run->output_fd);
	run->output_fd = -1;
}

static void to_stdout(void *owner, const void *bytes, size_t length)
{
	struct ceno_run *run = owner;

	while (length) {
		struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EAGAIN) {
			poll(&p, 1, -1);
			continue;
		}
		if (n < 0 && errno == EPIPE)
			return; /* nobody reads it */
		if (n < 0 && errno != EINTR) {
			ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "cannot write standard output: %s", strerror(errno));
			return;
		}
		if (n > 0) {
			bytes = (const char *)bytes + n;
			length -= (size_t)n;
		}
	}
}

static void left_out(void *owner, const char *path, size_t length, const char *why)
{
	struct ceno_run *run = owner;
	char name[CENO_TEXT_ESCAPED(CENO_OUT_PATH_MAX)];

	if (run->left_out++ >= TOLD_MAX)
		return;
	ceno_text_escape(path, length, name, sizeof name);
	fprintf(stderr, "ceno: output left out: %s: %s\n", name, why);
}

/* What the pump has, and then nothing more. */
static void stop_pump(struct ceno_run *run, struct ceno_pump *pump)
{
	if (!pump->done && !pump->error)
		to_stdout(run, pump->buffer + pump->at, pump->have);
	pump->have = 0;
	pump->done = true;
	ceno_pump_close(pump);
}

static int ask(struct ceno_run *run, const struct ceno_output *output)
{
	char word[CENO_OUTPUT_WORD];
	char *const argv[] = { word, NULL };
	uint64_t bytes;
	int args, rc;

	memcpy(word, output->word, sizeof word);
	args = ceno_args_make(CENO_OUT_PROGRAM, argv, 1, NULL, 0, "/", &bytes);
	if (args < 0)
		return -1;
	rc = ceno_client_send(&run->client, "session.exec",
	                      json_pack("{s:s,s:I}", "session", run->session, "args_bytes", (json_int_t)bytes), &args,
	                      1) < 0;
	close(args);
	return rc ? -1 : 0;
}

static int receive(struct ceno_output *output, int stream)
{
	static char buffer[65536];

	for (;;) {
		struct pollfd p = { .fd = stream, .events = POLLIN };
		ssize_t n = poll(&p, 1, SILENCE_MS) > 0 ? read(stream, buffer, sizeof buffer) : -2;
		int rc;

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			snprintf(output->error, sizeof output->error,
			         n == 0 ? "the session ended before its output was there"
			                : "the session's output does not come");
			return -1;
		}
		rc = ceno_output_feed(output, buffer, (size_t)n);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
}

void ceno_run_output_fetch(struct ceno_run *run)
{
	static struct ceno_output output;
	struct ceno_pump *pump = &run->pumps[CENO_STREAM_OUT];
	int stream = run->output_stream;

	if (run->output_fd < 0 || stream < 0)
		return;
	run->output_stream = -1;
	ceno_output_init(&output, run->output_fd,
	                 run->options.memory_bytes ? run->options.memory_bytes : LIMIT_DEFAULT);
	output.before = to_stdout;
	output.missing = left_out;
	output.owner = run;
	stop_pump(run, pump);
	if (ask(run, &output))
		snprintf(output.error, sizeof output.error, "%.300s", run->client.error);
	else
		receive(&output, stream);
	if (output.error[0])
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", output.error);
	else if (output.left_out)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%u of %u in /out left out", output.left_out, output.entries);
	ceno_output_fini(&output);
	close(stream);
}
