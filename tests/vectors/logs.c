/* Logs of 2 to 1,025 leaves, and every way in which a path, an index or a size is not that of the leaf. */
#include <string.h>
#include "vectors.h"

static struct fixture base;

/* A log of `size`, launch and proof at places that differ from size to size. */
static void log_of(uint32_t size, uint32_t launch, uint32_t cdp)
{
	start();
	f = base;
	policy.pins = &f.pins;
	f.log_size = size;
	f.launch_at = launch;
	f.cdp_at = cdp;
	fixture_log(&f);
}

static void finish(uint32_t code, const char *what, uint32_t size, uint32_t number)
{
	fixture_quote(&f);
	fixture_write(&f);
	vector(code, "log-%s-%u-%u", what, size, number);
}

static void batches(void)
{
	for (uint32_t size = 2; size <= 1025; size++) {
		uint32_t cdp = 1 + (size * 7919u) % (size - 1), launch = (size * 104729u) % cdp;
		log_of(size, launch, cdp);
		finish(OK, "batch", size, cdp);
	}
}

static void edges(uint32_t size)
{
	static const char *const names[] = { "first-two", "first-last", "last-two" };
	const uint32_t places[][2] = { { 0, 1 }, { 0, size - 1 }, { size - 2, size - 1 } };
	for (uint32_t i = 0; i < 3; i++) {
		log_of(size, places[i][0], places[i][1]);
		finish(OK, names[i], size, i);
	}
}

/* What is wrong with one of the two paths. */
static bool spoil(struct ceno_proof_inclusion *p, uint32_t how, uint32_t size)
{
	switch (how) {
	case 0:
		p->index++;
		return p->index != f.log_count || size > 0;
	case 1:
		if (p->index == 0)
			return false;
		p->index--;
		return true;
	case 2: /* one node too many */
		memset(p->path[p->count++], 0x77, 32);
		return true;
	case 3: /* the last one twice */
		if (p->count == 0)
			return false;
		memcpy(p->path[p->count], p->path[p->count - 1], 32);
		p->count++;
		return true;
	case 4:
		if (p->count == 0)
			return false;
		p->count--;
		return true;
	case 5: /* the first one lost */
		if (p->count < 2)
			return false;
		p->count--;
		memmove(p->path[0], p->path[1], (size_t)p->count * 32);
		return true;
	case 6: { /* two in the other order */
		uint8_t node[32];
		if (p->count < 2)
			return false;
		memcpy(node, p->path[0], 32);
		memcpy(p->path[0], p->path[1], 32);
		memcpy(p->path[1], node, 32);
		return true;
	}
	case 7:
		if (p->count == 0)
			return false;
		p->path[p->count / 2][31] ^= 1;
		return true;
	case 8: /* an index that is the same in the tree's low levels */
		p->index += 1ull << 40;
		return true;
	default:
		p->count = 0;
		return size > 1;
	}
}

static void wrong_paths(uint32_t size)
{
	for (uint32_t how = 0; how < 10; how++) {
		log_of(size, size / 3, size - 1 - size / 5);
		if (spoil(&f.seal.batch, how, size))
			finish(CENO_VERIFY_CDP_INCLUSION, "proof-path", size, how);
		log_of(size, size / 3, size - 1 - size / 5);
		if (how < 2 || how == 8) /* step 8 names the launch: the lie is in both */
			continue;
		if (spoil(&f.seal.launch.inclusion, how, size))
			finish(CENO_VERIFY_LAUNCH_INCLUSION, "launch-path", size, how);
	}
}

/* The log's own key signs another size for the same root. */
static void wrong_sizes(uint32_t size)
{
	static const int64_t by[] = { -1, 1, 2, 1024, 1ll << 40 };
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t cdp = size - 1;
		log_of(size, 0, cdp);
		struct ceno_proof_inclusion p = f.seal.batch, q = f.seal.launch.inclusion;
		uint64_t other = (uint64_t)((int64_t)size + by[i]);
		uint8_t root[32], leaf[32];
		struct ceno_checkpoint c;
		MUST(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c) == 0);
		memcpy(root, c.root, 32);
		memcpy(leaf, f.leaves[0], 32);
		bool launch_holds = ceno_log_check_inclusion(leaf, &q, other, root) == 0;
		memcpy(leaf, f.leaves[cdp], 32);
		bool cdp_holds = ceno_log_check_inclusion(leaf, &p, other, root) == 0;
		fixture_checkpoint(&f, other);
		finish(!launch_holds    ? CENO_VERIFY_LAUNCH_INCLUSION
		           : !cdp_holds ? CENO_VERIFY_CDP_INCLUSION
		                        : OK,
		       "size", size, i);
	}
}

/* The proof before, or in place of, its launch. */
static void wrong_order(uint32_t size)
{
	log_of(size, size - 1, (size - 1) / 2);
	finish(CENO_VERIFY_LOG_ORDER, "order", size, 0);
}

static void checkpoints(void)
{
	for (uint32_t i = 0; i < 64; i += 5) { /* signed by the key, then changed */
		log_of(9, 3, 6);
		struct ceno_checkpoint c;
		MUST(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c) == 0);
		char *root = f.seal.checkpoint + c.signed_bytes - 45;
		root[i % 42] = (char)(root[i % 42] == 'A' ? 'B' : 'A');
		finish(CENO_VERIFY_CHECKPOINT_KEY, "checkpoint-root", 9, i);
	}
	static const char *const tails[] = { "\n", " ", "x", "\xe2\x80\x94 witness.test AAAA\n", "\n\n", "\r\n" };
	for (uint32_t i = 0; i < 6; i++) {
		log_of(9, 3, 6);
		memcpy(f.seal.checkpoint + f.seal.checkpoint_bytes, tails[i], strlen(tails[i]));
		f.seal.checkpoint_bytes += (uint32_t)strlen(tails[i]);
		finish(CENO_VERIFY_CHECKPOINT, "checkpoint-tail", 9, i);
	}
	for (uint32_t n = 1; n < 170; n += 13) {
		log_of(9, 3, 6);
		f.seal.checkpoint_bytes = n;
		finish(CENO_VERIFY_CHECKPOINT, "checkpoint-prefix", 9, n);
	}
}

void vectors_logs(void)
{
	static const uint32_t sizes[] = { 2,  3,  4,  5,  6,   7,   8,   9,   15,  16,  17,  31,   32,
		                          33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 1024, 1025 };
	start();
	fixture_roots(&f);
	fixture_sign(&f);
	base = f;
	batches();
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		edges(sizes[i]);
		if (sizes[i] >= 5)
			wrong_paths(sizes[i]);
		wrong_sizes(sizes[i]);
		wrong_order(sizes[i]);
	}
	checkpoints();
}
