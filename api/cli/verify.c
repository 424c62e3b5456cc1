/*
 * ceno verify: checks a proof with nobody's help. No daemon, no network; the
 * checks themselves are the pure library attest/verify.
 */
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/verify/verify.h"
#include "cli.h"
#include "pins.h"
#include "policy/units.h"
#include "proof_file.h"

static const char usage[] = "usage: ceno verify [option]... FILE\n"
			    "Check a proof of destruction, offline.\n"
			    "\n"
			    "  --nonce HEX      the nonce you asked for must be in it (64 hex digits)\n"
			    "  --mem WHICH      recompute the memory roots: full (default), sample:N passes, none\n"
			    "  --pin FILE       the nodes you know (default ~/.config/cenotaph/pins)\n"
			    "  --refuse-test-key  a guest signed by a test key fails\n"
			    "  --explain        go on after the first failure\n"
			    "  --json           one JSON object: every check with its reason code\n"
			    "\n"
			    "Exit status: 0 verified; 1 invalid; 2 usage or I/O; 3 something asked for could not be\n"
			    "checked; 4 consistent, but below the asked assurance (the maker is not pinned);\n"
			    "5 rollback or replay; 6 revoked.\n";

#define TEXT_FIRST 16384u

struct ask {
	const char *file, *pin_file;
	uint8_t nonce[32];
	bool has_nonce, json;
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

static int parse(int argc, char **argv, struct ask *ask)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },      { "explain", no_argument, NULL, 'e' },
		{ "mem", required_argument, NULL, 'm' }, { "nonce", required_argument, NULL, 'n' },
		{ "pin", required_argument, NULL, 'p' }, { "refuse-test-key", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },      { 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'j':
			ask->json = true;
			break;
		case 'e':
			ask->policy.explain = 1;
			break;
		case 'p':
			ask->pin_file = optarg;
			break;
		case 't':
			ask->policy.refuse_test_key = 1;
			break;
		case 'm':
			if (parse_memory(optarg, &ask->policy)) {
				ceno_cli_error("--mem takes full, sample:N or none, not `%s'", optarg);
				return CENO_EXIT_USAGE;
			}
			break;
		case 'n':
			if (ceno_units_parse_hex(optarg, ask->nonce, 32)) {
				ceno_cli_error("--nonce takes 64 lowercase hexadecimal digits");
				return CENO_EXIT_USAGE;
			}
			ask->policy.rp_nonce = ask->nonce;
			break;
		default:
			return ceno_cli_usage(usage, option == 'h');
		}
	}
	if (optind + 1 != argc)
		return ceno_cli_usage(usage, false);
	ask->file = argv[optind];
	return -1;
}

static int print(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy, bool json)
{
	size_t (*render)(const struct ceno_verify_result *, const struct ceno_verify_policy *, char *, size_t) =
	    json ? ceno_verify_render_json : ceno_verify_render_text;
	size_t size = TEXT_FIRST, need;
	char *text = malloc(size);

	need = text ? render(result, policy, text, size) : 0;
	if (text && need >= size) {
		free(text);
		text = malloc(need + 1);
		if (text)
			render(result, policy, text, need + 1);
	}
	if (!text || fputs(text, stdout) < 0 || fflush(stdout)) {
		free(text);
		ceno_cli_error("cannot write the result");
		return CENO_EXIT_USAGE;
	}
	free(text);
	return (int)result->exit_status;
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

int ceno_command_verify(int argc, char **argv)
{
	static struct ceno_verify_pins pins;
	static struct ceno_verify_result result;
	struct ask ask = { 0 };
	size_t length;
	char *file;
	int status, rc;

	ceno_verify_policy_init(&ask.policy);
	status = parse(argc, argv, &ask);
	if (status >= 0)
		return status;
	if (sodium_init() < 0 || load_pins(&ask, &pins))
		return CENO_EXIT_USAGE;
	rc = ceno_file_read(ask.file, 4 * CENO_CDP_FILE_MAX, &file, &length);
	if (rc) {
		ceno_cli_error("%s: %s", ask.file, rc == -EFBIG ? "far larger than any proof" : strerror(-rc));
		return CENO_EXIT_USAGE;
	}
	ask.policy.pins = &pins;
	rc = ceno_verify(file, length, &ask.policy, &result);
	free(file);
	if (rc) {
		ceno_cli_error("out of memory");
		return CENO_EXIT_USAGE;
	}
	return print(&result, &ask.policy, ask.json);
}
