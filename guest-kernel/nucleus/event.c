/*
 * Events: what a fiber does and what becomes of it, told to the channel that its
 * maker named at SPAWN.
 *
 * What a fiber does (SPAWN, GRANT, PLEDGE) goes into the channel's ring as part
 * of the verb, which waits for room first. What becomes of it (STRIKE, KILLED,
 * FAULT, EXIT) must not wait for anybody, so it stays in the fiber until a RECV
 * on the channel finds the ring empty.
 */
#include "nucleus.h"
#include "cpu.h"

int ceno_event_check_room(struct ceno_fiber *f)
{
	struct ceno_channel *c = f->events;

	return c->waiting < CENO_CHANNEL_MESSAGES ? 0 : ceno_fiber_block_on(f, c);
}

static void fill(uint64_t word[8], const struct ceno_fiber *f, uint32_t what, const uint64_t details[3], uint64_t tsc)
{
	word[0] = f->index;
	word[1] = what;
	word[2] = details[0];
	word[3] = details[1];
	word[4] = details[2];
	word[5] = f->strikes | f->spectrum << 8 | (uint64_t)f->pledge << 16 | (uint64_t)f->restarts << 32;
	word[6] = f->spent;
	word[7] = tsc;
}

void ceno_event_put(struct ceno_fiber *f, uint32_t what, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t details[3] = { a, b, c };
	struct ceno_channel *channel = f->events;
	uint32_t at = ceno_channel_place(channel, channel->waiting);

	fill(channel->message[at].word, f, what, details, ceno_cpu_tsc());
	channel->message[at].cap.type = CENO_OBJECT_NULL;
	channel->from_nucleus |= 1u << at;
	channel->waiting++;
	ceno_fiber_wake(channel);
}

void ceno_event_note(struct ceno_fiber *f, uint32_t what)
{
	if (!f->events || !what)
		return;
	if (!f->event_bits)
		f->events->noted++;
	f->event_bits |= what;
	f->event_tsc = ceno_cpu_tsc();
	ceno_fiber_wake(f->events);
}

void ceno_event_take(struct ceno_channel *c, uint64_t word[8])
{
	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++) {
		struct ceno_fiber *f = ceno_cpu.fiber[i];

		if (!f || f->events != c || !f->event_bits)
			continue;
		fill(word, f, f->event_bits, f->fault, f->event_tsc);
		f->event_bits = 0;
		f->fault[0] = f->fault[1] = f->fault[2] = 0;
		c->noted--;
		return;
	}
}

void ceno_event_leave(struct ceno_fiber *f)
{
	if (f->events && f->event_bits)
		f->events->noted--;
	f->events = NULL;
	f->event_bits = 0;
}

void ceno_event_forget(struct ceno_channel *c)
{
	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++)
		if (ceno_cpu.fiber[i] && ceno_cpu.fiber[i]->events == c)
			ceno_event_leave(ceno_cpu.fiber[i]);
	ceno_fiber_wake(c);
}
