/*
 * Lays out a session's RAM and boot page before the vCPU exists: tables for
 * the CPU (GDT, IDT, TSS), page tables of firmware, nucleus, init and the services
 * whose spaces are prepared (boot.h), the handoff record, and the initial registers.
 *
 * Pure: bytes in, bytes out; no allocation, no I/O. Trusted input only (sealed
 * blobs and the caller's own numbers), but every bound is checked: a blob that
 * does not fit is an error, never an overrun.
 *
 * RAM after the call, from CENO_GPA_RAM (boot.h has the contract):
 *
 *   kernel pool     page 0 handoff | GDT, TSS | IDT x2 | firmware tables | nucleus
 *                   tables | init and prepared tables | ring-0 stack, bss | frame bytes | free ...
 *   boot granule    trap pages | event page | verifier stack | clock page | init bss, stack
 *   user RAM        untouched: zero
 *
 * Untouched pages stay holes of the memfd, so the layout costs what it writes.
 */
#ifndef CENO_WARDEN_LAYOUT_H
#define CENO_WARDEN_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include "../../guest-kernel/abi/boot.h"
#include "../core/launch.h"

struct ceno_layout_input {
	const void *firmware; /* borrowed: firmware image (bundle.h) */
	size_t firmware_bytes;
	const void *trust;  /* borrowed: one page */
	const void *bundle; /* borrowed: signed bundle; its signature is the firmware's business */
	size_t bundle_bytes;
	uint8_t *ram;               /* borrowed: mapping of the whole session RAM, all zero */
	uint64_t ram_bytes;         /* CENO_RAM_MIN..CENO_RAM_MAX, a multiple of CENO_LARGE_PAGE */
	uint64_t pack_bytes;        /* length of the pack's slot, page multiple */
	uint64_t image_bytes;       /* length of the image's slot or 0 */
	int native;                 /* 1: the pack's program is a native file */
	int errors;                 /* 1: what a Linux program was not pledged is an error (CENO_BOOT_ERRORS) */
	struct ceno_boot *boot;     /* borrowed: one page, written whole */
	uint32_t syscall_mode;      /* enum ceno_syscall_mode */
	uint32_t pledge_mask;       /* 1 << enum ceno_pledge_class */
	uint64_t tsc_hz;            /* not 0 */
	uint64_t start_realtime_ns; /* CLOCK_REALTIME and the host's TSC, read together */
	uint64_t start_tsc;
	uint8_t session_id[16];
	uint8_t nonce[32];
	uint8_t seed[32];         /* secret; the caller wipes this struct */
	uint8_t trail_seed[32];   /* secret: of the guest key; lies in the boot events' page alone */
	uint8_t slide_random[16]; /* secret: chooses where the nucleus lies */
};

enum ceno_layout_error {
	CENO_LAYOUT_OK = 0,
	CENO_LAYOUT_RAM = -1,      /* ram_bytes out of range or not a large-page multiple */
	CENO_LAYOUT_FIRMWARE = -2, /* firmware header malformed */
	CENO_LAYOUT_BUNDLE = -3,   /* bundle header malformed, no nucleus, init or entry page in it, or a module that
	                            * can only be prepared (boot.h) and cannot */
	CENO_LAYOUT_INPUT = -4,    /* tsc_hz, syscall_mode, pack or image length unusable */
	CENO_LAYOUT_POOL = -5      /* does not fit into the pool or the boot granule */
};

/* Writes RAM and the boot page and fills *regs with the state at reset.
 * Returns 0 or a negative ceno_layout_error; on error RAM may hold part of a
 * layout and must be wiped by the caller, who wipes it anyway. */
int ceno_layout_build(const struct ceno_layout_input *in, struct ceno_vmm_registers *regs);

#endif
