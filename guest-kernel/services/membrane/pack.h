/*
 * The pack as membrane sees it: a read-only range of bytes, mapped into
 * membrane's window as it is needed. The warden wrote it; membrane checks its
 * header and entries all the same before it believes an offset.
 */
#ifndef CENO_MEMBRANE_PACK_H
#define CENO_MEMBRANE_PACK_H

#include "membrane.h"

/* Checks header and entries. Returns 0 or -LX_EINVAL. Once per boot. */
int ceno_packs_init(uint64_t pack_bytes);

uint32_t ceno_packs_count(void);
/* i < count. Entry whose offset and length lie within the pack. */
const struct ceno_pack_entry *ceno_packs_entry(uint32_t i);
/* NULL if there is none. */
const struct ceno_pack_entry *ceno_packs_find(const char *path);

/* Where membrane reaches bytes [offset, offset + bytes) of the pack, mapped on the
 * way; NULL if they are not within it or the mapping failed. */
const void *ceno_packs_data(uint64_t offset, uint64_t bytes);

/* The session's image lies behind the largest pack: byte i of it is byte CENO_PACKS_IMAGE + i
 * here, and in inodes. */
#define CENO_PACKS_IMAGE CENO_PACK_MAX

/* There is an image of so many bytes. Returns 0 or -LX_EINVAL. Once per boot, after init. */
int ceno_packs_add_image(uint64_t bytes);

/* The CSpace slot that holds a byte of pack or image, and where in it: takes *offset down. */
uint32_t ceno_packs_slot(uint64_t *offset);

uint64_t ceno_packs_bytes(void);

#endif
