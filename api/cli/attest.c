/*
 * ceno attest: asks the node's TPM for a quote over a nonce and checks the
 * answer here, down to the PCR digest.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/verify/verify.h"
#include "cli.h"
#include "client.h"
#include "coco.h"
#include "enrol.h"
#include "options.h"
#include "pins.h"
#include "policy/units.h"
#include "quote.h"
#include "text.h"

static const char usage[] =
    "usage: ceno attest [--nonce HEX] | --enrol KIND [--roots FILE [--intermediates FILE]] [--ek HEX] [--days N]\n"
    "Ask the node's TPM what the node is, and check the answer: a quote over SHA-256\n"
    "PCRs 0 to 15 that answers this nonce (64 hex digits; default: a fresh random one).\n"
    "--enrol vtpm|ftpm|dtpm: prove with a credential made here that the node's seal key lives in the TPM\n"
    "whose endorsement key FILE (certificates of TPM makers, PEM) vouches for, over those that\n"
    "the TPM stores or --intermediates names (nothing is fetched), or whose\n"
    "public area has this SHA-256; prints the line for a policy file, good for N days (365).\n"
    "--format coco: a quote by the node's RSA key, in the JSON that the TPM verifier of Confidential\n"
    "Containers' Trustee takes; --nonce is then its report data, 1 to 64 bytes. --format coco-key:\n"
    "that key, as the PEM file that Trustee is configured with.\n"
    "Also: --json, --socket PATH. Exit status: 0 the quote is good; 1 it is not, or there is none.\n";

static const char *trust_of(const struct ceno_node_quote *quote)
{
	static struct ceno_verify_pins pins;
	char path[4096], error[CENO_PINS_ERROR_MAX];
	uint8_t seal[32];

	ceno_verify_ak_digest(quote->seal_ak_public, quote->seal_ak_public_bytes, seal);
	if (ceno_pins_path(path, sizeof path) || ceno_pins_load(path, &pins, error))
		return "no";
	for (uint32_t i = 0; i < pins.pin_count; i++)
		if (!strcmp(pins.pins[i].origin, quote->origin))
			return memcmp(pins.pins[i].ak, seal, 32) ? "changed" : "yes";
	return "no";
}

static void hex_line(const char *label, const uint8_t *bytes, size_t count)
{
	char text[129];

	ceno_units_format_hex(bytes, count, text);
	printf("%-12s %s\n", label, text);
}

static int print_text(const struct ceno_node_quote *quote, const uint8_t nonce[32])
{
	static const uint8_t zeros[32];
	uint8_t digest[32];
	char label[16];

	printf("quote        good: signed by the node's attestation key, answers this nonce\n");
	ceno_text_line(stdout, "node         %s", quote->origin);
	ceno_text_line(stdout, "TPM          %s (%s%s%s%s)", quote->kind, quote->manufacturer,
	               *quote->vendor ? " " : "", quote->vendor,
	               quote->own_swtpm ? ", the node's own swtpm: whoever runs the node can write any proof" : "");
	printf("seal key     pinned by you: %s\n", trust_of(quote));
	ceno_verify_ak_digest(quote->ak_public, quote->ak_public_bytes, digest);
	hex_line("AK", digest, 32);
	ceno_verify_ak_digest(quote->seal_ak_public, quote->seal_ak_public_bytes, digest);
	hex_line("seal AK", digest, 32);
	hex_line("nonce", nonce, 32);
	printf("TPM clock    %llu ms, %u resets, %u restarts\n", (unsigned long long)quote->clock_ms,
	       quote->reset_count, quote->restart_count);
	for (int i = 0; i < 16; i++) {
		snprintf(label, sizeof label, "PCR %d", i);
		if (memcmp(quote->pcrs[i], zeros, 32))
			hex_line(label, quote->pcrs[i], 32);
		else
			printf("%-12s zeros\n", label);
	}
	return CENO_EXIT_OK;
}

static int print_json(const struct ceno_node_quote *quote, const uint8_t nonce[32], const char *answer)
{
	char text[65], ak[65], seal[65];
	uint8_t digest[32];

	ceno_units_format_hex(nonce, 32, text);
	ceno_verify_ak_digest(quote->ak_public, quote->ak_public_bytes, digest);
	ceno_units_format_hex(digest, 32, ak);
	ceno_verify_ak_digest(quote->seal_ak_public, quote->seal_ak_public_bytes, digest);
	ceno_units_format_hex(digest, 32, seal);
	return ceno_cli_print_json(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "quote", "good", "origin",
	                                     quote->origin, "tpm", quote->kind, "pinned", trust_of(quote), "nonce",
	                                     text, "ak", ak, "seal_ak", seal, "answer",
	                                     json_loads(answer, JSON_REJECT_DUPLICATES, NULL)));
}

struct ask {
	struct ceno_options options;
	struct ceno_enrol enrol;
	uint8_t nonce[64];
	size_t nonce_bytes;
	const char *format; /* NULL: our own */
};

/* One option. -1: go on. */
static int parse_one(int option, struct ask *ask)
{
	struct ceno_enrol *enrol = &ask->enrol;
	const bool number = strspn(optarg, "0123456789") == strlen(optarg);

	switch (option) {
	case 'n':
		memset(ask->nonce, 0, sizeof ask->nonce);
		ask->nonce_bytes = strlen(optarg) / 2;
		return ask->nonce_bytes < 1 || ask->nonce_bytes > 64 ||
			ceno_units_parse_hex(optarg, ask->nonce, ask->nonce_bytes)
		    ? ceno_options_bad(&ask->options, "--nonce", "64 lowercase hexadecimal digits")
		    : -1;
	case 'f':
		ask->format = optarg;
		return strcmp(optarg, "coco") && strcmp(optarg, "coco-key")
		    ? ceno_options_bad(&ask->options, "--format", "coco or coco-key")
		    : -1;
	case 'e':
		enrol->kind = optarg;
		return strcmp(optarg, "vtpm") && strcmp(optarg, "ftpm") && strcmp(optarg, "dtpm")
		    ? ceno_options_bad(&ask->options, "--enrol", "vtpm, ftpm or dtpm")
		    : -1;
	case 'r':
		enrol->roots = optarg;
		return -1;
	case 'i':
		enrol->intermediates = optarg;
		return -1;
	case 'k':
		enrol->has_ek = true;
		return ceno_units_parse_hex(optarg, enrol->ek, 32)
		    ? ceno_options_bad(&ask->options, "--ek", "64 lowercase hexadecimal digits")
		    : -1;
	default: /* 'd' */
		enrol->days = number ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		return enrol->days < 1 || enrol->days > 36500
		    ? ceno_options_bad(&ask->options, "--days", "a number from 1 to 36500")
		    : -1;
	}
}

static int parse(int argc, char **argv, struct ask *ask)
{
	static const struct option table[] = {
		{ "nonce", required_argument, NULL, 'n' },
		{ "format", required_argument, NULL, 'f' },
		{ "enrol", required_argument, NULL, 'e' },
		{ "roots", required_argument, NULL, 'r' },
		{ "intermediates", required_argument, NULL, 'i' },
		{ "ek", required_argument, NULL, 'k' },
		{ "days", required_argument, NULL, 'd' },
		CENO_OPTIONS_JSON,
		CENO_OPTIONS_SOCKET,
		CENO_OPTIONS_END,
	};
	int option, status;

	ask->options = (struct ceno_options){ .usage = usage, .table = table, .argc = argc, .argv = argv };
	while ((option = ceno_options_next(&ask->options)) >= 0) {
		status = parse_one(option, ask);
		if (status >= 0)
			return status;
	}
	if (ask->options.status >= 0 || ceno_options_arguments(&ask->options, 0, 0, ""))
		return ask->options.status;
	if (!ask->enrol.kind && (ask->enrol.roots || ask->enrol.has_ek))
		return ceno_options_misuse(usage, "--roots and --ek are for --enrol");
	if (ask->format && (ask->enrol.kind || ask->options.json))
		return ceno_options_misuse(usage, "--format is a form of its own, without --enrol and --json");
	if (!ask->format && ask->nonce_bytes != 32)
		return ceno_options_misuse(usage, "--nonce takes 64 lowercase hexadecimal digits");
	if (ask->enrol.intermediates && !ask->enrol.roots)
		return ceno_options_misuse(usage, "--intermediates is for --roots");
	ask->enrol.socket = ask->options.socket;
	return -1;
}

int ceno_command_attest(int argc, char **argv)
{
	struct ask ask = { .enrol = { .days = 365 }, .nonce_bytes = 32 };
	char error[CENO_NODE_QUOTE_ERROR_MAX], hex[65];
	struct ceno_node_quote quote;
	struct ceno_client client;
	json_t *result = NULL;
	const char *answer;
	int status;

	ceno_cli_random(ask.nonce, 32);
	status = parse(argc, argv, &ask);
	if (status >= 0)
		return status;
	status = CENO_EXIT_FAILURE;
	if (sodium_init() < 0)
		return status;
	if (ask.format)
		return ceno_coco_run(ask.options.socket, ask.nonce, ask.nonce_bytes, !strcmp(ask.format, "coco-key"));
	if (ask.enrol.kind)
		return ceno_enrol_run(&ask.enrol);
	ceno_units_format_hex(ask.nonce, 32, hex);
	if (!ceno_client_open(&client, ask.options.socket))
		result = ceno_client_call(&client, "node.attest", json_pack("{s:s}", "nonce", hex), NULL, 0);
	answer = json_string_value(json_object_get(result, "node"));
	if (!answer)
		ceno_cli_error("%s", client.error[0] ? client.error : "the node's answer has no quote");
	else if (ceno_node_quote_check(answer, strlen(answer), ask.nonce, &quote, error))
		ceno_cli_error("the node's quote is not good: %s", error);
	else
		status = ask.options.json ? print_json(&quote, ask.nonce, answer) : print_text(&quote, ask.nonce);
	json_decref(result);
	ceno_client_close(&client);
	return status;
}
