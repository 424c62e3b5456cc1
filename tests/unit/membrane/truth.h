/*
 * What hardware spaces and frames really are, held against membrane's own tables, for the
 * tests of husks. There is a session with /lib/data and /lib/other in its pack, whose page i
 * is the word PACKED + i (OTHER + i), repeated, and an empty /tmp/husk.
 */
#ifndef CENO_TEST_MEMBRANE_TRUTH_H
#define CENO_TEST_MEMBRANE_TRUTH_H

#include "test.h"

#include "fake_space.h"
#include "guest-kernel/services/membrane/pages.h"

#define LARGE      CENO_LARGE_PAGE
#define BASE       0x10000000000ull
#define TOP        0x7fffffe00000ull /* its last page no program may have */
#define REGIONS    4u                /* of 2 MiB from BASE, and one from TOP */
#define PAGES      ((REGIONS + 1) * CENO_LEAF_PAGES - 1)
#define PACK_PAGES 1100u
#define PACKED     0xbac0000000ull
#define OTHER      0x07e0000000ull

extern struct ceno_inode *pack_file, *other_file, *ram_file;
extern int64_t pack_fd, ram_fd;
extern uint64_t pack_large;   /* page of /lib/data that lies on 2 MiB of the pack */
extern struct ceno_vm *first; /* lives all the time, and has nothing at BASE or TOP */

void boot(void);
/* The current process is one of vm from now on. */
void live_in(struct ceno_vm *vm);
/* Page p of PAGES. */
uint64_t gva_of(uint64_t p);
/* An access of the program as the hardware and dispatch.c do it; access: PROT_READ, _WRITE or
 * _EXEC. 0: *at is where the page's bytes are, else what ceno_pages_fault said. */
int touch(struct ceno_vm *vm, uint64_t gva, uint64_t access, uint64_t **at);

/* The page is this word (token), repeated. */
void check_bytes(uint64_t gva, const uint64_t *at, uint64_t token);
/* vm's table and its space say the same of every page, and the space has no other. */
void check_space(struct ceno_vm *vm);
/* Who has a frame, and how many the allocator thinks have it; vm->pages of all. */
void check_owners(void);
/* Husks have what they may have. */
void check_husks(void);
/* A space that is nobody's maps nothing. */
void check_spares(void);

#endif
