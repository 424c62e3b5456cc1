/*
 * What ceno-image-check says, once, before it exits: one record on its pipe.
 *
 * Descriptors of ceno-image-check: 3 the pipe, 4 the image (read-only; a client's, hostile), 5 an empty
 * file or memfd that becomes the checked copy. argv[1] is the most bytes it may have.
 */
#ifndef CENO_API_CHECKER_REPORT_H
#define CENO_API_CHECKER_REPORT_H

#include <stdint.h>

enum ceno_checker_fd { CENO_CHECKER_FD_REPORT = 3, CENO_CHECKER_FD_SOURCE, CENO_CHECKER_FD_TARGET };

struct ceno_checker_report {
	int32_t error; /* 0; enum ceno_image_error (abi/image.h); or -errno */
	uint32_t entries;
	uint64_t bytes;
	uint8_t image[32];  /* digest of the content id */
	uint8_t signer[32]; /* public key whose signature was checked */
	uint8_t proof[32];  /* SHA-256 of the content id */
	char name[64];      /* of its header: plain characters, NUL-padded */
};
_Static_assert(sizeof(struct ceno_checker_report) == 176, "checker report");

#endif
