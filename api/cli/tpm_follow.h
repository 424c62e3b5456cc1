/* ceno tpm follow, and the reader of what `ceno tpm rotate` prints. */
#ifndef CENO_API_CLI_TPM_FOLLOW_H
#define CENO_API_CLI_TPM_FOLLOW_H

#include <stddef.h>

#include "attest/verify/verify.h"

/* A change as `ceno tpm rotate` prints it (JSON, hostile): 0, or -1 if it is not exactly of that form. */
int ceno_follow_parse(const char *text, size_t length, struct ceno_verify_keychange *change);

/* The command. Returns its exit status. */
int ceno_tpm_follow(int argc, char **argv);

#endif
