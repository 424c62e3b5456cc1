/*
 * The boot page and the handoff record.
 *
 * The boot page is a read-only slot. Its first half is constant for a node and
 * measured into the platform digest; its second half belongs to one session
 * and enters the opening of the request commitment. init, membrane and prov map it, and native
 * programs; Linux programs do not.
 *
 * The handoff record is a supervisor-only page of the kernel pool, written by
 * the warden, that tells the nucleus where it was laid out (the slide is
 * therefore readable in no ring-3 space).
 */
#ifndef CENO_ABI_BOOT_H
#define CENO_ABI_BOOT_H

#include "layout.h"

#define CENO_BOOT_MAGIC    0x31544f4f42544e43ull /* "CNTBOOT1" */
#define CENO_HANDOFF_MAGIC 0x31464f48544f4e43ull /* "CNOTHOF1" */

enum ceno_syscall_mode {
	CENO_SYSCALL_LSTAR = 1,     /* VMX/SVM: LSTAR is the nucleus */
	CENO_SYSCALL_PAGE  = 2      /* ring 0 emulated: LSTAR is CENO_GVA_SYSCALL in ring 3 */
};

enum ceno_boot_flag {
	CENO_BOOT_NATIVE   = 1u << 0, /* the pack's program is a native file (native.h): init runs it, no membrane */
	CENO_BOOT_PREPARED = 1u << 1, /* there are prepared spaces (below); never with NATIVE */
	CENO_BOOT_ERRORS   = 1u << 2  /* what a Linux program was not pledged is ENOSYS, and not its end; never with NATIVE */
};

struct ceno_boot {
	/* constant, measured: [0, 2048) */
	uint64_t magic;
	uint32_t abi_version;
	uint32_t syscall_mode;      /* enum ceno_syscall_mode, found by a probe VM at node start */
	uint64_t tsc_hz;            /* guest TSC frequency; 0 is refused */
	uint8_t  reserved0[2048 - 24];
	/* per session, committed: [2048, 4096) */
	uint8_t  session_id[16];
	uint8_t  nonce[32];
	uint8_t  seed[32];          /* secret: feeds the guest's random generator */
	uint64_t ram_bytes;
	uint64_t pack_bytes;        /* length of the pack's slot */
	uint64_t image_bytes;       /* 0: no image */
	uint64_t start_realtime_ns; /* CLOCK_REALTIME when start_tsc was read */
	uint64_t start_tsc;         /* TSC then; guest and host have the same */
	uint32_t pledge_mask;       /* 1 << enum ceno_pledge_class */
	uint32_t flags;             /* enum ceno_boot_flag */
	uint32_t dropped;           /* classes of pledge_mask that the session lost while it runs: bits are only ever
	                               added, by the warden; committed as 0. Who holds a window of such a class
	                               says `released` in it and never touches it again (window.h) */
	uint8_t  reserved1[2048 - 80 - 52];
};
_Static_assert(sizeof(struct ceno_boot) == 4096, "boot page");
_Static_assert(__builtin_offsetof(struct ceno_boot, session_id) == 2048, "session half");

/* Layout of RAM, from CENO_GPA_RAM up:
 *   [kernel pool: 1/32 of RAM, at least one large page][boot granule: 2 MiB][user RAM]
 * Pool pages [0, pool_used) hold what the warden laid out; the nucleus owns the
 * rest, of which the first, one for each class pledged, in their order, are the page
 * tables of the windows: their pages from entry 0, user read-write, and the doorbell
 * in the last entry. The boot granule holds the trap pages, then the verifier's events and stack,
 * the clock page, init's bss and stack, then memory for other services.
 *
 * Prepared spaces. Who waits for a program waits for membrane first, and for prov last, so
 * their spaces are laid out like init's, and init's SPAWN takes one (verbs.h) instead of making
 * one that init would fill by MAP. Modules that a manifest starts are started lazy ones last, else
 * in the bundle's order, and so are numbered from 0; the one with number n is fiber n + 1, and its
 * memory follows that of number n - 1 from the start of the memory of services: stack
 * (CENO_SERVICE_STACK_BYTES), bss, state, and a second time the state if it may be restarted.
 * Prepared are those with number below CENO_PREPARED_MAX, the flag (manifest.h) and no state;
 * none if the program is native. Such a space has text and rodata, stack, bss, trap page, and
 * what the manifest grants out of:
 *   BOOT, BUNDLE, TRAIL, TRAIL_EVENTS   as always (manifest.h)
 *   RAM                the first CENO_PREPARED_RAM bytes, or what there is, at CENO_GVA_RAM, READ WRITE
 *   PACK               its first CENO_LARGE_PAGE, or what there is, at CENO_GVA_PACK, READ
 *   the stdio window   if the session pledges it, in its place
 * Who has the flag and is granted any of the last three relies on them: it is prepared, or the
 * warden refuses the bundle; it may not be restarted. */
#define CENO_PREPARED_MAX 2u
#define CENO_PREPARED_RAM (4 * CENO_LARGE_PAGE)

struct ceno_prepared {
	uint64_t cr3;               /* 0: none */
	uint64_t pages;             /* pool pages below pool_used that it is made of */
	uint64_t large_pages;       /* 2 MiB entries, writable, of user RAM from its first byte on */
	uint64_t windows;           /* 1 << enum ceno_pledge_class: mapped, where MAP would */
};
/* Part of the directory entry that points to a window's table (the nucleus's paging.h). */
#define CENO_PREPARED_WINDOW(class) (1ull << 9 | (uint64_t)(class) << 52)

struct ceno_handoff {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t syscall_mode;
	uint64_t nucleus_gva;       /* slid base of the nucleus */
	uint64_t nucleus_entry_gva; /* where the firmware stub jumps */
	uint64_t nucleus_pdpt_gpa;  /* page table that every space points PML4[511] at */
	uint64_t pool_gva;          /* slid; 2 MiB entries, supervisor, NX */
	uint64_t pool_gpa;
	uint64_t pool_pages;
	uint64_t pool_used;
	uint64_t frame_gva;         /* one byte per 4 KiB frame of user RAM, in the pool, zero */
	uint64_t granule_gva;       /* four bytes per 2 MiB of user RAM, in the pool, zero */
	uint64_t trap_gva;          /* trap pages, supervisor mapping */
	uint64_t trap_gpa;
	uint64_t trap_pages;
	uint64_t gdt_gva;           /* GDT, IDT, TSS as laid out by the warden */
	uint64_t idt_gva;
	uint64_t tss_gva;
	uint64_t stack_top_gva;     /* ring-0 stack, guard pages on both sides */
	uint64_t ram_bytes;
	uint64_t user_gpa;          /* first byte of user RAM */
	uint64_t user_bytes;
	uint64_t entry_page_gpa;    /* the entry page, in the bundle's slot */
	uint64_t init_cr3;          /* init's space, laid out by the warden */
	uint64_t init_rip;
	uint64_t init_rsp;
	uint64_t bundle_bytes;
	uint64_t pack_bytes;
	uint64_t image_bytes;
	uint64_t pledge_mask;       /* the session's without CENO_PLEDGE_POSIX */
	uint64_t tick_tsc;          /* tick period in TSC cycles: at least CENO_TICK_MS, below 2^40 */
	uint64_t service_gpa;       /* memory of services: what is left of the boot granule */
	uint64_t service_bytes;
	uint64_t events_gpa;        /* struct ceno_boot_events, one page */
	uint64_t entry_table_gpa;   /* page table with entry and clock page and nothing else: every space points at it */
	struct ceno_prepared prepared[CENO_PREPARED_MAX]; /* by number */
};
_Static_assert(sizeof(struct ceno_handoff) == 336, "handoff");

/* Measurement events, written by the verifier before its verdict; read later by
 * the guest's ledger service. */
enum ceno_boot_event_type { CENO_EVENT_TRUST = 1, CENO_EVENT_BUNDLE, CENO_EVENT_BOOT_CONSTANT };

struct ceno_boot_event {
	uint32_t type;              /* enum ceno_boot_event_type */
	uint32_t reserved;
	uint8_t  sha512[64];        /* of: the trust page; the signature's first half, the key and the signed
	                             * bytes (what the check hashes: RFC 8032, 5.1.7); the boot page's constant half */
};

struct ceno_boot_events {
	uint32_t count;
	uint32_t verdict;           /* enum ceno_stop */
	struct ceno_boot_event event[8];
	uint8_t  trail_seed[32];    /* secret, the warden's: of the guest key (trail.h); only init and prov can map the page */
	uint8_t  reserved[4096 - 8 - 8 * 72 - 32];
};
_Static_assert(sizeof(struct ceno_boot_events) == 4096, "event page");

#endif
