/*
 * Logs of measured boot as a host would have them, with the PCR values they lead to:
 * the firmware's event log (TCG, crypto agile) and IMA's list. Written from the
 * formats, not with the verifier's reader.
 */
#ifndef CENO_TESTS_BOOT_LOG_H
#define CENO_TESTS_BOOT_LOG_H

#include <stddef.h>
#include <stdint.h>

#define BOOT_LOG_ACTION  5u /* EV_ACTION: an event that is extended */
#define BOOT_LOG_NOTHING 3u /* EV_NO_ACTION: one that is not */
#define BOOT_LOG_SHA1    0x0004u
#define BOOT_LOG_SHA256  0x000bu
#define BOOT_LOG_SHA384  0x000cu

struct boot_log {
	uint8_t bytes[16384];
	size_t used;
	uint8_t pcrs[24][32]; /* SHA-256 bank */
	uint16_t algorithms[3];
	uint32_t count;
};

/* An event log's first event; algorithms in their order. */
void boot_log_begin(struct boot_log *log, const uint16_t *algorithms, uint32_t count);

/* An event; its digests are of `data`. */
void boot_log_event(struct boot_log *log, uint32_t pcr, uint32_t type, const void *data, size_t bytes);

/* The event that says from which locality the TPM was started. */
void boot_log_locality(struct boot_log *log, uint8_t locality);

/* An IMA entry of a file: template name, digest's algorithm as in the list ("sha256:"), digest, path. The
 * list is a boot_log of its own, begun by zeros. digest NULL: a violation. */
void boot_log_ima(struct boot_log *log, const char *name, const char *algorithm, const uint8_t digest[32],
                  const char *path);

/* Bytes as they are. */
void boot_log_put(struct boot_log *log, const void *bytes, size_t n);
void boot_log_put32(struct boot_log *log, uint32_t value);

#endif
