/*
 * RAM as the warden lays it out for a bundle of five modules, and what its page tables map, for layout.c and
 * prepared.c.
 */
#ifndef CENO_TEST_LAYOUT_FIXTURE_H
#define CENO_TEST_LAYOUT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "guest-kernel/abi/bundle.h"
#include "guest-kernel/abi/manifest.h"
#include "guest-kernel/abi/trail.h"
#include "guest-kernel/abi/window.h"
#include "vmm/warden/layout.h"

#define RAM_BYTES  (64ull << 20)
#define LEAVES_MAX 8192
#define MEMBRANE   3 /* of the modules */
#define PROV       4
#define BSS        9 /* membrane's, of the segments */
#define STDIO      (1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO))

struct leaf {
	uint64_t gva, gpa, bytes;
	int user, writable, executable;
};

struct fixture {
	uint8_t firmware[4 * CENO_PAGE];
	uint8_t bundle[10 * CENO_PAGE];
	struct ceno_trust trust;
	struct ceno_boot boot;
	uint8_t *ram;
	struct ceno_layout_input in;
	struct ceno_vmm_registers regs;
	struct leaf leaf[LEAVES_MAX];
	size_t leaves;
};

/* A fixture in *state, nothing built yet. */
int layout_setup(void **state);
int layout_teardown(void **state);
void layout_add_module(struct ceno_bundle_header *h, uint32_t id, const char *name, uint64_t entry, uint64_t vectors);
/* n bytes at p; the same seed gives the same. */
void layout_fill_random(uint8_t *p, size_t n, uint64_t *seed);
/* Builds it in zeroed RAM, with slides of the seed; must succeed. */
void layout_build(struct fixture *f, uint64_t *seed);
/* Adds the leaves of a page table tree (level 3: a PML4) to f->leaf, with what its upper levels permit. */
void layout_walk(struct fixture *f, uint64_t table_gpa, int level, uint64_t gva, int user, int writable,
                 int executable);

#endif
