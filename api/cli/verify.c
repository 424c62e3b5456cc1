/*
 * ceno verify: checks a proof with nobody's help. No daemon, no network; the
 * checks themselves are the pure library attest/verify.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attest/verify/verify.h"
#include "cli.h"
#include "options.h"
#include "pins.h"
#include "policy/units.h"
#include "proof_file.h"
#include "proof_show.h"
#include "text.h"

static const char usage[] =
    "usage: ceno verify [option]... FILE\n"
    "Check a proof of destruction, offline. FILE is - for standard input.\n"
    "\n"
    "  --nonce HEX        the nonce you asked for must be in it (64 hex digits)\n"
    "  --request HEX      the request commitment you expect (ceno measure run)\n"
    "  --mem WHICH        recompute the memory roots: full (default), sample:N passes, none\n"
    "  --pin-file FILE    the nodes you know (default ~/.config/cenotaph/pins); also --pin\n"
    "  --policy FILE      what you ask of a proof; without it: a node you pinned made it\n"
    "  --reference FILE   signed reference values (may be repeated)\n"
    "  --event-log FILE   the node's host's boot event log (binary_bios_measurements): it must explain\n"
    "                     PCRs 0 to 9\n"
    "  --ima FILE         the node's host's IMA list (binary_runtime_measurements): it must explain PCR 10\n"
    "                     and, with reference values that list executables, name no other\n"
    "  --as-of TIME       judge as of this time (seconds since 1970, or 2026-01-31[T12:00:00Z]);\n"
    "                     default: now\n"
    "  --compare FILE     another checkpoint of the node's log, to find a fork\n"
    "  --seen FILE        a proof you took earlier, to find a replay (may be repeated)\n"
    "  --refuse-test-key  a guest signed by a test key fails\n"
    "  --explain          go on after the first failure\n"
    "  --json             one JSON object: every check with its reason code\n"
    "\n"
    "Exit status: 0 verified; 1 invalid; 2 usage or I/O; 3 something asked for could not be\n"
    "checked; 4 consistent, but below the asked assurance (the maker is not pinned);\n"
    "5 rollback or replay; 6 revoked.\n";

#define FILES_MAX      16u
#define POLICY_MAX     (256u * 1024)
#define REFERENCE_MAX  65536u
#define COMPARISON_MAX 65536u
#define EVENT_LOG_MAX  (4u << 20)
#define IMA_MAX        (64u << 20)

struct ask {
	struct ceno_options options;
	const char *pdf_file;
	bool show, asked; /* proof show; a policy or pins were named */
	bool memory;      /* --mem was given */
	const char *file, *pin_file, *policy_file, *compare_file, *event_log_file, *ima_file;
	const char *reference_files[FILES_MAX], *seen_files[FILES_MAX];
	uint32_t references, seen;
	uint8_t nonce[32], request[32];
	struct ceno_verify_policy policy;
};

static int parse_memory(const char *text, struct ceno_verify_policy *policy)
{
	char *end;
	unsigned long count;

	if (!strcmp(text, "full"))
		policy->memory = CENO_MEMORY_FULL;
	else if (!strcmp(text, "none"))
		policy->memory = CENO_MEMORY_NONE;
	else if (!strncmp(text, "sample:", 7)) {
		count = strtoul(text + 7, &end, 10);
		if (text[7] < '1' || text[7] > '9' || *end || count > 1000)
			return -1;
		policy->memory = CENO_MEMORY_SAMPLE;
		policy->sample = (uint32_t)count;
		ceno_cli_random(&policy->sample_start, sizeof policy->sample_start);
	} else {
		return -1;
	}
	return 0;
}

static int parse_time(const char *text, uint64_t *out)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	char *stop;

	if (end && *end == 'T')
		end = strptime(end, "T%H:%M:%SZ", &tm);
	if (end && !*end) {
		int day = tm.tm_mday;
		time_t at = timegm(&tm); /* makes 3 March of 31 February */
		*out = at < 0 ? 0 : (uint64_t)at;
		return at < 0 || tm.tm_mday != day ? -1 : 0;
	}
	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*out = strtoull(text, &stop, 10);
	return errno || *stop || *out == CENO_VERIFY_NO_TIME ? -1 : 0;
}

static int add_file(const struct ask *ask, const char **files, uint32_t *count)
{
	if (*count == FILES_MAX)
		return ceno_options_misuse(ask->options.usage, "at most %u files of one kind", FILES_MAX);
	files[(*count)++] = optarg;
	return -1;
}

/* One option. -1: go on. */
static int parse_one(int option, struct ask *ask)
{
	switch (option) {
	case 'e':
		ask->policy.explain = 1;
		return -1;
	case 't':
		ask->policy.refuse_test_key = 1;
		return -1;
	case 'p':
		ask->pin_file = optarg;
		ask->asked = true;
		return -1;
	case 'P':
		ask->policy_file = optarg;
		ask->asked = true;
		return -1;
	case 'c':
		ask->compare_file = optarg;
		return -1;
	case 'E':
		ask->event_log_file = optarg;
		return -1;
	case 'I':
		ask->ima_file = optarg;
		return -1;
	case 'r':
		return add_file(ask, ask->reference_files, &ask->references);
	case 's':
		return add_file(ask, ask->seen_files, &ask->seen);
	case 'm':
		ask->memory = true;
		if (!parse_memory(optarg, &ask->policy))
			return -1;
		return ceno_options_bad(&ask->options, "--mem", "full, sample:N or none");
	case 'a':
		if (!parse_time(optarg, &ask->policy.as_of))
			return -1;
		return ceno_options_bad(&ask->options, "--as-of", "seconds since 1970 or a date like 2026-01-31");
	case 'n':
	case 'R':
		if (ceno_units_parse_hex(optarg, option == 'n' ? ask->nonce : ask->request, 32))
			return ceno_options_bad(&ask->options, option == 'n' ? "--nonce" : "--request",
			                        "64 lowercase hexadecimal digits");
		if (option == 'n')
			ask->policy.rp_nonce = ask->nonce;
		else
			ask->policy.request = ask->request;
		return -1;
	default: /* 'd' */
		ask->pdf_file = optarg;
		return -1;
	}
}

/* argv's options, of a usage. pdf: --pdf is one. -1: go on. */
static int parse(int argc, char **argv, const char *usage_text, bool pdf, struct ask *ask)
{
	static const struct option rows[] = {
		{ "pdf", required_argument, NULL, 'd' },
		CENO_OPTIONS_JSON,
		{ "explain", no_argument, NULL, 'e' },
		{ "mem", required_argument, NULL, 'm' },
		{ "nonce", required_argument, NULL, 'n' },
		{ "request", required_argument, NULL, 'R' },
		{ "pin", required_argument, NULL, 'p' },
		{ "pin-file", required_argument, NULL, 'p' },
		{ "policy", required_argument, NULL, 'P' },
		{ "reference", required_argument, NULL, 'r' },
		{ "as-of", required_argument, NULL, 'a' },
		{ "compare", required_argument, NULL, 'c' },
		{ "event-log", required_argument, NULL, 'E' },
		{ "ima", required_argument, NULL, 'I' },
		{ "seen", required_argument, NULL, 's' },
		{ "refuse-test-key", no_argument, NULL, 't' },
		CENO_OPTIONS_END,
	};
	int option, status;

	ask->options = (struct ceno_options){ .usage = usage_text, .table = rows + !pdf, .argc = argc, .argv = argv };
	while ((option = ceno_options_next(&ask->options)) >= 0) {
		status = parse_one(option, ask);
		if (status >= 0)
			return status;
	}
	if (ask->options.status >= 0 || ceno_options_arguments(&ask->options, 1, 1, "FILE"))
		return ask->options.status;
	ask->file = argv[ask->options.first];
	return -1;
}

static int print(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy, bool json)
{
	size_t (*render)(const struct ceno_verify_result *, const struct ceno_verify_policy *, char *, size_t) =
	    json ? ceno_verify_render_json : ceno_verify_render_text;
	size_t need = render(result, policy, NULL, 0);
	char *text = malloc(need + 1);

	if (text)
		render(result, policy, text, need + 1);
	return ceno_text_print(text, json) ? (int)result->exit_status : CENO_EXIT_USAGE;
}

static int load_pins(const struct ask *ask, struct ceno_verify_pins *pins)
{
	char path[4096], error[CENO_PINS_ERROR_MAX];
	int rc;

	if (!ask->pin_file && ceno_pins_path(path, sizeof path))
		return 0; /* nobody is pinned */
	rc = ceno_pins_load(ask->pin_file ? ask->pin_file : path, pins, error);
	if (rc < 0)
		ceno_cli_error("%s", error);
	else if (rc > 0 && ask->pin_file)
		ceno_cli_error("pin file %s: %s", ask->pin_file, strerror(ENOENT));
	return rc < 0 || (rc > 0 && ask->pin_file) ? -1 : 0;
}

/* A small text file that the user named. NULL: said on stderr. */
static char *load_text(const char *what, const char *path, size_t max, size_t *length)
{
	char *text;
	int rc = ceno_file_read(path, max, &text, length);

	if (!rc)
		return text;
	ceno_cli_error("%s %s: %s", what, path, strerror(-rc));
	return NULL;
}

static int load_policy(struct ask *ask)
{
	static struct ceno_verify_rules rules;
	struct ceno_verify_policy before = ask->policy;
	uint32_t line;
	size_t length;
	char *text;
	int rc;

	if (!ask->policy_file)
		return 0;
	text = load_text("policy", ask->policy_file, POLICY_MAX, &length);
	rc = text ? ceno_verify_rules_parse(text, length, &rules, &line) : 1;
	free(text);
	if (rc < 0)
		ceno_cli_error("policy %s, line %u: %s", ask->policy_file, line,
		               rc == CENO_VERIFY_PIN_E_EMPTY ? "it asks nothing" : "malformed");
	if (rc)
		return -1;
	ceno_verify_policy_apply(&ask->policy, &rules);
	if (ask->memory) { /* the command line is more particular than the file */
		ask->policy.memory = before.memory;
		ask->policy.sample = before.sample;
	}
	if (ask->policy.memory == CENO_MEMORY_SAMPLE)
		ceno_cli_random(&ask->policy.sample_start, sizeof ask->policy.sample_start);
	return 0;
}

static int load_references(struct ask *ask)
{
	static struct ceno_verify_reference references[FILES_MAX];

	for (uint32_t i = 0; i < ask->references; i++) {
		uint32_t line;
		size_t length;
		char *text = load_text("reference values", ask->reference_files[i], REFERENCE_MAX, &length);
		int rc = text ? ceno_verify_reference_parse(text, length, &references[i], &line) : 1;

		free(text);
		if (rc < 0)
			ceno_cli_error("reference values %s, line %u: malformed, or not signed by the key they name",
			               ask->reference_files[i], line);
		if (rc)
			return -1;
	}
	ask->policy.references = references;
	ask->policy.reference_count = ask->references;
	return 0;
}

/* Each proof that was taken earlier, checked under the same policy: one that fails was not taken. */
static int load_seen(struct ask *ask)
{
	static struct ceno_verify_seen seen[FILES_MAX];
	static struct ceno_verify_result result;
	struct ceno_verify_policy policy = ask->policy;

	policy.rp_nonce = policy.request = policy.event_log = policy.ima = NULL; /* each is of one proof's time */
	for (uint32_t i = 0; i < ask->seen; i++) {
		size_t length;
		char *file = load_text("proof", ask->seen_files[i], (size_t)4 * CENO_CDP_FILE_MAX, &length);
		int rc = file ? ceno_verify(file, length, &policy, &result) : -1;

		free(file);
		if (!rc && result.exit_status)
			ceno_cli_error("%s does not verify: it cannot have been taken earlier", ask->seen_files[i]);
		if (rc || result.exit_status)
			return -1;
		memcpy(seen[i].ak, result.ak, 32);
		memcpy(seen[i].session_id, result.statement.core.session_id, 16);
		seen[i].launch_index = result.seal.step8.launch_index;
		memcpy(seen[i].c8, result.chain[8], 32);
	}
	ask->policy.seen = seen;
	ask->policy.seen_count = ask->seen;
	return 0;
}

/* What the verifier borrows until it has its verdict. */
struct borrowed {
	char *compare, *event_log, *ima;
};

static void free_borrowed(struct ask *ask, struct borrowed *borrowed)
{
	free(borrowed->compare);
	free(borrowed->event_log);
	free(borrowed->ima);
	ask->policy.compare = NULL;
	ask->policy.event_log = ask->policy.ima = NULL;
}

static int load_logs(struct ask *ask, struct borrowed *borrowed)
{
	struct ceno_verify_policy *p = &ask->policy;

	if (ask->event_log_file) {
		borrowed->event_log = load_text("event log", ask->event_log_file, EVENT_LOG_MAX, &p->event_log_bytes);
		p->event_log = (const uint8_t *)borrowed->event_log;
	}
	if (ask->ima_file) {
		borrowed->ima = load_text("IMA list", ask->ima_file, IMA_MAX, &p->ima_bytes);
		p->ima = (const uint8_t *)borrowed->ima;
	}
	return (ask->event_log_file && !p->event_log) || (ask->ima_file && !p->ima) ? -1 : 0;
}

static int load_asked(struct ask *ask, struct borrowed *borrowed)
{
	static struct ceno_verify_pins pins;

	if (load_pins(ask, &pins) || load_policy(ask) || load_references(ask))
		return -1;
	ask->policy.pins = &pins;
	if (ask->compare_file) {
		borrowed->compare =
		    load_text("comparison", ask->compare_file, COMPARISON_MAX, &ask->policy.compare_bytes);
		ask->policy.compare = borrowed->compare;
		if (!borrowed->compare)
			return -1;
	}
	return load_logs(ask, borrowed) ? -1 : load_seen(ask);
}

/* One verification, then the process ends: no names and tables that nobody asks for (more than a millisecond's worth). */
static void lean_openssl(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
	                        OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
	                    NULL);
}

/* At most a byte more than a proof can have is ever read: that it is there is FILE_SIZE, however many follow. */
static int read_proof(const char *path, char **file, size_t *length)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : ceno_file_read_first(fd, CENO_CDP_FILE_MAX + 1, file, length);

	if (!standard && fd >= 0)
		close(fd);
	if (rc)
		ceno_cli_error("%s: %s", standard ? "standard input" : path, strerror(-rc));
	return rc;
}

/* A line that goes as it came: how far a memory root is, to a user who waits. */
static void say_progress(void *arg, uint32_t pass, uint64_t done, uint64_t bytes)
{
	*(bool *)arg = true;
	fprintf(stderr, "\rmemory root of pass %u: %u %%", pass, (unsigned)(done * 100 / bytes));
}

/* Options, then the verdict. -1: it is in *result; else the exit status, and why is said. file: gets the proof
 * (owned by the caller, freed in any case) of *length bytes. */
static int run(int argc, char **argv, const char *usage_text, bool pdf, struct ask *ask,
               struct ceno_verify_result *result, char **file, size_t *length)
{
	struct borrowed borrowed = { 0 };
	bool told = false;
	int status;

	ceno_verify_policy_init(&ask->policy);
	ask->policy.as_of = (uint64_t)time(NULL);
	status = parse(argc, argv, usage_text, pdf, ask);
	if (status >= 0)
		return status;
	status = CENO_EXIT_USAGE;
	lean_openssl();
	if (sodium_init() < 0 || load_asked(ask, &borrowed))
		goto out;
	if (ask->show && !ask->asked && !ask->memory)
		ask->policy.memory = CENO_MEMORY_NONE;
	if (read_proof(ask->file, file, length))
		goto out;
	if (isatty(STDERR_FILENO))
		ask->policy.progress = say_progress;
	ask->policy.progress_arg = &told;
	if (ceno_verify(*file, *length, &ask->policy, result))
		ceno_cli_error("out of memory");
	else
		status = -1;
	if (told)
		fputs("\r\033[K", stderr);
out:
	free_borrowed(ask, &borrowed);
	return status;
}

int ceno_command_verify(int argc, char **argv)
{
	static struct ceno_verify_result result;
	struct ask ask = { 0 };
	char *file = NULL;
	size_t length = 0;
	int status = run(argc, argv, usage, false, &ask, &result, &file, &length);

	free(file);
	return status >= 0 ? status : print(&result, &ask.policy, ask.options.json);
}

static const char show_usage[] =
    "usage: ceno proof show [--json] [option of ceno verify]... FILE\n"
    "What a proof says: the session, the eight steps as a timeline, every field. It is not verified,\n"
    "and says so first, unless --policy FILE or --pin-file FILE is given: then the verdict under\n"
    "that comes first. Exit status: that of ceno verify with these; else 0, or 1 if it cannot be good.\n";

int ceno_proof_show(int argc, char **argv)
{
	static struct ceno_verify_result result;
	struct ask ask = { .show = true };
	char *file = NULL;
	size_t length = 0;
	int status = run(argc, argv, show_usage, false, &ask, &result, &file, &length);

	if (status < 0)
		status = ceno_proof_show_print(ask.file, file, length, &result, ask.asked, ask.options.json);
	free(file);
	return status;
}

#define CERTIFICATE_MAX 16384u

static const char cert_usage[] =
    "usage: ceno proof cert [--pdf FILE] [option of ceno verify]... FILE\n"
    "A one-page certificate of sanitization (NIST SP 800-88r2), from a proof that verifies\n"
    "under what is asked, and from no other. On standard output as text, or as PDF in a file.\n"
    "Exit status: that of ceno verify.\n";

static int write_pdf(const char *path, const char *certificate)
{
	static char pdf[2 * CERTIFICATE_MAX];
	char error[CENO_PROOF_FILE_ERROR_MAX] = "the certificate does not fit a page";
	size_t length = ceno_verify_render_pdf(certificate, pdf, sizeof pdf);
	struct ceno_proof_file file;

	if (length < sizeof pdf && !ceno_proof_file_open(&file, path, length, error) &&
	    !ceno_proof_file_commit(&file, pdf, length, error))
		return CENO_EXIT_OK;
	ceno_cli_error("%s", error);
	return CENO_EXIT_USAGE;
}

int ceno_proof_cert(int argc, char **argv)
{
	static struct ceno_verify_result result;
	static char certificate[CERTIFICATE_MAX];
	struct ask ask = { 0 };
	char *file = NULL;
	size_t length = 0;
	int status = run(argc, argv, cert_usage, true, &ask, &result, &file, &length);

	free(file);
	if (status >= 0)
		return status;
	if (!ceno_verify_render_certificate(&result, &ask.policy, certificate, sizeof certificate)) {
		const struct ceno_verify_code_info *why =
		    result.verdict < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(result.verdict) : NULL;

		ceno_cli_error("%s: no certificate: %s", ask.file, why ? why->text : "nothing says who made it");
		return result.exit_status ? (int)result.exit_status : CENO_EXIT_FAILURE;
	}
	if (ask.pdf_file)
		return write_pdf(ask.pdf_file, certificate);
	ceno_text_lines(stdout, certificate);
	return CENO_EXIT_OK;
}
