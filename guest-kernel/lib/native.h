/*
 * The check of a native program's file (abi/native.h): used by init, which alone
 * decides, and by the tool that makes such files, on its own output. Pure, over
 * borrowed bytes that may come from an attacker; no byte outside them is read.
 */
#ifndef CENO_LIB_NATIVE_H
#define CENO_LIB_NATIVE_H

#include <stddef.h>
#include "abi/native.h"

/*
 * file: 8-byte aligned, `bytes` bytes that do not change meanwhile. Accepted means
 * everything abi/native.h says of a file: total_bytes == bytes, segments fill it without
 * gap or overlap and lie apart in memory, entry in text, numbers in range, reserved
 * bytes zero, and the content id is that of the bytes.
 * Returns CENO_NATIVE_OK or the first reason why not, in the order of the enum.
 * About 2.5 KiB of stack.
 */
enum ceno_native_error ceno_native_check(const void *file, size_t bytes);

/* The digest of its content id: BLAKE3 over the file with the 32 bytes of content_id
 * taken as zero. bytes: at least sizeof(struct ceno_native_header). */
void ceno_native_content(const void *file, size_t bytes, uint8_t digest[32]);

/* The segment of a kind, or NULL. header: must have passed ceno_native_check. */
const struct ceno_native_segment *ceno_native_segment(const struct ceno_native_header *header, uint32_t kind);

/* Host only. The sentence of an enum ceno_native_error, or "unknown reason". Static. */
const char *ceno_native_error_text(uint32_t error);

#endif
