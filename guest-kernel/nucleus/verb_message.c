/*
 * SEND, RECV and TICK: messages, signals, time.
 *
 * A message is eight words in registers and at most one capability, which moves.
 */
#include "cap.h"

#define NO_CAP ((uint64_t)-1)

static void store_message(uint64_t word[8], const struct ceno_frame *r)
{
	word[0] = r->rdx;
	word[1] = r->r10;
	word[2] = r->r8;
	word[3] = r->r9;
	word[4] = r->r12;
	word[5] = r->r13;
	word[6] = r->r14;
	word[7] = r->r15;
}

static void load_message(const uint64_t word[8], struct ceno_frame *r)
{
	r->rdx = word[0];
	r->r10 = word[1];
	r->r8 = word[2];
	r->r9 = word[3];
	r->r12 = word[4];
	r->r13 = word[5];
	r->r14 = word[6];
	r->r15 = word[7];
}

static int start_fiber(struct ceno_cap *cap)
{
	struct ceno_fiber *f = ceno_fiber_of(cap->object);

	if (f->state != CENO_FIBER_PARKED)
		return CENO_E_STATE;
	f->state = CENO_FIBER_READY;
	return 0;
}

/* What may move along, and what a step makes of it. */
static int decode_moved(struct ceno_fiber *f, struct ceno_channel *c, struct ceno_cap **out, struct ceno_cap_step *step)
{
	uint64_t now = ceno_cpu_tsc();
	struct ceno_cap *from;
	int rc = ceno_cap_find_to_pass(f, f->frame.rsi, now, &from);

	if (rc)
		return rc;
	if (c->waiting == CENO_CHANNEL_MESSAGES)
		return CENO_E_FULL;
	if (from->object == &c->object || from->object == &f->object)
		return CENO_E_SELF;
	*out = from;
	return ceno_cap_step(from, now, step);
}

static int send_channel(struct ceno_fiber *f, struct ceno_channel *c)
{
	struct ceno_frame *r = &f->frame;
	uint32_t at = ceno_channel_place(c, c->waiting);
	struct ceno_cap *to = &c->message[at].cap, *moved;
	struct ceno_cap_step step;

	if (r->rsi != NO_CAP) {
		int rc = decode_moved(f, c, &moved, &step);

		if (rc)
			return rc;
		ceno_cap_copy(to, moved, CENO_RIGHTS_ALL, &step);
		ceno_cap_forget(moved); /* it moved: no count changes */
	} else if (c->waiting == CENO_CHANNEL_MESSAGES) {
		return CENO_E_FULL;
	} else {
		to->type = CENO_OBJECT_NULL;
	}
	store_message(c->message[at].word, r);
	c->sender[at] = (uint8_t)f->index;
	c->waiting++;
	ceno_fiber_wake(c);
	return 0;
}

int64_t ceno_verb_send(struct ceno_fiber *f)
{
	struct ceno_cap *cap;
	int rc = ceno_energy_pay(f, CENO_PRICE_SEND);

	if (!rc)
		rc = ceno_cap_find(f, f->frame.rdi, CENO_TYPE(CHANNEL) | CENO_TYPE(FIBER), CENO_RIGHT_WRITE, &cap);
	if (rc)
		return rc;
	return cap->type == CENO_OBJECT_FIBER ? start_fiber(cap)
					      : send_channel(f, (struct ceno_channel *)(void *)cap->object);
}

/* The ring is empty: what fibers wait to tell, a signal if it is asked for, or nothing yet. */
static int64_t recv_noted(struct ceno_fiber *f, struct ceno_channel *c)
{
	uint64_t word[8];

	if (c->noted) {
		ceno_event_take(c, word, &f->space.quota);
		load_message(word, &f->frame);
		f->frame.rsi = 0;
		return 1;
	}
	if (f->frame.rdx == 1)
		return CENO_E_AGAIN;
	if (f->frame.rdx != 2)
		return ceno_fiber_block_on(f, c);
	if (f->signal_seen == ceno_cpu.signal_count) {
		(void)ceno_fiber_block_on(f, c);
		f->wait = CENO_WAIT_CHANNEL_OR_SIGNAL;
		return CENO_VERB_BLOCKED;
	}
	f->signal_seen = ceno_cpu.signal_count;
	return 2;
}

static int64_t recv_channel(struct ceno_fiber *f, struct ceno_channel *c)
{
	struct ceno_frame *r = &f->frame;
	struct ceno_cap *to = NULL, *came;
	uint32_t at = c->head, from_nucleus = c->from_nucleus >> at & 1;

	if (!c->waiting)
		return recv_noted(f, c);
	came = &c->message[at].cap;
	if (came->type != CENO_OBJECT_NULL) {
		int rc = r->rsi == NO_CAP ? CENO_E_SLOT : ceno_cap_check_empty(f, r->rsi, &to);

		if (rc)
			return rc; /* the message stays */
		*to = *came;
		ceno_cap_forget(came); /* it moved: no count changes */
	}
	load_message(c->message[at].word, r);
	r->rsi = (uint64_t)(to != NULL) | (from_nucleus ? 0 : (uint64_t)c->sender[at] << 8);
	c->from_nucleus &= ~(1u << at);
	c->head = ceno_channel_place(c, 1);
	c->waiting--;
	ceno_fiber_wake(c); /* whoever waits for room */
	return from_nucleus;
}

static int64_t recv_process(struct ceno_fiber *f, struct ceno_cap *cap)
{
	struct ceno_process *p = ceno_process_of(cap->object);

	if (!ceno_process_is_run_by(p, f))
		return CENO_E_STATE;
	f->process = p;
	ceno_cpu.process_cr3 = p->space.cr3;
	return 0;
}

static int64_t recv_window(struct ceno_fiber *f)
{
	if (f->signal_seen == ceno_cpu.signal_count) {
		if (f->frame.rdx == 1)
			return CENO_E_AGAIN;
		return ceno_fiber_block(f, CENO_WAIT_SIGNAL, 0);
	}
	f->signal_seen = ceno_cpu.signal_count;
	return 0;
}

int64_t ceno_verb_recv(struct ceno_fiber *f)
{
	struct ceno_cap *cap;
	int rc = ceno_energy_pay(f, CENO_PRICE_RECV);

	if (!rc)
		rc = ceno_cap_find(f, f->frame.rdi, CENO_TYPE(CHANNEL) | CENO_TYPE(PROCESS) | CENO_TYPE(WINDOW),
		                   CENO_RIGHT_READ, &cap);
	if (rc)
		return rc;
	switch (cap->type) {
	case CENO_OBJECT_CHANNEL:
		return recv_channel(f, (struct ceno_channel *)(void *)cap->object);
	case CENO_OBJECT_PROCESS:
		return recv_process(f, cap);
	default:
		return recv_window(f);
	}
}

int64_t ceno_verb_tick(struct ceno_fiber *f)
{
	struct ceno_frame *r = &f->frame;
	struct ceno_cap *cap;
	uint64_t deadline = r->rsi, now;
	int rc = ceno_energy_pay(f, CENO_PRICE_TICK), signals = r->r10 == 1;

	if (!rc)
		rc = ceno_cap_find(f, r->rdi, CENO_TYPE(CLOCK), CENO_RIGHT_READ, &cap);
	if (rc)
		return rc;
	now = ceno_cpu_tsc();
	if (deadline > 1 && now < deadline && !(signals && f->signal_seen != ceno_cpu.signal_count))
		return ceno_fiber_block(f, signals ? CENO_WAIT_TIME_OR_SIGNAL : CENO_WAIT_TIME, deadline);
	if (signals)
		f->signal_seen = ceno_cpu.signal_count;
	r->rdx = now;
	if (deadline == 1) {
		r->rax = 0;
		return CENO_VERB_BLOCKED; /* still READY: the others come first */
	}
	return 0;
}
