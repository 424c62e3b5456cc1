/* Proofs that verify, of every shape that the format has: each word of each list, each bound that a test can reach. */
#include <sodium.h>
#include <string.h>
#include "guest-kernel/abi/layout.h"
#include "vectors.h"

static struct ceno_proof_statement *fresh(void)
{
	start();
	return &f.statement;
}

static void done(const char *what, uint32_t number)
{
	fixture_redo(&f);
	vector(OK, "honest-%s-%u", what, number);
}

static void passes_and_counters(void)
{
	for (uint32_t with_nv = 0; with_nv < 2; with_nv++)
		for (uint32_t passes = 1; passes <= CENO_PROOF_PASSES_MAX; passes++) {
			struct ceno_proof_statement *s = fresh();
			f.with_nv = with_nv;
			f.foreign_leaves = 3 * passes + with_nv;
			s->overwrite.passes = s->sanitization.passes = passes;
			policy.rp_nonce = s->core.rp_nonce;
			done(with_nv ? "counter" : "plain", passes);
		}
}

/* Nothing, one granule, the last one; below, at and above the sizes where granules grow. */
static void memories(void)
{
	static const uint64_t sizes[] = { 1, 2, 7, 8, 9, 16, 512, 8191, 8192, 8193, 16384, 16400, 65536, 1048576 };
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint32_t which = 0; which < 3; which++) {
			struct ceno_proof_statement *s = fresh();
			uint64_t mem = sizes[i] * CENO_PROOF_CHUNK;
			s->core.mem_total = s->isolation.slots[6].bytes = mem;
			s->isolation.slots[7].gpa = CENO_GPA_PACK;
			memset(s->overwrite.bitmap, 0, sizeof(s->overwrite.bitmap));
			s->overwrite.bitmap_bytes = ceno_proof_bitmap_bytes(mem);
			if (ceno_proof_granule(mem) > (1u << 20) && which == 2)
				continue;
			if (which > 0)
				ceno_proof_bitmap_set(s->overwrite.bitmap, mem, which == 1 ? 0 : mem - 1, 1);
			s->overwrite.bytes = s->forensic.compared_bytes =
			    ceno_proof_backed_bytes(s->overwrite.bitmap, mem);
			s->overwrite.st_blocks = s->overwrite.bytes / 512;
			done("memory", 3 * i + which);
		}
	}
}

static void causes(void)
{
	for (uint32_t cause = CENO_CAUSE_EXIT; cause <= CENO_CAUSE_CRASH; cause++) {
		fresh()->isolation.cause = cause;
		f.statement.isolation.violation = cause == CENO_CAUSE_VIOLATION ? 16 : 0;
		done("cause", cause);
	}
	for (uint32_t violation = 17; violation <= 63; violation += 23) {
		fresh()->isolation.cause = CENO_CAUSE_VIOLATION;
		f.statement.isolation.violation = violation;
		done("violation", violation);
	}
}

static void declared(void)
{
	for (uint32_t class = 0; class <= CENO_PROOF_CLASS_CREDENTIALS; class ++)
		for (uint32_t land = 0; land <= CENO_PROOF_LAND_OTHER; land++) {
			fresh()->core.classification = class;
			f.statement.core.jurisdiction = land;
			done("declared", 8 * class + land);
		}
}

static void hosts(void)
{
	for (uint32_t i = 0; i < 12; i++) {
		struct ceno_proof_host *h = &fresh()->forensic.host;
		h->kvm = i % 4;
		h->npt = i % 3;
		h->cgroup_version = i % 3;
		h->swap = h->zswap = (i + 1) % 3;
		h->ksm = h->compact_unevictable = (i + 2) % 3;
		h->numa_balancing = h->init_on_free = i / 2 % 3;
		h->dumpable = h->kdump = h->hibernation = h->huge_pages = i / 3 % 3;
		f.seal.step8.cgroup = i % 3;
		f.seal.step8.peak_bytes = i % 2 ? 0 : ((1ull << 53) - 1);
		done("host", i);
	}
}

static void contents(void)
{
	for (uint32_t i = 0; i < 9; i++) {
		struct ceno_proof_statement *s = fresh();
		s->tokens.token_count = s->tokens.id_count = 2 * i;
		s->keys.key_count = i < CENO_PROOF_KEYS_MAX ? i : CENO_PROOF_KEYS_MAX;
		for (uint32_t k = 0; k < CENO_PROOF_KEYS_MAX; k++) {
			s->keys.keys[k] = (struct ceno_proof_key){ .kind = k % 4, .bytes = 32 };
			memset(s->keys.keys[k].id, (int)k + 1, 16);
		}
		memset(s->core.record_commit, i % 2 ? 0x5c : 0, 32);
		memset(s->core.tenant_ref, i % 3 ? 0x5d : 0, 32);
		memset(s->core.platform.image, i % 4 ? 0 : 0x5e, 32);
		memset(f.seal.node.epoch_log_sha256, i % 2 ? 0 : 0x5f, 32);
		memset(f.seal.node.ak_binding, i % 3 ? 0 : 0x60, 32);
		memset(s->core.rp_nonce, i % 2 ? 0 : 0x61, 32);
		s->core.platform.test_key = i % 2;
		strcpy(s->core.platform.trust_name, i == 0 ? "" : "A.b _:()-9");
		s->overwrite.random_source = i % 2;
		done("content", i);
	}
}

static void trails(void)
{
	static const uint32_t bytes[] = { 0, 4097, 262144 };
	for (uint32_t i = 0; i < 3; i++) {
		fresh()->isolation.trail_bytes = bytes[i];
		if (bytes[i] == 0)
			crypto_hash_sha256(f.statement.isolation.trail_sha256, NULL, 0);
		done("trail", i);
	}
}

/* All windows, each with its area. */
static void windows(void)
{
	for (uint32_t count = 1; count <= CENO_PLEDGE_COUNT; count++) {
		struct ceno_proof_statement *s = fresh();
		s->core.pledge_mask = s->isolation.pledge_mask = (1u << count) - 1;
		for (uint32_t i = 1; i < count; i++) {
			s->isolation.slots[s->isolation.slot_count++] =
			    (struct ceno_proof_slot){ CENO_GPA_WINDOW + i * CENO_WINDOW_STRIDE, 0x10000,
				                      CENO_PROOF_SLOT_WINDOW, CENO_PROOF_READ_WRITE };
			s->filesystem.areas[s->filesystem.area_count++] =
			    (struct ceno_proof_area){ CENO_PROOF_AREA_WINDOW, i, 0x10000, 0x10000, 0x10000, 0, 1 };
		}
		done("windows", count);
	}
}

void vectors_honest(void)
{
	passes_and_counters();
	memories();
	causes();
	declared();
	hosts();
	contents();
	trails();
	windows();
}
