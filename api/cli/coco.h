/*
 * ceno attest --format coco: a quote by the node's RSA raw key, as the TPM verifier of Confidential Containers'
 * Trustee takes it. Checked here first, as that verifier would, and more: it looks at no selection and no magic.
 */
#ifndef CENO_API_CLI_COCO_H
#define CENO_API_CLI_COCO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CENO_COCO_ERROR_MAX 160

/* Is this (JSON, hostile) a quote of SHA-256 PCRs 0 to 15 over exactly these 64 bytes by the key in it? spki: room
 * for 294 bytes, that key. 0, or -1 with a line in error. */
int ceno_coco_check(const char *text, size_t length, const uint8_t data[64], uint8_t spki[294], char *error);

/* Ask the node (socket NULL: its own place) for one over data, bytes long (1 to 64, zeros follow them), and print
 * it; key: print the key alone, as the PEM file that Trustee is configured with. Returns an exit status. */
int ceno_coco_run(const char *socket, const uint8_t data[64], size_t bytes, bool key);

#endif
