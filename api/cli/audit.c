/*
 * ceno audit: checks the trail that a guest left of itself, with nobody's help. The
 * checks are the pure library attest/trail; this is where the bytes come from and where
 * the result goes.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/trail/audit.h"
#include "cli.h"
#include "client.h"
#include "finish.h"
#include "guest-kernel/lib/bundle.h"
#include "guest-kernel/lib/native.h"
#include "named.h"
#include "options.h"
#include "policy/units.h"
#include "proof_file.h"
#include "text.h"

static const char usage[] = "usage: ceno audit [option]... FILE|SESSION\n"
			    "Check the trail of a session: what its guest wrote down about itself. Of a running\n"
			    "session (its id, 32 hex digits), the node gives a copy as it is now.\n"
			    "\n"
			    "  --proof FILE   this proof, which must verify, must name this trail and its session\n"
			    "  --key HEX      the guest's public key (64 hex digits)\n"
			    "  --session HEX  it must be this session's (32 hex digits)\n"
			    "  --nonce HEX    it must answer this nonce (64 hex digits)\n"
			    "  --bundle FILE  its modules must be those of this signed bundle\n"
			    "  --program FILE its native program must be this one (ceno run --native)\n"
			    "  --socket PATH  the node's socket (default $CENO_SOCKET or /run/cenotaph/cenod.sock)\n"
			    "  --json         one JSON object: every record, every check with its reason code\n"
			    "\n"
			    "Exit status: 0 verified; 1 invalid; 2 usage or I/O; 4 consistent, but the key was not\n"
			    "given, or records are unsealed, lost or may be missing at the end; 5 another session's.\n";

struct ask {
	struct ceno_options options;
	const char *file, *bundle_file, *program_file, *proof_file;
	uint8_t key[32], session_id[16], nonce[32], sha256[32], program[32];
	bool running; /* the trail is a node's copy of now */
	bool empty;   /* the proof says that none was left */
	void *bundle; /* owned; page-aligned */
	struct ceno_audit_expect expect;
};

/* optarg: -1, or the exit status. */
static int parse_hex(struct ask *ask, const char *option, uint8_t *out, size_t bytes)
{
	char takes[64];

	if (!ceno_units_parse_hex(optarg, out, bytes))
		return -1;
	snprintf(takes, sizeof takes, "%zu lowercase hexadecimal digits", 2 * bytes);
	return ceno_options_bad(&ask->options, option, takes);
}

/* A file of such a name is ./NAME. */
static bool is_session(const char *text)
{
	uint8_t id[16];

	return strlen(text) == 32 && !ceno_units_parse_hex(text, id, sizeof id);
}

static int parse(int argc, char **argv, struct ask *ask)
{
	static const struct option table[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "session", required_argument, NULL, 's' },
		{ "nonce", required_argument, NULL, 'n' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "program", required_argument, NULL, 'P' },
		{ "proof", required_argument, NULL, 'p' },
		CENO_OPTIONS_JSON,
		CENO_OPTIONS_SOCKET,
		CENO_OPTIONS_END,
	};
	int option, bad = -1;

	ask->options = (struct ceno_options){ .usage = usage, .table = table, .argc = argc, .argv = argv };
	while (bad < 0 && (option = ceno_options_next(&ask->options)) >= 0) {
		switch (option) {
		case 'b':
			ask->bundle_file = optarg;
			break;
		case 'P':
			ask->program_file = optarg;
			break;
		case 'p':
			ask->proof_file = optarg;
			break;
		case 'k':
			bad = parse_hex(ask, "--key", ask->key, sizeof ask->key);
			ask->expect.public_key = ask->key;
			break;
		case 's':
			bad = parse_hex(ask, "--session", ask->session_id, sizeof ask->session_id);
			ask->expect.session_id = ask->session_id;
			break;
		default: /* 'n' */
			bad = parse_hex(ask, "--nonce", ask->nonce, sizeof ask->nonce);
			ask->expect.nonce = ask->nonce;
			break;
		}
	}
	if (ask->options.status >= 0 || ceno_options_arguments(&ask->options, 1, 1, "FILE|SESSION"))
		return ask->options.status;
	ask->file = argv[ask->options.first];
	ask->running = is_session(ask->file);
	if (ask->running && ask->proof_file)
		return ceno_options_misuse(usage,
		                           "--proof is for a trail in a file: a running session has no proof yet");
	return -1;
}

static int read_file(const char *path, size_t max, const char *what, char **bytes, size_t *length)
{
	int rc = ceno_file_read(path, max, bytes, length);

	if (rc == -EFBIG)
		ceno_cli_error("%s: larger than any %s", path, what);
	else if (rc)
		ceno_cli_error("%s: %s", path, strerror(-rc));
	return rc;
}

/* The bundle's form is checked, not its signature: content ids say which bytes they are. */
static int load_bundle(struct ask *ask)
{
	size_t length;
	char *bytes;

	if (!ask->bundle_file)
		return 0;
	if (read_file(ask->bundle_file, CENO_BUNDLE_MAX, "bundle", &bytes, &length))
		return -1;
	ask->bundle = aligned_alloc(CENO_PAGE, CENO_BUNDLE_MAX);
	if (ask->bundle) {
		memset(ask->bundle, 0, CENO_BUNDLE_MAX);
		memcpy(ask->bundle, bytes, length);
	}
	free(bytes);
	if (!ask->bundle || ceno_bundle_check(ask->bundle, length) != CENO_STOP_NONE) {
		ceno_cli_error("%s: %s", ask->bundle_file, ask->bundle ? "not a bundle" : "out of memory");
		return -1;
	}
	ask->expect.bundle = ask->bundle;
	return 0;
}

static int load_program(struct ask *ask)
{
	enum ceno_native_error error;
	size_t length;
	char *bytes;

	if (!ask->program_file)
		return 0;
	if (read_file(ask->program_file, CENO_NATIVE_BYTES_MAX, "native program", &bytes, &length))
		return -1;
	error = ceno_native_check(bytes, length);
	if (error)
		ceno_cli_error("%s: %s", ask->program_file, ceno_native_error_text(error));
	else
		ceno_native_content(bytes, length, ask->program);
	free(bytes);
	ask->expect.program = ask->program;
	return error ? -1 : 0;
}

/* The proof must be good by the user's pins before what it says of the trail counts. */
static int load_proof(struct ask *ask)
{
	static struct ceno_finish finish;
	size_t length;
	char *proof;

	if (!ask->proof_file)
		return 0;
	if (read_file(ask->proof_file, CENO_CDP_FILE_MAX, "proof", &proof, &length))
		return CENO_EXIT_USAGE;
	finish.socket = ask->options.socket;
	ceno_finish_check(&finish, proof, length);
	free(proof);
	if (!finish.checked || finish.result.exit_status) {
		ceno_cli_error("%s does not verify: %s", ask->proof_file,
		               finish.checked ? ceno_verify_code_info(finish.result.verdict)->text : "out of memory");
		return finish.checked ? (int)finish.result.exit_status : CENO_EXIT_USAGE;
	}
	memcpy(ask->session_id, finish.result.statement.core.session_id, 16);
	memcpy(ask->sha256, finish.result.statement.isolation.trail_sha256, 32);
	ask->empty = !finish.result.statement.isolation.trail_bytes;
	ask->expect.session_id = ask->session_id;
	ask->expect.sha256 = ask->sha256;
	return 0;
}

/* A copy of a running session's trail from its node. */
static int fetch(const struct ask *ask, char **bytes, size_t *length)
{
	struct ceno_client client;
	json_t *reply = NULL;
	ssize_t n = 0;
	int fd = -1;

	*bytes = malloc(CENO_TRAIL_BYTES);
	if (*bytes && !ceno_client_open(&client, ask->options.socket)) {
		reply = ceno_client_call_fd(&client, "session.trail", json_pack("{s:s}", "session", ask->file), &fd);
		if (!reply)
			ceno_named_session_failed(&client, ask->file);
		ceno_client_close(&client);
	} else {
		ceno_cli_error("%s", *bytes ? client.error : "out of memory");
	}
	if (reply && fd >= 0)
		n = pread(fd, *bytes, CENO_TRAIL_BYTES, 0);
	if (fd >= 0)
		close(fd);
	if (!reply || n < 0) {
		free(*bytes);
		json_decref(reply);
		return CENO_EXIT_USAGE;
	}
	json_decref(reply);
	*length = (size_t)n;
	return 0;
}

static int print(const void *trail, const struct ceno_audit *audit, bool json)
{
	size_t (*render)(const void *, const struct ceno_audit *, char *, size_t) =
	    json ? ceno_audit_render_json : ceno_audit_render_text;
	size_t need = render(trail, audit, NULL, 0);
	char *text = malloc(need + 1);

	if (text)
		render(trail, audit, text, need + 1);
	return ceno_text_print(text, json) ? (int)audit->exit_status : CENO_EXIT_USAGE;
}

int ceno_command_audit(int argc, char **argv)
{
	static struct ceno_audit audit;
	struct ask ask = { 0 };
	size_t length;
	char *trail;
	int status = parse(argc, argv, &ask);

	if (status >= 0)
		return status;
	status = sodium_init() < 0 || load_bundle(&ask) || load_program(&ask) ? CENO_EXIT_USAGE : load_proof(&ask);
	if (!status && ask.running)
		status = fetch(&ask, &trail, &length);
	else if (!status && read_file(ask.file, CENO_TRAIL_BYTES, "trail", &trail, &length))
		status = CENO_EXIT_USAGE;
	if (status) {
		free(ask.bundle);
		return status;
	}
	if (ask.running) {
		ceno_units_parse_hex(ask.file, ask.session_id, sizeof ask.session_id);
		ask.expect.session_id = ask.session_id;
		fprintf(stderr, "ceno: session %s is running: its trail as it is now\n", ask.file);
	}
	if (!length && (ask.running || ask.empty)) {
		ceno_cli_error("no trail: the guest wrote none%s", ask.running ? " yet" : ", and the proof says so");
		free(trail);
		free(ask.bundle);
		return 4;
	}
	ceno_audit(trail, length, &ask.expect, &audit);
	status = print(trail, &audit, ask.options.json);
	free(trail);
	free(ask.bundle);
	return status;
}
