/*
 * Claim 8: a page that is written and executed by two names. User RAM only: read-only
 * slots cannot be written at all. (Large: 2 MiB entries.)
 */
#include "world.h"

enum { REGION = FREE, REGION2, PROCESS };

#define LARGE_GVA 0x50000000ull

#define PAGE_AT  RAM_FREE
#define LARGE_AT (RAM_FREE + CENO_LARGE_PAGE)

static int64_t code(uint64_t offset)
{
	return ceno_map(SELF, RAM, TRIAL_GVA, offset, CENO_PAGE, R | X);
}

static int64_t data(uint64_t offset)
{
	return ceno_map(SELF, RAM, TARGET_GVA, offset, CENO_PAGE, R | W);
}

static void unmap(uint64_t gva, uint64_t bytes)
{
	MUST(ceno_map(SELF, -1, gva, 0, bytes, 0) == 0);
}

static void two_mappings(void)
{
	tried("one mapping, writable and executable", ceno_map(SELF, RAM, TARGET_GVA, PAGE_AT, CENO_PAGE, R | W | X),
	      CENO_E_WX);
	MUST(data(PAGE_AT) == 0);
	tried("written here, executed there", code(PAGE_AT), CENO_E_WX);
	tried("written, then REPLACEd by itself executable",
	      ceno_map(SELF, RAM, TARGET_GVA, PAGE_AT, CENO_PAGE, R | X | CENO_MAP_REPLACE), CENO_E_WX);
	unmap(TARGET_GVA, CENO_PAGE);
	MUST(code(PAGE_AT) == 0);
	tried("executed here, written there", data(PAGE_AT), CENO_E_WX);
	tried("executed, then REPLACEd by itself writable",
	      ceno_map(SELF, RAM, TRIAL_GVA, PAGE_AT, CENO_PAGE, R | W | CENO_MAP_REPLACE), CENO_E_WX);
	tried("writable as one of many pages",
	      ceno_map(SELF, RAM, TARGET_GVA, PAGE_AT - 8 * CENO_PAGE, 16 * CENO_PAGE, R | W), CENO_E_WX);
	unmap(TRIAL_GVA, CENO_PAGE);
}

static void two_spaces(void)
{
	make(&(struct way){ .run = leave, .own = ALL });
	MUST(ceno_spawn_process(PROCESS, 32) == 0);
	MUST(data(PAGE_AT) == 0);
	tried("written here, executed by another fiber", ceno_map(FIBER, RAM, TRIAL_GVA, PAGE_AT, CENO_PAGE, R | X),
	      CENO_E_WX);
	tried("written here, executed by a process", ceno_map(PROCESS, RAM, TRIAL_GVA, PAGE_AT, CENO_PAGE, R | X),
	      CENO_E_WX);
	unmap(TARGET_GVA, CENO_PAGE);
	MUST(ceno_map(FIBER, RAM, TRIAL_GVA, PAGE_AT, CENO_PAGE, R | X) == 0);
	tried("executed by another fiber, written here", data(PAGE_AT), CENO_E_WX);
	tried("executed by another fiber, written by a process",
	      ceno_map(PROCESS, RAM, TRIAL_GVA, PAGE_AT, CENO_PAGE, R | W), CENO_E_WX);
	close_slot(FIBER);
	close_slot(PROCESS);
}

static void by_region(void)
{
	MUST(ceno_spawn_region(REGION, RAM, R | X, PAGE_AT, 2 * CENO_PAGE) == 0);
	tried("a region's code, written by frames", data(PAGE_AT + CENO_PAGE), CENO_E_WX);
	tried("a region's code, written by a region", ceno_spawn_region(REGION2, RAM, R | W, PAGE_AT, CENO_PAGE),
	      CENO_E_WX);
	tried("a region's code, written by a large page",
	      ceno_map(SELF, RAM, LARGE_GVA, PAGE_AT, CENO_LARGE_PAGE, R | W), CENO_E_WX);
	tried("a region, writable and executable", ceno_spawn_region(REGION2, RAM, R | W | X, LARGE_AT, CENO_PAGE),
	      CENO_E_WX);
	close_slot(REGION);
	MUST(ceno_spawn_region(REGION, RAM, R | W, PAGE_AT, CENO_PAGE) == 0);
	tried("a region's data, executed by frames", code(PAGE_AT), CENO_E_WX);
	tried("a region's data, executed by a region", ceno_spawn_region(REGION2, RAM, R | X, PAGE_AT, CENO_PAGE),
	      CENO_E_WX);
	close_slot(REGION);
}

static void by_size(void)
{
	MUST(ceno_map(SELF, RAM, LARGE_GVA, LARGE_AT, CENO_LARGE_PAGE, R | W) == 0);
	tried("written large, executed small", code(LARGE_AT + 7 * CENO_PAGE), CENO_E_WX);
	tried("written large, executed large",
	      ceno_map(SELF, RAM, LARGE_GVA + CENO_LARGE_PAGE, LARGE_AT, CENO_LARGE_PAGE, R | X), CENO_E_WX);
	tried("written large, executed by a region", ceno_spawn_region(REGION, RAM, R | X, LARGE_AT, CENO_PAGE),
	      CENO_E_WX);
	unmap(LARGE_GVA, CENO_LARGE_PAGE);
	MUST(code(LARGE_AT + 7 * CENO_PAGE) == 0);
	tried("executed small, written large", ceno_map(SELF, RAM, LARGE_GVA, LARGE_AT, CENO_LARGE_PAGE, R | W),
	      CENO_E_WX);
	unmap(TRIAL_GVA, CENO_PAGE);
}

/* What is code and was made read-only cannot be jumped to, and data neither. */
static void map_data(void)
{
	MUST(ceno_map(FIBER, RAM, TARGET_GVA, PAGE_AT, CENO_PAGE, R | W) == 0);
}

static void map_code(void)
{
	MUST(ceno_map(FIBER, RAM, TARGET_GVA, PAGE_AT, CENO_PAGE, R | X) == 0);
}

static void map_large(void)
{
	MUST(ceno_map(FIBER, RAM, LARGE_GVA, LARGE_AT, CENO_LARGE_PAGE, R | W) == 0);
}

static void in_fact(void)
{
	tried("a jump into data", touch(TARGET_GVA, TOUCH_JUMP, map_data), PAGE_FAULT(PF_PRESENT | PF_USER | PF_FETCH));
	tried("a jump into large data", touch(LARGE_GVA, TOUCH_JUMP, map_large),
	      PAGE_FAULT(PF_PRESENT | PF_USER | PF_FETCH));
	tried("a write into code", touch(TARGET_GVA, TOUCH_WRITE, map_code),
	      PAGE_FAULT(PF_PRESENT | PF_USER | PF_WRITE));
	tried("a write into the bundle's own text", touch(CENO_GVA_SERVICE, TOUCH_WRITE, NULL),
	      PAGE_FAULT(PF_PRESENT | PF_USER | PF_WRITE));
}

void attack(void)
{
	say("wx: written by one name, executed by another\n");
	two_mappings();
	two_spaces();
	by_region();
	by_size();
	in_fact();
}
