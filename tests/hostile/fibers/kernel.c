/*
 * Claim 9: what is not ring 3's. Its fiber dies by the fault, of the right kind, and the
 * session goes on; and no verb gives a name for kernel memory.
 */
#include "world.h"

enum { REGION = FREE };

static void faults(const char *what, uint64_t gva, int64_t read, int64_t write, int64_t jump)
{
	say(" ");
	say(what);
	say("\n");
	tried("read", touch(gva, TOUCH_READ, NULL), read);
	tried("write", touch(gva, TOUCH_WRITE, NULL), write);
	tried("jump", touch(gva, TOUCH_JUMP, NULL), jump);
}

static void nothing_there(const char *what, uint64_t gva)
{
	faults(what, gva, PAGE_FAULT(PF_USER), PAGE_FAULT(PF_USER | PF_WRITE), PAGE_FAULT(PF_USER | PF_FETCH));
}

/* Where the nucleus lies is not told: a page there is present or not, never usable. */
static int is_refused(int64_t fault)
{
	return fault >> 16 == 14 && (fault & PF_USER);
}

/* Some hosts keep tables of their own there, which fault with the reserved bit set. */
static void slot_256(void)
{
	const uint64_t gva = 0xffff800000000000ull;
	const int64_t how = PF_WRITE | PF_USER | PF_FETCH;

	say(" PML4[256]\n");
	tried("read", touch(gva, TOUCH_READ, NULL) & (~0xffff | how), PAGE_FAULT(PF_USER));
	tried("write", touch(gva, TOUCH_WRITE, NULL) & (~0xffff | how), PAGE_FAULT(PF_USER | PF_WRITE));
	tried("jump", touch(gva, TOUCH_JUMP, NULL) & (~0xffff | how), PAGE_FAULT(PF_USER | PF_FETCH));
}

static void sample_nucleus(void)
{
	const uint64_t base = 0xffffff8000000000ull;
	uint64_t seed = ceno_rdtsc() | 1;
	int refused = 0;

	for (int i = 0; i < 24; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		refused += is_refused(touch(base | (seed >> 25 & 0x7ffffff000ull), (enum touch)(i % 3), NULL));
	}
	tried("24 addresses behind PML4[511], refused", refused, 24);
}

static void by_map(void)
{
	tried("MAP into the kernel half", ceno_map(SELF, RAM, 0xffffff8000000000ull, RAM_FREE, CENO_PAGE, R | W),
	      CENO_E_BOUNDS);
	tried("MAP at slot 256", ceno_map(SELF, RAM, 0xffff800000000000ull, RAM_FREE, CENO_PAGE, R | W), CENO_E_BOUNDS);
	tried("MAP at 2^47", ceno_map(SELF, RAM, 1ull << 47, RAM_FREE, CENO_PAGE, R | W), CENO_E_BOUNDS);
	tried("MAP over 2^47", ceno_map(SELF, RAM, (1ull << 47) - CENO_PAGE, RAM_FREE, 2 * CENO_PAGE, R | W),
	      CENO_E_BOUNDS);
	tried("MAP around the whole space", ceno_map(SELF, RAM, TARGET_GVA, RAM_FREE, 0 - TARGET_GVA, R | W),
	      CENO_E_BOUNDS);
	tried("unmap the kernel half", ceno_map(SELF, -1, 0xffffff8000000000ull, 0, CENO_PAGE, 0), CENO_E_BOUNDS);
	tried("the kernel pool, by an offset before RAM",
	      ceno_map(SELF, RAM, TARGET_GVA, 0 - 2 * CENO_LARGE_PAGE, CENO_PAGE, R | W), CENO_E_BOUNDS);
	tried("the kernel pool, by a region before RAM",
	      ceno_spawn_region(REGION, RAM, R | W, 0 - 2 * CENO_LARGE_PAGE, CENO_PAGE), CENO_E_BOUNDS);
	tried("the nucleus's text in the bundle, writable", ceno_map(SELF, BUNDLE, TARGET_GVA, 0, CENO_PAGE, R | W),
	      CENO_E_RIGHTS);
	make(&(struct way){ .run = leave, .own = ALL }); /* of which no harm comes to this one */
	tried("unmap the entry page", ceno_map(FIBER, -1, CENO_GVA_ENTRY, 0, CENO_PAGE, 0), CENO_E_BOUNDS);
	tried("unmap what holds it",
	      ceno_map(FIBER, -1, CENO_GVA_ENTRY & ~(CENO_LARGE_PAGE - 1), 0, CENO_LARGE_PAGE, 0), CENO_E_BOUNDS);
	tried("MAP over the entry page", ceno_map(FIBER, RAM, CENO_GVA_ENTRY, RAM_FREE, CENO_PAGE, R | X),
	      CENO_E_BOUNDS);
	tried("REPLACE the entry page",
	      ceno_map(FIBER, RAM, CENO_GVA_ENTRY, RAM_FREE, CENO_PAGE, R | W | CENO_MAP_REPLACE), CENO_E_BOUNDS);
	tried("REPLACE the clock page",
	      ceno_map(FIBER, RAM, CENO_GVA_CLOCK, RAM_FREE, CENO_PAGE, R | W | CENO_MAP_REPLACE), CENO_E_BOUNDS);
	tried("REPLACE with it among others",
	      ceno_map(FIBER, RAM, CENO_GVA_ENTRY - 3 * CENO_PAGE, RAM_FREE, 4 * CENO_PAGE, R | W | CENO_MAP_REPLACE),
	      CENO_E_BOUNDS);
	tried("a large page over it",
	      ceno_map(FIBER, RAM, CENO_GVA_ENTRY & ~(CENO_LARGE_PAGE - 1), RAM_FREE, CENO_LARGE_PAGE, R | W),
	      CENO_E_BOUNDS);
	tried("SPAWN of a fiber in the kernel half",
	      ceno_spawn_fiber(&(struct ceno_fiber_spawn){
		  .slot = EMPTY, .spectrum = 1, .pool_pages = 16, .rip = 0xffffff8000000000ull }),
	      CENO_E_BOUNDS);
	tried("RESTART of a fiber at 2^47", ceno_restart(FIBER, 1ull << 47, 0), CENO_E_BOUNDS);
	close_slot(FIBER);
}

void attack(void)
{
	const int64_t outside = 13 << 16;

	say("kernel: memory that is not ring 3's\n");
	faults("the entry page", CENO_GVA_ENTRY + 0x31, NO_FAULT, PAGE_FAULT(PF_PRESENT | PF_USER | PF_WRITE),
	       NO_FAULT);
	faults("the clock page", CENO_GVA_CLOCK, NO_FAULT, PAGE_FAULT(PF_PRESENT | PF_USER | PF_WRITE),
	       PAGE_FAULT(PF_PRESENT | PF_USER | PF_FETCH));
	slot_256();
	nothing_there("PML4[511], first page", 0xffffff8000000000ull);
	nothing_there("the last page of all", 0xfffffffffffff000ull);
	nothing_there("page 0", 0);
	nothing_there("another fiber's stack", STACK_GVA + 4 * STACK_BYTES - 64);
	tried("read beyond 2^47", touch(1ull << 47, TOUCH_READ, NULL), outside);
	tried("write beyond 2^47", touch(1ull << 47, TOUCH_WRITE, NULL), outside);
	tried("jump beyond 2^47", touch(1ull << 47, TOUCH_JUMP, NULL), outside);
	sample_nucleus();
	by_map();
}
