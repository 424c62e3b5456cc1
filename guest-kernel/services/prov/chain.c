/* Writing the trail (chain.h). */
#include "chain.h"
#include "lib/blake3.h"
#include "lib/content_id.h"
#include "lib/mem.h"

#define HEAD_BYTES sizeof(struct ceno_trail_head)
#define SEAL_BYTES (HEAD_BYTES + sizeof(struct ceno_trail_seal))
#define LOSS_BYTES (HEAD_BYTES + sizeof(struct ceno_trail_loss))

/* Kept free by every other record: the SEAL that may follow it at once, LOSS and SEAL when
 * the area is full, LOSS and SEAL at the end. */
#define RESERVE (SEAL_BYTES + 2 * (LOSS_BYTES + SEAL_BYTES))

uint32_t ceno_trail_record_bytes(uint32_t type)
{
	static const uint16_t bytes[CENO_TRAIL_TYPE_COUNT] = {
#define BYTES(name, number, payload, text) [number] = HEAD_BYTES + sizeof(payload),
		CENO_TRAIL_TYPES(BYTES)
#undef BYTES
	};

	return type < CENO_TRAIL_TYPE_COUNT ? bytes[type] : 0;
}

static void wipe(void *at, size_t bytes)
{
	memset(at, 0, bytes);
	__asm__ volatile("" : : "r"(at) : "memory"); /* the stores are needed */
}

static void hash_record(uint8_t digest[32], const struct ceno_trail_record *record)
{
	struct ceno_blake3 hash;

	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, record, record->head.bytes);
	ceno_blake3_final(&hash, digest, 32);
}

static void sign_record(const struct ceno_chain *chain, uint8_t signature[64], const struct ceno_trail_record *record)
{
	uint8_t text[sizeof CENO_TRAIL_DOMAIN + SEAL_BYTES - 64] = CENO_TRAIL_DOMAIN;

	memcpy(text + sizeof CENO_TRAIL_DOMAIN, record, SEAL_BYTES - 64);
	ceno_ed25519_sign(signature, chain->seed, chain->public_key, text, sizeof text);
}

/* BOOT, what runs, and what became of it: bounded by what a session may start and restart. */
#define PRESSING \
	(1u << CENO_TRAIL_BOOT | 1u << CENO_TRAIL_MODULE | 1u << CENO_TRAIL_STRIKE | 1u << CENO_TRAIL_FAULT | \
	 1u << CENO_TRAIL_RESTART | 1u << CENO_TRAIL_RESUME)

/* What a record in the area, written or found, means for the next one. */
static void account(struct ceno_chain *chain, const struct ceno_trail_record *r)
{
	chain->used += r->head.bytes;
	chain->tsc = r->head.tsc;
	chain->unsealed++;
	chain->pressing = chain->pressing || (PRESSING >> r->head.type & 1);
	hash_record(chain->head, r);
	switch (r->head.type) {
	case CENO_TRAIL_SEAL:
		chain->sealed = r->head.sequence;
		chain->unsealed = 0;
		chain->pressing = false;
		chain->closed = r->seal.final;
		break;
	case CENO_TRAIL_LOSS:
		chain->full = chain->full || r->loss.cause != CENO_TRAIL_REFUSED;
		break;
	case CENO_TRAIL_MODULE: /* after its RESTART it is the same fiber; else its index was free */
		if (!chain->fiber[r->module.fiber].restarted)
			memset(&chain->fiber[r->module.fiber], 0, sizeof chain->fiber[0]);
		chain->fiber[r->module.fiber].restarted = false;
		break;
	case CENO_TRAIL_RESTART:
		chain->fiber[r->restart.fiber].restarted = true;
		break;
	case CENO_TRAIL_SPAWN:
		memset(&chain->fiber[r->spawn.child], 0, sizeof chain->fiber[0]);
		break;
	case CENO_TRAIL_FAULT:
		chain->fiber[r->fault.fiber].crashes = r->fault.count;
		break;
	case CENO_TRAIL_CHECKPOINT:
		chain->fiber[r->checkpoint.fiber].checkpoint = r->head.sequence;
		break;
	default:
		break;
	}
	chain->sequence++;
}

/* Writes a record whose type and payload are there. There is room, unless restarts between
 * the last LOSS and its SEAL used up the reserve: then nothing is written. */
static void put(struct ceno_chain *chain, struct ceno_trail_record *r, uint64_t at, uint64_t tsc)
{
	struct ceno_trail_header *header = (struct ceno_trail_header *)chain->area;
	uint8_t *to = chain->area + CENO_TRAIL_OFFSET + chain->used;

	r->head.bytes = ceno_trail_record_bytes(r->head.type);
	if (r->head.bytes > chain->room - chain->used)
		return;
	r->head.version = CENO_TRAIL_VERSION;
	r->head.sequence = chain->sequence;
	r->head.tsc = tsc > chain->tsc ? tsc : chain->tsc;
	r->head.at = at && at < r->head.tsc ? at : r->head.tsc;
	memcpy(r->head.prev, chain->head, 32);
	if (r->head.type == CENO_TRAIL_SEAL)
		sign_record(chain, r->seal.signature, r);
	memcpy(to, r, r->head.bytes);
	account(chain, r);
	__atomic_store_n(&header->bytes, chain->used, __ATOMIC_RELEASE);
}

static void put_seal(struct ceno_chain *chain, bool final, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_SEAL, .seal.final = final };

	put(chain, &r, 0, tsc);
}

static void put_loss(struct ceno_chain *chain, uint64_t count, uint32_t types, uint32_t cause, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_LOSS,
		                       .loss = { .count = count, .types = types, .cause = cause } };

	put(chain, &r, 0, tsc);
}

/* A record that does not fit. The first is told at once, and sealed. */
static int lose(struct ceno_chain *chain, uint32_t type, uint64_t tsc)
{
	if (chain->full) {
		chain->lost++;
		chain->lost_types |= 1u << type;
	} else {
		put_loss(chain, 1, 1u << type, CENO_TRAIL_FULL, tsc);
		put_seal(chain, false, tsc);
	}
	return CENO_CHAIN_E_FULL;
}

static int append(struct ceno_chain *chain, struct ceno_trail_record *r, uint64_t at, uint64_t tsc)
{
	if (chain->full || chain->used + ceno_trail_record_bytes(r->head.type) + RESERVE > chain->room)
		return lose(chain, r->head.type, tsc);
	put(chain, r, at, tsc);
	if (chain->unsealed >= CENO_TRAIL_SEAL_EVERY) /* more, if we were ended just before this */
		put_seal(chain, false, tsc);
	return 0;
}

/* Counted in the trail, as far as there is room. */
static int refuse(struct ceno_chain *chain, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_LOSS,
		                       .loss = { .count = 1, .cause = CENO_TRAIL_REFUSED } };

	append(chain, &r, 0, tsc);
	return CENO_CHAIN_E_MESSAGE;
}

void ceno_chain_key(struct ceno_chain *chain, const uint8_t trail_seed[32])
{
	struct ceno_blake3 hash;

	memset(chain, 0, sizeof *chain);
	ceno_blake3_init_derive_key(&hash, CENO_TRAIL_KEY_CONTEXT, sizeof CENO_TRAIL_KEY_CONTEXT - 1);
	ceno_blake3_update(&hash, trail_seed, 32);
	ceno_blake3_final(&hash, chain->seed, sizeof chain->seed);
	ceno_blake3_fini(&hash);
	ceno_ed25519_public_key(chain->public_key, chain->seed);
}

int ceno_chain_start(struct ceno_chain *chain, void *area, size_t bytes, struct ceno_trail_boot *boot, uint64_t tsc)
{
	struct ceno_trail_header *header = area;
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_BOOT };

	if (bytes < CENO_TRAIL_OFFSET + sizeof r + RESERVE || !ceno_mem_is_zero(header, sizeof *header))
		return CENO_CHAIN_E_AREA;
	chain->area = area;
	chain->room = bytes - CENO_TRAIL_OFFSET;
	header->magic = CENO_TRAIL_MAGIC;
	header->version = CENO_TRAIL_VERSION;
	memcpy(boot->public_key, chain->public_key, sizeof boot->public_key);
	r.boot = *boot;
	put(chain, &r, boot->start_tsc, tsc);
	return 0;
}

/* May a record with this payload stand in a trail, as far as the writer must know? */
static bool is_payload(const struct ceno_trail_record *r)
{
	switch (r->head.type) {
	case CENO_TRAIL_MODULE:
		return r->module.fiber < CENO_TRAIL_FIBERS;
	case CENO_TRAIL_RESTART:
		return r->restart.fiber < CENO_TRAIL_FIBERS;
	case CENO_TRAIL_SPAWN:
		return r->spawn.child < CENO_TRAIL_FIBERS;
	case CENO_TRAIL_FAULT:
		return r->fault.fiber < CENO_TRAIL_FIBERS;
	case CENO_TRAIL_CHECKPOINT:
		return r->checkpoint.fiber < CENO_TRAIL_FIBERS;
	default:
		return true;
	}
}

/* Copies the next record out of the area and judges it; found: the bytes said to be there. */
static bool take_found(struct ceno_chain *chain, uint64_t found)
{
	const uint8_t *from = chain->area + CENO_TRAIL_OFFSET + chain->used;
	struct ceno_trail_record r = { 0 };
	uint8_t signature[64];

	if (found - chain->used < HEAD_BYTES)
		return false;
	memcpy(&r.head, from, HEAD_BYTES);
	if (r.head.bytes != ceno_trail_record_bytes(r.head.type) || r.head.bytes > found - chain->used ||
	    r.head.bytes < HEAD_BYTES)
		return false;
	memcpy(&r.boot, from + HEAD_BYTES, r.head.bytes - HEAD_BYTES);
	if (chain->closed || r.head.version != CENO_TRAIL_VERSION || r.head.sequence != chain->sequence ||
	    r.head.tsc < chain->tsc || !ceno_mem_equal(r.head.prev, chain->head, 32) ||
	    (r.head.type == CENO_TRAIL_BOOT) != (chain->sequence == 0) || !is_payload(&r))
		return false;
	if (r.head.type == CENO_TRAIL_BOOT && !ceno_mem_equal(r.boot.public_key, chain->public_key, 32))
		return false;
	if (r.head.type == CENO_TRAIL_SEAL) {
		sign_record(chain, signature, &r);
		if (!ceno_mem_equal(signature, r.seal.signature, 64))
			return false;
	}
	account(chain, &r);
	return true;
}

int ceno_chain_resume(struct ceno_chain *chain, void *area, size_t bytes, uint64_t tsc)
{
	struct ceno_trail_header *header = area;
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_RESUME };
	uint64_t found;

	if (bytes < CENO_TRAIL_OFFSET + sizeof r + RESERVE || header->magic != CENO_TRAIL_MAGIC ||
	    header->version != CENO_TRAIL_VERSION)
		return CENO_CHAIN_E_AREA;
	chain->area = area;
	chain->room = bytes - CENO_TRAIL_OFFSET;
	found = __atomic_load_n(&header->bytes, __ATOMIC_ACQUIRE);
	if (found == 0 || found > chain->room)
		return CENO_CHAIN_E_AREA;
	while (chain->used < found)
		if (!take_found(chain, found))
			return CENO_CHAIN_E_AREA;
	if (chain->closed) {
		wipe(chain->seed, sizeof chain->seed);
		return CENO_CHAIN_E_CLOSED;
	}
	chain->uncounted = chain->full;
	r.resume.bytes = chain->used;
	r.resume.sealed = chain->sealed;
	return append(chain, &r, 0, tsc);
}

static void finish(struct ceno_chain *chain, uint64_t tsc)
{
	if (chain->lost || chain->uncounted)
		put_loss(chain, chain->lost, chain->lost_types,
		         chain->uncounted ? CENO_TRAIL_UNCOUNTED : CENO_TRAIL_FULL, tsc);
	put_seal(chain, true, tsc);
	wipe(chain->seed, sizeof chain->seed);
	chain->closed = true;
}

/* What a module starts with, in its record, of which fiber, name and content id are there; slots first. */
static int put_module(struct ceno_chain *chain, struct ceno_trail_record *r, const struct ceno_prov_message *m,
                      uint64_t tsc)
{
	const struct ceno_trail_module *to = &r->module;

	if (to->pledge >> CENO_PLEDGE_COUNT || to->onward & ~to->slots || to->slots >> CENO_SLOT_TRAIL_END ||
	    to->slots & 1)
		return refuse(chain, tsc);
	return append(chain, r, m->tsc, tsc);
}

static void name_module(struct ceno_trail_record *r, uint8_t kind, const void *digest, const char *name)
{
	const uint8_t id[3] = { CENO_CONTENT_ID_VERSION, CENO_CONTENT_ID_BLAKE3, kind };

	memcpy(r->module.content_id, id, sizeof id);
	memcpy(r->module.content_id + sizeof id, digest, 32);
	memcpy(r->module.name, name, sizeof r->module.name);
}

static int take_native(struct ceno_chain *chain, const struct ceno_prov_message *m, uint64_t tsc)
{
	static const char name[24] = CENO_TRAIL_NATIVE_NAME;
	const uint64_t digest[4] = { m->a, m->b, m->c, m->root3 }, some = (1u << 24) - 1;
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_MODULE,
		                       .module.module = CENO_TRAIL_NATIVE,
		                       .module.fiber = (uint32_t)m->fiber,
		                       .module.pledge = (uint32_t)(m->spent >> 48),
		                       .module.slots = m->spent & some,
		                       .module.onward = m->spent >> 24 & some };

	name_module(&r, CENO_CONTENT_NATIVE, digest, name);
	return put_module(chain, &r, m, tsc);
}

static int take_module(struct ceno_chain *chain, const struct ceno_prov_message *m,
                       const struct ceno_bundle_header *bundle, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_MODULE,
		                       .module.module = (uint32_t)m->a,
		                       .module.fiber = (uint32_t)m->fiber,
		                       .module.pledge = (uint32_t)m->root3,
		                       .module.slots = m->b,
		                       .module.onward = m->c };
	const struct ceno_bundle_module *row = NULL;

	for (uint32_t i = 0; i < bundle->module_count; i++)
		if (bundle->modules[i].id == m->a)
			row = &bundle->modules[i];
	if (!row || m->root3 >> 32)
		return refuse(chain, tsc);
	name_module(&r, CENO_CONTENT_SERVICE, row->content_id, row->name);
	return put_module(chain, &r, m, tsc);
}

static int take_restart(struct ceno_chain *chain, const struct ceno_prov_message *m, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_RESTART,
		                       .restart.fiber = (uint32_t)m->fiber,
		                       .restart.count = (uint32_t)m->a };

	if (m->a == 0 || m->a >> 32 || m->b > 1)
		return refuse(chain, tsc);
	if (m->b)
		r.restart.checkpoint = chain->fiber[m->fiber].checkpoint;
	return append(chain, &r, m->tsc, tsc);
}

static int take_checkpoint(struct ceno_chain *chain, const struct ceno_prov_message *m, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_CHECKPOINT, .checkpoint.fiber = (uint32_t)m->fiber };
	const uint64_t root[4] = { m->a, m->b, m->c, m->root3 };

	memcpy(r.checkpoint.root, root, sizeof root);
	return append(chain, &r, m->tsc, tsc);
}

/* SPAWN, GRANT, PLEDGE: posted one at a time. */
static int take_verb(struct ceno_chain *chain, const struct ceno_prov_message *m, uint64_t tsc)
{
	struct ceno_trail_record r = { 0 };
	uint32_t fiber = (uint32_t)m->fiber, other = (uint32_t)m->a, rights = m->c & 0xff,
		 depth = (uint32_t)(m->c >> 8);

	if (m->a >= CENO_TRAIL_FIBERS)
		return refuse(chain, tsc);
	switch (m->what) {
	case CENO_FIBER_EVENT_SPAWN:
		if (m->b >> CENO_PLEDGE_COUNT || m->c >> 32)
			return refuse(chain, tsc);
		r.head.type = CENO_TRAIL_SPAWN;
		r.spawn = (struct ceno_trail_spawn){ fiber, other, (uint32_t)m->b, (uint32_t)m->c };
		break;
	case CENO_FIBER_EVENT_GRANT:
		if (m->b == CENO_OBJECT_NULL || m->b > CENO_OBJECT_REGION || rights & ~CENO_RIGHTS_ALL || m->c >> 40 ||
		    depth == 0 || depth > CENO_DEPTH_MAX)
			return refuse(chain, tsc);
		r.head.type = CENO_TRAIL_GRANT;
		r.grant = (struct ceno_trail_grant){ fiber, other, (uint32_t)m->b, rights, depth, 0 };
		break;
	default:
		if ((m->b | m->c) >> CENO_PLEDGE_COUNT)
			return refuse(chain, tsc);
		r.head.type = CENO_TRAIL_PLEDGE;
		r.pledge = (struct ceno_trail_pledge){ other, fiber, (uint32_t)m->b, (uint32_t)m->c };
	}
	return append(chain, &r, m->tsc, tsc);
}

static int take_end(struct ceno_chain *chain, const struct ceno_prov_message *m, uint64_t tsc)
{
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_FAULT };
	bool faulted = m->what & CENO_FIBER_EVENT_FAULT;

	if (!faulted && !(m->what & CENO_FIBER_EVENT_KILLED)) {
		r.head.type = CENO_TRAIL_EXIT;
		r.exit.fiber = (uint32_t)m->fiber;
		return append(chain, &r, m->tsc, tsc);
	}
	r.fault.fiber = (uint32_t)m->fiber;
	r.fault.cause = faulted ? CENO_TRAIL_FAULTED : CENO_TRAIL_KILLED;
	r.fault.count = chain->fiber[m->fiber].crashes + 1;
	if (faulted) {
		r.fault.vector = (uint32_t)m->a;
		r.fault.error = (uint32_t)m->b;
		r.fault.rip = m->c >= CENO_GVA_SERVICE && m->c < CENO_GVA_WINDOW ? m->c : 0;
	}
	return append(chain, &r, m->tsc, tsc);
}

/* STRIKE and the ends: may come together. */
static int take_fate(struct ceno_chain *chain, const struct ceno_prov_message *m, uint64_t tsc)
{
	const uint64_t ends = CENO_FIBER_EVENT_KILLED | CENO_FIBER_EVENT_FAULT | CENO_FIBER_EVENT_EXIT;
	struct ceno_trail_record r = { .head.type = CENO_TRAIL_STRIKE };
	int result = 0;

	if (m->what & CENO_FIBER_EVENT_FAULT && (m->a > 31 || m->b >> 32))
		return refuse(chain, tsc);
	if (m->what & CENO_FIBER_EVENT_STRIKE) {
		r.strike.fiber = (uint32_t)m->fiber;
		r.strike.count = m->root3 & 0xff;
		r.strike.spectrum = m->root3 >> 8 & 0xff;
		if (r.strike.spectrum >= CENO_SPECTRUM_COUNT || r.strike.count == 0)
			return refuse(chain, tsc);
		result = append(chain, &r, m->tsc, tsc);
	}
	if (m->what & ends) {
		int end = take_end(chain, m, tsc);

		result = result ? result : end;
	}
	return result;
}

int ceno_chain_take(struct ceno_chain *chain, const struct ceno_prov_message *m,
                    const struct ceno_bundle_header *bundle, uint64_t tsc)
{
	const uint64_t fate =
	    CENO_FIBER_EVENT_STRIKE | CENO_FIBER_EVENT_KILLED | CENO_FIBER_EVENT_FAULT | CENO_FIBER_EVENT_EXIT;

	if (chain->closed)
		return CENO_CHAIN_E_CLOSED;
	if (m->fiber >= CENO_TRAIL_FIBERS)
		return refuse(chain, tsc);
	if (m->what && (m->what & ~fate) == 0)
		return take_fate(chain, m, tsc);
	switch (m->what) {
	case CENO_FIBER_EVENT_SPAWN:
	case CENO_FIBER_EVENT_GRANT:
	case CENO_FIBER_EVENT_PLEDGE:
		return take_verb(chain, m, tsc);
	case CENO_PROV_MODULE:
		return take_module(chain, m, bundle, tsc);
	case CENO_PROV_NATIVE:
		return take_native(chain, m, tsc);
	case CENO_PROV_RESTART:
		return take_restart(chain, m, tsc);
	case CENO_PROV_CHECKPOINT:
		return take_checkpoint(chain, m, tsc);
	case CENO_PROV_SEAL:
		if (chain->unsealed && !chain->full)
			put_seal(chain, false, tsc);
		return 0;
	case CENO_PROV_FINISH:
		finish(chain, tsc);
		return 0;
	default:
		return refuse(chain, tsc);
	}
}
