/*
 * Comparison of the proof's log with what the node showed someone else (verify.h
 * has the text). Two signed roots of one size that differ, or a consistency proof
 * that leads to the larger root from another smaller one, are a fork; a proof that
 * leads nowhere says nothing.
 */
#include "ladder.h"
#include "lines.h"
#include "../log/log.h"

#include <string.h>

struct other {
	uint64_t old_size; /* of the smaller log, and its root, as the proof's maker has it */
	uint8_t old_root[32];
	uint8_t path[CENO_LOG_PATH_MAX][32];
	uint32_t count;
	struct ceno_checkpoint checkpoint;
};

static bool read_other(const struct ceno_ladder *l, struct other *o)
{
	const char *text = l->policy->compare, *start;
	size_t bytes = l->policy->compare_bytes, at = 0, length;
	struct ceno_line line;
	if (!ceno_line_next(text, bytes, &at, &start, &length) || length != 18 ||
	    memcmp(start, "ceno-consistency 1", 18) != 0)
		return false;
	if (!ceno_line_next(text, bytes, &at, &start, &length) || !ceno_line_cut(start, length, &line) ||
	    line.fields != 3 || strcmp(line.field[0], "old") != 0 || !ceno_line_number(line.field[1], &o->old_size) ||
	    !ceno_line_digest(line.field[2], o->old_root))
		return false;
	for (o->count = 0; ceno_line_next(text, bytes, &at, &start, &length); o->count++) {
		if (length == 0)
			break;
		if (o->count == CENO_LOG_PATH_MAX || !ceno_line_cut(start, length, &line) || line.fields != 2 ||
		    strcmp(line.field[0], "node") != 0 || !ceno_line_digest(line.field[1], o->path[o->count]))
			return false;
	}
	const struct ceno_proof_node *node = &l->envelope.seal.node;
	return ceno_checkpoint_parse(text + at, bytes - at, &o->checkpoint) == 0 && o->checkpoint.size > 0 &&
	    strcmp(o->checkpoint.origin, node->origin) == 0 &&
	    ceno_checkpoint_verify(&o->checkpoint, text + at, node->log_pub) == 0;
}

/* RFC 9162, 2.1.4.2: the two roots that a path leads to. Returns false if it has not the nodes that
 * the sizes need. 0 < first < second. */
static bool roots_of(const struct other *o, uint64_t first, const uint8_t first_root[32], uint64_t second,
                     uint8_t old_root[32], uint8_t new_root[32])
{
	uint64_t fn = first - 1, sn = second - 1;
	uint32_t i = 0;
	if ((first & (first - 1)) == 0) {
		memcpy(old_root, first_root, 32);
	} else {
		if (o->count == 0)
			return false;
		memcpy(old_root, o->path[i++], 32);
	}
	memcpy(new_root, old_root, 32);
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	for (; i < o->count; i++) {
		if (sn == 0)
			return false;
		if (fn & 1 || fn == sn) {
			ceno_merkle_node(o->path[i], old_root, old_root);
			ceno_merkle_node(o->path[i], new_root, new_root);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			ceno_merkle_node(new_root, o->path[i], new_root);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0;
}

void ceno_check_comparison(struct ceno_ladder *l)
{
	struct other o;
	const struct ceno_verify_result *r = l->result;
	const struct ceno_checkpoint *c = &o.checkpoint;
	uint8_t old_root[32], new_root[32];
	if (l->stopped || l->policy->compare == NULL)
		return;
	bool compared = read_other(l, &o), fork = false;
	if (compared && c->size == r->log_size) {
		compared = o.count == 0 && o.old_size == c->size;
		fork = memcmp(c->root, r->log_root, 32) != 0;
	} else if (compared) {
		bool older = c->size < r->log_size;
		const uint8_t *first = older ? c->root : r->log_root, *second = older ? r->log_root : c->root;
		compared = o.old_size == (older ? c->size : r->log_size) &&
		    roots_of(&o, o.old_size, o.old_root, older ? r->log_size : c->size, old_root, new_root) &&
		    memcmp(old_root, o.old_root, 32) == 0 && memcmp(new_root, second, 32) == 0;
		fork = compared && memcmp(old_root, first, 32) != 0;
	}
	ceno_check(l, CENO_VERIFY_COMPARISON, compared);
	if (compared)
		ceno_check(l, CENO_VERIFY_FORK, !fork);
	l->result->fork_checked = !l->stopped && compared && !fork;
}
