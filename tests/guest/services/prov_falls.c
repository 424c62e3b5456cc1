/*
 * prov that crashes once, when it is told to seal the end: after its restart, which the trail
 * then tells of, it does as it should.
 */
#include "prov/chain.h"

#define ceno_chain_take falls_chain_take
static int falls_chain_take(struct ceno_chain *chain, const struct ceno_prov_message *message,
                            const struct ceno_bundle_header *bundle, uint64_t tsc);
#include "prov/prov.c"
#undef ceno_chain_take

static bool is_resumed(const struct ceno_chain *chain)
{
	const uint8_t *at = chain->area + CENO_TRAIL_OFFSET, *end = at + chain->used;
	const struct ceno_trail_head *head;

	for (; at != end; at += head->bytes) {
		head = (const struct ceno_trail_head *)(const void *)at;
		if (head->type == CENO_TRAIL_RESUME)
			return true;
	}
	return false;
}

static int falls_chain_take(struct ceno_chain *chain, const struct ceno_prov_message *message,
                            const struct ceno_bundle_header *bundle, uint64_t tsc)
{
	if (message->what == CENO_PROV_FINISH && !is_resumed(chain))
		__builtin_trap();
	return ceno_chain_take(chain, message, bundle, tsc);
}
