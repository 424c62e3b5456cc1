/*
 * The session's secrets, in one page of their own.
 *
 * The page is made by memfd_secret where the kernel has it (then not even the
 * kernel maps it), else as locked anonymous memory; it is left out of core dumps
 * and of any child. Nothing secret of the warden lies anywhere else for longer
 * than the call that uses it.
 *
 * The signer is made late (after the vmm was started, so no copy of it ever lay
 * in a process that could run guest code), signs once, and is zeroized last.
 */
#ifndef CENO_WARDEN_KEYS_H
#define CENO_WARDEN_KEYS_H

#include <stddef.h>
#include <stdint.h>

struct ceno_keys {               /* lies alone in its page */
	uint8_t signer[64];      /* Ed25519, libsodium's form: seed | public key */
	uint8_t signer_seed[32]; /* zero but while the signer is made */
	uint8_t opening[32];     /* opens the request commitment; the caller's copy is his own */
	uint8_t seed[32];        /* the guest's random seed */
	uint8_t token[32];       /* makes the session's tokens */
	uint32_t signed_once;
};

struct ceno_key_page {
	struct ceno_keys *keys; /* owned mapping, NULL: closed */
	size_t bytes;
	int secret; /* 1: memfd_secret */
};

/* Maps the page, empty. Returns 0 or -errno (-ENOMEM, -EPERM: it could not be locked). */
int ceno_keys_open(struct ceno_key_page *page);

/* Draws every secret from the kernel. public_key: 32 bytes out. Returns 0 or -errno. */
int ceno_keys_make(struct ceno_key_page *page, uint8_t public_key[32]);

/*
 * Signs, once in the page's life.
 * Returns 0, -EALREADY on a second call, or -EINVAL if no key was made.
 */
int ceno_keys_sign(struct ceno_key_page *page, const uint8_t *message, size_t bytes, uint8_t signature[64]);

/* The session's one token: HMAC-SHA256 under the token key of its id and the relying party's nonce. */
void ceno_keys_token(const struct ceno_key_page *page, const uint8_t id[16], const uint8_t rp_nonce[32],
                     uint8_t token[32]);

/* Overwrites `bytes` at `secret` (within the page) and reads them back. Returns 1 if all are zero. */
int ceno_keys_zeroize(void *secret, size_t bytes);

/* Zeroizes the signer, then everything else, and unmaps the page. Fine on a closed one. */
void ceno_keys_close(struct ceno_key_page *page);

#endif
