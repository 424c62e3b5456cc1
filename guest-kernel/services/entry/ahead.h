/*
 * Reads without a system call: who reads a file of the pack or image piece by piece has its next
 * bytes beside it, put there by membrane (membrane/ahead.c), and the entry page copies from them.
 * Only where LSTAR is in ring 3 (boot.h, CENO_SYSCALL_PAGE), where a call costs as much as copying 300 KiB.
 *
 * All of it is the program's own memory and runs with the program's rights: what a program writes there,
 * or a jump into the middle of it, is no more than it could do anyway; membrane takes nothing from there
 * but the registers of the program and how far it has read, within what was put there.
 *
 * DS says whether to look (nothing else uses it in 64-bit mode): CENO_AHEAD_ON while membrane reads ahead
 * for the program, 0 else. So no program pays for a page that it does not have.
 *
 * Included by assembly and linker scripts, too.
 */
#ifndef CENO_ENTRY_AHEAD_H
#define CENO_ENTRY_AHEAD_H

#include "abi/layout.h"

#define CENO_AHEAD_ON CENO_SEL_USER_SS

/* 2 MiB in the spaces that read ahead; the addresses are below 2^31. First what membrane writes: */
#define CENO_GVA_AHEAD 0x7fc00000
#define CENO_AHEAD_FD  (CENO_GVA_AHEAD + 0x00) /* 4 bytes: the descriptor, or -1 */
#define CENO_AHEAD_AT  (CENO_GVA_AHEAD + 0x08) /* address of the next byte to read; the code moves it on */
#define CENO_AHEAD_END (CENO_GVA_AHEAD + 0x10) /* and of the first that is not there */
/* then registers as they were at the call: */
#define CENO_AHEAD_RDI   (CENO_GVA_AHEAD + 0x18)
#define CENO_AHEAD_RSI   (CENO_GVA_AHEAD + 0x20)
#define CENO_AHEAD_RCX   (CENO_GVA_AHEAD + 0x28) /* where to go back to */
#define CENO_AHEAD_RSP   (CENO_GVA_AHEAD + 0x30)
#define CENO_AHEAD_STACK (CENO_GVA_AHEAD + 0x80) /* grows down, by 8 bytes */
#define CENO_AHEAD_DATA  (CENO_GVA_AHEAD + 0x1000)

/* The code, in three parts. Interrupted in the first or second, the call was not made: it is made by
 * CENO_GATE_SYSCALL, with the registers that the second part has changed as they were. In the third it
 * was: all that is left is to go back. */
#define CENO_GVA_AHEAD_CODE    (CENO_GVA_ENTRY + 0xe00)
#define CENO_GVA_AHEAD_CHANGED (CENO_GVA_ENTRY + 0xe60)
#define CENO_GVA_AHEAD_DONE    (CENO_GVA_ENTRY + 0xe90)
#define CENO_AHEAD_STORE       8 /* bytes of the instruction before it, which counts what was read */
#define CENO_GVA_AHEAD_STOP    (CENO_GVA_ENTRY + 0xed0)

#endif
