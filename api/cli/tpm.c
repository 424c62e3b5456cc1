/*
 * ceno tpm: the node's TPM and what is made in it.
 *
 *   init    while the node is stopped: ceno-attest opens the TPM, makes keys, counter, log and epoch, and says
 *           what they are; the answer is checked and the node pinned, as ceno run does
 *   show    the same of a running node, and changes nothing
 *   rotate  while the node is stopped: a new log, export or identity key
 *   follow  the user's pin to such a key, offline (tpm_follow.c)
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/supervisor/place.h"
#include "cli.h"
#include "client.h"
#include "options.h"
#include "pins.h"
#include "policy/units.h"
#include "text.h"
#include "tpm.h"
#include "tpm_follow.h"

#define STATE_DEFAULT "/var/lib/cenotaph"
#define OUTPUT_MAX    65536u

static const char usage[] = "usage: ceno tpm COMMAND [option]... [argument]...\n"
			    "The node's TPM and what is made in it.\n"
			    "\n"
			    "  init                 provision a stopped node's TPM, show what was made, pin the node\n"
			    "  show                 the same of a running node; changes nothing\n"
			    "  rotate KEY           replace a key of a stopped node: log, export or identity\n"
			    "  follow CHANGE LEAF   let your pin of a node follow that, anywhere\n"
			    "\n"
			    "Each takes --help.\n";

static struct ceno_verify_pins pins;
static char pin_path[4096];

static int load_pins(void)
{
	char error[CENO_PINS_ERROR_MAX] = "no HOME: nodes cannot be pinned";

	if (!ceno_pins_path(pin_path, sizeof pin_path) && ceno_pins_load(pin_path, &pins, error) >= 0)
		return 0;
	ceno_cli_error("%s", error);
	return -1;
}

static int save_pins(void)
{
	char error[CENO_PINS_ERROR_MAX];

	if (!ceno_pins_save(pin_path, &pins, error))
		return 0;
	ceno_cli_error("%s", error);
	return -1;
}

/* ---- ceno-attest -------------------------------------------------------------------------- */

static size_t read_all(int fd, char *out, size_t size)
{
	size_t have = 0;

	for (ssize_t n; have < size - 1 && (n = read(fd, out + have, size - 1 - have)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		have += (size_t)n;
	}
	out[have] = '\0';
	return have;
}

/* Runs it; what it prints into out, its errors go to ours. Its exit status, or -1 after a line. */
static int run_attest(const char **argv, char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	char path[4096];
	int pipe_fd[2], status = 0, rc;
	pid_t pid;

	argv[0] = "ceno-attest";
	if (pipe2(pipe_fd, O_CLOEXEC)) {
		ceno_cli_error("%s", strerror(errno));
		return -1;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], STDOUT_FILENO);
	ceno_place_find(CENO_PLACE_LIB, "ceno-attest", path);
	rc = posix_spawn(&pid, path, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fd[1]);
	if (rc)
		ceno_cli_error("ceno-attest: %s", strerror(rc));
	else
		read_all(pipe_fd[0], out, size);
	close(pipe_fd[0]);
	if (rc)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* DIR/attest, with DIR as cenod makes it. */
static int attest_state(const char *state, char out[4096])
{
	if ((size_t)snprintf(out, 4096, "%s/attest", state) >= 4096 || (mkdir(state, 0711) && errno != EEXIST)) {
		ceno_cli_error("%s: %s", state, strerror(strlen(state) > 4000 ? ENAMETOOLONG : errno));
		return -1;
	}
	return 0;
}

/* ---- init and show ------------------------------------------------------------------------- */

struct ask {
	const char *state, *tcti, *origin, *socket;
	bool state_given;
	bool force, json;
};

static struct ceno_tpm_facts facts;

/* Pin what init made. Returns an exit status. */
static int pin_and_print(const struct ask *ask)
{
	char word[4200];
	enum ceno_tpm_pinned pinned = ceno_tpm_facts_pin(&pins, &facts, ask->force);

	if (pinned == CENO_TPM_PIN_CONFLICT) {
		ceno_cli_error("%s names this node, its TPM or its log with another key; --force replaces that pin",
		               pin_path);
		return CENO_EXIT_FAILURE;
	}
	if (pinned == CENO_TPM_PIN_NEW && save_pins())
		return CENO_EXIT_FAILURE;
	snprintf(word, sizeof word, "%s in %s", pinned == CENO_TPM_PIN_NEW ? "written" : "already", pin_path);
	return ceno_tpm_facts_print(&facts, word, ask->json);
}

/* argv of ceno-attest --init; hex: room for one --pinned each. */
static unsigned init_argv(const struct ask *ask, const char *state, const char *nonce, char hex[][130],
                          const char **argv)
{
	unsigned n = 1;

	argv[n++] = "--state";
	argv[n++] = state;
	argv[n++] = "--init";
	argv[n++] = nonce;
	if (ask->tcti) {
		argv[n++] = "--tcti";
		argv[n++] = ask->tcti;
	}
	if (ask->origin) {
		argv[n++] = "--origin";
		argv[n++] = ask->origin;
	}
	if (ask->force)
		argv[n++] = "--force";
	for (uint32_t i = 0; i < pins.pin_count; i++) {
		ceno_units_format_hex(pins.pins[i].ak, 32, hex[i]);
		hex[i][64] = ':';
		ceno_units_format_hex(pins.pins[i].log_pub, 32, hex[i] + 65);
		argv[n++] = "--pinned";
		argv[n++] = hex[i];
	}
	argv[n] = NULL;
	return n;
}

/* Beside a node that runs, the default directory is hardly meant: if it is that node's, it is in use; if not, a second
 * identity would be made, and pinned, without a word. */
static bool beside_a_node(const struct ask *ask)
{
	struct ceno_client client;
	bool live = !ask->state_given && !ceno_client_open(&client, NULL);

	if (live) {
		ceno_client_close(&client);
		ceno_cli_error(
		    "a node runs here and has its identity (ceno tpm show); --state DIR for another node, or "
		    "stop this one");
	}
	return live;
}

static int init(const struct ask *ask)
{
	static const char *argv[16 + 2 * CENO_VERIFY_PINS_MAX];
	static char hex[CENO_VERIFY_PINS_MAX][130], out[OUTPUT_MAX];
	char state[4096], nonce_hex[65], error[CENO_TPM_FACTS_ERROR_MAX], *second;
	uint8_t nonce[32];
	int status;

	if (beside_a_node(ask) || load_pins() || attest_state(ask->state, state))
		return CENO_EXIT_FAILURE;
	ceno_cli_random(nonce, sizeof nonce);
	ceno_units_format_hex(nonce, 32, nonce_hex);
	init_argv(ask, state, nonce_hex, hex, argv);
	status = run_attest(argv, out, sizeof out);
	if (status) {
		if (status > 0) /* which has said why */
			ceno_cli_error("nothing was provisioned%s",
			               status == 3 ? "; if it is another TPM or log, --force goes on under that"
			                           : "; of a running node, ceno tpm show");
		return CENO_EXIT_FAILURE;
	}
	second = strchr(out, '\n');
	if (second)
		*second++ = '\0';
	if (ceno_tpm_facts_read(out, second ? second : "", nonce, &facts, error)) {
		ceno_cli_error("%s", error);
		return CENO_EXIT_FAILURE;
	}
	return pin_and_print(ask);
}

/* One text of the node; freed with *result. */
static const char *call(struct ceno_client *client, const char *method, json_t *params, const char *member,
                        json_t **result)
{
	const char *text;

	*result = ceno_client_call(client, method, params, NULL, 0);
	text = json_string_value(json_object_get(*result, member));
	if (!text)
		ceno_cli_error("%s", client->error[0] ? client->error : "the node's answer is empty");
	return text;
}

static const char *pinned_word(void)
{
	struct ceno_verify_pins copy = pins;

	switch (ceno_tpm_facts_pin(&copy, &facts, false)) {
	case CENO_TPM_PIN_KNOWN:
		return "yes";
	case CENO_TPM_PIN_CONFLICT:
		return "changed: your pin names this node, its TPM or its log with another key";
	default:
		return "no";
	}
}

static int show(const struct ask *ask)
{
	char hex[65], error[CENO_TPM_FACTS_ERROR_MAX];
	json_t *first = NULL, *second = NULL;
	const char *node = NULL, *endorsement = NULL;
	int status = CENO_EXIT_FAILURE;
	struct ceno_client client;
	uint8_t nonce[32];

	if (load_pins())
		return CENO_EXIT_FAILURE;
	ceno_cli_random(nonce, sizeof nonce);
	ceno_units_format_hex(nonce, 32, hex);
	if (ceno_client_open(&client, ask->socket))
		ceno_cli_error("%s", client.error);
	else
		node = call(&client, "node.attest", json_pack("{s:s}", "nonce", hex), "node", &first);
	if (node)
		endorsement = call(&client, "node.enrol", json_object(), "text", &second);
	if (endorsement && ceno_tpm_facts_read(node, endorsement, nonce, &facts, error))
		ceno_cli_error("%s", error);
	else if (endorsement)
		status = ceno_tpm_facts_print(&facts, pinned_word(), ask->json);
	json_decref(first);
	json_decref(second);
	ceno_client_close(&client);
	return status;
}

/* ---- rotate ---------------------------------------------------------------------------------- */

static int key_of(const json_t *change, const char *name, uint8_t out[32])
{
	const char *text = json_string_value(json_object_get(change, name));

	return text && !sodium_base642bin(out, 32, text, strlen(text), NULL, NULL, NULL, sodium_base64_VARIANT_ORIGINAL)
	    ? 0
	    : -1;
}

/* Who pinned the node by its old log key knows the new one from now on, too. */
static int follow(const json_t *change)
{
	const char *fresh = json_string_value(json_object_get(change, "new"));
	uint8_t old_pub[32], new_pub[32];
	char hex[65];

	if (!fresh || key_of(change, "old", old_pub) || key_of(change, "new", new_pub) || load_pins())
		return -1;
	for (uint32_t i = 0; i < pins.pin_count; i++) {
		struct ceno_verify_pin pin = pins.pins[i];

		if (memcmp(pin.log_pub, old_pub, 32) || pins.pin_count == CENO_VERIFY_PINS_MAX)
			continue;
		ceno_units_format_hex(pin.ak, 32, hex);
		ceno_text_line(stderr,
		               "ceno tpm rotate: other pin files of this node follow by ceno tpm follow, or by another "
		               "line, after theirs:");
		ceno_text_line(stderr, "pin %s sha256:%s %s", pin.origin, hex, fresh);
		pin.size = pin.nv_value = pin.clock_ms = 0;
		pin.reset_count = 0;
		memset(pin.root, 0, sizeof pin.root);
		memcpy(pin.log_pub, new_pub, 32);
		pins.pins[pins.pin_count++] = pin;
		return save_pins();
	}
	return 0;
}

/* The same of an identity key: the pins of this node that name the old one. */
static int follow_identity(const json_t *change)
{
	const char *origin = json_string_value(json_object_get(change, "origin"));
	uint8_t old_pub[32], new_pub[32];
	bool changed = false;

	if (!origin || key_of(change, "old", old_pub) || key_of(change, "new", new_pub) || load_pins())
		return -1;
	for (uint32_t i = 0; i < pins.pin_count; i++) {
		struct ceno_verify_pin *pin = &pins.pins[i];

		if (strcmp(pin->origin, origin) || memcmp(pin->identity, old_pub, 32))
			continue;
		memcpy(pin->identity, new_pub, 32);
		changed = true;
	}
	return changed ? save_pins() : 0;
}

static int rotate(const struct ask *ask, const char *key)
{
	static char out[OUTPUT_MAX];
	char state[4096];
	const char *argv[] = { NULL, "--state", state, "--rotate", key, NULL };
	json_t *change;
	int rc;

	if (attest_state(ask->state, state))
		return CENO_EXIT_FAILURE;
	rc = run_attest(argv, out, sizeof out);
	if (rc)
		return CENO_EXIT_FAILURE;
	change = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	rc = change ? 0 : -1;
	if (change && !strcmp(key, "log"))
		rc = follow(change);
	if (change && !strcmp(key, "identity"))
		rc = follow_identity(change);
	json_decref(change);
	ceno_text_lines(stdout, out);
	return rc ? CENO_EXIT_FAILURE : CENO_EXIT_OK;
}

/* ---- the command ------------------------------------------------------------------------------- */

enum { OPTION_STATE = 'd', OPTION_TCTI = 't', OPTION_ORIGIN = 'o', OPTION_FORCE = 'f' };

/* Options and exactly so many arguments. -1 to go on, or the exit status. */
static int parse(struct ceno_options *o, int arguments, const char *what, struct ask *ask)
{
	int option;

	*ask = (struct ask){ .state = STATE_DEFAULT };
	while ((option = ceno_options_next(o)) >= 0) {
		if (option == OPTION_STATE) {
			ask->state = optarg;
			ask->state_given = true;
		} else if (option == OPTION_TCTI)
			ask->tcti = optarg;
		else if (option == OPTION_ORIGIN)
			ask->origin = optarg;
		ask->force |= option == OPTION_FORCE;
	}
	if (o->status >= 0 || ceno_options_arguments(o, arguments, arguments, what))
		return o->status;
	ask->json = o->json;
	ask->socket = o->socket;
	return sodium_init() < 0 ? CENO_EXIT_FAILURE : -1;
}

static int tpm_init(int argc, char **argv)
{
	static const char text[] =
	    "usage: ceno tpm init [--state DIR] [--tcti STRING] [--origin NAME] [--force] [--json]\n"
	    "Provision a stopped node's TPM (keys, counter, log, epoch), show what was made, pin the\n"
	    "node. STRING is a TPM as tpm2-tss names it (device:/dev/tpmrm0); without it a software\n"
	    "TPM of the node's own. Run again it shows the same. What would make a node that is pinned\n"
	    "another one is refused without --force, and nothing is changed; so is, without --state,\n"
	    "a second node beside one that runs.\n"
	    "Exit status: 0; 1 refused, or no TPM.\n";
	static const struct option table[] = {
		{ "state", required_argument, NULL, OPTION_STATE },
		{ "tcti", required_argument, NULL, OPTION_TCTI },
		{ "origin", required_argument, NULL, OPTION_ORIGIN },
		{ "force", no_argument, NULL, OPTION_FORCE },
		CENO_OPTIONS_JSON,
		CENO_OPTIONS_END,
	};
	struct ceno_options o = { .usage = text, .table = table, .argc = argc, .argv = argv };
	struct ask ask;
	int status = parse(&o, 0, "", &ask);

	return status >= 0 ? status : init(&ask);
}

static int tpm_show(int argc, char **argv)
{
	static const char text[] =
	    "usage: ceno tpm show [--json] [--socket PATH]\n"
	    "What ceno tpm init shows, of a running node, checked by a quote over a fresh nonce.\n"
	    "Exit status: 0; 1 the quote is not good, or there is no node.\n";
	static const struct option table[] = { CENO_OPTIONS_JSON, CENO_OPTIONS_SOCKET, CENO_OPTIONS_END };
	struct ceno_options o = { .usage = text, .table = table, .argc = argc, .argv = argv };
	struct ask ask;
	int status = parse(&o, 0, "", &ask);

	return status >= 0 ? status : show(&ask);
}

static int tpm_rotate(int argc, char **argv)
{
	static const char text[] =
	    "usage: ceno tpm rotate [--state DIR] log|export|identity\n"
	    "Replace a key of a stopped node, with a leaf in its log that says so; prints the change as\n"
	    "JSON. A new log key is pinned beside the old one; for other pin files a line is printed on\n"
	    "standard error. Exit status: 0; 1 refused.\n";
	static const struct option table[] = { { "state", required_argument, NULL, OPTION_STATE }, CENO_OPTIONS_END };
	struct ceno_options o = { .usage = text, .table = table, .argc = argc, .argv = argv };
	struct ask ask;
	int status = parse(&o, 1, "KEY", &ask);
	const char *key;

	if (status >= 0)
		return status;
	key = argv[o.first];
	if (strcmp(key, "log") && strcmp(key, "export") && strcmp(key, "identity"))
		return ceno_options_misuse(text, "KEY is log, export or identity, not `%s'", key);
	return rotate(&ask, key);
}

int ceno_command_tpm(int argc, char **argv)
{
	static const struct ceno_cli_command commands[] = {
		{ "init", "ceno tpm init", tpm_init, 0 },
		{ "show", "ceno tpm show", tpm_show, 0 },
		{ "rotate", "ceno tpm rotate", tpm_rotate, 0 },
		{ "follow", "ceno tpm follow", ceno_tpm_follow, CENO_EXIT_USAGE },
	};

	return ceno_cli_dispatch(commands, sizeof commands / sizeof commands[0], usage, argc, argv);
}
