/*
 * Claim: the release key that every bundle of the node is checked with cannot be
 * replaced.
 *
 * The trust page is one page of its own, which firmware of every session reads. Three
 * tries: the key's first bytes, the mark that says "test key", and the whole key by a
 * string store, as a guest would that brought its own. The page behind is no memory at
 * all, so a store over the page's end must not be served half either.
 */
#include "kit.h"
#include "guests.h"

static void copy_key(volatile struct ceno_trust *trust)
{
	uint64_t to = (uint64_t)trust->public_key, from = (uint64_t)kit_at(kit.user_data), bytes = 32;

	for (unsigned i = 0; i < 4; i++)
		kit_put(kit.user_data + i * 8, 0x4141414141414141ull);
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

uint32_t guest_trust_write(unsigned form)
{
	volatile struct ceno_trust *trust = kit_at(CENO_GPA_TRUST);

	switch (form) {
	case 0:
		*(volatile uint64_t *)trust->public_key = 0;
		break;
	case 1:
		trust->test_key = 0;
		break;
	default:
		copy_key(trust);
		break;
	}
	return KIT_THROUGH;
}
