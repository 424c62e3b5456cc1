/*
 * SEND, RECV and TICK: messages, signals, time.
 *
 * A message is eight words in registers and at most one capability, which moves.
 */
#include "nucleus.h"
#include "cpu.h"

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

static int64_t start_fiber(struct ceno_cap *cap)
{
	struct ceno_fiber *f = (struct ceno_fiber *)(void *)((char *)cap->object - offsetof(struct ceno_fiber, object));

	if (f->state != CENO_FIBER_PARKED)
		return CENO_E_STATE;
	f->state = CENO_FIBER_READY;
	return 0;
}

int64_t ceno_verb_send(struct ceno_fiber *f)
{
	struct ceno_frame *r = &f->frame;
	struct ceno_cap *cap, *moved = NULL;
	struct ceno_channel *c;
	uint32_t at;
	int rc = ceno_cap_check(f, r->rdi, CENO_OBJECT_CHANNEL, CENO_RIGHT_WRITE, &cap);

	if (rc == CENO_E_TYPE) {
		rc = ceno_cap_check(f, r->rdi, CENO_OBJECT_FIBER, CENO_RIGHT_WRITE, &cap);
		return rc ? rc : start_fiber(cap);
	}
	if (rc)
		return rc;
	c = (struct ceno_channel *)(void *)cap->object;
	if (c->tail - c->head == CENO_CHANNEL_MESSAGES)
		return CENO_E_FULL;
	if (r->rsi != NO_CAP) {
		moved = &f->cspace[r->rsi & (CENO_CSPACE_SLOTS - 1)];
		rc = ceno_cap_check(f, r->rsi, moved->type, CENO_RIGHT_GRANT, &moved);
		if (rc || moved->type == CENO_OBJECT_NULL || moved->object == &c->object || moved->object == &f->object)
			return rc ? rc : CENO_E_SLOT;
	}
	at = c->tail % CENO_CHANNEL_MESSAGES;
	store_message(c->message[at].word, r);
	c->message[at].cap = (struct ceno_cap){ 0 };
	if (moved) {
		c->message[at].cap = *moved;
		*moved = (struct ceno_cap){ 0 };
	}
	c->tail++;
	ceno_fiber_wake(&c->object);
	return 0;
}

static int64_t block(uint32_t wait, struct ceno_object *on, uint64_t wake_tsc)
{
	ceno_fiber_block(wait, on, wake_tsc);
	ceno_fiber_schedule();
	return CENO_VERB_BLOCKED;
}

static int64_t recv_channel(struct ceno_fiber *f, struct ceno_cap *cap)
{
	struct ceno_frame *r = &f->frame;
	struct ceno_channel *c = (struct ceno_channel *)(void *)cap->object;
	struct ceno_cap *to = NULL, *came;
	uint32_t at = c->head % CENO_CHANNEL_MESSAGES;

	if (c->head == c->tail)
		return block(CENO_WAIT_CHANNEL, &c->object, 0);
	came = &c->message[at].cap;
	if (came->type != CENO_OBJECT_NULL) {
		int rc = r->rsi == NO_CAP ? CENO_E_SLOT : ceno_cap_check_empty(f, r->rsi, &to);

		if (rc)
			return rc; /* the message stays */
		*to = *came;
		*came = (struct ceno_cap){ 0 };
	}
	load_message(c->message[at].word, r);
	r->rsi = to != NULL;
	c->head++;
	return 0;
}

static int64_t recv_process(struct ceno_fiber *f, struct ceno_cap *cap)
{
	struct ceno_process *p =
	    (struct ceno_process *)(void *)((char *)cap->object - offsetof(struct ceno_process, object));

	if (p->handler != f)
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
		return block(CENO_WAIT_SIGNAL, NULL, 0);
	}
	f->signal_seen = ceno_cpu.signal_count;
	return 0;
}

int64_t ceno_verb_recv(struct ceno_fiber *f)
{
	struct ceno_cap *cap = &f->cspace[f->frame.rdi & (CENO_CSPACE_SLOTS - 1)];
	int rc = ceno_cap_check(f, f->frame.rdi, cap->type, CENO_RIGHT_READ, &cap);

	if (rc)
		return rc;
	switch (cap->type) {
	case CENO_OBJECT_CHANNEL:
		return recv_channel(f, cap);
	case CENO_OBJECT_PROCESS:
		return recv_process(f, cap);
	case CENO_OBJECT_WINDOW:
		return recv_window(f);
	default:
		return cap->type == CENO_OBJECT_NULL ? CENO_E_SLOT : CENO_E_TYPE;
	}
}

int64_t ceno_verb_tick(struct ceno_fiber *f)
{
	struct ceno_frame *r = &f->frame;
	struct ceno_cap *cap;
	uint64_t deadline = r->rsi, now;
	int rc = ceno_cap_check(f, r->rdi, CENO_OBJECT_CLOCK, CENO_RIGHT_READ, &cap), signals = r->r10 == 1;

	if (rc)
		return rc;
	now = ceno_cpu_tsc();
	if (deadline > 1 && now < deadline && !(signals && f->signal_seen != ceno_cpu.signal_count))
		return block(signals ? CENO_WAIT_TIME_OR_SIGNAL : CENO_WAIT_TIME, NULL, deadline);
	if (signals)
		f->signal_seen = ceno_cpu.signal_count;
	r->rdx = now;
	if (deadline == 1) {
		r->rax = 0;
		ceno_fiber_schedule();
		return CENO_VERB_BLOCKED;
	}
	return 0;
}
