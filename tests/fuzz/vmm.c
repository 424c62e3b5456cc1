/*
 * What the vmm reads from others: the launch record (the warden's) and the stdio
 * window (the guest's). Properties: an accepted record has each slot once, where its
 * kind belongs; spans never leave their ring; an accepted report is in range.
 */
#include <stdlib.h>
#include <string.h>

#include "guest-kernel/abi/window.h"
#include "vmm/core/launch_check.h"
#include "vmm/windows/stdio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A good record with the input laid over it at a place the input chooses: random
 * bytes alone would never get past the magic. */
static void try_launch(const uint8_t *data, size_t size)
{
	static const struct ceno_vmm_slot slots[] = {
		{ CENO_GPA_FIRMWARE, CENO_PAGE, CENO_VMM_FD_FIRMWARE, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_TRUST, CENO_PAGE, CENO_VMM_FD_TRUST, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_BUNDLE, CENO_PAGE, CENO_VMM_FD_BUNDLE, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_BOOT, CENO_PAGE, CENO_VMM_FD_BOOT, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_RAM, CENO_RAM_MIN, CENO_VMM_FD_RAM, CENO_SLOT_READ_WRITE },
		{ CENO_GPA_TRAIL, CENO_TRAIL_BYTES, CENO_VMM_FD_TRAIL, CENO_SLOT_READ_WRITE },
	};
	struct ceno_vmm_launch launch = { .magic = CENO_VMM_LAUNCH_MAGIC,
		                          .abi_version = CENO_ABI_VERSION,
		                          .slot_count = sizeof(slots) / sizeof(slots[0]),
		                          .regs = { .cr0 = 0x80000001u, .cr4 = 0x20, .efer = 0x100 } };
	memcpy(launch.slots, slots, sizeof(slots));
	size_t at = ((size_t)data[0] | (size_t)data[1] << 8) % sizeof(launch);
	size_t bytes = size - 2 < sizeof(launch) - at ? size - 2 : sizeof(launch) - at;
	memcpy((uint8_t *)&launch + at, data + 2, bytes);
	if (ceno_launch_check(&launch, sizeof(launch), 0) != CENO_LAUNCH_NONE)
		return;
	uint32_t seen = 0;
	for (uint32_t i = 0; i < launch.slot_count; i++) {
		const struct ceno_vmm_slot *slot = &launch.slots[i];
		if (slot->fd >= CENO_VMM_FD_END || slot->fd <= CENO_VMM_FD_KVM || (seen & 1u << slot->fd) ||
		    slot->bytes == 0 || slot->bytes % CENO_PAGE || slot->gpa % CENO_PAGE ||
		    slot->gpa + slot->bytes < slot->gpa)
			abort();
		seen |= 1u << slot->fd;
		for (uint32_t j = 0; j < i; j++)
			if (slot->gpa < launch.slots[j].gpa + launch.slots[j].bytes &&
			    launch.slots[j].gpa < slot->gpa + slot->bytes)
				abort();
	}
}

static void try_report(const uint8_t *data, size_t size)
{
	static uint8_t window[CENO_STDIO_BYTES] __attribute__((aligned(4096)));
	struct ceno_program_report report;
	memset(window + CENO_STDIO_GUEST_OFFSET, 0, sizeof(struct ceno_stdio_guest));
	memcpy(window + CENO_STDIO_GUEST_OFFSET, data,
	       size < sizeof(struct ceno_stdio_guest) ? size : sizeof(struct ceno_stdio_guest));
	if (ceno_stdio_read_report(window, &report) == 0 &&
	    (report.state > CENO_PROGRAM_REFUSED || report.exit_status > 255 || report.signal > 64 ||
	     report.refusal > CENO_REFUSAL_WORKDIR || report.end > CENO_END_STRUCK || report.detail > 255 ||
	     report.restarts > 65535 || report.enosys_distinct > CENO_ENOSYS_SLOTS ||
	     report.missing >> CENO_PLEDGE_COUNT))
		abort();
}

static void try_ring(const uint8_t *data, size_t size)
{
	static uint8_t bytes[256];
	uint32_t ours = 0, theirs, pending;
	struct ceno_ring ring = { .data = bytes, .bytes = sizeof(bytes), .ours = &ours, .theirs = &theirs };
	memcpy(&ring.position, data, sizeof(ring.position));
	for (size_t at = 4; at + 4 <= size; at += 4) {
		struct ceno_ring_span span;
		memcpy(&theirs, data + at, sizeof(theirs));
		if (at & 4 ? ceno_ring_readable(&ring, &span, &pending) : ceno_ring_writable(&ring, &span))
			continue;
		if (span.at < bytes || span.bytes > (size_t)(bytes + sizeof(bytes) - span.at))
			abort();
		ceno_ring_advance(&ring, span.bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	try_launch(data, size);
	try_report(data, size);
	try_ring(data, size);
	return 0;
}
