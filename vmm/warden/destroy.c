/*
 * Destruction: the table walked, for the three who walk it; see destruction.h. What each
 * transition does is in destroy_steps.c.
 */
#include "destroy.h"
#include "destruction.h"

#include <errno.h>
#include <sys/stat.h>

const struct ceno_destroy_rule ceno_destroy_rules[CENO_DESTROY_STATE_COUNT] = {
#define RULE(name, step, ways, needs, does, evidence, failure) { #name, step, ways, needs, ceno_destroy_##name },
	CENO_DESTROY_STATES(RULE)
#undef RULE
};

const char *ceno_destroy_name(enum ceno_destroy_state state)
{
	return state < CENO_DESTROY_STATE_COUNT ? ceno_destroy_rules[state].name : "REAPED";
}

/* Whether the one of this number may be made: all it needs, or all before it, was reached. */
static int may(const struct ceno_destruction *d, const struct ceno_destroy_rule *rules, unsigned at)
{
	uint32_t needs = rules[at].needs;
	if (needs == CENO_AFTER_ALL)
		for (unsigned i = needs = 0; i < at; i++)
			needs |= rules[i].ways & d->way ? 1u << i : 0;
	return (d->reached & needs) == needs;
}

int ceno_destroy_walk(struct ceno_destruction *d, const struct ceno_destroy_rule *rules, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!(rules[i].ways & d->way) || !may(d, rules, i))
			continue; /* if it may not, an earlier one has failed */
		int rc = rules[i].action(d);
		if (rc == 0)
			d->reached |= 1u << i;
		else if (d->error == 0) {
			d->error = rc;
			d->failed = (enum ceno_destroy_state)i;
		}
	}
	return d->error;
}

static int walk(struct ceno_destruction *d)
{
	return ceno_destroy_walk(d, ceno_destroy_rules, CENO_DESTROY_STATE_COUNT);
}

static void add_area(struct ceno_destruction *d, int *fd, int *fd_ro, uint32_t kind, uint32_t class)
{
	d->areas[d->area_count++] = (struct ceno_area){ fd, fd_ro, kind, class };
}

static void take_material(struct ceno_destruction *d, struct ceno_material *m)
{
	add_area(d, &m->stdio, NULL, CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_STDIO);
	add_area(d, &m->trail, NULL, CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_COUNT);
	add_area(d, &m->pack, &m->pack_ro, CENO_PROOF_AREA_PACK, 0);
	add_area(d, &m->boot, &m->boot_ro, CENO_PROOF_AREA_BOOT, 0);
}

int ceno_destroy(struct ceno_session *session, const struct ceno_end *end, int attest, int spool)
{
	static struct ceno_payload payload;
	struct ceno_destruction d = {
		.way = CENO_WAY_LAUNCHED,
		.session = session,
		.end = *end,
		.attest = attest,
		.spool = spool,
		.ram = CENO_WARDEN_FD_RAM,
		.ram_ro = session->ram_ro,
		.ram_bytes = session->launch.memory_bytes,
		.passes = ceno_session_passes(session),
		.payload = &payload,
	};
	take_material(&d, &session->material);
	return walk(&d);
}

int ceno_destroy_unlaunched(struct ceno_session *session)
{
	struct stat st;
	struct ceno_destruction d = {
		.way = CENO_WAY_UNLAUNCHED,
		.session = session,
		.attest = -1,
		.ram = CENO_WARDEN_FD_RAM,
		.ram_ro = session->ram_ro,
		.passes = 1,
	};
	take_material(&d, &session->material);
	if (session->accepted) /* else a parked pair: there is no RAM */
		d.ram_bytes = fstat(CENO_WARDEN_FD_RAM, &st) == 0 ? (uint64_t)st.st_size : session->launch.memory_bytes;
	return walk(&d);
}

int ceno_destroy_orphan(int ram, int ram_ro, uint64_t bytes, int *areas, unsigned count)
{
	struct ceno_destruction d = {
		.way = CENO_WAY_RECOVERY, .attest = -1, .ram = ram, .ram_ro = ram_ro, .ram_bytes = bytes, .passes = 1
	};
	if (count > CENO_AREAS_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < count; i++)
		add_area(&d, &areas[i], NULL, 0, 0);
	return walk(&d);
}
