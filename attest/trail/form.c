/* Stages 1 and 2: the file's header, and the form of each record. */
#include "ladder.h"

#include <sodium.h>
#include <string.h>
#include "guest-kernel/abi/bundle.h"
#include "guest-kernel/lib/content_id.h"
#include "guest-kernel/lib/mem.h"

#define NO_RECORD UINT32_MAX

static uint32_t bytes_of(uint32_t type)
{
	switch (type) {
#define BYTES(name, number, payload, text) \
	case number: \
		return (uint32_t)(sizeof(struct ceno_trail_head) + sizeof(payload));
		CENO_TRAIL_TYPES(BYTES)
#undef BYTES
	default:
		return 0;
	}
}

static bool is_reserved_zero(const struct ceno_trail_record *r)
{
	switch (r->head.type) {
	case CENO_TRAIL_MODULE:
		return r->module.reserved == 0;
	case CENO_TRAIL_GRANT:
		return r->grant.reserved == 0;
	case CENO_TRAIL_STRIKE:
		return r->strike.reserved == 0;
	case CENO_TRAIL_FAULT:
		return r->fault.reserved == 0;
	case CENO_TRAIL_CHECKPOINT:
		return r->checkpoint.reserved == 0;
	case CENO_TRAIL_EXIT:
		return r->exit.reserved == 0;
	case CENO_TRAIL_SEAL:
		return r->seal.reserved == 0;
	default:
		return true;
	}
}

static bool is_fiber(uint32_t fiber)
{
	return fiber < CENO_TRAIL_FIBERS;
}

static bool is_pledge(uint32_t pledge)
{
	return pledge >> CENO_PLEDGE_COUNT == 0;
}

/* Lowercase letters, digits and hyphens, so that it can be printed anywhere. */
static bool is_name(const char *name, size_t bytes)
{
	size_t used = 0;

	while (
	    used < bytes &&
	    ((name[used] >= 'a' && name[used] <= 'z') || (name[used] >= '0' && name[used] <= '9') || name[used] == '-'))
		used++;
	return used > 0 && used < bytes && ceno_mem_is_zero(name + used, bytes - used);
}

static bool is_module(const struct ceno_trail_module *m)
{
	struct ceno_content_id id;

	if (!is_name(m->name, sizeof m->name))
		return false;
	memcpy(&id, m->content_id, sizeof id);
	if (m->module == CENO_TRAIL_NATIVE
	        ? id.kind != CENO_CONTENT_NATIVE || strcmp(m->name, CENO_TRAIL_NATIVE_NAME) != 0
	        : id.kind != CENO_CONTENT_SERVICE || m->module > CENO_MODULE_VAULT)
		return false;
	return ceno_content_id_check(&id) == 0 && is_fiber(m->fiber) && is_pledge(m->pledge) &&
	    m->slots >> CENO_SLOT_TRAIL_END == 0 && (m->slots & 1) == 0 && (m->onward & ~m->slots) == 0;
}

static bool is_grant(const struct ceno_trail_grant *g)
{
	return is_fiber(g->from) && is_fiber(g->to) && g->type > CENO_OBJECT_NULL && g->type <= CENO_OBJECT_REGION &&
	    (g->rights & ~CENO_RIGHTS_ALL) == 0 && g->depth > 0 && g->depth <= CENO_DEPTH_MAX;
}

static bool is_fault(const struct ceno_trail_fault *f)
{
	if (!is_fiber(f->fiber) || f->count == 0)
		return false;
	if (f->cause == CENO_TRAIL_KILLED)
		return f->vector == 0 && f->error == 0 && f->rip == 0;
	return f->cause == CENO_TRAIL_FAULTED && f->vector < 32 &&
	    (f->rip == 0 || (f->rip >= CENO_GVA_SERVICE && f->rip < CENO_GVA_WINDOW));
}

static bool is_loss(const struct ceno_trail_loss *l)
{
	const uint32_t known = (1u << CENO_TRAIL_TYPE_COUNT) - 2;

	if (l->cause == CENO_TRAIL_REFUSED)
		return l->count == 1 && l->types == 0;
	return (l->cause == CENO_TRAIL_FULL || l->cause == CENO_TRAIL_UNCOUNTED) && l->count > 0 && l->types != 0 &&
	    (l->types & ~known) == 0;
}

static bool is_payload(const struct ceno_trail_record *r)
{
	switch (r->head.type) {
	case CENO_TRAIL_BOOT:
		return r->boot.tsc_hz != 0 && r->boot.abi_version != 0 && is_pledge(r->boot.pledge);
	case CENO_TRAIL_MODULE:
		return is_module(&r->module);
	case CENO_TRAIL_GRANT:
		return is_grant(&r->grant);
	case CENO_TRAIL_PLEDGE:
		return is_fiber(r->pledge.fiber) && is_fiber(r->pledge.by) && is_pledge(r->pledge.old) &&
		    is_pledge(r->pledge.now);
	case CENO_TRAIL_SPAWN:
		return is_fiber(r->spawn.fiber) && is_fiber(r->spawn.child) && r->spawn.fiber != r->spawn.child &&
		    is_pledge(r->spawn.pledge);
	case CENO_TRAIL_STRIKE:
		return is_fiber(r->strike.fiber) && r->strike.count > 0 && r->strike.count < 256 &&
		    r->strike.spectrum < CENO_SPECTRUM_COUNT;
	case CENO_TRAIL_FAULT:
		return is_fault(&r->fault);
	case CENO_TRAIL_RESTART:
		return is_fiber(r->restart.fiber) && r->restart.count > 0;
	case CENO_TRAIL_CHECKPOINT:
		return is_fiber(r->checkpoint.fiber);
	case CENO_TRAIL_EXIT:
		return is_fiber(r->exit.fiber);
	case CENO_TRAIL_SEAL:
		return r->seal.final <= 1;
	case CENO_TRAIL_LOSS:
		return is_loss(&r->loss);
	default:
		return true; /* RESUME: replay judges it */
	}
}

/* The next record, at `at`; *bytes gets its length. False: no further record can be told. */
static bool take_record(struct ceno_audit_ladder *l, size_t at, uint32_t *bytes)
{
	struct ceno_audit *a = l->audit;
	uint32_t i = a->records;
	struct ceno_trail_record r = { 0 };
	size_t left = l->bytes - at;

	if (!ceno_audit_check(l, CENO_AUDIT_RECORD_CUT, left >= sizeof r.head, i) || left < sizeof r.head)
		return false;
	memcpy(&r.head, l->file + at, sizeof r.head);
	*bytes = bytes_of(r.head.type);
	if (!ceno_audit_check(l, CENO_AUDIT_RECORD_VERSION, r.head.version == CENO_TRAIL_VERSION, i) ||
	    !ceno_audit_check(l, CENO_AUDIT_RECORD_TYPE, *bytes != 0, i) ||
	    !ceno_audit_check(l, CENO_AUDIT_RECORD_BYTES, r.head.bytes == *bytes, i) || *bytes == 0 ||
	    r.head.bytes != *bytes)
		return false;
	if (!ceno_audit_check(l, CENO_AUDIT_RECORD_CUT, *bytes <= left, i) || *bytes > left)
		return false;
	memcpy(&r, l->file + at, *bytes);
	if (!ceno_audit_check(l, CENO_AUDIT_RECORD_RESERVED, is_reserved_zero(&r), i) ||
	    !ceno_audit_check(l, CENO_AUDIT_RECORD_FIELD, is_payload(&r), i) || !is_payload(&r))
		return false; /* replay takes fields as indices: such a record never gets there */
	a->offset[a->records++] = (uint32_t)at;
	return true;
}

static bool is_named(const struct ceno_audit_ladder *l)
{
	uint8_t sha256[32];

	if (!l->expect->sha256)
		return true;
	crypto_hash_sha256(sha256, l->file, l->bytes);
	return memcmp(sha256, l->expect->sha256, sizeof sha256) == 0;
}

void ceno_audit_stage_form(struct ceno_audit_ladder *l)
{
	struct ceno_trail_header h;
	uint32_t bytes = 0;
	bool fits = l->bytes >= sizeof h && l->bytes <= CENO_TRAIL_BYTES;

	if (!ceno_audit_check(l, CENO_AUDIT_FILE_SIZE, fits, NO_RECORD) || !fits)
		return;
	memcpy(&h, l->file, sizeof h);
	if (!ceno_audit_check(l, CENO_AUDIT_MAGIC, h.magic == CENO_TRAIL_MAGIC, NO_RECORD) ||
	    !ceno_audit_check(l, CENO_AUDIT_VERSION, h.version == CENO_TRAIL_VERSION, NO_RECORD) ||
	    !ceno_audit_check(l, CENO_AUDIT_HEADER_RESERVED,
	                      h.reserved0 == 0 && ceno_mem_is_zero(h.reserved1, sizeof h.reserved1), NO_RECORD) ||
	    !ceno_audit_check(l, CENO_AUDIT_HEADER_BYTES, h.bytes == l->bytes - sizeof h, NO_RECORD) ||
	    !ceno_audit_check(l, CENO_AUDIT_DIGEST, is_named(l), NO_RECORD))
		return;
	for (size_t at = sizeof h; at < l->bytes; at += bytes)
		if (!take_record(l, at, &bytes))
			return;
}
