#include "dump.h"

#include <string.h>

#include "machine.h"

#define RUNS_MAX 16384

typedef unsigned long long ull;

static const char *const type_name[] = { "null", "fiber", "process", "frames", "channel", "window", "clock", "region" };
static const char *const state_name[] = { "free", "parked", "ready", "blocked", "dead" };
static const char *const wait_name[] = { "none",           "channel", "channel-or-signal", "signal", "time",
	                                 "time-or-signal", "energy" };

/* A name out of a list, or the number where the list is behind the nucleus. */
static void print_name(FILE *to, const char *key, const char *const *list, size_t n, uint64_t v)
{
	if (v < n)
		fprintf(to, " %s=%s", key, list[v]);
	else
		fprintf(to, " %s=%llu", key, (ull)v);
}
#define PRINT_NAME(to, key, list, v) print_name(to, key, list, sizeof(list) / sizeof *(list), v)

static void print_hex(FILE *to, const char *key, uint64_t v)
{
	fprintf(to, " %s=%#llx", key, (ull)v);
}

static void print_dec(FILE *to, const char *key, uint64_t v)
{
	fprintf(to, " %s=%llu", key, (ull)v);
}

/* F<index>, R<boot slot>, C, O<serial number>, or - for none. */
static void print_object(FILE *to, const char *key, const struct ceno_object *o)
{
	uint64_t serial;

	fprintf(to, " %s=", key);
	if (!o) {
		fputc('-', to);
		return;
	}
	for (unsigned i = 0; i < CENO_FIBERS_MAX; i++)
		if (ceno_cpu.fiber[i] && o == &ceno_cpu.fiber[i]->object) {
			fprintf(to, "F%u", i);
			return;
		}
	for (unsigned i = 0; i < CENO_SLOT_FIRST_FREE; i++)
		if (o == &ceno_cpu.range[i].object) {
			fprintf(to, "R%u", i);
			return;
		}
	if (o->type == CENO_OBJECT_WINDOW) {
		fprintf(to, "R%u", CENO_SLOT_WINDOW + ceno_region_of(o)->number);
		return;
	}
	serial = ceno_machine_serial(ceno_machine_page_of(o));
	if (o == &ceno_cpu.clock)
		fputc('C', to);
	else
		fprintf(to, serial ? "O%llu" : "?", (ull)serial);
}

static void print_regs(FILE *to, const struct ceno_frame *r)
{
	const uint64_t v[] = { r->rax, r->rdi, r->rsi, r->rdx, r->r10, r->r8,  r->r9,  r->r12, r->r13,
		               r->r14, r->r15, r->rcx, r->r11, r->rbx, r->rbp, r->rip, r->rsp, r->rflags };
	static const char *const name[] = { "rax", "rdi", "rsi", "rdx", "r10", "r8",  "r9",  "r12", "r13",
		                            "r14", "r15", "rcx", "r11", "rbx", "rbp", "rip", "rsp", "rflags" };

	for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
		print_hex(to, name[i], v[i]);
}

static void print_running(FILE *to)
{
	static const char *const state[] = { "running", "idle", "stopped" };

	fprintf(to, " state=%s", state[ceno_machine.state]);
	print_hex(to, "stop", ceno_machine.stop);
	fprintf(to, " current=F%u", ceno_cpu.current->index);
	if (ceno_machine.state == CENO_MACHINE_RUNNING && ceno_machine_in_process())
		print_object(to, "in", ceno_cpu.current->process ? &ceno_cpu.current->process->object : NULL);
	else
		fprintf(to, " in=F%u", ceno_cpu.current->index);
}

/* The ticks that came before event number `event`, from *tick on. */
static void dump_ticks(FILE *to, uint32_t *tick, uint32_t event)
{
	for (; *tick < ceno_machine.ticks && ceno_machine.tick[*tick].before <= event; ++*tick)
		fprintf(to, "tick fiber=F%u\n", ceno_machine.tick[*tick].fiber);
}

void ceno_dump_events(FILE *to)
{
	static const char *const outcome[] = { "done", "blocked", "exited", "halted" };
	uint32_t tick = 0;

	for (uint32_t i = 0; i < ceno_machine.events; i++) {
		const struct ceno_machine_event *e = &ceno_machine.event[i];

		dump_ticks(to, &tick, i);
		fprintf(to, "event fiber=F%u verb=%#llx outcome=%s result=%lld", e->fiber, (ull)e->verb,
		        outcome[e->outcome], e->outcome == CENO_MACHINE_DONE ? (long long)e->after.rax : 0);
		print_regs(to, &e->after);
		fputc('\n', to);
	}
	dump_ticks(to, &tick, ceno_machine.events);
}

void ceno_dump_ok(FILE *to)
{
	fputs("ok", to);
	print_running(to);
	if (ceno_machine.state == CENO_MACHINE_RUNNING) {
		print_hex(to, "rip", ceno_machine.regs.rip);
		print_hex(to, "rflags", ceno_machine.regs.rflags);
		print_hex(to, "fpu", ceno_fake_cpu.fpu);
	}
	fputc('\n', to);
}

static void dump_cap(FILE *to, const struct ceno_cap *c)
{
	PRINT_NAME(to, "type", type_name, c->type);
	print_object(to, "object", c->object);
	print_hex(to, "rights", c->rights);
	print_dec(to, "depth", c->depth);
	print_hex(to, "offset", c->offset);
	print_hex(to, "length", c->length);
	print_dec(to, "strength", c->strength);
	print_hex(to, "until", c->until);
	print_hex(to, "born", c->born);
	print_dec(to, "epoch", c->epoch);
	fputc('\n', to);
}

static void dump_object(FILE *to, const char *what, const struct ceno_object *o)
{
	fputs(what, to);
	print_object(to, "name", o);
	PRINT_NAME(to, "type", type_name, o->type);
	print_dec(to, "holders", o->holders);
	print_dec(to, "live", o->live);
	print_dec(to, "end", o->end);
	print_dec(to, "epoch", o->epoch);
}

static void dump_space(FILE *to, const struct ceno_object *owner, const struct ceno_space *s)
{
	static struct ceno_machine_mapping run[RUNS_MAX];
	uint8_t seen[CENO_MACHINE_POOL_MAX] = { 0 };
	int n = ceno_machine_walk(s->cr3, run, RUNS_MAX, seen);

	if (n < 0)
		fprintf(to, "broken walk=%d\n", n);
	for (int i = 0; i < n; i++) {
		fputs("map", to);
		print_object(to, "space", owner);
		print_hex(to, "gva", run[i].gva);
		print_hex(to, "gpa", run[i].gpa);
		print_hex(to, "bytes", run[i].bytes);
		print_dec(to, "rights", run[i].rights);
		print_dec(to, "large", run[i].large);
		fputc('\n', to);
	}
}

static void dump_fiber(FILE *to, const struct ceno_fiber *f)
{
	dump_object(to, "fiber", &f->object);
	PRINT_NAME(to, "state", state_name, f->state);
	PRINT_NAME(to, "wait", wait_name, f->wait);
	print_object(to, "on", f->wait_on ? &f->wait_on->object : NULL);
	print_hex(to, "wake", f->state == CENO_FIBER_BLOCKED ? f->wake_tsc : 0);
	print_dec(to, "seen", f->signal_seen);
	print_object(to, "process", f->process ? &f->process->object : NULL);
	print_dec(to, "pledge", f->pledge);
	print_dec(to, "energy", f->energy);
	print_dec(to, "budget", f->budget);
	print_dec(to, "spectrum", f->spectrum);
	print_dec(to, "refill", f->refill_at);
	print_dec(to, "spent", f->spent);
	print_dec(to, "received", f->received);
	print_dec(to, "freezes", f->freezes);
	print_dec(to, "strikes", f->strikes);
	print_dec(to, "restarts", f->restarts);
	print_object(to, "events", f->events ? &f->events->object : NULL);
	print_object(to, "witness", f->witness ? &f->witness->object : NULL);
	print_dec(to, "noted", f->event_bits);
	print_dec(to, "witnessed", f->witness_bits);
	print_dec(to, "quota", f->space.quota);
	print_dec(to, "pages", f->space.pages);
	print_dec(to, "fpu", f->fpu != NULL);
	fprintf(to, "\nregs name=F%u", f->index);
	print_regs(to, ceno_machine_frame(f));
	fputc('\n', to);
	for (unsigned i = 0; f->cspace && i < CENO_CSPACE_SLOTS; i++) {
		if (f->cspace[i].type == CENO_OBJECT_NULL)
			continue;
		fprintf(to, "cap fiber=F%u slot=%u", f->index, i);
		dump_cap(to, &f->cspace[i]);
	}
	if (f->object.end != CENO_END_DONE)
		dump_space(to, &f->object, &f->space);
}

static void dump_channel(FILE *to, const struct ceno_channel *c)
{
	dump_object(to, "channel", &c->object);
	print_dec(to, "waiting", c->waiting);
	fputc('\n', to);
	for (uint32_t i = 0; i < c->waiting; i++) {
		const uint64_t *word = c->message[(c->head + i) % CENO_CHANNEL_MESSAGES].word;
		const struct ceno_cap *cap = &c->message[(c->head + i) % CENO_CHANNEL_MESSAGES].cap;

		fputs("message", to);
		print_object(to, "channel", &c->object);
		for (unsigned w = 0; w < 8; w++)
			fprintf(to, " w%u=%#llx", w, (ull)word[w]);
		if (cap->type != CENO_OBJECT_NULL)
			dump_cap(to, cap);
		else
			fputs(" type=null\n", to);
	}
}

static void dump_process(FILE *to, const struct ceno_process *p)
{
	dump_object(to, "process", &p->object);
	for (unsigned i = 0; i < CENO_FIBERS_MAX; i++)
		if (ceno_cpu.fiber[i] && ceno_process_is_run_by(p, ceno_cpu.fiber[i]))
			fprintf(to, " handler=F%u", i);
	print_dec(to, "quota", p->space.quota);
	print_dec(to, "pages", p->space.pages);
	fputc('\n', to);
	if (p->object.end != CENO_END_DONE)
		dump_space(to, &p->object, &p->space);
}

static void dump_region(FILE *to, const struct ceno_region *r)
{
	dump_object(to, "region", &r->object);
	print_hex(to, "gpa", r->gpa);
	print_hex(to, "bytes", r->bytes);
	print_dec(to, "rights", r->rights);
	print_dec(to, "number", r->number);
	print_dec(to, "maps", r->maps);
	print_dec(to, "gone", r->gone);
	fputc('\n', to);
}

/* Runs of frames with equal counters. */
static void dump_frames(FILE *to)
{
	const struct ceno_handoff *h = ceno_cpu.handoff;
	const uint8_t *f = (const uint8_t *)h->frame_gva;
	const uint16_t *g = (const uint16_t *)h->granule_gva;
	uint64_t frames = h->user_bytes / CENO_PAGE;

	for (uint64_t i = 0, end; i < frames; i = end) {
		for (end = i + 1; end < frames && f[end] == f[i];)
			end++;
		if (f[i])
			fprintf(to, "frames first=%llu count=%llu counter=%#x\n", (ull)i, (ull)(end - i), f[i]);
	}
	for (uint64_t i = 0; i < frames / 512; i++)
		if (g[2 * i] || g[2 * i + 1])
			fprintf(to, "granule number=%llu writable=%u exec=%u\n", (ull)i, g[2 * i], g[2 * i + 1]);
}

static void dump_machine(FILE *to)
{
	uint8_t unused[CENO_MACHINE_POOL_MAX] = { 0 };
	int recycled = ceno_machine_free_pages(unused);

	fputs("machine", to);
	print_running(to);
	print_hex(to, "tsc", ceno_fake_cpu.tsc);
	print_hex(to, "deadline", ceno_fake_cpu.deadline);
	print_dec(to, "signals", ceno_cpu.signal_count);
	print_dec(to, "pool", ceno_cpu.handoff->pool_pages - ceno_cpu.handoff->pool_used);
	print_dec(to, "fresh", ceno_cpu.handoff->pool_pages - ceno_cpu.pool_next);
	fprintf(to, " recycled=%d", recycled);
	print_hex(to, "user_gpa", ceno_cpu.handoff->user_gpa);
	print_hex(to, "user_bytes", ceno_cpu.handoff->user_bytes);
	fputs("\ntrap", to);
	print_dec(to, "vector", ceno_cpu.trap->vector);
	print_hex(to, "error", ceno_cpu.trap->error);
	print_hex(to, "cr2", ceno_cpu.trap->cr2);
	print_hex(to, "rip", ceno_cpu.trap->rip);
	print_hex(to, "rflags", ceno_cpu.trap->rflags);
	fputc('\n', to);
}

static void dump_spawned(FILE *to, uint64_t serial)
{
	for (uint64_t page = 0; page < ceno_machine.config.pool_pages; page++) {
		const void *at = ceno_machine_page(CENO_GPA_RAM + page * CENO_PAGE);
		const struct ceno_object *o = at;

		if (ceno_machine.serial[page] != serial)
			continue;
		if (o->type == CENO_OBJECT_PROCESS) {
			dump_process(to, at);
		} else if (o->type == CENO_OBJECT_CHANNEL) {
			dump_channel(to, at);
		} else {
			dump_region(to, at);
		}
	}
}

void ceno_dump_state(FILE *to)
{
	dump_machine(to);
	for (unsigned i = 0; i < CENO_FIBERS_MAX; i++)
		if (ceno_cpu.fiber[i])
			dump_fiber(to, ceno_cpu.fiber[i]);
	for (uint64_t serial = 1; serial <= ceno_machine.spawned; serial++)
		dump_spawned(to, serial);
	for (unsigned i = 0; i < CENO_SLOT_FIRST_FREE; i++) {
		const struct ceno_frames *r = &ceno_cpu.range[i];

		if (r->object.type == CENO_OBJECT_NULL)
			continue;
		dump_object(to, "range", &r->object);
		print_hex(to, "gpa", r->gpa);
		print_hex(to, "bytes", r->bytes);
		fputc('\n', to);
	}
	for (unsigned i = 0; i < CENO_PLEDGE_COUNT; i++)
		if (ceno_cpu.region[i])
			dump_region(to, ceno_cpu.region[i]);
	dump_object(to, "clock", &ceno_cpu.clock);
	fputc('\n', to);
	dump_frames(to);
	fputs("end\n", to);
}
