/*
 * Reading ahead for a program, so that its next reads need no call (services/entry/ahead.h).
 *
 * While a vm reads ahead (vm->ahead), its one thread is the only one who has the open file, so nobody
 * can tell that the file's position here is that of its last call: each call of the program ends it
 * and sets the position to what was read by then.
 */
#ifndef CENO_MEMBRANE_AHEAD_H
#define CENO_MEMBRANE_AHEAD_H

#include "vm.h"

/* The current task's read of so many bytes from fd, all that it wanted, is done: begins to read ahead
 * when it is one of many, with no other call between them. */
void ceno_ahead_read(int32_t fd, uint64_t bytes);
/* The current vm, which reads ahead, makes another call. */
void ceno_ahead_end(void);
/* RAM is short: what programs that do not read ahead now have left of it is given back, but for the current one's,
 * which the call that needs the RAM may be using. 1: there was something. */
int ceno_ahead_release(void);
/* Another task is entered: its DS. */
void ceno_ahead_enter(const struct ceno_vm *vm);
/* If *rip is in the code of the entry page that reads, as if the call was not made yet, or was: registers,
 * rip and flags. Others ran there, a handler is to, or a fault is the program's own (EFAULT). Returns whether it was. */
int ceno_ahead_leave(uint64_t gpr[16], uint64_t *rip, uint64_t *rflags);

#endif
