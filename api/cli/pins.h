/*
 * The user's pin file: which nodes this user knows (grammar in attest/verify/verify.h).
 * Default: $XDG_CONFIG_HOME/cenotaph/pins, else $HOME/.config/cenotaph/pins.
 */
#ifndef CENO_API_CLI_PINS_H
#define CENO_API_CLI_PINS_H

#include <stdbool.h>

#include "attest/verify/verify.h"

#define CENO_PINS_ERROR_MAX 512

/* The default path into `out` (size bytes). 0, or -1 when neither variable is set. */
int ceno_pins_path(char *out, size_t size);

/* Reads `path`. 0; 1: there is no such file (pins emptied); -1 with a line in `error`. */
int ceno_pins_load(const char *path, struct ceno_verify_pins *pins, char *error);

/* Writes `path` whole, making its directory. 0, or -1 with a line in `error`. */
int ceno_pins_save(const char *path, const struct ceno_verify_pins *pins, char *error);

/* Adds the maker of a checked proof as a pin, or moves its newest state forward
 * (never back). True when `pins` changed. Call it only for a proof that verified,
 * or whose key the node itself has just confirmed. */
bool ceno_pins_learn(struct ceno_verify_pins *pins, const struct ceno_verify_result *result);

#endif
