/*
 * The ELF image of the vDSO (vdso.h): what a C library looks through to find its functions
 * (gABI chapters 4 and 5; symbol versions: LSB core, 10.7). All addresses in it count from its
 * own first byte. It has no sections and no GNU hash table: nobody needs them here.
 */
#define ELF64         2, 1, 1 /* 64 bits, little-endian, version 1 */
#define ET_DYN        3
#define EM_X86_64     62
#define PT_LOAD       1
#define PT_DYNAMIC    2
#define PF_RX         5
#define PF_R          4
#define DT_HASH       4
#define DT_STRTAB     5
#define DT_SYMTAB     6
#define DT_STRSZ      10
#define DT_SYMENT     11
#define DT_SONAME     14
#define DT_VERSYM     0x6ffffff0
#define DT_VERDEF     0x6ffffffc
#define DT_VERDEFNUM  0x6ffffffd
#define GLOBAL_FUNC   0x12
#define VER_FLG_BASE  1

	.section .text.vdso, "ax"
vdso:
	.byte 0x7f, 'E', 'L', 'F', ELF64
	.fill 9
	.short ET_DYN, EM_X86_64
	.long 1
	.quad 0, segments - vdso, 0             /* entry, program headers, sections */
	.long 0
	.short 64, 56, 2, 64, 0, 0              /* sizes and counts of all those */
segments:
	.long PT_LOAD, PF_RX
	.quad 0, 0, 0, ceno_vdso_end - vdso, ceno_vdso_end - vdso, 16
	.long PT_DYNAMIC, PF_R
	.quad dynamic - vdso, dynamic - vdso, dynamic - vdso, symbols - dynamic, symbols - dynamic, 8

dynamic:
	.quad DT_SONAME, soname - strings
	.quad DT_HASH, hash - vdso
	.quad DT_STRTAB, strings - vdso
	.quad DT_SYMTAB, symbols - vdso
	.quad DT_STRSZ, strings_end - strings
	.quad DT_SYMENT, 24
	.quad DT_VERSYM, versions - vdso
	.quad DT_VERDEF, definitions - vdso
	.quad DT_VERDEFNUM, 2
	.quad 0, 0

/* Its code has no size of its own here: nothing asks for it. */
.macro function name, at
	.long \name - strings
	.byte GLOBAL_FUNC, 0
	.short 1                                /* any section: it is defined */
	.quad \at - vdso, 0
.endm
symbols:
	.quad 0, 0, 0
	function clock_gettime, ceno_vdso_clock_gettime
	function gettimeofday, ceno_vdso_gettimeofday
	function time, ceno_vdso_time
	function getcpu, ceno_vdso_getcpu
hash:
	.long 1, 5, 1, 0, 2, 3, 4, 0            /* one chain with all of them */
definitions:
	.short 1, VER_FLG_BASE, 1, 1
	.long 0xdeebfa1, 20, 28                /* hash, its name, the next definition */
	.long soname - strings, 0
	.short 1, 0, 2, 1
	.long 0x3ae75f6, 20, 0
	.long version - strings, 0
versions:
	.short 0, 2, 2, 2, 2
strings:
	.byte 0
clock_gettime:
	.string "__vdso_clock_gettime"
gettimeofday:
	.string "__vdso_gettimeofday"
time:
	.string "__vdso_time"
getcpu:
	.string "__vdso_getcpu"
soname:
	.string "linux-vdso.so.1"
version:
	.string "LINUX_2.6"
strings_end:

	.section .note.GNU-stack, "", @progbits
