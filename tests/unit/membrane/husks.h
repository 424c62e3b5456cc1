/*
 * Programs of one area each that end and leave husks, for test_husk.c and test_husk_short.c: made
 * by membrane itself, no fake; the caller has booted (truth.h).
 */
#ifndef CENO_TEST_MEMBRANE_HUSKS_H
#define CENO_TEST_MEMBRANE_HUSKS_H

#include "truth.h"

#include <sys/mman.h>

#include "guest-kernel/services/membrane/task.h"

#define SECRET 0x5ec2e75ec2e75ec2ull
#define TOUCH  8u /* pages that a program touches */

enum { R = PROT_READ, W = PROT_WRITE, RW = PROT_READ | PROT_WRITE, X = PROT_EXEC, RX = PROT_READ | PROT_EXEC };

/* TOUCH pages at BASE, of RAM (file NULL) or of a file from its page `index` on. */
struct ceno_area area_of(uint16_t prot, struct ceno_inode *file, uint64_t index);
/* A program that has this area, and runs. It ends by end_program. */
struct ceno_vm *start_program(struct ceno_area area);
void end_program(struct ceno_vm *vm);
/* vm writes the token all over the pages from gva on. */
void fill_pages(struct ceno_vm *vm, uint64_t gva, uint64_t pages, uint64_t token);
/* A program that touched all of its area, wrote SECRET where it could, and is a husk now, the first. access: PROT_READ,
 * _WRITE or _EXEC. */
void leave_husk(struct ceno_area area, uint64_t access);
/* Takes every husk's memory back, and asserts that nothing of it is left. */
void clear_husks(void);

#endif
