/*
 * Puts modules together into a signed bundle. Pure: bytes in, bytes out. The
 * same modules and key give the same bytes.
 */
#ifndef CENO_IMAGES_BUILD_H
#define CENO_IMAGES_BUILD_H

#include "images/key.h"
#include "images/module.h"

/*
 * Lays out `count` modules (1..CENO_BUNDLE_MODULES, the nucleus first) in the
 * given order, signs with key (has_secret) and checks the result as the firmware
 * will. *bundle: allocated, the caller frees it; *bytes: its length. Returns
 * NULL, or a static sentence saying why not; then nothing is allocated.
 */
const char *ceno_build_bundle(const struct ceno_module *modules, size_t count, const struct ceno_key *key,
                              uint8_t **bundle, size_t *bytes);

#endif
