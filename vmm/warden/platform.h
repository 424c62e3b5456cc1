/*
 * What a proof says of a platform beyond the digests of its files. Here and not in
 * launch.c so that `ceno measure` says the same.
 */
#ifndef CENO_WARDEN_PLATFORM_H
#define CENO_WARDEN_PLATFORM_H

#include "attest/proof/proof.h"
#include "guest-kernel/abi/bundle.h"

/* Fill abi_version, test_key and trust_name (only plain characters of the trust page's name,
 * others become '_') from a trust page, whose form the firmware checks. */
void ceno_warden_platform_names(const struct ceno_trust *trust, struct ceno_proof_platform *platform);

#endif
