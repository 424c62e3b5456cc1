/* Logs of measured boot: see boot_log.h. */
#include "boot_log.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void boot_log_put(struct boot_log *log, const void *bytes, size_t n)
{
	if (n > sizeof log->bytes - log->used)
		abort();
	memcpy(log->bytes + log->used, bytes, n);
	log->used += n;
}

static void put16(struct boot_log *log, uint16_t value)
{
	uint8_t b[2] = { (uint8_t)value, (uint8_t)(value >> 8) };
	boot_log_put(log, b, 2);
}

void boot_log_put32(struct boot_log *log, uint32_t value)
{
	put16(log, (uint16_t)value);
	put16(log, (uint16_t)(value >> 16));
}

static uint16_t digest_bytes(uint16_t algorithm)
{
	return algorithm == BOOT_LOG_SHA1 ? 20 : algorithm == BOOT_LOG_SHA256 ? 32 : 48;
}

static void extend(uint8_t pcr[32], const uint8_t value[32])
{
	uint8_t both[64];
	memcpy(both, pcr, 32);
	memcpy(both + 32, value, 32);
	crypto_hash_sha256(pcr, both, 64);
}

void boot_log_begin(struct boot_log *log, const uint16_t *algorithms, uint32_t count)
{
	static const uint8_t head[24] = "Spec ID Event03\0\0\0\0\0\0\2\0\2", zeros[20];
	memset(log, 0, sizeof *log);
	log->count = count;
	boot_log_put32(log, 0);
	boot_log_put32(log, BOOT_LOG_NOTHING);
	boot_log_put(log, zeros, 20);
	boot_log_put32(log, 24 + 4 + 4 * count + 1);
	boot_log_put(log, head, sizeof head);
	boot_log_put32(log, count);
	for (uint32_t i = 0; i < count; i++) {
		log->algorithms[i] = algorithms[i];
		put16(log, algorithms[i]);
		put16(log, digest_bytes(algorithms[i]));
	}
	boot_log_put(log, zeros, 1); /* no vendor's information */
}

void boot_log_event(struct boot_log *log, uint32_t pcr, uint32_t type, const void *data, size_t bytes)
{
	uint8_t sha256[32], other[64] = { 0x77 };
	crypto_hash_sha256(sha256, data, bytes);
	boot_log_put32(log, pcr);
	boot_log_put32(log, type);
	boot_log_put32(log, log->count);
	for (uint32_t i = 0; i < log->count; i++) {
		put16(log, log->algorithms[i]);
		boot_log_put(log, log->algorithms[i] == BOOT_LOG_SHA256 ? sha256 : other,
		             digest_bytes(log->algorithms[i]));
	}
	boot_log_put32(log, (uint32_t)bytes);
	boot_log_put(log, data, bytes);
	if (type != BOOT_LOG_NOTHING && pcr < 24)
		extend(log->pcrs[pcr], sha256);
}

void boot_log_locality(struct boot_log *log, uint8_t locality)
{
	uint8_t data[17] = "StartupLocality";
	data[16] = locality;
	boot_log_event(log, 0, BOOT_LOG_NOTHING, data, sizeof data);
	log->pcrs[0][31] = locality;
}

void boot_log_ima(struct boot_log *log, const char *name, const char *algorithm, const uint8_t digest[32],
                  const char *path)
{
	static const uint8_t zeros[32];
	uint8_t shown[20] = { 0x11 }, value[32];
	uint32_t head = (uint32_t)strlen(algorithm) + 1, tail = (uint32_t)strlen(path) + 1;
	boot_log_put32(log, 10);
	boot_log_put(log, digest == NULL ? zeros : shown, 20);
	boot_log_put32(log, (uint32_t)strlen(name));
	boot_log_put(log, name, strlen(name));
	boot_log_put32(log, 4 + head + 32 + 4 + tail);
	size_t from = log->used;
	boot_log_put32(log, head + 32);
	boot_log_put(log, algorithm, head);
	boot_log_put(log, digest == NULL ? zeros : digest, 32);
	boot_log_put32(log, tail);
	boot_log_put(log, path, tail);
	crypto_hash_sha256(value, log->bytes + from, log->used - from);
	if (digest == NULL)
		memset(value, 0xff, 32);
	extend(log->pcrs[10], value);
}
