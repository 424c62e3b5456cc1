/*
 * A native program: one file that init makes a fiber of, where membrane would run
 * a Linux program. Made by ceno-native from a program linked with guest-kernel/sdk.
 *
 *   [header page][text][rodata][data]    page-aligned, no gap, nothing after
 *
 * text and rodata run in place in the pack's read-only slot; data is copied and bss
 * zeroed at each start, after a crash too. Every reserved byte is zero, or the file
 * is refused.
 *
 * The content id covers the whole file, with its own 32 bytes taken as zero, so any
 * changed bit is found: kind native of docs/content-id.md.
 *
 * What the program starts with, where the session has it and nothing else: its pledge
 * is the session's; its budget and spectrum are the header's (nothing runs faster than
 * MATTER); in its CSpace, by enum ceno_boot_slot:
 *
 *   SELF        MAP, and SPAWN             WINDOW + class  READ WRITE, each class pledged
 *   CLOCK       READ GRANT                 SUPERVISOR      WRITE
 *   RAM         READ WRITE GRANT           REPLY           READ, if it may be restarted
 *   PACK        READ
 *   BOOT        READ, and mapped at CENO_GVA_BOOT_PAGE
 *   BUNDLE      READ EXECUTE: its own file, from the header page on
 *
 * rip is the entry, rsp CENO_GVA_SERVICE_STACK (64 KiB, a guard page below), everything
 * else zero. RAM cannot be executed: all code of a session is in measured files.
 */
#ifndef CENO_ABI_NATIVE_H
#define CENO_ABI_NATIVE_H

#include "bundle.h"
#include "verbs.h"

#define CENO_NATIVE_MAGIC        0x3154414e544f4e43ull /* "CNOTNAT1" */
#define CENO_NATIVE_SEGMENTS     4u
#define CENO_NATIVE_BYTES_MAX    (1ull << 20)          /* of the file */
#define CENO_NATIVE_MEMORY_MAX   (512ull << 10)        /* data and bss; more is asked of RAM */
#define CENO_NATIVE_STATE_MAX    0x10000u
#define CENO_NATIVE_BUDGET_MAX   1000000u              /* joules a refill */
#define CENO_NATIVE_RESTARTS     3u                    /* where nothing else is said */
#define CENO_NATIVE_RESTARTS_MAX 1000u
#define CENO_SLOT_PROGRAM        CENO_SLOT_BUNDLE      /* a native program's name for it */
#define CENO_NATIVE_ONWARD       (1ull << CENO_SLOT_CLOCK | 1ull << CENO_SLOT_RAM) /* slots with GRANT */

/* In this order in the table and in memory, each at most once; text must be there.
 * bss, if both are there, begins where data ends. */
enum ceno_native_kind {
	CENO_NATIVE_NONE,
	CENO_NATIVE_TEXT   = CENO_SEGMENT_TEXT,
	CENO_NATIVE_RODATA = CENO_SEGMENT_RODATA,
	CENO_NATIVE_DATA   = 3,                            /* read, write; from the file */
	CENO_NATIVE_BSS    = 4                             /* read, write; zero; no bytes in the file */
};

struct ceno_native_segment {
	uint32_t kind;                                     /* enum ceno_native_kind */
	uint32_t reserved;
	uint64_t offset;                                   /* bytes from the file's start; 0 for bss */
	uint64_t bytes;                                    /* page multiple */
	uint64_t gva;                                      /* page-aligned, CENO_GVA_SERVICE up to CENO_GVA_WINDOW */
};
_Static_assert(sizeof(struct ceno_native_segment) == 32, "native segment");

struct ceno_native_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t header_bytes;                             /* CENO_PAGE */
	uint64_t total_bytes;                              /* the file's length, page multiple */
	uint64_t entry;                                    /* in text */
	uint32_t state_bytes;                              /* at CENO_GVA_STATE: page multiple; 0: none */
	uint32_t budget;                                   /* joules a refill; 0: CENO_JOULES_DEFAULT */
	uint32_t spectrum;                                 /* enum ceno_spectrum */
	uint32_t restarts_max;                             /* after a crash or a deadly strike */
	struct ceno_native_segment segments[CENO_NATIVE_SEGMENTS]; /* unused ones last, zero */
	uint8_t  content_id[32];                           /* digest of its content id, kind native */
	uint8_t  reserved[4096 - 48 - 32 * CENO_NATIVE_SEGMENTS - 32];
};
_Static_assert(sizeof(struct ceno_native_header) == 4096, "native header");

/* Why a file is no native program; the first that holds, in this order. The numbers are
 * ABI: init reports them in the stdio window. */
#define CENO_NATIVE_ERRORS(X) \
	X(MAGIC,    1, "it is not a native file")                                            \
	X(ABI,      2, "it was made for another version of the ABI")                         \
	X(LARGE,    3, "it is larger than 1 MiB")                                            \
	X(LENGTH,   4, "its length is not what its header says")                             \
	X(HEADER,   5, "its header's length or a reserved byte is wrong")                    \
	X(SEGMENTS, 6, "its segments are unknown, missing, empty or out of order")           \
	X(OFFSET,   7, "its segments do not fill the file")                                  \
	X(PLACE,    8, "a segment lies where none may, or over another")                     \
	X(MEMORY,   9, "its data and bss are larger than 512 KiB")                           \
	X(ENTRY,    10, "its entry is not in its text")                                      \
	X(STATE,    11, "its state is larger than 64 KiB or not whole pages")                \
	X(ENERGY,   12, "its budget is above 1000000 J, or its spectrum unknown")            \
	X(RESTARTS, 13, "it asks for more than 1000 restarts")                               \
	X(CONTENT,  14, "its bytes do not have the content id of its header")

enum ceno_native_error {
	CENO_NATIVE_OK,
#define CENO_NATIVE_ERROR_ENUM(name, number, text) CENO_NATIVE_E_##name = number,
	CENO_NATIVE_ERRORS(CENO_NATIVE_ERROR_ENUM)
#undef CENO_NATIVE_ERROR_ENUM
	CENO_NATIVE_E_END
};

/* What a program's source asks for: one of these in its section CENO_NATIVE_SECTION, which
 * only ceno-native reads (sdk/native.h has the macro). */
#define CENO_NATIVE_SECTION ".ceno.native"
#define CENO_NATIVE_WANTS_MAGIC 0x31544e57u            /* "WNT1" */

struct ceno_native_wants {
	uint32_t magic;
	uint32_t state_bytes;
	uint32_t budget;
	uint32_t spectrum;
	uint32_t restarts_max;
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct ceno_native_wants) == 32, "native wants");

#endif
