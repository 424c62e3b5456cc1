/* The plan and the tally; see plan.h. */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A_ROUND 20u
#define ALLOCS  6u /* of a round; then CALLS, one kill at a call, one at a boundary, and moments */
#define CALLS   3u
#define MOMENTS (A_ROUND - ALLOCS - CALLS - 2)

static const int errors[] = { EIO, ENOMEM, EAGAIN, EINTR, EMFILE, ENOSPC, EPERM, EINVAL };
static const char *const victim_names[] = { "warden", "vmm", "recovery", "supervisor", "api", "attest" };
static const char *const verdict_names[] = { "proven",      "refused",    "recovered", "unproven", "missed",
	                                     "BAD running", "BAD canary", "BAD proof", "BAD" };

static uint32_t draw(uint32_t below)
{
	return below ? (uint32_t)random() % below : 0;
}

static enum role role_of(const struct plan *plan, uint32_t site)
{
	return strncmp(plan->known.site[site], "recovery", 8) == 0 ? ROLE_RECOVERY : ROLE_WARDEN;
}

/* What cannot fail: the end itself, the return from a signal. */
static int cannot_fail(const char *site)
{
	return strstr(site, " exit") || strstr(site, "rt_sigreturn");
}

/* The k-th site, going round over those that a session passes. */
static uint32_t site_of(const struct plan *plan, uint32_t k, int kill)
{
	const struct traced *known = &plan->known;
	uint32_t usable[SITES_MAX], count = 0;
	for (uint32_t i = 0; i < known->site_count; i++)
		if (known->calls[i] && (kill || !cannot_fail(known->site[i])))
			usable[count++] = i;
	return count ? usable[k % count] : 0;
}

static void plan_call(const struct plan *plan, struct fault *f, uint32_t k)
{
	f->site = site_of(plan, k, f->kind == FAULT_KILL);
	f->role = role_of(plan, f->site);
	f->nth = 1 + draw(plan->known.calls[f->site]);
	f->error = errors[draw(sizeof errors / sizeof errors[0])];
}

/* The k-th allocation of warden, vmm and recovery warden. */
static void plan_allocation(const struct plan *plan, struct fault *f, uint32_t k)
{
	static const enum role roles[] = { ROLE_WARDEN, ROLE_VMM, ROLE_RECOVERY };
	const uint32_t *count = plan->known.allocations;
	uint32_t at = k % (count[ROLE_WARDEN] + count[ROLE_VMM] + count[ROLE_RECOVERY]), i = 0;
	for (; at >= count[roles[i]]; i++)
		at -= count[roles[i]];
	f->role = roles[i];
	f->nth = at + 1;
}

/* Every boundary, with everyone who can die there alone, and every two of them. */
static void plan_step(struct fault *f, uint32_t k)
{
	static const uint32_t own[] = { KILL_WARDEN,
		                        CLOSE_SUPERVISOR,
		                        CLOSE_API,
		                        CLOSE_ATTEST,
		                        KILL_WARDEN | CLOSE_SUPERVISOR,
		                        KILL_WARDEN | CLOSE_API,
		                        KILL_WARDEN | CLOSE_ATTEST,
		                        CLOSE_SUPERVISOR | CLOSE_API,
		                        CLOSE_SUPERVISOR | CLOSE_ATTEST,
		                        CLOSE_API | CLOSE_ATTEST };
	static const uint32_t later[] = { KILL_RECOVERY, CLOSE_SUPERVISOR, KILL_RECOVERY | CLOSE_SUPERVISOR };
	static const uint32_t recovery_steps[] = {
#define STEP(name, step, ways, needs, does, evidence, failure) [CENO_DESTROY_##name] = (ways)&CENO_WAY_RECOVERY,
		CENO_DESTROY_STATES(STEP)
#undef STEP
		    [CENO_DESTROY_STATE_COUNT] = 1
	};
	uint32_t at[STEPS], count = 0;
	const uint32_t owns = sizeof own / sizeof own[0], laters = sizeof later / sizeof later[0];
	for (uint32_t i = 0; i < STEPS; i++)
		if (recovery_steps[i])
			at[count++] = i;
	k %= STEPS * owns + count * laters;
	f->role = k < STEPS * owns ? ROLE_WARDEN : ROLE_RECOVERY;
	f->step = f->role == ROLE_WARDEN ? k / owns : at[(k - STEPS * owns) / laters];
	f->set = f->role == ROLE_WARDEN ? own[k % owns] : later[(k - STEPS * owns) % laters];
}

static void plan_moment(const struct plan *plan, struct fault *f, uint32_t k)
{
	uint32_t pair = k / 2 % (VICTIMS * (VICTIMS - 1) / 2), a = 0, b = 1;
	f->set = 1u << k / 2 % VICTIMS;
	if (k % 2) {
		for (; pair; pair--)
			if (++b == VICTIMS)
				a++, b = a + 1;
		f->set = 1u << a | 1u << b;
	}
	if (f->set & KILL_RECOVERY)
		f->set |= KILL_WARDEN;
	f->at_us = draw(plan->usual_us);
}

struct fault plan_fault(const struct plan *plan, uint32_t number, unsigned try)
{
	const uint32_t round = number / A_ROUND, slot = number % A_ROUND;
	struct fault f = { .kind = FAULT_NONE };
	srandom(plan->seed * 2654435761u + number * 40503u + try);
	f.fell = draw(CENO_DESTROY_STATE_COUNT - 1);
	if (slot < ALLOCS) {
		f.kind = FAULT_ALLOC;
		plan_allocation(plan, &f, round * ALLOCS + slot);
	} else if (slot < ALLOCS + CALLS) {
		f.kind = FAULT_CALL;
		plan_call(plan, &f, round * CALLS + slot - ALLOCS);
	} else if (slot == ALLOCS + CALLS) {
		f.kind = FAULT_KILL;
		plan_call(plan, &f, round * 7 + plan->seed);
	} else if (slot == ALLOCS + CALLS + 1) {
		f.kind = FAULT_STEP;
		plan_step(&f, round * 7 + plan->seed);
	} else {
		f.kind = FAULT_TIME;
		plan_moment(plan, &f, round * MOMENTS + slot - ALLOCS - CALLS - 2);
	}
	return f;
}

/* ---- what came of them -------------------------------------------------------------- */

void say_fault(const struct shared *s)
{
	static const char *const kinds[] = { "none", "call", "alloc", "kill", "step", "time" };
	static const char *const roles[] = { "warden", "child", "vmm", "recovery" };
	const struct fault *f = &s->traced.fault;
	printf("number %u: %s ", s->number, kinds[f->kind]);
	if (f->kind == FAULT_CALL || f->kind == FAULT_KILL)
		printf("\"%s\" %u %d", s->traced.site[f->site], f->nth, f->error);
	else if (f->kind == FAULT_ALLOC)
		printf("%s %u", roles[f->role], f->nth);
	else if (f->kind == FAULT_STEP)
		printf("%s %u %u", roles[f->role], f->step, f->set);
	else
		printf("%u %u", f->set, f->at_us);
	if (f->role == ROLE_RECOVERY)
		printf(" (its warden killed at boundary %u)", f->fell);
	printf(": %s %s (%u ms)\n", verdict_names[s->verdict], s->why, s->took_us / 1000);
}

static void count_moment(struct tally *t, uint32_t set)
{
	if (set & KILL_RECOVERY && set != (KILL_RECOVERY | KILL_WARDEN))
		set &= ~(uint32_t)KILL_WARDEN; /* only there for the other to recover from */
	for (unsigned a = 0; a < VICTIMS; a++) {
		t->moments[a] += set >> a & 1;
		for (unsigned b = a + 1; b < VICTIMS; b++)
			t->pairs[a][b] += set >> a & set >> b & 1;
	}
}

void tally_count(struct tally *t, const struct shared *s)
{
	const struct fault *f = &s->traced.fault;
	t->verdicts[s->verdict]++;
	if (s->verdict >= BAD_RUNNING || getenv("CENO_SHOW"))
		say_fault(s);
	if (s->verdict == MISSED)
		return;
	t->faults++;
	t->kinds[f->kind]++;
	if (f->kind == FAULT_CALL)
		t->call_hit[f->site]++;
	else if (f->kind == FAULT_KILL)
		t->kill_hit[f->site]++;
	else if (f->kind == FAULT_ALLOC && f->nth < 65536)
		t->alloc_hit[f->role][f->nth / 8] |= (uint8_t)(1u << f->nth % 8);
	else if (f->kind == FAULT_STEP)
		t->step_hit[f->role == ROLE_RECOVERY][f->step][f->set]++;
	else if (f->kind == FAULT_TIME)
		count_moment(t, f->set);
}

static uint32_t count_set(const uint32_t *hits, uint32_t count)
{
	uint32_t set = 0;
	for (uint32_t i = 0; i < count; i++)
		set += hits[i] != 0;
	return set;
}

static void print_steps(const struct tally *t)
{
	uint32_t boundaries[2] = { 0 }, ways = 0;
	for (int role = 0; role < 2; role++)
		for (uint32_t step = 0; step < STEPS; step++) {
			uint32_t n = count_set(t->step_hit[role][step], 1u << VICTIMS);
			boundaries[role] += n != 0;
			ways += n;
		}
	printf("  %u kills at %u step boundaries of the warden and %u of a recovery warden, in %u ways (who, and with "
	       "whom)\n",
	       t->kinds[FAULT_STEP], boundaries[0], boundaries[1], ways);
}

static void print_moments(const struct tally *t)
{
	uint32_t pairs = 0, kinds = 0;
	printf("  %u random moments:", t->kinds[FAULT_TIME]);
	for (unsigned a = 0; a < VICTIMS; a++) {
		printf(" %s %u,", victim_names[a], t->moments[a]);
		for (unsigned b = a + 1; b < VICTIMS; b++) {
			pairs += t->pairs[a][b];
			kinds += t->pairs[a][b] != 0;
		}
	}
	printf(" of them %u of %u pairs\n", pairs, kinds);
}

int tally_print(const struct tally *t, const struct plan *plan)
{
	const uint32_t *v = t->verdicts, *every = plan->known.allocations;
	uint32_t allocations = 0;
	for (int role = 0; role < ROLES; role++)
		for (uint32_t i = 0; i < 65536; i++)
			allocations += t->alloc_hit[role][i / 8] >> i % 8 & 1;
	printf(
	    "%u faults, seed %u:\n  %u failed system calls at %u sites\n  %u failed allocations, %u different of %u\n"
	    "  %u kills at a system call, at %u sites\n",
	    t->faults, plan->seed, t->kinds[FAULT_CALL], count_set(t->call_hit, SITES_MAX), t->kinds[FAULT_ALLOC],
	    allocations, every[ROLE_WARDEN] + every[ROLE_VMM] + every[ROLE_RECOVERY], t->kinds[FAULT_KILL],
	    count_set(t->kill_hit, SITES_MAX));
	print_steps(t);
	print_moments(t);
	printf(
	    "%u proven, %u refused, %u recovered, %u unproven (warden and supervisor together); %u drawn again: over "
	    "before their moment\n",
	    v[PROVEN], v[REFUSED], v[RECOVERED], v[UNPROVEN], v[MISSED]);
	printf("%u sessions left running, %u with a canary in memory that was returned, %u proofs that claim an undone "
	       "step, %u other failures\n",
	       v[BAD_RUNNING], v[BAD_CANARY], v[BAD_PROOF], v[BAD]);
	return v[BAD_RUNNING] || v[BAD_CANARY] || v[BAD_PROOF] || v[BAD];
}
