/*
 * The page of secrets; see keys.h.
 */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define KEY_PAGE_BYTES 4096u

static void *map_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, (unsigned)O_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	void *map = MAP_FAILED;
	if (ftruncate(fd, KEY_PAGE_BYTES) == 0)
		map = mmap(NULL, KEY_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map;
}

static void *map_locked(void)
{
	void *map = mmap(NULL, KEY_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return map;
	if (mlock(map, KEY_PAGE_BYTES) == 0 && madvise(map, KEY_PAGE_BYTES, MADV_DONTDUMP) == 0)
		return map;
	int saved = errno;
	munmap(map, KEY_PAGE_BYTES);
	errno = saved;
	return MAP_FAILED;
}

int ceno_keys_open(struct ceno_key_page *page)
{
	_Static_assert(sizeof(struct ceno_keys) <= KEY_PAGE_BYTES, "the secrets fit into their page");
	if (sodium_init() < 0)
		return -EIO;
	void *map = map_secret();
	page->secret = map != MAP_FAILED;
	if (map == MAP_FAILED)
		map = map_locked();
	if (map == MAP_FAILED)
		return -errno;
	if (madvise(map, KEY_PAGE_BYTES, MADV_DONTFORK) < 0) {
		int error = errno;
		munmap(map, KEY_PAGE_BYTES);
		return -error;
	}
	page->keys = map;
	page->bytes = KEY_PAGE_BYTES;
	return 0;
}

/* getrandom gives up to 256 bytes at once and never short. */
static int draw(void *secret, size_t bytes)
{
	return getrandom(secret, bytes, 0) == (ssize_t)bytes ? 0 : -EIO;
}

int ceno_keys_make(struct ceno_key_page *page, uint8_t public_key[32])
{
	struct ceno_keys *k = page->keys;
	/* The signer's seed is drawn inside the page too, beside the key it becomes. */
	if (draw(k->signer_seed, 32) < 0 || draw(k->opening, 32) < 0 || draw(k->seed, 32) < 0 || draw(k->token, 32) < 0)
		return -EIO;
	crypto_sign_seed_keypair(public_key, k->signer, k->signer_seed);
	sodium_memzero(k->signer_seed, sizeof k->signer_seed);
	sodium_stackzero(1024);
	return 0;
}

int ceno_keys_sign(struct ceno_key_page *page, const uint8_t *message, size_t bytes, uint8_t signature[64])
{
	struct ceno_keys *k = page->keys;
	if (!k || sodium_is_zero(k->signer, sizeof k->signer))
		return -EINVAL;
	if (k->signed_once)
		return -EALREADY;
	k->signed_once = 1;
	crypto_sign_detached(signature, NULL, message, bytes, k->signer);
	sodium_stackzero(1024);
	return 0;
}

void ceno_keys_token(const struct ceno_key_page *page, const uint8_t id[16], const uint8_t rp_nonce[32],
                     uint8_t token[32])
{
	crypto_auth_hmacsha256_state state;
	crypto_auth_hmacsha256_init(&state, page->keys->token, sizeof page->keys->token);
	crypto_auth_hmacsha256_update(&state, id, 16);
	crypto_auth_hmacsha256_update(&state, rp_nonce, 32);
	crypto_auth_hmacsha256_final(&state, token);
	sodium_memzero(&state, sizeof state);
}

int ceno_keys_zeroize(void *secret, size_t bytes)
{
	sodium_memzero(secret, bytes);
	return sodium_is_zero(secret, bytes);
}

void ceno_keys_close(struct ceno_key_page *page)
{
	if (!page->keys)
		return;
	sodium_memzero(page->keys->signer, sizeof page->keys->signer);
	sodium_memzero(page->keys, page->bytes);
	munmap(page->keys, page->bytes);
	page->keys = NULL;
}
