/*
 * The table of modules: what each may have (abi/bundle.h, struct ceno_bundle_module),
 * as text. Nine columns divided by blanks, a line a module; `-` for none, `#` begins
 * a comment:
 *
 *   module pledges budget spectrum flags restarts pool state grants
 *
 *   pledges   words out of stdio,rw,net,storage,spawn,audio,video,gpu, or all
 *   budget    joules a refill
 *   spectrum  photon, matter, gravity or void
 *   flags     words out of essential,lazy,integer,prepared
 *   restarts  at most so many
 *   pool      pages, or rest: what the other modules leave
 *   state     bytes
 *   grants    words out of self,clock,ram,pack,bundle,boot,image,supervisor,
 *             trail,trail-events,trail-messages,window-PLEDGE, or windows: all of them
 */
#ifndef CENO_IMAGES_TABLE_H
#define CENO_IMAGES_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include "guest-kernel/abi/manifest.h"

#define CENO_TABLE_MODULES (CENO_MODULE_VAULT + 1)

struct ceno_manifest {
	uint32_t listed; /* 1: the table has a line for it */
	uint32_t pledge_mask;
	uint32_t budget;
	uint32_t pool_pages;
	uint32_t state_bytes;
	uint16_t restarts_max;
	uint8_t spectrum;
	uint8_t flags;
	uint64_t grants;
};

/* Reads `bytes` bytes of text (borrowed, any content) into one manifest a module,
 * indexed by enum ceno_module_id. Returns NULL, or a static sentence with *line the
 * number of the line it is about; the table is then of no use. Only the form and the
 * words are judged here: whether a manifest makes sense is ceno_bundle_check's part. */
const char *ceno_table_read(struct ceno_manifest table[CENO_TABLE_MODULES], const char *text, size_t bytes,
                            unsigned *line);

/* The words of the columns, for listings; NULL beyond the last. */
const char *ceno_table_pledge(uint32_t number);
const char *ceno_table_spectrum(uint32_t number);
const char *ceno_table_flag(uint32_t number);
const char *ceno_table_grant(uint32_t number); /* enum ceno_boot_slot */

#endif
