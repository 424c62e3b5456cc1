/*
 * See hasher.h. All that both threads touch is behind one lock, but the bytes in the pack, which the lock orders,
 * too: they were written before `copied` said so.
 */
#include "hasher.h"
#include "thread.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../guest-kernel/abi/layout.h"

#define PIECE (256u << 10) /* hashed without looking up */

/* Nobody is woken for less: on a busy host each wake-up is a wait for a CPU. */
#define HANDFUL (CENO_HASHER_LAG / 4)

struct ceno_hasher {
	pthread_mutex_t lock;
	pthread_cond_t more, less; /* `copied` or `stopping` changed; `hashed` did */
	pthread_t thread;
	int running;   /* the thread was made; the caller's alone */
	void *span;    /* owned: address range that the file is mapped in, or NULL; the caller's alone */
	uint64_t room; /* its bytes */
	/* Under the lock: */
	int stopping, failed;
	const uint8_t *data; /* the file in the pack; the thread reads below `copied` */
	EVP_MD_CTX *hash;
	uint64_t bytes, copied, hashed; /* of the file */
};

struct ceno_hasher *ceno_hasher_new(void)
{
	struct ceno_hasher *h = ceno_thread_cpus() > 1 ? calloc(1, sizeof *h) : NULL;
	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	pthread_cond_init(&h->less, NULL);
	return h;
}

/* With the lock held: the next piece, hashed without it. */
static void hash_piece(struct ceno_hasher *h)
{
	const uint64_t left = h->copied - h->hashed, now = left < PIECE ? left : PIECE;
	const uint8_t *from = h->data + h->hashed;
	pthread_mutex_unlock(&h->lock);
	int ok = EVP_DigestUpdate(h->hash, from, now) == 1;
	pthread_mutex_lock(&h->lock);
	h->failed |= !ok;
	h->hashed += now;
	if (h->failed || h->copied - h->hashed <= HANDFUL)
		pthread_cond_signal(&h->less);
}

static void *live(void *context)
{
	struct ceno_hasher *h = context;
	pthread_mutex_lock(&h->lock);
	while (!h->stopping)
		if (h->hashed < h->copied)
			hash_piece(h);
		else
			pthread_cond_wait(&h->more, &h->lock);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* At a boundary of 2 MiB, so that large pages are mapped as such. NULL if there is no room. */
static const uint8_t *map_file(struct ceno_hasher *h, int pack, uint64_t offset, uint64_t bytes)
{
	h->room = bytes + CENO_LARGE_PAGE;
	h->span = mmap(NULL, h->room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h->span == MAP_FAILED) {
		h->span = NULL;
		return NULL;
	}
	uintptr_t at = ((uintptr_t)h->span + CENO_LARGE_PAGE - 1) & ~(uintptr_t)(CENO_LARGE_PAGE - 1);
	void *map = mmap((void *)at, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, pack, (off_t)offset);
	return map == MAP_FAILED ? NULL : map;
}

static void unmap_file(struct ceno_hasher *h)
{
	if (h->span)
		munmap(h->span, h->room);
	h->span = NULL;
}

int ceno_hasher_begin(struct ceno_hasher *h, int pack, uint64_t offset, uint64_t bytes, void *hash)
{
	if (!h || pack < 0 || bytes < CENO_HASHER_MIN)
		return 0;
	if (!h->running)
		h->running = ceno_thread_start(&h->thread, live, h) == 0;
	const uint8_t *data = h->running ? map_file(h, pack, offset, bytes) : NULL;
	if (!data) {
		unmap_file(h);
		return 0;
	}
	pthread_mutex_lock(&h->lock);
	h->data = data;
	h->hash = hash;
	h->bytes = bytes;
	h->copied = h->hashed = 0;
	pthread_mutex_unlock(&h->lock);
	return 1;
}

int ceno_hasher_copied(struct ceno_hasher *h, uint64_t bytes)
{
	pthread_mutex_lock(&h->lock);
	h->copied = bytes;
	if (h->copied - h->hashed >= HANDFUL)
		pthread_cond_signal(&h->more);
	if (h->copied - h->hashed > CENO_HASHER_LAG - HANDFUL)
		while (!h->failed && h->copied - h->hashed > HANDFUL)
			pthread_cond_wait(&h->less, &h->lock);
	int rc = h->failed ? -EIO : 0;
	pthread_mutex_unlock(&h->lock);
	return rc;
}

int ceno_hasher_end(struct ceno_hasher *h)
{
	pthread_mutex_lock(&h->lock);
	pthread_cond_signal(&h->more); /* less than a handful may be left */
	while (h->hashed < h->copied)
		pthread_cond_wait(&h->less, &h->lock);
	int rc = h->failed || h->hashed != h->bytes ? -EIO : 0;
	pthread_mutex_unlock(&h->lock);
	unmap_file(h);
	return rc;
}

void ceno_hasher_stop(struct ceno_hasher *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = 1;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	if (h->running)
		pthread_join(h->thread, NULL);
	unmap_file(h);
	pthread_cond_destroy(&h->less);
	pthread_cond_destroy(&h->more);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
