/*
 * One module of a bundle, read from a linked ELF file: what the boot will map.
 *
 * A module has at most one text (read, execute), one rodata (read) and one bss
 * (read, write, no bytes) segment. Whatever else an ELF file can hold
 * (initialised writable data, writable and executable segments, relocations,
 * an interpreter, thread-local storage, unaligned segments, a wrong link
 * address) is refused with a sentence that says so.
 */
#ifndef CENO_IMAGES_MODULE_H
#define CENO_IMAGES_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include "guest-kernel/abi/bundle.h"
#include "images/table.h"

#define CENO_MODULE_SEGMENTS 3 /* indexed by enum ceno_segment_kind - 1 */

struct ceno_module_segment {
	uint64_t gva;
	uint64_t bytes;      /* as mapped: a page multiple; 0: no such segment */
	const uint8_t *data; /* borrowed from the ELF file; NULL for bss */
	uint64_t data_bytes; /* the rest up to `bytes` is padding */
};

struct ceno_module {
	uint32_t id; /* enum ceno_module_id */
	uint64_t entry;
	uint64_t vectors; /* nucleus: address of the symbol ceno_vectors; others 0 */
	struct ceno_module_segment segments[CENO_MODULE_SEGMENTS];
	struct ceno_manifest manifest; /* the caller's part, from the table */
};

/* The name of a module id ("nucleus", ...), or NULL if there is no such module. */
const char *ceno_module_name(uint32_t id);

/* The id of a module's name; false if there is no such module. */
bool ceno_module_id(const char *name, size_t length, uint32_t *id);

/*
 * Reads module->segments, entry and vectors from an ELF file in memory for the
 * module with the id in module->id. elf: borrowed, any content, must outlive the
 * module. Returns NULL, or a static sentence saying why the file is refused.
 */
const char *ceno_module_read(struct ceno_module *module, const uint8_t *elf, size_t bytes);

#endif
