/*
 * ceno tpm follow: lets the user's pin follow a node to its new key, offline. What is checked is attest/verify/follow.c's;
 * here the change, as `ceno tpm rotate` printed it, is read. A field that nobody knows is refused.
 */
#include "tpm_follow.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/verify/lines.h"
#include "cli.h"
#include "options.h"
#include "pins.h"
#include "proof_file.h"
#include "text.h"

#define CHANGE_MAX 4096u
#define LEAF_MAX   16384u

int ceno_follow_parse(const char *text, size_t length, struct ceno_verify_keychange *change)
{
	static const char *const purposes[] = { NULL, "log", "export", "identity" };
	const char *origin, *identity, *fresh, *old, *purpose, *signature;
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	json_int_t index;
	int rc = -1;

	memset(change, 0, sizeof *change);
	if (!json_unpack(object, "{s:s,s:I,s:s,s:s,s:s,s:s,s:s!}", "identity", &identity, "index", &index, "new",
	                 &fresh, "old", &old, "origin", &origin, "purpose", &purpose, "signature", &signature) &&
	    index >= 0 && ceno_line_base64(identity, change->identity, 32) &&
	    ceno_line_base64(fresh, change->new_pub, 32) && ceno_line_base64(old, change->old_pub, 32) &&
	    ceno_line_base64(signature, change->signature, 64) && ceno_line_origin(origin, change->origin) &&
	    ceno_line_word(purpose, purposes, 4, &change->purpose))
		rc = 0;
	json_decref(object);
	return rc;
}

static char *load(const char *path, size_t max, size_t *length)
{
	char *text;
	int rc = ceno_file_read(path, max, &text, length);

	if (!rc)
		return text;
	ceno_cli_error("%s: %s", path, strerror(-rc));
	return NULL;
}

static int load_pins(const char *path, struct ceno_verify_pins *pins)
{
	char error[CENO_PINS_ERROR_MAX];
	int rc = ceno_pins_load(path, pins, error);

	if (rc)
		ceno_cli_error("%s", rc < 0 ? error : "there is no pin file: nothing to follow with");
	return rc;
}

/* The exit status; what is wrong is said. */
static int follow(const char *path, const struct ceno_verify_keychange *change, const char *leaf, size_t length)
{
	static struct ceno_verify_pins pins;
	char error[CENO_PINS_ERROR_MAX];
	int rc;

	if (load_pins(path, &pins))
		return CENO_EXIT_USAGE;
	rc = ceno_verify_follow(&pins, change, leaf, length);
	if (rc) {
		ceno_cli_error("not followed: %s", ceno_verify_follow_error_text(rc));
		return rc == CENO_VERIFY_FOLLOW_E_REVOKED ? 6
		    : rc == CENO_VERIFY_FOLLOW_E_ROLLBACK ? 5
							  : CENO_EXIT_FAILURE;
	}
	if (ceno_pins_save(path, &pins, error)) {
		ceno_cli_error("%s", error);
		return CENO_EXIT_USAGE;
	}
	ceno_text_line(stdout, "followed: the pins of %s in %s have its new %s key", change->origin, path,
	               change->purpose == CENO_PROOF_PURPOSE_LOG ? "log" : "identity");
	return CENO_EXIT_OK;
}

int ceno_tpm_follow(int argc, char **argv)
{
	static const char usage[] =
	    "usage: ceno tpm follow [--pin-file FILE] CHANGE LEAF\n"
	    "Let your pin follow a node to its new log or identity key, offline. CHANGE is what ceno tpm\n"
	    "rotate printed, LEAF what ceno proof leaf prints of it: the identity key that the pin names\n"
	    "must have signed it, and the node's log must have it.\n"
	    "Exit status: 0; 1 not followed, nothing changed; 2 usage or I/O; 5 rollback; 6 revoked.\n";
	static const struct option table[] = { { "pin-file", required_argument, NULL, 'p' }, CENO_OPTIONS_END };
	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
	struct ceno_verify_keychange change;
	const char *pin_file = NULL;
	char path[4096], *text, *leaf;
	size_t length, leaf_length;
	int status = CENO_EXIT_USAGE;

	while (ceno_options_next(&o) >= 0)
		pin_file = optarg;
	if (o.status >= 0 || ceno_options_arguments(&o, 2, 2, "CHANGE LEAF"))
		return o.status;
	if (!pin_file && ceno_pins_path(path, sizeof path)) {
		ceno_cli_error("no HOME: name a pin file with --pin-file");
		return CENO_EXIT_USAGE;
	}
	text = load(argv[o.first], CHANGE_MAX, &length);
	leaf = text ? load(argv[o.first + 1], LEAF_MAX, &leaf_length) : NULL;
	if (leaf && sodium_init() >= 0) {
		if (ceno_follow_parse(text, length, &change)) {
			ceno_cli_error("%s: not a change as ceno tpm rotate prints it", argv[o.first]);
			status = CENO_EXIT_FAILURE;
		} else {
			status = follow(pin_file ? pin_file : path, &change, leaf, leaf_length);
		}
	}
	free(text);
	free(leaf);
	return status;
}
