/*
 * Quantities as people write them: "256M", "1GiB", "90s", "5m". Pure.
 */
#ifndef CENO_POLICY_UNITS_H
#define CENO_POLICY_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes: decimal digits, then nothing, K, M, G (or KiB, MiB, GiB; all powers of
 * 1024). `text` is client-controlled. 0 and `*bytes` set, or -1 (no digits,
 * another suffix, over 2^63-1) and `*bytes` unchanged. */
int ceno_units_parse_bytes(const char *text, uint64_t *bytes);

/* Milliseconds: decimal digits, then ms, s, m or h (no suffix: seconds).
 * Returns as above. */
int ceno_units_parse_ms(const char *text, uint64_t *ms);

/* Writes `bytes` for people ("256 MiB", "1.5 GiB", "12 B") into `out`. */
#define CENO_UNITS_TEXT_MAX 32
void ceno_units_format_bytes(uint64_t bytes, char out[CENO_UNITS_TEXT_MAX]);

/* Strict lowercase hexadecimal of exactly `bytes` bytes into `out`. 0, or -1
 * when length or an alphabet character is wrong (`out` then undefined). */
int ceno_units_parse_hex(const char *text, uint8_t *out, size_t bytes);

/* Writes 2 * bytes lowercase digits and a NUL into `out`. */
void ceno_units_format_hex(const uint8_t *in, size_t bytes, char *out);

#endif
