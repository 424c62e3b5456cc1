/*
 * ceno measure: what a proof of this build will say of its platform, offline; and
 * signed reference values of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/supervisor/blobs.h"
#include "api/supervisor/place.h"
#include "attest/proof/proof.h"
#include "cli.h"
#include "options.h"
#include "guest-kernel/abi/bundle.h"
#include "images/key.h"
#include "images/session/read.h"
#include "measure.h"
#include "policy/tier.h"
#include "policy/units.h"
#include "proof_file.h"
#include "text.h"
#include "vmm/sandbox/filter_digest.h"
#include "vmm/warden/platform.h"

static const char usage[] =
    "usage: ceno measure [option]... [run OPTION... -- PROGRAM [ARG]...]\n"
    "Say what proofs of these files will say of their platform; no node is asked. After the word run\n"
    "follows the command line of `ceno run': its request is measured too, and, with the --opening\n"
    "that such a run wrote, the commitment in its proof (ceno verify --request).\n"
    "\n"
    "  --blobs DIR        directory of firmware.bin, trust.bin and bundle.bin\n"
    "  --vmm FILE         the ceno-vmm executable\n"
    "  --image FILE       a session image; part of the platform if the trust page's key signed it\n"
    "  --tier WORD        whose --memory and --ttl a run has that names none: free starter business\n"
    "                     enterprise local (default: yours without an account)\n"
    "  --json             one JSON object\n"
    "\n"
    "With --sign, reference values for `ceno verify --reference', on standard output:\n"
    "  --sign KEY         secret key file that signs them\n"
    "  --valid FROM,UNTIL seconds since 1970, both included\n"
    "  --pcr N=HEX        a value of SHA-256 PCR N, 0 to 15 (repeat; at least one)\n"
    "  --event-log HEX    SHA-256 of the host event log (may be repeated)\n"
    "  --executable HEX   SHA-256 of a file that may be in the host's IMA list (may be repeated)\n"
    "  --runtime          these PCRs fix every executable that can open the TPM\n";

#define LINES_MAX 61440u /* the verifier takes files of 64 KiB */

struct ask {
	struct ceno_options options;
	const char *blobs, *vmm, *image, *sign;
	bool valid, runtime, has_request;
	uint64_t from, until;
	uint32_t pcrs, tier;
	uint8_t own_image[32]; /* of an image that is no release */
	char lines[LINES_MAX]; /* pcr and event-log lines */
	size_t length;
};

static int hash_file(const char *path, uint8_t sha256[32])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = fd < 0 ? -errno : ceno_blob_hash(fd, sha256);

	if (fd >= 0)
		close(fd);
	if (rc)
		ceno_cli_error("%s: %s", path, strerror(-rc));
	return rc;
}

static int hash_blob(const char *directory, const char *name, uint8_t sha256[32])
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path) {
		ceno_cli_error("%s/%s: %s", directory, name, strerror(ENAMETOOLONG));
		return -1;
	}
	return hash_file(path, sha256);
}

static int read_trust(const char *directory, struct ceno_trust *trust)
{
	char path[4096], *bytes;
	size_t length;
	int rc;

	snprintf(path, sizeof path, "%s/trust.bin", directory);
	rc = ceno_file_read(path, sizeof *trust, &bytes, &length);
	if (rc || length != sizeof *trust) {
		ceno_cli_error("%s: %s", path, rc ? strerror(-rc) : "not a trust page");
		if (!rc)
			free(bytes);
		return -1;
	}
	memcpy(trust, bytes, sizeof *trust);
	free(bytes);
	return 0;
}

/* The image's place: in the platform if the trust page's key made it, else in the request. */
static int measure_image(const char *path, const struct ceno_trust *trust, uint8_t released[32], uint8_t own[32])
{
	struct ceno_image_file file;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0) {
		ceno_cli_error("%s: %s", path, strerror(errno));
		return -1;
	}
	rc = ceno_image_file_open(&file, fd);
	if (!rc)
		ceno_image_file_proof(&file.id,
		                      memcmp(file.image.header->public_key, trust->public_key, 32) ? own : released);
	else
		ceno_cli_error("%s is not a good image; `ceno image verify' says why", path);
	ceno_image_file_fini(&file);
	close(fd);
	return rc ? -1 : 0;
}

static int measure(struct ask *ask, struct ceno_proof_platform *p)
{
	struct ceno_trust trust;

	memset(p, 0, sizeof *p);
	if (hash_blob(ask->blobs, "firmware.bin", p->firmware) || hash_blob(ask->blobs, "trust.bin", p->trust) ||
	    hash_blob(ask->blobs, "bundle.bin", p->bundle) || hash_file(ask->vmm, p->vmm) ||
	    read_trust(ask->blobs, &trust))
		return -1;
	ceno_warden_platform_names(&trust, p);
	if (ask->image && measure_image(ask->image, &trust, p->image, ask->own_image))
		return -1;
	if (ceno_filter_digest(p->filter)) {
		ceno_cli_error("out of memory");
		return -1;
	}
	return 0;
}

/* One line of the file. Too many are said when it is signed. */
static void put(struct ask *ask, const char *word, const char *hex)
{
	size_t left = sizeof ask->lines - ask->length;
	int n = snprintf(ask->lines + ask->length, left, "%s sha256:%s\n", word, hex);

	ask->length = n > 0 && (size_t)n < left ? ask->length + (size_t)n : sizeof ask->lines;
}

static int parse_pcr(struct ask *ask, const char *text)
{
	uint8_t value[32];
	char *end, word[24];
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '=' || number >= CENO_PROOF_PCRS ||
	    ceno_units_parse_hex(end + 1, value, 32))
		return ceno_options_bad(&ask->options, "--pcr", "N=HEX, N 0 to 15 and 64 lowercase hexadecimal digits");
	snprintf(word, sizeof word, "pcr %u", (unsigned)number);
	put(ask, word, end + 1);
	ask->pcrs++;
	return -1;
}

static int parse_valid(struct ask *ask, const char *text)
{
	char *comma, *end;

	errno = 0;
	ask->from = strtoull(text, &comma, 10);
	ask->until = *comma == ',' ? strtoull(comma + 1, &end, 10) : 0;
	if (errno || *text < '0' || *text > '9' || *comma != ',' || comma[1] < '0' || comma[1] > '9' || *end ||
	    ask->until < ask->from)
		return ceno_options_bad(&ask->options, "--valid", "FROM,UNTIL in seconds since 1970");
	ask->valid = true;
	return -1;
}

static int parse_one(int option, struct ask *ask)
{
	uint8_t value[32];

	switch (option) {
	case 'b':
		ask->blobs = optarg;
		return -1;
	case 'v':
		ask->vmm = optarg;
		return -1;
	case 'i':
		ask->image = optarg;
		return -1;
	case 's':
		ask->sign = optarg;
		return -1;
	case 't':
		ask->tier = ceno_tier_parse(optarg);
		return ask->tier
		    ? -1
		    : ceno_options_bad(&ask->options, "--tier", "free, starter, business, enterprise or local");
	case 'V':
		return parse_valid(ask, optarg);
	case 'p':
		return parse_pcr(ask, optarg);
	case 'r':
		ask->runtime = true;
		return -1;
	default: /* 'l', 'x' */
		if (ceno_units_parse_hex(optarg, value, 32))
			return ceno_options_bad(&ask->options, option == 'l' ? "--event-log" : "--executable",
			                        "64 lowercase hexadecimal digits");
		put(ask, option == 'l' ? "event-log" : "executable", optarg);
		return -1;
	}
}

static int parse(int argc, char **argv, struct ask *ask)
{
	static const struct option table[] = {
		{ "blobs", required_argument, NULL, 'b' },
		{ "vmm", required_argument, NULL, 'v' },
		{ "image", required_argument, NULL, 'i' },
		{ "sign", required_argument, NULL, 's' },
		{ "tier", required_argument, NULL, 't' },
		{ "valid", required_argument, NULL, 'V' },
		{ "pcr", required_argument, NULL, 'p' },
		{ "event-log", required_argument, NULL, 'l' },
		{ "executable", required_argument, NULL, 'x' },
		{ "runtime", no_argument, NULL, 'r' },
		CENO_OPTIONS_JSON,
		CENO_OPTIONS_END,
	};
	int option, status;

	ask->options =
	    (struct ceno_options){ .usage = usage, .table = table, .program = true, .argc = argc, .argv = argv };
	while ((option = ceno_options_next(&ask->options)) >= 0) {
		status = parse_one(option, ask);
		if (status >= 0)
			return status;
	}
	if (ask->options.status >= 0)
		return ask->options.status;
	ask->has_request = ask->options.first < argc && !strcmp(argv[ask->options.first], "run");
	if ((!ask->has_request || ask->sign) && ceno_options_arguments(&ask->options, 0, 0, ""))
		return ask->options.status;
	if (ask->sign ? !ask->valid || !ask->pcrs || ask->options.json : ask->valid || ask->length || ask->runtime)
		return ceno_options_misuse(usage,
		                           "--sign needs --valid and at least one --pcr, and is what these are for");
	return -1;
}

struct row {
	const char *name;
	const uint8_t *sha256;
};

/* Zeros are "none". */
static void print_rows(json_t *object, bool json, const struct row *rows, size_t count)
{
	static const uint8_t none[32];

	for (size_t i = 0; i < count; i++) {
		char hex[65];

		ceno_units_format_hex(rows[i].sha256, 32, hex);
		if (json)
			json_object_set_new(object, rows[i].name, json_string(hex));
		else if (memcmp(rows[i].sha256, none, 32))
			printf("%-14s sha256:%s\n", rows[i].name, hex);
		else
			printf("%-14s none\n", rows[i].name);
	}
}

static int print(const struct ask *ask, const struct ceno_proof_platform *p, const uint8_t digest[32],
                 const struct ceno_measured_request *r)
{
	const struct row files[] = { { "firmware", p->firmware }, { "trust", p->trust },   { "bundle", p->bundle },
		                     { "vmm", p->vmm },           { "filter", p->filter }, { "image", p->image },
		                     { "platform", digest } };
	const struct row request[] = { { "policy", r->parts.policy },
		                       { "args", r->parts.args },
		                       { "pack", r->parts.pack },
		                       { "own_image", r->parts.image },
		                       { "request_commit", r->commitment } };
	const bool json = ask->options.json;
	json_t *object = json_pack("{s:i,s:b,s:s}", "abi", (int)p->abi_version, "test_key", p->test_key, "trust_name",
	                           p->trust_name);

	print_rows(object, json, files, sizeof files / sizeof files[0]);
	if (ask->has_request)
		print_rows(object, json, request, r->has_commitment ? 5 : 4);
	if (json)
		return ceno_cli_print_json(object);
	json_decref(object);
	ceno_text_line(stdout, "%-14s %s%s", "key", p->trust_name, p->test_key ? " (a TEST key)" : "");
	return CENO_EXIT_OK;
}

static int load_key(const char *path, struct ceno_key *key)
{
	size_t length;
	char *text;
	int rc = ceno_file_read(path, CENO_KEY_FILE_MAX, &text, &length);

	if (rc) {
		ceno_cli_error("%s: %s", path, strerror(-rc));
		return -1;
	}
	rc = ceno_key_parse(key, text, length);
	sodium_memzero(text, length);
	free(text);
	if (!rc && key->has_secret)
		return 0;
	ceno_key_wipe(key);
	ceno_cli_error("%s is not a secret key file", path);
	return -1;
}

static int print_signed(const struct ask *ask, const uint8_t platform[32])
{
	static const char tag[] = "CDP/v1/reference"; /* with its zero byte */
	static char message[sizeof tag + LINES_MAX + 512];
	char hex[65], pub[64], sig[128], *text = message + sizeof tag;
	uint8_t signature[64];
	struct ceno_key key;
	int n;

	if (ask->length == sizeof ask->lines) {
		ceno_cli_error("too many values for one file");
		return CENO_EXIT_FAILURE;
	}
	if (load_key(ask->sign, &key))
		return CENO_EXIT_FAILURE;
	ceno_units_format_hex(platform, 32, hex);
	memcpy(message, tag, sizeof tag);
	n = snprintf(text, sizeof message - sizeof tag, "ceno-reference 1\nvalid %llu %llu\n%splatform sha256:%s\n%.*s",
	             (unsigned long long)ask->from, (unsigned long long)ask->until, ask->runtime ? "runtime\n" : "",
	             hex, (int)ask->length, ask->lines);
	crypto_sign_detached(signature, NULL, (const unsigned char *)message, sizeof tag + (size_t)n, key.secret);
	sodium_bin2base64(pub, sizeof pub, key.public_key, 32, sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(sig, sizeof sig, signature, 64, sodium_base64_VARIANT_ORIGINAL);
	ceno_key_wipe(&key);
	printf("%ssignature %s %s\n", text, pub, sig);
	return CENO_EXIT_OK;
}

int ceno_command_measure(int argc, char **argv)
{
	static char blobs[CENO_PLACE_MAX], vmm[CENO_PLACE_MAX];
	static struct ask ask;
	struct ceno_measured_request request = { 0 };
	struct ceno_proof_platform platform;
	uint8_t digest[32];
	int status;

	ceno_place_folder(CENO_PLACE_BLOBS, "firmware.bin", blobs);
	ceno_place_find(CENO_PLACE_LIB, "ceno-vmm", vmm);
	ask.blobs = blobs;
	ask.vmm = vmm;
	ask.tier = ceno_tier_for_uid(getuid());
	status = parse(argc, argv, &ask);
	if (status >= 0)
		return status;
	argc -= ask.options.first, argv += ask.options.first;
	if (sodium_init() < 0 || measure(&ask, &platform))
		return CENO_EXIT_FAILURE;
	if (ceno_proof_platform_digest(&platform, digest)) {
		ceno_cli_error("the trust page has a name that no proof can have");
		return CENO_EXIT_FAILURE;
	}
	status = ask.has_request
	    ? ceno_measure_request(argc, argv, ask.tier, ask.own_image, ask.image != NULL, &request)
	    : -1;
	if (status >= 0)
		return status;
	return ask.sign ? print_signed(&ask, digest) : print(&ask, &platform, digest, &request);
}
