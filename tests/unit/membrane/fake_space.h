/*
 * The spaces of the fake nucleus: what is mapped where, and what the real one refuses
 * (verb_map.c, space.c, frames.c): an occupied place, part of a large mapping, a frame
 * of RAM writable and executable through any two mappings, tables beyond the quota.
 */
#ifndef CENO_TEST_FAKE_SPACE_H
#define CENO_TEST_FAKE_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct fake_mapping {
	uint64_t offset;
	uint8_t object, rights, large; /* rights 0: nothing */
};

/* No space exists; membrane's own window maps nothing. */
void fake_spaces_reset(void);
/* CENO_E_SLOT, CENO_E_POOL or 0. */
int64_t fake_space_spawn(uint32_t slot, uint32_t pool_pages);
void fake_space_end(uint32_t slot);
int fake_space_exists(uint32_t slot);
/* As the verb. slot 0: membrane's own window over RAM. */
int64_t fake_space_map(uint32_t slot, int64_t object, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights);
/* As MAP of a process: moves the table at offset of `source` to gva of `slot`. */
int64_t fake_space_move(uint32_t slot, uint32_t source, uint64_t gva, uint64_t offset);
/* What the space has at gva, or NULL. */
const struct fake_mapping *fake_space_find(uint32_t slot, uint64_t gva);
size_t fake_space_pages(uint32_t slot);
size_t fake_spaces_count(void);
/* How many pool pages there are for spaces (at first 4096). */
extern uint32_t fake_pool_pages;
/* MAPs and unmappings of spaces since the reset. */
extern uint64_t fake_maps;

#endif
