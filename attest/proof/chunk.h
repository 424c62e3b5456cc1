/*
 * The keyed overwrite of session RAM and its read-back root, byte for byte the
 * same for the warden (which writes and reads) and the verifier (which
 * recomputes).
 *
 * RAM is one slot at ram_gpa (CENO_GPA_RAM), mem_total bytes, cut into granules:
 * the smallest power of two from 64 KiB up for which the bitmap of granules fits
 * into CENO_PROOF_BITMAP_MAX bytes. A granule is backed if any of its pages ever
 * was; the last one may be cut short by the end of RAM. Granule i covers offsets
 * [i*g, min((i+1)*g, mem_total)); its bit is bitmap[i / 8] & (1 << i % 8); bits
 * past the last granule are zero.
 *
 * Keyed pass p (1 to 7), with the session's challenge:
 *   fill key   HKDF-SHA256(salt zeros32, key challenge, info "CDP/v1/fill"|0|u8 p), 32 bytes
 *   fill       byte at gpa a = byte a of the AES-256-CTR key stream of that key whose
 *              counter block 0 is 16 zero bytes (128-bit big-endian counter): the
 *              counter block for gpa a is a / 16
 *   mac key    HKDF-SHA256(salt zeros32, key challenge, info "CDP/v1/gmac"|0|u8 p), 32 bytes
 *   tag        AES-256-GMAC (GCM, empty plaintext, the chunk as AAD, 16-byte tag) of the
 *              bytes read back, nonce = u32 p | u64 gpa, big-endian, 12 bytes
 *   leaf       SHA-256(0x00|"CDP/v1/chunk"|0|session_id|u8 p|u64 gpa|tag)
 * Chunks are CENO_PROOF_CHUNK bytes of backed granules in rising gpa; the root is
 * the RFC 6962 root of those leaves. (mem_total is a multiple of 64 KiB, so no
 * chunk is short.) If nothing was ever backed the root is SHA-256 of nothing.
 *
 * Warden: after the fill read SEEK_DATA again; whatever is backed now and was not
 * overwritten joins the bitmap and is overwritten too, until nothing is new.
 */
#ifndef CENO_ATTEST_CHUNK_H
#define CENO_ATTEST_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#define CENO_PROOF_CHUNK      65536u
#define CENO_PROOF_BITMAP_MAX 1024u
#define CENO_PROOF_MEM_MAX    (64ull << 30)

/* Bytes of one granule for mem_total (1 to CENO_PROOF_MEM_MAX; larger: 0). */
uint64_t ceno_proof_granule(uint64_t mem_total);

/* Length of the bitmap for mem_total, 1 to CENO_PROOF_BITMAP_MAX; 0: mem_total out of range. */
uint32_t ceno_proof_bitmap_bytes(uint64_t mem_total);

/* Set the bits of the granules that [offset, offset + bytes) touches (offsets in RAM). */
void ceno_proof_bitmap_set(uint8_t *bitmap, uint64_t mem_total, uint64_t offset, uint64_t bytes);

/* Bytes of RAM in granules whose bit is set. */
uint64_t ceno_proof_backed_bytes(const uint8_t *bitmap, uint64_t mem_total);

/* The next run of backed RAM at or after *offset: *offset and *bytes get it; whole runs of
 * neighbouring granules. Returns 1, or 0 at the end of RAM. */
int ceno_proof_next_backed(const uint8_t *bitmap, uint64_t mem_total, uint64_t *offset, uint64_t *bytes);

/* One keyed pass. Owns two OpenSSL contexts and key material. Not thread-safe; several
 * may be used at once (one per thread). */
struct ceno_proof_pass;

/* Contexts for pass `number` of a session; NULL: out of memory or the crypto library failed. */
struct ceno_proof_pass *ceno_proof_pass_new(const uint8_t session_id[16], const uint8_t challenge[32], uint8_t number);

/* The same, computed by OpenSSL whatever the CPU. Otherwise a CPU with VAES and VPCLMULQDQ uses code
 * of ours (wide.h); the verifier does not, so that it checks that code too. */
struct ceno_proof_pass *ceno_proof_pass_new_portable(const uint8_t session_id[16], const uint8_t challenge[32],
                                                     uint8_t number);

/* Wipes the keys. NULL is fine. */
void ceno_proof_pass_free(struct ceno_proof_pass *pass);

/* Write the key stream for [gpa, gpa + bytes) into out. gpa and bytes: multiples of 16; bytes at
 * most 1 GiB a call. Consecutive calls that continue where the last one ended need no new
 * initialisation. Returns 0 or CENO_PROOF_E_CRYPTO. */
int ceno_proof_pass_fill(struct ceno_proof_pass *pass, uint64_t gpa, uint8_t *out, size_t bytes);

/* Leaf hash of the CENO_PROOF_CHUNK bytes read back at gpa. Returns 0 or CENO_PROOF_E_CRYPTO. */
int ceno_proof_pass_leaf(struct ceno_proof_pass *pass, uint64_t gpa, const uint8_t *chunk, uint8_t leaf[32]);

/* HKDF-SHA256 (RFC 5869) with a 32-byte zero salt, one block of output. info: at most 64 bytes. */
void ceno_proof_hkdf(const uint8_t key[32], const uint8_t *info, size_t info_bytes, uint8_t out[32]);

#endif
