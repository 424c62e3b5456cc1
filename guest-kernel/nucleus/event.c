/*
 * Events: what a fiber does and what becomes of it, told to the channel that its
 * maker named at SPAWN.
 *
 * What a fiber does (SPAWN, GRANT, PLEDGE) goes into the channel's ring as part
 * of the verb, which waits for room first. What becomes of it (STRIKE, KILLED,
 * FAULT, EXIT) must not wait for anybody, so it stays in the fiber until a RECV
 * on the channel finds the ring empty.
 *
 * A fiber made by one that reports to somebody reports there too, beside the channel its
 * maker named: no program can hide from its supervisor what becomes of its fibers,
 * not by closing them either.
 */
#include "nucleus.h"
#include "cpu.h"

int ceno_event_check_room(struct ceno_fiber *f)
{
	if (f->events->waiting == CENO_CHANNEL_MESSAGES)
		return ceno_fiber_block_on(f, f->events);
	if (f->witness && f->witness->waiting == CENO_CHANNEL_MESSAGES)
		return ceno_fiber_block_on(f, f->witness);
	return 0;
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

static void put(struct ceno_channel *channel, struct ceno_fiber *f, uint32_t what, const uint64_t details[3])
{
	uint32_t at = ceno_channel_place(channel, channel->waiting);

	fill(channel->message[at].word, f, what, details, ceno_cpu_tsc());
	channel->message[at].cap.type = CENO_OBJECT_NULL;
	channel->from_nucleus |= 1u << at;
	channel->waiting++;
	ceno_fiber_wake(channel);
}

void ceno_event_put(struct ceno_fiber *f, uint32_t what, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t details[3] = { a, b, c };

	put(f->events, f, what, details);
	if (f->witness)
		put(f->witness, f, what, details);
}

static void note(struct ceno_channel *c, uint32_t *bits, uint32_t what)
{
	if (!*bits)
		c->noted++;
	*bits |= what;
	ceno_fiber_wake(c);
}

void ceno_event_note(struct ceno_fiber *f, uint32_t what)
{
	if (!f->events || !what)
		return;
	f->event_tsc = ceno_cpu_tsc();
	note(f->events, &f->event_bits, what);
	if (f->witness)
		note(f->witness, &f->witness_bits, what);
}

static void forget(struct ceno_channel *c, uint32_t *bits)
{
	if (*bits)
		c->noted--;
	*bits = 0;
}

/* If it had ended but for that, nothing of it is left. */
static void told(struct ceno_fiber *f, uint64_t *quota)
{
	if (f->object.end != CENO_END_DONE || ceno_event_is_untold(f))
		return;
	ceno_cpu.fiber[f->index] = NULL;
	ceno_end_settle(&f->object, quota);
}

void ceno_event_take(struct ceno_channel *c, uint64_t word[8], uint64_t *quota)
{
	static const uint64_t nothing[3];

	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++) {
		struct ceno_fiber *f = ceno_cpu.fiber[i];
		uint32_t *bits;

		if (!f || (f->events != c && f->witness != c))
			continue;
		bits = f->events == c ? &f->event_bits : &f->witness_bits;
		if (!*bits)
			continue;
		fill(word, f, *bits, *bits & CENO_FIBER_EVENT_FAULT ? f->fault : nothing, f->event_tsc);
		forget(c, bits);
		told(f, quota);
		return;
	}
}

static int reports_to(const struct ceno_fiber *f, const struct ceno_channel *c)
{
	return f->events == c || f->witness == c;
}

void ceno_event_leave(struct ceno_fiber *f, const struct ceno_fiber *closer)
{
	if (f->witness && !reports_to(closer, f->witness))
		forget(f->witness, &f->witness_bits);
	if (f->events && !reports_to(closer, f->events))
		forget(f->events, &f->event_bits);
}

/* The witness is then all that is left. */
static void lose(struct ceno_fiber *f, struct ceno_channel *c)
{
	if (f->events == c) {
		forget(c, &f->event_bits);
		f->events = f->witness;
		f->event_bits = f->witness_bits;
	} else {
		forget(c, &f->witness_bits);
	}
	f->witness = NULL;
	f->witness_bits = 0;
}

void ceno_event_forget(struct ceno_channel *c, uint64_t *quota)
{
	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++) {
		struct ceno_fiber *f = ceno_cpu.fiber[i];

		if (f && reports_to(f, c)) {
			lose(f, c);
			told(f, quota);
		}
	}
	ceno_fiber_wake(c);
}
