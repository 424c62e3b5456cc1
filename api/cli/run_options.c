/* Options of ceno run: see run_options.h. */
#include "run_options.h"

#include <string.h>

#include "cli.h"
#include "options.h"
#include "policy/metadata.h"
#include "policy/pledge.h"
#include "policy/units.h"
#include "text.h"

static const char usage[] =
    "usage: ceno run [option]... -- PROGRAM [ARG]...\n"
    "Run a Linux program in a micro-VM made for it alone, destroy the VM, keep the proof.\n"
    "PROGRAM is found on your PATH and lies at /bin/ in the guest, inputs at /in/. With an image\n"
    "PROGRAM is the image's (in its /bin, or an absolute path), or yours if it begins with . or ..\n"
    "\n"
    "  --image NAME|ID       an image of the node, read-only below everything (ceno image ls)\n"
    "  --share WHO           who shares the image's memory: tenant (you), session, node\n"
    "  --input PATH[=NAME]   a file or directory, read-only at /in/NAME (repeatable)\n"
    "  --output DIR          put what the program left in /out into DIR\n"
    "  --env NAME=VALUE      a variable for the program (repeatable; nothing is inherited)\n"
    "  --workdir DIR         where in the guest the program starts (default /)\n"
    "  --timeout TIME        end the session, with status 124, if the program takes longer\n"
    "  --memory SIZE         session memory, a multiple of 2M (default 256M)\n"
    "  --ttl TIME            the longest it may live: 500ms, 30s, 5m (default: your tier's)\n"
    "  --pledge LIST         what it may use: stdio; rw (files); spawn (programs, processes); default all three.\n"
    "                        What needs more ends the program; with the word error, it is ENOSYS\n"
    "  --proof FILE          where the proof goes (default proof.cdp.json)\n"
    "  --no-proof            do not keep the proof (the node does; ceno destroy gets it)\n"
    "  --trail FILE          keep what the guest wrote down about itself (ceno audit checks it)\n"
    "  --opening FILE        keep the 32 bytes that open the proof's request commitment\n"
    "  --nonce HEX           a nonce (64 hex digits) that the proof must answer\n"
    "  --classification WORD general PHI PII financial credentials (declared in the proof)\n"
    "  --jurisdiction WORD   US EU UK CA AU IN OTHER (declared in the proof)\n"
    "  --passes N            keyed passes over the memory when it is destroyed, 1 to 7 (default 1)\n"
    "  --native              PROGRAM is a native file (made by ceno-native), not a Linux program\n"
    "  --hold                stay after the program ends, for ceno exec, until destroyed\n"
    "  --tty                 your terminal is the program's: line editing, job control, size\n"
    "  --no-stdin            the program's standard input is empty\n"
    "  --quiet               no summary; --json: one JSON object on stderr instead of it\n"
    "  --socket PATH         the node's socket (default $CENO_SOCKET or /run/cenotaph/cenod.sock)\n"
    "\n"
    "Ctrl-C destroys the session, with its proof. Exit status: the program's own (128 + signal\n"
    "if it was killed); 125 refused or failed; 126 it cannot be executed; 127 it, or its interpreter, is not there.\n";

#define MEMORY_STEP (2ull << 20)

enum {
	IMAGE = 256,
	SHARE,
	WORKDIR,
	OUTPUT,
	TIMEOUT,
	INPUT,
	ENV,
	MEMORY,
	TTL,
	PLEDGE,
	PROOF,
	NO_PROOF,
	TRAIL,
	OPENING,
	NONCE,
	CLASSIFICATION,
	JURISDICTION,
	PASSES,
	NATIVE,
	HOLD,
	NO_STDIN,
	TTY,
	QUIET
};

static const struct option options_table[] = {
	{ "image", required_argument, NULL, IMAGE },
	{ "share", required_argument, NULL, SHARE },
	{ "output", required_argument, NULL, OUTPUT },
	{ "workdir", required_argument, NULL, WORKDIR },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "input", required_argument, NULL, INPUT },
	{ "env", required_argument, NULL, ENV },
	{ "memory", required_argument, NULL, MEMORY },
	{ "ttl", required_argument, NULL, TTL },
	{ "pledge", required_argument, NULL, PLEDGE },
	{ "proof", required_argument, NULL, PROOF },
	{ "no-proof", no_argument, NULL, NO_PROOF },
	{ "trail", required_argument, NULL, TRAIL },
	{ "opening", required_argument, NULL, OPENING },
	{ "nonce", required_argument, NULL, NONCE },
	{ "classification", required_argument, NULL, CLASSIFICATION },
	{ "jurisdiction", required_argument, NULL, JURISDICTION },
	{ "passes", required_argument, NULL, PASSES },
	{ "native", no_argument, NULL, NATIVE },
	{ "hold", no_argument, NULL, HOLD },
	{ "no-stdin", no_argument, NULL, NO_STDIN },
	{ "tty", no_argument, NULL, TTY },
	{ "quiet", no_argument, NULL, QUIET },
	CENO_OPTIONS_JSON,
	CENO_OPTIONS_SOCKET,
	CENO_OPTIONS_END,
};

static int bad(const char *option, const char *takes)
{
	return ceno_options_misuse(usage, "%s takes %s, not `%s'", option, takes, optarg);
}

static int add(const char **list, uint32_t *count, uint32_t max, const char *what)
{
	if (*count >= max)
		return ceno_options_misuse(usage, "more than %u %s", max, what);
	list[(*count)++] = optarg;
	return -1;
}

static int checked(const char **field, const char *option, const char *takes, int (*parse)(const char *))
{
	if (parse(optarg) < 0)
		return bad(option, takes);
	*field = optarg;
	return -1;
}

static int parse_pledge(struct ceno_run_options *o)
{
	uint32_t mask;
	bool errors;
	int class;

	if (ceno_pledge_parse(optarg, &mask, &errors))
		return bad("--pledge", "classes separated by commas (stdio,rw,spawn)");
	if (!(mask & 1u << CENO_PLEDGE_STDIO))
		return bad("--pledge", "at least stdio");
	class = ceno_pledge_unoffered(mask);
	if (class >= 0) {
		ceno_cli_error("--pledge: this node has no device for `%s'", ceno_pledge_word((uint32_t) class));
		return CENO_EXIT_RUN_FAILED;
	}
	o->pledge = optarg;
	return -1;
}

static int one(int option, struct ceno_run_options *o)
{
	switch (option) {
	case IMAGE:
		if (!ceno_text_is_utf8(optarg))
			return bad("--image", "the name of an image, or its id");
		o->image = optarg;
		return -1;
	case SHARE:
		if (strcmp(optarg, "tenant") && strcmp(optarg, "session") && strcmp(optarg, "node"))
			return bad("--share", "tenant, session or node");
		o->share = optarg;
		return -1;
	case WORKDIR:
		if (!ceno_workdir_usable(optarg))
			return bad("--workdir", CENO_WORKDIR_TAKES);
		o->workdir = optarg;
		return -1;
	case OUTPUT:
		o->output = optarg;
		return -1;
	case TIMEOUT:
		return ceno_units_parse_ms(optarg, &o->timeout_ms) || !o->timeout_ms
		    ? bad("--timeout", "a time such as 500ms, 30s or 5m")
		    : -1;
	case INPUT:
		return add(o->inputs, &o->input_count, CENO_SESSION_FILES_MAX - 1, "inputs");
	case ENV:
		if (!ceno_env_usable(optarg))
			return bad("--env", "NAME=VALUE");
		return add(o->env, &o->env_count, CENO_ENV_MAX, "variables");
	case MEMORY:
		return ceno_units_parse_bytes(optarg, &o->memory_bytes) || !o->memory_bytes ||
			o->memory_bytes % MEMORY_STEP
		    ? bad("--memory", "a size such as 256M, a multiple of 2M")
		    : -1;
	case TTL:
		return ceno_units_parse_ms(optarg, &o->ttl_ms) || !o->ttl_ms
		    ? bad("--ttl", "a time such as 500ms, 30s or 5m")
		    : -1;
	case PLEDGE:
		return parse_pledge(o);
	case PROOF:
		o->proof = optarg;
		return -1;
	case NO_PROOF:
		o->no_proof = true;
		return -1;
	case TRAIL:
		o->trail = optarg;
		return -1;
	case OPENING:
		o->opening = optarg;
		return -1;
	case NONCE:
		o->has_nonce = !ceno_units_parse_hex(optarg, o->nonce, 32);
		return o->has_nonce ? -1 : bad("--nonce", "64 lowercase hexadecimal digits");
	case CLASSIFICATION:
		return checked(&o->classification, "--classification", "general, PHI, PII, financial or credentials",
		               ceno_classification_parse);
	case JURISDICTION:
		return checked(&o->jurisdiction, "--jurisdiction", "US, EU, UK, CA, AU, IN or OTHER",
		               ceno_jurisdiction_parse);
	case PASSES:
		if (optarg[0] < '1' || optarg[0] > '7' || optarg[1])
			return bad("--passes", "a number from 1 to 7");
		o->passes = (unsigned)(optarg[0] - '0');
		return -1;
	case NATIVE:
		o->native = true;
		return -1;
	case HOLD:
		o->hold = true;
		return -1;
	case NO_STDIN:
		o->no_stdin = true;
		return -1;
	case TTY:
		o->tty = true;
		return -1;
	default: /* QUIET */
		o->quiet = true;
		return -1;
	}
}

/* As typed: one would take the other's place. */
static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* What is wrong with them together; NULL nothing. */
static const char *contradiction(const struct ceno_run_options *o)
{
	if (o->no_proof && o->proof)
		return "--no-proof and --proof: one or the other";
	if (o->native && o->output)
		return "--output: a native program has no files";
	if (o->native && o->image)
		return "--image: a native program has no image";
	if (o->tty && (o->native || o->no_stdin || o->json))
		return "--tty: not with --native, --no-stdin or --json";
	if (o->native && o->hold)
		return "--hold: a native session runs one program";
	if (same(o->proof, o->trail) || same(o->proof, o->opening) || same(o->trail, o->opening))
		return "--proof, --trail and --opening: two of them name the same file";
	return NULL;
}

int ceno_run_options_parse(int argc, char **argv, struct ceno_run_options *o)
{
	struct ceno_options options = {
		.usage = usage, .table = options_table, .program = true, .argc = argc, .argv = argv
	};
	const char *wrong;
	int option, status;

	memset(o, 0, sizeof *o);
	while ((option = ceno_options_next(&options)) >= 0) {
		status = one(option, o);
		if (status >= 0)
			return status;
	}
	if (options.status >= 0 || ceno_options_arguments(&options, 1, argc, "program"))
		return options.status;
	wrong = contradiction(o);
	if (!wrong && !o->no_proof && !o->proof) {
		o->proof = CENO_RUN_PROOF_DEFAULT;
		wrong = contradiction(o);
	}
	if (wrong)
		return ceno_options_misuse(usage, "%s", wrong);
	o->socket = options.socket;
	o->json = options.json;
	o->program = argv + options.first;
	o->program_count = (uint32_t)(argc - options.first);
	return -1;
}
