/*
 * The identity of the vmm's system call filter, for the proof.
 */
#ifndef CENO_SANDBOX_FILTER_DIGEST_H
#define CENO_SANDBOX_FILTER_DIGEST_H

#include <stdint.h>

/* SHA-256 over the BPF instructions of the filter that a jailed ceno-vmm of this build
 * installs, computed by building it without installing it. Returns 0 or -errno. */
int ceno_filter_digest(uint8_t digest[32]);

#endif
