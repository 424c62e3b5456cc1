/* The two parts of what `ceno measure` predicts: the platform (measure.c) and, after the word "run", a request. */
#ifndef CENO_API_CLI_MEASURE_H
#define CENO_API_CLI_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "attest/proof/proof.h"

struct ceno_measured_request {
	struct ceno_proof_request parts;
	uint8_t commitment[32];
	bool has_commitment; /* the opening was given */
};

/* What a proof of this run says of its request.
 * argc, argv: "run" and the command line of `ceno run`; --opening names a file to read here.
 * tier: whose defaults fill in --memory and --ttl. image: digest of the content id of the image that is no
 * release, zeros otherwise. has_image: an image's file was given, and the run must have one.
 * Returns -1 with *out filled, else an exit status, and why was said. */
int ceno_measure_request(int argc, char **argv, uint32_t tier, const uint8_t image[32], bool has_image,
                         struct ceno_measured_request *out);

#endif
