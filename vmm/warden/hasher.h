/*
 * A thread that hashes a file's bytes in the pack while the caller goes on copying behind them.
 *
 *   begin -> copied, copied, ... -> end      for each file; then stop, and at any point
 *
 *   caller   read, write, copied(n) ....... waits if the hash is far behind ....... end waits for the rest
 *   hasher   waits for more, hashes what lies in the pack (another mapping of it, read-only), up to n
 *
 * What is hashed is what was written, in the pages that the guest will see; the caller's file is read
 * once, by the caller. The thread opens, maps and writes nothing: it reads that mapping and has the hash between
 * begin and end. It is made while the warden still needs /proc, so it is in no Landlock domain: it must have ended
 * before that is entered (lockdown.h), which stop does.
 */
#ifndef CENO_WARDEN_HASHER_H
#define CENO_WARDEN_HASHER_H

#include <stdint.h>

#define CENO_HASHER_MIN (4ull << 20) /* of a file: smaller ones are hashed while a thread would be made */
#define CENO_HASHER_LAG (4ull << 20) /* what was copied last is in the caches still */

struct ceno_hasher; /* opaque */

/* Returns NULL without memory, or where the process may use one CPU only: then there is nothing to gain. */
struct ceno_hasher *ceno_hasher_new(void);

/*
 * A file is about to be copied to [offset, offset + bytes) of the pack. One at a time.
 * hasher: may be NULL. pack: memfd that cannot shrink, borrowed for the call. hash: EVP_MD_CTX, begun; the thread's
 * until end or stop.
 * Returns 1 if the thread hashes it, 0 if the caller has to: a small file, no thread, no mapping.
 */
int ceno_hasher_begin(struct ceno_hasher *hasher, int pack, uint64_t offset, uint64_t bytes, void *hash);

/* The first `bytes` of the file lie in the pack and do not change any more. Blocks, where the hash would be more than
 * about CENO_HASHER_LAG behind, until it is near. Returns 0, or -EIO: the hash failed, and end will say so, too. */
int ceno_hasher_copied(struct ceno_hasher *hasher, uint64_t bytes);

/* Blocks until the hash has all bytes of the file; the hash is the caller's again.
 * Returns 0, or -EIO: the hash failed, or not all was said to be copied; it is of no use then. */
int ceno_hasher_end(struct ceno_hasher *hasher);

/* Ends the thread, within one piece, and frees all; a file that was begun is left. hasher: may be NULL. */
void ceno_hasher_stop(struct ceno_hasher *hasher);

#endif
