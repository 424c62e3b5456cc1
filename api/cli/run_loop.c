/* The loop of ceno run: see run.h. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/rpc/error.h"
#include "cli.h"
#include "guest-kernel/abi/window.h"
#include "policy/pledge.h"
#include "terminal.h"
#include "text.h"

#define STREAM_GRACE_MS 3000u /* streams still open when the connection died */

void ceno_run_fail(struct ceno_run *run, int status, const char *format, ...)
{
	char line[768];
	va_list arguments;

	if (run->status < 0)
		run->status = status;
	if (run->told)
		return;
	run->told = true;
	ceno_terminal_restore();
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	ceno_cli_error("%s", line);
}

static void stop_if_done(struct ceno_run *run)
{
	bool streams = run->pumps[CENO_STREAM_OUT].done && run->pumps[CENO_STREAM_ERR].done;

	if (run->gave_up || ((run->ended || run->connection_gone) && streams))
		uv_stop(&run->loop);
}

static void give_up(uv_timer_t *timer)
{
	struct ceno_run *run = timer->data;

	run->gave_up = true;
	uv_stop(&run->loop);
}

static void send_destroy(struct ceno_run *run)
{
	if (run->destroy_sent || run->ended || !run->launched || run->connection_gone)
		return;
	run->destroy_sent =
	    ceno_client_send(&run->client, "session.destroy", json_pack("{s:s}", "session", run->session), NULL, 0) > 0;
}

static void on_timeout(uv_timer_t *timer)
{
	struct ceno_run *run = timer->data;

	if (run->program || run->ended)
		return;
	run->timed_out = true;
	send_destroy(run);
}

/* ---- messages -------------------------------------------------------------------- */

static void on_failure(struct ceno_run *run)
{
	json_t *failure = json_object_get(run->client.error_data, "failure");
	const char *path = json_string_value(json_object_get(failure, "path"));
	const char *stop = json_string_value(json_object_get(failure, "stop"));

	if (run->client.error_code == CENO_RPC_IMAGE && run->options.image)
		run->image_missing = true; /* said when the loop is over: the node is asked for the names that it has */
	else
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s%s%s%s%s", run->client.error, path ? ": " : "",
		              path ? path : "", stop ? ": " : "", stop ? stop : "");
}

static void on_reply(struct ceno_run *run, json_t *message, int fd)
{
	json_t *result = ceno_client_result(&run->client, message);
	const char *session = json_string_value(json_object_get(result, "session"));

	if (!session || strlen(session) != 32) {
		on_failure(run);
		run->connection_gone = true; /* nothing was started: nothing more comes */
		return;
	}
	memcpy(run->session, session, 33);
	run->launched = true;
	run->opening_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (run->options.hold && !run->options.quiet)
		ceno_text_line(stderr, "session %s", run->session);
	if (run->options.tty && ceno_terminal_raw())
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "cannot make the terminal raw: %s", strerror(errno));
	if (run->options.timeout_ms)
		uv_timer_start(&run->timeout, on_timeout, run->options.timeout_ms, 0);
	if (run->signal_number || run->status >= 0)
		send_destroy(run);
}

/* Nothing that still comes through the pipes is the program's: the session's vmm alone could have written it. */
static void on_narrowed(struct ceno_run *run, const char *dropped)
{
	uint32_t classes = 0;
	bool errors;

	if (!dropped || ceno_pledge_parse(dropped, &classes, &errors) || run->cut)
		return;
	run->cut = classes >> CENO_PLEDGE_STDIO & 1;
	if (!run->cut)
		return;
	ceno_terminal_restore();
	if (!run->options.quiet)
		ceno_text_line(stderr, "ceno: the session has lost stdio; its program goes on without streams");
	ceno_pump_close(&run->pumps[CENO_STREAM_IN]);
	ceno_pump_last(&run->pumps[CENO_STREAM_OUT]);
	ceno_pump_last(&run->pumps[CENO_STREAM_ERR]);
}

static void on_message(struct ceno_run *run, json_t *message, int fd)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "params");

	if (!method) {
		if (json_integer_value(json_object_get(message, "id")) == run->request_id)
			on_reply(run, message, fd);
		return;
	}
	if (!strcmp(method, "session.narrowed"))
		on_narrowed(run, json_string_value(json_object_get(params, "dropped")));
	if (!strcmp(method, "session.program") && !run->program) {
		run->program = json_incref(params);
		ceno_run_output_fetch(run);
		if (run->options.output && !run->options.hold)
			send_destroy(run);
	}
	if (strcmp(method, "session.ended") || run->ended)
		return;
	run->ended = json_incref(params);
	run->trail_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct ceno_run *run = poll->data;
	json_t *message;
	int fd;

	(void)status;
	(void)events;
	while ((message = ceno_client_receive(&run->client, &fd))) {
		on_message(run, message, fd);
		if (fd >= 0)
			close(fd);
		json_decref(message);
	}
	if (run->client.error[0] && !run->connection_gone) {
		run->connection_gone = true;
		if (!run->ended)
			ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s; the session is destroyed without us",
			              run->client.error);
	}
	if (run->connection_gone) {
		uv_poll_stop(poll);
		uv_timer_start(&run->grace, give_up, run->ended ? 0 : STREAM_GRACE_MS, 0);
	}
	stop_if_done(run);
}

/* ---- streams and signals ------------------------------------------------------------ */

static void on_pump(struct ceno_pump *pump)
{
	static const char *const names[] = { "standard input", "standard output", "standard error" };
	struct ceno_run *run = pump->owner;
	int stream = (int)(pump - run->pumps);

	if (stream == CENO_STREAM_IN && pump->error_reading)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "cannot read %s: %s", names[stream], strerror(pump->error));
	else if (stream != CENO_STREAM_IN && pump->error && pump->error != EPIPE)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "cannot write %s: %s", names[stream], strerror(pump->error));
	if (run->status >= 0)
		send_destroy(run);
	ceno_pump_close(pump); /* the program sees the end of its input, or that nobody reads */
	stop_if_done(run);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct ceno_run *run = handle->data;

	if (run->signal_number) {
		ceno_run_fail(run, 128 + number,
		              "not waiting for the proof; the session is destroyed anyway (ceno ls)");
		give_up(&run->grace);
		return;
	}
	run->signal_number = number;
	ceno_terminal_restore();
	if (!run->options.quiet)
		fprintf(stderr, "\nceno: destroying the session; once more to stop waiting for its proof\n");
	send_destroy(run);
}

/* A size that the node does not take is the one before: nothing to say. */
static void on_resized(uv_signal_t *handle, int number)
{
	struct ceno_run *run = handle->data;
	uint16_t rows, columns;

	(void)number;
	if (!run->launched || run->ended || run->connection_gone)
		return;
	ceno_terminal_size(&rows, &columns);
	(void)ceno_client_send(&run->client, "session.resize",
	                       json_pack("{s:s,s:i,s:i}", "session", run->session, "rows", (int)rows, "columns",
	                                 (int)columns),
	                       NULL, 0);
}

static int start(struct ceno_run *run)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	int rc, flags = fcntl(run->client.fd, F_GETFL);

	fcntl(run->client.fd, F_SETFL, flags | O_NONBLOCK);
	rc = uv_poll_init(&run->loop, &run->poll, run->client.fd);
	if (rc)
		return rc;
	run->poll.data = run;
	uv_poll_start(&run->poll, UV_READABLE, on_socket);
	uv_timer_init(&run->loop, &run->grace);
	run->grace.data = run;
	uv_timer_init(&run->loop, &run->timeout);
	run->timeout.data = run;
	for (int i = 0; i < 3; i++) {
		uv_signal_init(&run->loop, &run->signals[i]);
		run->signals[i].data = run;
		uv_signal_start(&run->signals[i], on_signal, numbers[i]);
	}
	uv_signal_init(&run->loop, &run->resized);
	run->resized.data = run;
	if (run->options.tty)
		uv_signal_start(&run->resized, on_resized, SIGWINCH);
	for (int i = 0; i < 3; i++) {
		if (run->our_fds[i] < 0) {
			run->pumps[i].done = true;
			continue;
		}
		rc = ceno_pump_start(&run->loop, &run->pumps[i], i, run->our_fds[i], i == CENO_STREAM_IN, on_pump, run);
		run->our_fds[i] = -1;
		if (rc)
			return rc;
	}
	return 0;
}

void ceno_run_loop(struct ceno_run *run)
{
	int rc = uv_loop_init(&run->loop);

	if (!rc)
		rc = start(run);
	if (rc) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "event loop: %s", uv_strerror(rc));
		return;
	}
	uv_run(&run->loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 3; i++)
		ceno_pump_close(&run->pumps[i]); /* puts flags back */
	ceno_terminal_restore();
}
