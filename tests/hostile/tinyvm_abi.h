/*
 * Addresses shared by the tiny guests and their driver.
 */
#ifndef CENO_TESTS_TINYVM_ABI_H
#define CENO_TESTS_TINYVM_ABI_H

#define TINY_GDT  0x100010000 /* in RAM: GDT, TSS, IDT, one page each */
#define TINY_TSS  0x100011000
#define TINY_IDT  0x100012000
#define TINY_RSP0 0x100100000
#define TINY_USER 0x100200000 /* one large page of ring 3 */

#endif
