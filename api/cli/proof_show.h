/* ceno proof show: the printing part; options and verdict are verify.c's. */
#ifndef CENO_API_CLI_PROOF_SHOW_H
#define CENO_API_CLI_PROOF_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "attest/verify/verify.h"

/* Prints a proof. bytes: the file that `result` is about. asked: the result is the verdict under what the user
 * asks, else only what can be said of the file by itself. Returns the exit status: the verdict's if it was asked
 * for or the file cannot be good, 0; 1 (said): not a proof. */
int ceno_proof_show_print(const char *path, const char *bytes, size_t length, const struct ceno_verify_result *result,
                          bool asked, bool json);

#endif
