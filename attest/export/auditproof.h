/*
 * A proof's record in a foreign format: AuditProof 2.1, the full record (public:
 * "Signed Containment Evidence", nanorix-io/nanorix-verify). For whoever has such a
 * verifier and no other.
 *
 * What it is worth: its chain hashes constants and a time, so that it shows no more
 * than that the export key signed it. Therefore it names what it was made from (the
 * proof's SHA-256, c8, platform), the evidence hash of each step is the SHA-512 of
 * that step's evidence as it stands in the proof, and both are signed. Subsystem and
 * method words are constants of the format: they are not claims of this node, and the
 * document says so. Nothing in it may be believed that the proof does not say.
 *
 *   link i    = SHA-512(hex of link i-1 | 0 | subsystem | 0 | "destroy" | 0 | method | 0 | time), link 0 = SHA-512("")
 *   signature = Ed25519 over the hex of SHA-512(JCS of the format's 15 fields)
 *
 * Pure; sodium_init() first.
 */
#ifndef CENO_EXPORT_AUDITPROOF_H
#define CENO_EXPORT_AUDITPROOF_H

#include "attest/verify/verify.h"

/* result: of a proof that verified (read, no failure but of who is asked); file: that proof's bytes.
 * secret: the export key, libsodium's form. text: gets the document, canonical JSON.
 * Returns its length, or 0: no room, or a value that no such document can have. */
size_t ceno_export_auditproof(const struct ceno_verify_result *result, const void *file, size_t bytes,
                              const uint8_t secret[64], char *text, size_t capacity);

#endif
