/*
 * Buddy allocator over user RAM. See frames.h.
 *
 * RAM is taken into use 2 MiB at a time, from the bottom; such chunks are mapped
 * once into membrane's window, by a large entry each. The bookkeeping lies at
 * the bottom of RAM: one state byte a frame, then one pair of links a frame, so
 * that a free frame itself is never touched (an untouched page costs the session
 * nothing to wipe). A frame in use needs no links: there `next` counts its owners
 * beyond the first.
 *
 * Invariants: state[f] & ORDER is order + 1 exactly if f heads a free block;
 * links[f] is zero if f is free and heads no block; no two free buddies of one order
 * exist; frame 0 is bookkeeping, never free.
 */
#include "frames.h"

#include "vm.h"

#define STATE_ORDER  0x0fu
#define CHUNKS_AHEAD 4u
#define STATE_DIRTY  0x80u /* was handed out before: zero it when it is again */

struct link {
	uint32_t next, prev;
};

static uint8_t *state;
static struct link *links;
static uint8_t *tables;
static uint64_t tables_left;
static uint32_t heads[CENO_ORDERS];
static uint64_t next_chunk, mapped_chunks, end_chunk; /* in 2 MiB */
static uint64_t used, peak, reserved;                 /* in pages */

/* Maps `chunk`, and with it, in one MAP, some after it: the next few cost two
 * instructions of ring 0 each, a MAP of their own a hundred. */
static int map_chunk(uint64_t chunk)
{
	uint64_t count = end_chunk - chunk < CHUNKS_AHEAD ? end_chunk - chunk : CHUNKS_AHEAD;

	if (chunk < mapped_chunks)
		return 0;
	if (ceno_map(CENO_SLOT_SELF, CENO_SLOT_RAM, CENO_RAM_GVA + chunk * CENO_LARGE_PAGE, chunk * CENO_LARGE_PAGE,
	             count * CENO_LARGE_PAGE, CENO_RIGHT_READ | CENO_RIGHT_WRITE) < 0)
		return -LX_ENOMEM;
	mapped_chunks = chunk + count;
	return 0;
}

static void push(uint32_t frame, unsigned order)
{
	state[frame] = (uint8_t)((state[frame] & STATE_DIRTY) | (order + 1));
	links[frame] = (struct link){ heads[order], 0 };
	if (heads[order])
		links[heads[order]].prev = frame;
	heads[order] = frame;
}

static void take(uint32_t frame, unsigned order)
{
	struct link link = links[frame];

	if (link.prev)
		links[link.prev].next = link.next;
	else
		heads[order] = link.next;
	if (link.next)
		links[link.next].prev = link.prev;
	links[frame] = (struct link){ 0, 0 };
	state[frame] &= STATE_DIRTY;
}

static void give(uint32_t frame, unsigned order)
{
	while (order < CENO_ORDER_LARGE) {
		uint32_t buddy = frame ^ (1u << order);

		if ((state[buddy] & STATE_ORDER) != order + 1)
			break;
		take(buddy, order);
		frame &= ~(1u << order);
		order++;
	}
	push(frame, order);
}

int ceno_frames_init(uint64_t ram_bytes)
{
	uint64_t frames = ram_bytes / CENO_PAGE;
	uint64_t bytes = CENO_PAGE_UP(frames) + CENO_PAGE_UP(frames * sizeof(*links));
	uint64_t chunks = (bytes + CENO_TABLES_BYTES + CENO_LARGE_PAGE - 1) / CENO_LARGE_PAGE;

	state = ceno_ram(0);
	links = ceno_ram(CENO_PAGE_UP(frames));
	tables = ceno_ram(bytes);
	tables_left = CENO_TABLES_BYTES;
	end_chunk = ram_bytes / CENO_LARGE_PAGE;
	used = peak = 0;
	mapped_chunks = CENO_PREPARED_RAM / CENO_LARGE_PAGE; /* or what there is (boot.h) */
	memset(heads, 0, sizeof(heads));
	for (next_chunk = 0; next_chunk < chunks; next_chunk++)
		if (next_chunk >= end_chunk || map_chunk(next_chunk))
			return -LX_ENOMEM;
	reserved = (bytes + CENO_TABLES_BYTES) / CENO_PAGE;
	for (uint64_t frame = reserved; frame < chunks * (CENO_LARGE_PAGE / CENO_PAGE); frame++)
		give((uint32_t)frame, 0);
	return 0;
}

void *ceno_frames_table(uint64_t bytes)
{
	void *table = tables;

	bytes = CENO_PAGE_UP(bytes);
	if (bytes > tables_left)
		ceno_membrane_abort();
	tables += bytes;
	tables_left -= bytes;
	return table;
}

static int grow(void)
{
	if (next_chunk >= end_chunk)
		return 0;
	if (map_chunk(next_chunk)) {
		end_chunk = next_chunk;
		return 0;
	}
	push((uint32_t)(next_chunk++ * (CENO_LARGE_PAGE / CENO_PAGE)), CENO_ORDER_LARGE);
	return 1;
}

static uint64_t hand_out(uint32_t frame, unsigned order, int clean)
{
	for (uint32_t i = frame; i < frame + (1u << order); i++) {
		if (clean && (state[i] & STATE_DIRTY))
			memset(ceno_ram((uint64_t)i * CENO_PAGE), 0, CENO_PAGE);
		state[i] = STATE_DIRTY;
	}
	used += 1u << order;
	if (used > peak)
		peak = used;
	return (uint64_t)frame * CENO_PAGE;
}

uint64_t ceno_frames_alloc_fresh(void)
{
	uint32_t frame;

	if (!grow())
		return CENO_NO_FRAME;
	frame = heads[CENO_ORDER_LARGE];
	take(frame, CENO_ORDER_LARGE);
	return hand_out(frame, CENO_ORDER_LARGE, 1);
}

static uint64_t alloc(unsigned order, int clean)
{
	unsigned from = order;
	uint32_t frame;

	while (from < CENO_ORDERS && !heads[from])
		from++;
	if (from == CENO_ORDERS) {
		if (!grow())
			return ceno_husk_release() ? alloc(order, clean) : CENO_NO_FRAME;
		from = CENO_ORDER_LARGE;
	}
	frame = heads[from];
	take(frame, from);
	while (from > order) {
		from--;
		push(frame + (1u << from), from);
	}
	return hand_out(frame, order, clean);
}

uint64_t ceno_frames_alloc(unsigned order)
{
	return alloc(order, 1);
}
uint64_t ceno_frames_alloc_raw(unsigned order)
{
	return alloc(order, 0);
}

void ceno_frames_share(uint64_t offset, unsigned order)
{
	for (uint64_t frame = offset / CENO_PAGE, end = frame + (1u << order); frame < end; frame++)
		links[frame].next++;
}

int ceno_frames_shared(uint64_t offset, unsigned order)
{
	uint32_t any = 0;

	for (uint64_t frame = offset / CENO_PAGE, end = frame + (1u << order); frame < end; frame++)
		any |= links[frame].next;
	return any != 0;
}

void ceno_frames_free(uint64_t offset, unsigned order)
{
	uint32_t frame = (uint32_t)(offset / CENO_PAGE);

	if (!ceno_frames_shared(offset, order)) {
		used -= 1u << order;
		give(frame, order);
	} else if (order == 0) {
		links[frame].next--;
	} else {
		for (uint32_t i = 0; i < 1u << order; i++)
			ceno_frames_free(offset + i * CENO_PAGE, 0);
	}
}

uint64_t ceno_frames_used(void)
{
	return used;
}
uint64_t ceno_frames_peak(void)
{
	return peak;
}
uint64_t ceno_frames_total(void)
{
	return end_chunk * (CENO_LARGE_PAGE / CENO_PAGE) - reserved;
}
uint64_t ceno_frames_unused(void)
{
	return ceno_frames_total() - used + ceno_husks_pages();
}
void ceno_frames_mark(void)
{
	peak = used;
}
