/*
 * The checks a boot starts with: trust page, signed bundle, boot page. Pure
 * functions over borrowed bytes, used by the firmware's verifier (which alone
 * decides), by the bundle builder on its own output, and by host code that lays
 * out what a bundle says. All bytes may come from an attacker.
 *
 * Each returns CENO_STOP_NONE or the code that stops the boot (abi/bundle.h has
 * the text of each). Nothing is written; no byte outside the given range is read.
 */
#ifndef CENO_LIB_BUNDLE_H
#define CENO_LIB_BUNDLE_H

#include <stddef.h>
#include "abi/boot.h"
#include "abi/bundle.h"
#include "lib/blake3.h"
#include "lib/sha512.h"

/* Magic, version, a printable NUL-padded name, reserved bytes zero.
 * CENO_STOP_TRUST_PAGE if not. The key itself is judged when it is used. */
enum ceno_stop ceno_trust_check(const struct ceno_trust *trust);

/* Magic, ABI version, syscall mode, a TSC frequency, known pledge classes,
 * reserved bytes zero. CENO_STOP_BOOT_PAGE if not. */
enum ceno_stop ceno_boot_check(const struct ceno_boot *boot);

/*
 * Everything about a bundle but its signature. bundle: 8-byte aligned, its first
 * `available` bytes may be read. Accepted means:
 *   - total_bytes <= available and <= CENO_BUNDLE_MAX, a multiple of CENO_PAGE;
 *   - module 0 is the nucleus; ids known and distinct, names printable;
 *   - each segment belongs to a module of the table, at most one of each kind a
 *     module, page-aligned; text and rodata fill the file in table order from
 *     the end of the header to total_bytes without gap or overlap; bss has no bytes;
 *   - addresses lie where the module may have them (nucleus: offsets below
 *     CENO_LARGE_PAGE; entry page: one text page at CENO_GVA_ENTRY; services:
 *     CENO_GVA_SERVICE up to CENO_GVA_WINDOW), and no two segments of a
 *     module overlap;
 *   - entry (nucleus: and all vectors) lie in the module's text;
 *   - each manifest keeps abi/bundle.h's rules: a content id, known flags and grants,
 *     a window only with its pledge, RAM and the rest of the pool for one module
 *     alone, nothing but the id for modules that are not started by theirs;
 *   - unused entries and reserved bytes are zero.
 * Returns CENO_STOP_BUNDLE_MAGIC, _ABI, _SIZE (also: fewer than a header's bytes
 * available), _LAYOUT or _MANIFEST otherwise, in that order.
 */
enum ceno_stop ceno_bundle_check(const void *bundle, size_t available);

/* The segments of one module that its content id covers are hashed like this, in the
 * order of the table: struct ceno_content_segment, then the bytes. Starts the hash.
 * bundle: whole, must have passed ceno_bundle_check; module: an id of its table. */
void ceno_bundle_content(struct ceno_blake3 *hash, const struct ceno_bundle_header *bundle, uint32_t module);

/* Takes the bytes a bundle's signature covers into the hash: the domain with
 * its NUL, then the bundle with the signature taken as zero. The bundle must
 * have passed ceno_bundle_check. */
void ceno_bundle_hash(struct ceno_sha512 *hash, const struct ceno_bundle_header *bundle);

/* CENO_STOP_BUNDLE_SIGNATURE unless the bundle, which must have passed
 * ceno_bundle_check, is signed by the trust page's key (Ed25519, ed25519.h).
 * measured: NULL, or set to the hash the check makes, ready for ceno_sha512_final:
 * over the signature's first half, the key and the signed bytes. */
enum ceno_stop ceno_bundle_verify(const struct ceno_bundle_header *bundle, const struct ceno_trust *trust,
                                  struct ceno_sha512 *measured);

#endif
