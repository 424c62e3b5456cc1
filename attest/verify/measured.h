/*
 * Measured-boot logs, read: the host's event log (TCG PC Client Platform Firmware
 * Profile, 10: crypto agile, little-endian, as Linux gives it in
 * binary_bios_measurements) and IMA's list (binary_runtime_measurements).
 * Internal to attest/verify. Pure; input hostile; no allocation; nothing is skipped.
 */
#ifndef CENO_VERIFY_MEASURED_H
#define CENO_VERIFY_MEASURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../proof/proof.h"

#define CENO_IMA_PCR 10u

/* What SHA-256 PCRs 0 to 15 hold after the log's events, from a reset.
 * Returns false if the log is malformed: not of one algorithm list with SHA-256 in it, an event with other
 * digests, a PCR above 23, a locality that comes too late, bytes behind the last event. pcrs is then undefined. */
bool ceno_event_log_replay(const uint8_t *log, size_t bytes, uint8_t pcrs[CENO_PROOF_PCRS][32]);

struct ceno_ima_entry {
	bool has_digest;    /* it names a SHA-256 of content, and is no violation */
	uint8_t digest[32]; /* of the file */
	uint8_t extend[32]; /* what the SHA-256 bank is extended with (Linux 5.8 and later) */
};

/* The entry at *at, which moves behind it. Returns 1, 0 at the end, -1 malformed (also an entry that is
 * for another PCR than 10, or of the template `ima`, which has no SHA-256). */
int ceno_ima_next(const uint8_t *log, size_t bytes, size_t *at, struct ceno_ima_entry *entry);

/* pcr = SHA-256(pcr | value) */
void ceno_pcr_extend(uint8_t pcr[32], const uint8_t value[32]);

#endif
