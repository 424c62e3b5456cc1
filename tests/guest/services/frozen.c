/*
 * A test in init's place: two fibers that spend all they have, early in each period of a
 * second, one by verbs, one by CPU time. It goes on calling TICK all the while, so that
 * ring 3 never rests. tests/guest/frozen-fibers watches from outside, by single step,
 * whose space ring 0 returns to.
 *
 * It ends the session with STOP_GOOD, or with STOP_BAD + the line of a failed check.
 */
#include "stop.h"

#define SECONDS        4u
#define COPY_GVA       0x400000000ull
#define CODE_GVA       0x41000000ull /* of the sender; the hog's is 2 MiB above */
#define STACK_GVA      0x40000000ull
#define FROZEN_CHANNEL 3u /* in the sender; frozen.S */

enum { SLOT_CHANNEL = CENO_SLOT_FIRST_FREE, SLOT_FIBER };

extern const uint8_t frozen_sender[], frozen_hog[], frozen_end[];

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE, SELF = CENO_SLOT_SELF,
		      RAM = CENO_SLOT_RAM;

static void copy(uint64_t offset, const uint8_t *from, const uint8_t *to)
{
	CHECK(ceno_map(SELF, RAM, COPY_GVA, offset, CENO_PAGE, R | W) == 0);
	for (volatile uint8_t *at = (uint8_t *)COPY_GVA; from != to; at++, from++)
		*at = *from;
	CHECK(ceno_map(SELF, -1, COPY_GVA, 0, CENO_PAGE, 0) == 0);
}

/* Starts at the first byte of its code, which nothing else in the guest has as its rip. */
static void start(uint32_t number, uint32_t budget, const uint8_t *from, const uint8_t *to)
{
	uint64_t code = CODE_GVA + number * CENO_LARGE_PAGE, ram = 2ull * number * CENO_PAGE;
	struct ceno_fiber_spawn s = { .slot = SLOT_FIBER + number,
		                      .spectrum = CENO_SPECTRUM_VOID,
		                      .budget = budget,
		                      .pool_pages = 16,
		                      .rip = code,
		                      .rsp = STACK_GVA + CENO_PAGE };

	copy(ram, from, to);
	CHECK(ceno_spawn_fiber(&s) > 0);
	CHECK(ceno_map(s.slot, RAM, code, ram, CENO_PAGE, R | X) == 0);
	CHECK(ceno_map(s.slot, RAM, STACK_GVA, ram + CENO_PAGE, CENO_PAGE, R | W) == 0);
	CHECK(ceno_grant(s.slot, SLOT_CHANNEL, FROZEN_CHANNEL, W) == 0);
	CHECK(ceno_send(s.slot, -1, &(struct ceno_message){ { 0 } }) == 0);
}

void ceno_service_main(void)
{
	uint64_t end = ceno_rdtsc() + SECONDS * ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->tsc_hz, now;

	CHECK(ceno_spawn_channel(SLOT_CHANNEL) == 0);
	start(0, 25, frozen_sender, frozen_hog);
	start(1, CENO_TICK_JOULES, frozen_hog, frozen_end);
	do
		CHECK(ceno_tick(0, 0, &now) == 0);
	while (now < end);
	stop(STOP_GOOD);
}
