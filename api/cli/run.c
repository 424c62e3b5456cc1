/*
 * ceno run: one program, one session, one proof. Everything that can be checked
 * is checked before the node is asked; the proof's place on the disk is taken
 * before the program runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/rpc/error.h"
#include "attest/proof/wire.h"
#include "cli.h"
#include "finish.h"
#include "guest-kernel/abi/layout.h"
#include "guest-kernel/abi/verbs.h"
#include "guest-kernel/abi/window.h"
#include "policy/units.h"
#include "missing.h"
#include "named.h"
#include "refusal.h"
#include "run.h"
#include "terminal.h"

/* ---- before the node is asked --------------------------------------------------------- */

static int make_pipes(struct ceno_run *run)
{
	for (int i = 0; i < 3; i++) {
		int pair[2];

		if (pipe2(pair, O_CLOEXEC)) {
			ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "pipe: %s", strerror(errno));
			return -1;
		}
		run->guest_fds[i] = i == CENO_STREAM_IN ? pair[0] : pair[1];
		run->our_fds[i] = i == CENO_STREAM_IN ? pair[1] : pair[0];
	}
	if (run->options.no_stdin) {
		close(run->our_fds[CENO_STREAM_IN]);
		run->our_fds[CENO_STREAM_IN] = -1;
	}
	return 0;
}

static int prepare(struct ceno_run *run)
{
	char error[CENO_PROGRAM_ERROR_MAX > CENO_PROOF_FILE_ERROR_MAX ? CENO_PROGRAM_ERROR_MAX
	                                                              : CENO_PROOF_FILE_ERROR_MAX];
	int status = ceno_run_files_open(&run->pack, &run->options, error);
	const char *const made[] = { run->options.proof, run->options.trail, run->options.opening };

	for (size_t i = 0; !status && i < sizeof made / sizeof made[0]; i++)
		status = ceno_run_files_spare(&run->pack, made[i], error);
	if (status) {
		ceno_run_fail(run, status, "%s", error);
		return -1;
	}
	if (run->options.tty && !ceno_terminal_here()) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "--tty: standard input and output are no terminal");
		return -1;
	}
	if (run->options.proof &&
	    (ceno_proof_file_spare(run->options.proof, error) ||
	     ceno_proof_file_open(&run->proof, run->options.proof, CENO_CDP_FILE_MAX, error))) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", error);
		return -1;
	}
	if (run->options.trail &&
	    (ceno_proof_file_open(&run->trail, run->options.trail, CENO_TRAIL_BYTES, error) ||
	     fchmod(run->trail.file.fd, 0600))) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", error);
		return -1;
	}
	if (ceno_run_output_open(run) || make_pipes(run))
		return -1;
	if (run->options.output)
		run->output_stream = fcntl(run->our_fds[CENO_STREAM_OUT], F_DUPFD_CLOEXEC, 0);
	return 0;
}

/* ---- the request ------------------------------------------------------------------------ */

/* What cannot be said (text that is not UTF-8, no memory) leaves no request, never one without it. */
static void set(json_t **params, const char *key, json_t *value)
{
	if (!json_object_set_new(*params, key, value))
		return;
	json_decref(*params);
	*params = NULL;
}

static void set_number(json_t **params, const char *key, uint64_t value)
{
	if (value)
		set(params, key, json_integer((json_int_t)value));
}

static void set_text(json_t **params, const char *key, const char *value)
{
	if (value)
		set(params, key, json_string(value));
}

static json_t *files_json(const struct ceno_run_files *pack)
{
	json_t *files = json_array();

	for (uint32_t i = 0; i < pack->count; i++) {
		json_t *file = json_pack("{s:s,s:I,s:i,s:b}", "path", pack->files[i].guest, "bytes",
		                         (json_int_t)pack->files[i].bytes, "mode", (int)pack->files[i].mode, "program",
		                         i < pack->program_count);

		if (!json_array_append_new(files, file))
			continue;
		json_decref(files);
		return NULL;
	}
	return files;
}

static json_t *request_json(const struct ceno_run *run)
{
	json_t *params = json_pack("{s:I,s:b,s:b}", "args_bytes", (json_int_t)run->pack.args_bytes, "hold",
	                           run->options.hold || run->options.output, "native", run->options.native);
	char nonce[65];

	set(&params, "files", files_json(&run->pack));
	set_number(&params, "memory_bytes", run->options.memory_bytes);
	set_number(&params, "ttl_ms", run->options.ttl_ms);
	if (run->options.tty) {
		uint16_t rows, columns;

		ceno_terminal_size(&rows, &columns);
		set(&params, "rows", json_integer(rows));
		set(&params, "columns", json_integer(columns));
	}
	set_text(&params, "image", run->options.image);
	set_text(&params, "share", run->options.share);
	set_text(&params, "pledge", run->options.pledge);
	set_text(&params, "classification", run->options.classification);
	set_text(&params, "jurisdiction", run->options.jurisdiction);
	set_number(&params, "passes", run->options.passes);
	if (run->options.has_nonce) {
		ceno_units_format_hex(run->options.nonce, 32, nonce);
		set_text(&params, "nonce", nonce);
	}
	return params;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int send_request(struct ceno_run *run)
{
	int fds[4 + CENO_SESSION_FILES_MAX];

	if (ceno_client_open(&run->client, run->options.socket)) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", run->client.error);
		return -1;
	}
	memcpy(fds, run->guest_fds, sizeof run->guest_fds);
	fds[3] = run->pack.args_fd;
	for (uint32_t i = 0; i < run->pack.count; i++)
		fds[4 + i] = run->pack.files[i].fd;
	run->request_id = ceno_client_send(&run->client, "session.run", request_json(run), fds, 4 + run->pack.count);
	if (run->request_id < 0)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", run->client.error);
	for (int i = 0; i < 3; i++)
		close_fd(&run->guest_fds[i]);
	ceno_run_files_close(&run->pack);
	return run->request_id < 0 ? -1 : 0;
}

/* ---- afterwards ---------------------------------------------------------------------------- */

static int number_in(const json_t *object, const char *key)
{
	return (int)json_integer_value(json_object_get(object, key));
}

static void refused(struct ceno_run *run)
{
	const char *directory = run->options.workdir ? run->options.workdir : "/";
	char line[CENO_REFUSAL_LINE_MAX];
	int status = ceno_refusal_explain(run->program, run->pack.program_path, directory, line);

	ceno_run_fail(run, status, "%s", line);
}

/* A native program that init gave up: one line, and the status a shell would give for the signal. */
static int gave_up(struct ceno_run *run, int end)
{
	int detail = number_in(run->program, "detail"), restarts = number_in(run->program, "restarts");
	const char *path = run->pack.program_path;

	if (end == CENO_END_CRASHED)
		ceno_run_fail(run, 128 + SIGSEGV, "%s crashed with vector %d, restarted %d times", path, detail,
		              restarts);
	else if (detail == (int)CENO_STRIKES_KILL)
		ceno_run_fail(run, 128 + SIGKILL,
		              "%s was killed by its third strike: it wanted more energy than it has", path);
	else
		ceno_run_fail(run, 128 + SIGKILL,
		              "%s was killed by its strike %d, restarted %d times: it wanted more energy than it has",
		              path, detail, restarts);
	return run->status;
}

/* Why there is no program status: one line and 125. */
static void no_status(struct ceno_run *run)
{
	const char *cause = json_string_value(json_object_get(run->ended, "cause"));
	const char *violation = json_string_value(json_object_get(run->ended, "violation_text"));
	json_t *failure = json_object_get(run->ended, "failure");
	const char *text = json_string_value(json_object_get(failure, "text"));
	const char *stop = json_string_value(json_object_get(failure, "stop"));

	if (text)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the session failed: %s%s%s", text, stop ? ": " : "",
		              stop ? stop : "");
	else if (cause && !strcmp(cause, "ttl"))
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the session's lifetime ran out before the program ended");
	else if (cause && !strcmp(cause, "oom"))
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "out of memory: the session was destroyed (try --memory)");
	else if (cause && !strcmp(cause, "exit") && run->cut)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED,
		              "the program ended without stdio (ceno narrow): how is not known");
	else if (cause && !strcmp(cause, "violation"))
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s; the session was destroyed",
		              violation ? violation : "a violation");
	else
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the session ended before the program did (cause %s)",
		              cause ? cause : "unknown");
}

/* A program may have said its status, and the session ended badly all the same. */
static bool ended_by(const struct ceno_run *run, const char *cause)
{
	const char *said = json_string_value(json_object_get(run->ended, "cause"));

	return said && !strcmp(said, cause);
}

static int program_status(struct ceno_run *run)
{
	int refusal = (int)json_integer_value(json_object_get(run->program, "refusal"));
	int number = (int)json_integer_value(json_object_get(run->program, "signal"));

	if (run->timed_out) {
		ceno_run_fail(run, CENO_EXIT_TIMEOUT,
		              "the program took longer than --timeout allows; the session was "
		              "destroyed");
		return run->status;
	}
	if (run->signal_number)
		return 128 + run->signal_number;
	if (run->program && ended_by(run, "crash"))
		ceno_cli_error("the program ended, then its session crashed; the proof says so");
	if (!run->program || ended_by(run, "violation")) {
		no_status(run);
	} else if (number == SIGKILL && json_is_true(json_object_get(run->program, "out_of_memory"))) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the program ran out of the session's memory (try --memory)");
	} else if (refusal) {
		refused(run);
	} else if (number_in(run->program, "end")) {
		return gave_up(run, number_in(run->program, "end"));
	} else {
		if (number == SIGABRT && run->options.quiet && !run->options.json)
			ceno_missing_print(run->program, "ceno: ");
		return number ? 128 + number
			      : (int)json_integer_value(json_object_get(run->program, "exit_status")) & 255;
	}
	return run->status;
}

static void keep_opening(struct ceno_run *run)
{
	char error[CENO_PROOF_FILE_ERROR_MAX];
	struct ceno_proof_file file;
	uint8_t opening[32];

	if (!run->options.opening || run->opening_fd < 0)
		return;
	if (pread(run->opening_fd, opening, sizeof opening, 0) != (ssize_t)sizeof opening)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the node sent no opening");
	else if (ceno_proof_file_open(&file, run->options.opening, sizeof opening, error) ||
	         (fchmod(file.file.fd, 0600), ceno_proof_file_commit(&file, opening, sizeof opening, error)))
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", error);
	explicit_bzero(opening, sizeof opening);
}

/* The bytes that the proof names, or no file. */
static void keep_trail(struct ceno_run *run, const struct ceno_finish *finish)
{
	char error[CENO_PROOF_FILE_ERROR_MAX];

	if (!run->options.trail)
		return;
	if (!finish->trail_matches)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the node gave another trail than the proof names");
	else if (ceno_proof_file_commit(&run->trail, finish->trail, finish->trail_bytes, error))
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", error);
	else
		return;
	run->status = CENO_EXIT_RUN_FAILED;
}

static void report(struct ceno_run *run, const char *proof, const char *kept)
{
	static struct ceno_finish finish;
	bool good;

	finish.socket = run->options.socket;
	finish.nonce = run->options.has_nonce ? run->options.nonce : NULL;
	ceno_finish_check(&finish, proof, strlen(proof));
	ceno_finish_trail(&finish, run->trail_fd);
	good = finish.checked && !finish.result.exit_status;
	if (good)
		keep_trail(run, &finish);
	if (!good)
		run->status = CENO_EXIT_RUN_FAILED;
	if (run->options.json) {
		json_t *object = ceno_finish_json(&finish, run->program, run->ended, kept, run->status);
		char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

		fprintf(stderr, "%s\n", text ? text : "{}");
		free(text);
		json_decref(object);
	} else if (!run->options.quiet) {
		ceno_finish_print(&finish, run->program, run->ended, kept);
	}
	if (!good)
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "the proof does not verify: %s",
		              finish.checked && finish.result.verdict < CENO_VERIFY_CODE_COUNT
		                  ? ceno_verify_code_info(finish.result.verdict)->text
		                  : "not checked");
}

static void conclude(struct ceno_run *run)
{
	const char *proof = json_string_value(json_object_get(run->ended, "proof"));
	const char *proof_error = json_string_value(json_object_get(run->ended, "proof_error"));
	char error[CENO_PROOF_FILE_ERROR_MAX];
	const char *kept = NULL;

	if (!run->ended)
		return;
	if (run->status < 0)
		run->status = program_status(run);
	if (!proof) {
		if (proof_error)
			run->told = false, run->status = CENO_EXIT_RUN_FAILED;
		if (proof_error)
			ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "no proof: %s", proof_error);
		return;
	}
	if (run->options.proof && ceno_proof_file_commit(&run->proof, proof, strlen(proof), error)) {
		run->status = CENO_EXIT_RUN_FAILED;
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s (the node keeps it: ceno destroy %s --proof FILE)", error,
		              run->session);
	} else {
		kept = run->options.proof;
	}
	keep_opening(run);
	report(run, proof, kept);
}

/* On a connection of its own: that of the session is the loop's. */
static void tell_image(struct ceno_run *run)
{
	struct ceno_client client;
	char line[CENO_CLIENT_ERROR_MAX];

	if (ceno_client_open(&client, run->options.socket)) {
		ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", run->client.error);
		return;
	}
	client.error_code = CENO_RPC_IMAGE;
	snprintf(client.error, sizeof client.error, "%s", ceno_rpc_error_text(CENO_RPC_IMAGE));
	ceno_named_image_line(&client, run->options.image, line);
	ceno_run_fail(run, CENO_EXIT_RUN_FAILED, "%s", line);
	ceno_client_close(&client);
}

int ceno_command_run(int argc, char **argv)
{
	static struct ceno_run run; /* too large for the stack; zero */
	int status = ceno_run_options_parse(argc, argv, &run.options);

	if (status >= 0)
		return status;
	run.status = run.output_fd = run.output_stream = run.opening_fd = run.trail_fd = run.client.fd = -1;
	run.trail.file.fd = run.proof.file.fd = -1;
	for (int i = 0; i < 3; i++)
		run.guest_fds[i] = run.our_fds[i] = -1;
	if (!prepare(&run) && !send_request(&run)) {
		ceno_run_loop(&run);
		if (run.image_missing)
			tell_image(&run);
		conclude(&run);
	}
	ceno_run_output_abort(&run);
	ceno_proof_file_abort(&run.proof);
	ceno_proof_file_abort(&run.trail);
	ceno_client_close(&run.client);
	json_decref(run.program);
	json_decref(run.ended);
	if (run.status < 0)
		ceno_run_fail(&run, CENO_EXIT_RUN_FAILED, "the session did not end");
	return run.status;
}
