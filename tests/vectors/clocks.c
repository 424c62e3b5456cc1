/*
 * Counters: what a verifier knows of a node against what a proof says. The rule is
 * written here a second time: back is whatever lies below the newest state at the
 * same or a greater size of the log, and another root at the same size.
 */
#include <string.h>
#include "vectors.h"

static struct fixture base;

static void matrix(void)
{
	for (uint32_t i = 0; i < 3 * 3 * 3 * 4; i++) {
		uint32_t nv = i % 3, clock = i / 3 % 3, resets = i / 9 % 3, size = i / 27;
		start();
		f = base;
		policy.pins = &f.pins;
		struct ceno_verify_pin *pin = &f.pins.pins[0];
		struct ceno_checkpoint c;
		MUST(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c) == 0);
		/* 0 the proof is below what is known, 1 equal, 2 above; size 3: equal, with another root */
		pin->nv_value = 42 + 1 - nv;
		pin->clock_ms = f.clock_ms + 1 - clock;
		pin->reset_count = f.reset_count + 1 - resets;
		pin->size = size == 3 ? c.size : c.size + 1 - size;
		memcpy(pin->root, c.root, 32);
		pin->root[9] ^= size == 3;
		bool older = size == 0, back = nv == 0 || resets == 0 || (resets == 1 && clock == 0);
		vector(older                   ? OK
		           : size == 3 || back ? CENO_VERIFY_ROLLBACK
		                               : OK,
		       "clock-size-%c-nv-%c-clock-%c-resets-%c", size == 3 ? 'x' : "lem"[size], "lem"[nv], "lem"[clock],
		       "lem"[resets]);
	}
}

/* Launch and seal in one life of the TPM. */
static void lives(void)
{
	for (uint32_t i = 0; i < 9; i++) {
		start();
		f.seal.launch.reset_count = f.reset_count - 1 + i % 3;
		f.seal.launch.restart_count = f.restart_count - 1 + i / 3;
		fixture_redo(&f);
		vector(i == 4 ? OK : CENO_VERIFY_RESET, "life-%u", i);
	}
}

static void revocations(void)
{
	static const uint64_t times[] = { 0, 1, 1750000000, 1750000001, UINT64_MAX - 1, CENO_VERIFY_NO_TIME };
	static const uint64_t since[] = { 0, 1, 1750000001, UINT64_MAX };
	for (uint32_t i = 0; i < 6; i++)
		for (uint32_t j = 0; j < 4; j++) {
			start();
			f = base;
			policy.pins = &f.pins;
			policy.as_of = times[i];
			f.pins.revoked_count = 1;
			memcpy(f.pins.revoked[0], f.pins.pins[0].ak, 32);
			f.pins.revoked_since[0] = since[j];
			vector(since[j] <= times[i] ? CENO_VERIFY_AK_REVOKED : OK, "revoked-%u-%u", i, j);
		}
}

void vectors_clocks(void)
{
	start();
	f.with_nv = 1;
	fixture_redo(&f);
	base = f;
	matrix();
	lives();
	revocations();
}
