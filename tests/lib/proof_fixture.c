/*
 * Proofs made in a test (proof_fixture.h). Any failure here is a broken test, so
 * it aborts.
 */
#include "proof_fixture.h"

#include <openssl/core_names.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/proof/hash.h"
#include "guest-kernel/abi/layout.h"

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "fixture: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Recognisable bytes that differ per name: SHA-256 of the name. */
static void named(const char *name, uint8_t *out, size_t bytes)
{
	uint8_t hash[32];
	crypto_hash_sha256(hash, (const unsigned char *)name, strlen(name));
	memcpy(out, hash, bytes);
}

static void fill_core(struct ceno_proof_core *core, const uint8_t signer_pub[32])
{
	strcpy(core->version, "0.1.0");
	core->platform.abi_version = CENO_ABI_VERSION;
	strcpy(core->platform.trust_name, "fixture release key");
	named("firmware", core->platform.firmware, 32);
	named("trust", core->platform.trust, 32);
	named("bundle", core->platform.bundle, 32);
	named("vmm", core->platform.vmm, 32);
	named("filter", core->platform.filter, 32);
	named("session", core->session_id, 16);
	named("tenant", core->tenant_ref, 32);
	named("request", core->request_commit, 32);
	named("nonce", core->rp_nonce, 32);
	memcpy(core->signer_pub, signer_pub, 32);
	core->pledge_mask = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_RW;
	core->page_bytes = 4096;
	core->mem_total = 32u << 20;
	core->classification = CENO_PROOF_CLASS_PHI;
	core->jurisdiction = CENO_PROOF_LAND_EU;
}

static void fill_isolation(struct ceno_proof_isolation *e)
{
	static const struct ceno_proof_slot slots[] = {
		{ CENO_GPA_FIRMWARE, 0x6000, CENO_PROOF_SLOT_FIRMWARE, CENO_PROOF_READ_ONLY },
		{ CENO_GPA_TRUST, 0x1000, CENO_PROOF_SLOT_TRUST, CENO_PROOF_READ_ONLY },
		{ CENO_GPA_BUNDLE, 0x30000, CENO_PROOF_SLOT_BUNDLE, CENO_PROOF_READ_ONLY },
		{ CENO_GPA_BOOT, 0x1000, CENO_PROOF_SLOT_BOOT, CENO_PROOF_READ_ONLY },
		{ CENO_GPA_WINDOW, 0x80000, CENO_PROOF_SLOT_WINDOW, CENO_PROOF_READ_WRITE },
		{ CENO_GPA_TRAIL, CENO_TRAIL_BYTES, CENO_PROOF_SLOT_WINDOW, CENO_PROOF_READ_WRITE },
		{ CENO_GPA_RAM, 32u << 20, CENO_PROOF_SLOT_RAM, CENO_PROOF_READ_WRITE },
		{ CENO_GPA_PACK, 0x200000, CENO_PROOF_SLOT_PACK, CENO_PROOF_READ_ONLY },
	};
	e->cause = CENO_CAUSE_EXIT;
	e->wait_status = 1u << 8;
	e->slot_count = sizeof(slots) / sizeof(slots[0]);
	memcpy(e->slots, slots, sizeof(slots));
	named("filter", e->filter, 32);
	e->tasks = 2;
	e->seccomp_mode = 2;
	e->no_new_privs = 1;
	e->pledge_mask = 1u << CENO_PLEDGE_STDIO;
	e->trail_bytes = 10544;
	named("trail", e->trail_sha256, 32);
	e->cpu = (struct ceno_proof_cpu){ .cr0 = 0x80010033, .cr4 = 0x350e20, .efer = 0xd01, .offered = 0xf };
}

static void fill_destruction(struct ceno_proof_statement *s)
{
	static const struct ceno_proof_area areas[] = {
		{ CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_STDIO, 0x80000, 0x80000, 0x80000, 0, 1 },
		{ CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_COUNT, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES, 0,
		  1 },
		{ CENO_PROOF_AREA_PACK, 0, 0x200000, 0x200000, 0x200000, 0, 1 },
		{ CENO_PROOF_AREA_BOOT, 0, 0x1000, 0x1000, 0x1000, 0, 1 },
	};
	struct ceno_proof_overwrite *o = &s->overwrite;
	s->filesystem.area_count = sizeof(areas) / sizeof(areas[0]);
	memcpy(s->filesystem.areas, areas, sizeof(areas));
	s->filesystem.fds_closed = 9;
	s->filesystem.mount_ns_gone = 1;
	named("R", o->random, 32);
	named("destroy", o->destroy_nonce, 32);
	o->random_source = CENO_PROOF_RANDOM_TPM;
	o->passes = s->sanitization.passes = s->forensic.root_count = 1;
	o->bitmap_bytes = ceno_proof_bitmap_bytes(s->core.mem_total);
	ceno_proof_bitmap_set(o->bitmap, s->core.mem_total, 0, 2 * CENO_PROOF_CHUNK);
	ceno_proof_bitmap_set(o->bitmap, s->core.mem_total, 100 * CENO_PROOF_CHUNK + 4096, 4096);
	ceno_proof_bitmap_set(o->bitmap, s->core.mem_total, s->core.mem_total - 4096, 4096);
	o->bytes = ceno_proof_backed_bytes(o->bitmap, s->core.mem_total);
	o->st_blocks = o->bytes / 512;
	o->ms = 3;
	s->keys.key_count = 2;
	named("key 1", s->keys.keys[0].id, 16);
	named("key 2", s->keys.keys[1].id, 16);
	s->keys.keys[0].kind = CENO_PROOF_KEY_OPENING;
	s->keys.keys[1].kind = CENO_PROOF_KEY_SEED;
	s->keys.keys[0].bytes = s->keys.keys[1].bytes = 32;
	s->keys.read_back = 1;
	named("token key", s->tokens.key_id, 16);
	named("token 1", s->tokens.ids[0], 16);
	s->tokens.token_count = s->tokens.id_count = 1;
	s->tokens.zeroized = 1;
}

static void fill_forensic(struct ceno_proof_statement *s)
{
	struct ceno_proof_host *h = &s->forensic.host;
	struct ceno_proof_timing *t = &s->timing;
	s->forensic.compared_bytes = s->overwrite.bytes;
	s->forensic.write_sealed = 1;
	h->kvm = CENO_PROOF_KVM_SVM;
	h->cgroup_version = 2;
	h->npt = CENO_PROOF_FACT_ON;
	h->swap = h->zswap = h->ksm = h->dumpable = h->kdump = h->hibernation = h->huge_pages = CENO_PROOF_FACT_OFF;
	h->init_on_free = CENO_PROOF_FACT_ON;
	h->compact_unevictable = h->numa_balancing = CENO_PROOF_FACT_UNKNOWN;
	strcpy(h->kernel, "6.1.0-fixture");
	t->started_unix_ms = 1700000000000u;
	t->launched_us = 10000;
	t->stopped_us = 500000;
	for (uint64_t i = 0; i < 6; i++)
		t->steps[i] = (struct ceno_proof_span){ 500100 + i * 4000, 500100 + i * 4000 + 3500 };
	t->read_back_us = t->steps[5].begin_us + 1000;
	t->zeroed_us = t->steps[5].begin_us + 2000;
	t->compared_us = t->steps[5].begin_us + 3000;
	s->chain.sealed_us = t->steps[5].end_us + 100;
}

/* P-256 keys whose private scalar is the hash of a name: the same in each process. */
static EVP_PKEY *ak_number(int number)
{
	static EVP_PKEY *keys[2];
	if (keys[number] == NULL) {
		char group[] = "prime256v1", name[] = "ak 0";
		uint8_t scalar[32], point[65];
		name[3] = (char)('0' + number);
		named(name, scalar, 32);
		EC_GROUP *curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
		EC_POINT *public = EC_POINT_new(curve);
		BIGNUM *d = BN_bin2bn(scalar, 32, NULL);
		MUST(EC_POINT_mul(curve, public, d, NULL, NULL, NULL) == 1);
		MUST(EC_POINT_point2oct(curve, public, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL) == 65);
		OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
		MUST(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
		     OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
		     OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 65) == 1);
		OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
		MUST(EVP_PKEY_fromdata_init(ctx) == 1 &&
		     EVP_PKEY_fromdata(ctx, &keys[number], EVP_PKEY_KEYPAIR, params) == 1);
		EVP_PKEY_CTX_free(ctx);
		OSSL_PARAM_free(params);
		OSSL_PARAM_BLD_free(bld);
		BN_free(d);
		EC_POINT_free(public);
		EC_GROUP_free(curve);
	}
	return keys[number];
}

void fixture_init(struct fixture *f)
{
	uint8_t seed[32], signer[32], log_pub[32];
	MUST(sodium_init() >= 0);
	memset(f, 0, sizeof(*f));
	named("session seed", seed, 32);
	crypto_sign_ed25519_seed_keypair(signer, f->session_secret, seed);
	named("log seed", seed, 32);
	crypto_sign_ed25519_seed_keypair(log_pub, f->log_secret, seed);
	f->ak = f->signing_ak = ak_number(0);
	f->second_ak = ak_number(1);
	fill_core(&f->statement.core, signer);
	fill_isolation(&f->statement.isolation);
	fill_destruction(&f->statement);
	fill_forensic(&f->statement);
	f->foreign_leaves = 5;
	f->seal.step8.cgroup = CENO_PROOF_CGROUP_REMOVED;
	f->seal.step8.peak_bytes = 41u << 20;
	strcpy(f->seal.node.origin, "fixture.test/node");
	memcpy(f->seal.node.log_pub, log_pub, 32);
	named("event log", f->seal.node.epoch_log_sha256, 32);
	f->magic = 0xff544347;
	f->type = 0x8018;
	f->reset_count = f->seal.launch.reset_count = 7;
	f->restart_count = f->seal.launch.restart_count = 2;
	f->clock_ms = 123456789;
	f->selection[0] = f->selection[1] = 0xff;
	for (uint32_t i = 0; i < CENO_PROOF_PCRS; i++)
		if (i < 8)
			named(&"pcr 0\0pcr 1\0pcr 2\0pcr 3\0pcr 4\0pcr 5\0pcr 6\0pcr 7"[6 * i], f -> seal.quote.pcrs[i],
			      32);
	f->seal.node.ak_public_bytes = fixture_ak_public(f->ak, f->seal.node.ak_public);
	f->pins.pin_count = 1;
	strcpy(f->pins.pins[0].origin, f->seal.node.origin);
	memcpy(f->pins.pins[0].log_pub, log_pub, 32);
	ceno_verify_ak_digest(f->seal.node.ak_public, f->seal.node.ak_public_bytes, f->pins.pins[0].ak);
}

void fixture_roots(struct fixture *f)
{
	struct ceno_proof_statement *s = &f->statement;
	static uint8_t chunk[CENO_PROOF_CHUNK];
	uint8_t chain[3][32], challenge[32], leaf[32];
	MUST(ceno_proof_c2(s, chain) == 0);
	ceno_proof_challenge(s, chain[2], challenge);
	s->forensic.root_count = s->overwrite.passes;
	for (uint32_t p = 0; p < s->overwrite.passes; p++) {
		struct ceno_proof_pass *pass = ceno_proof_pass_new(s->core.session_id, challenge, (uint8_t)(p + 1));
		struct ceno_merkle tree;
		uint64_t offset = 0, bytes;
		ceno_merkle_init(&tree);
		for (; ceno_proof_next_backed(s->overwrite.bitmap, s->core.mem_total, &offset, &bytes);
		     offset += bytes) {
			for (uint64_t at = offset; at < offset + bytes; at += CENO_PROOF_CHUNK) {
				MUST(ceno_proof_pass_fill(pass, CENO_GPA_RAM + at, chunk, sizeof(chunk)) == 0);
				MUST(ceno_proof_pass_leaf(pass, CENO_GPA_RAM + at, chunk, leaf) == 0);
				ceno_merkle_add(&tree, leaf);
			}
		}
		ceno_merkle_root(&tree, s->forensic.roots[p]);
		ceno_proof_pass_free(pass);
	}
}

void fixture_sign_payload(struct fixture *f)
{
	static uint8_t pae[CENO_PROOF_PAE_MAX];
	size_t n = ceno_proof_pae(f->payload, f->payload_bytes, pae);
	MUST(n > 0);
	crypto_sign_ed25519_detached(f->signature, NULL, pae, n, f->session_secret);
}

void fixture_sign(struct fixture *f)
{
	MUST(ceno_proof_seal_steps(&f->statement, f->chain) == 0);
	MUST(ceno_proof_payload(&f->statement, f->payload, &f->payload_bytes) == 0);
	fixture_sign_payload(f);
}

void fixture_step8(struct fixture *f)
{
	struct ceno_proof_step8 *e = &f->seal.step8;
	crypto_hash_sha256(e->payload_sha256, f->payload, f->payload_bytes);
	crypto_hash_sha256(e->signature_sha256, f->signature, 64);
	if (f->on_step8 != NULL)
		f->on_step8(f);
	MUST(ceno_proof_c8(e, f->chain[7], f->chain[8]) == 0);
}

static uint8_t (*kept)[32]; /* where the leaves of the log that is being made go */

static void add_leaf(struct ceno_log *log, const uint8_t *body, size_t n)
{
	uint8_t leaf[32];
	ceno_merkle_leaf(body, n, leaf);
	MUST(log->count < sizeof(((struct fixture *)0)->leaves) / 32);
	memcpy(kept[log->count], leaf, 32);
	MUST(ceno_log_append(log, leaf, NULL) == 0);
}

static void add_launch(struct ceno_log *log, const struct ceno_proof_core *core)
{
	struct ceno_attest_launch launch = { 0 };
	uint8_t body[CENO_PROOF_LEAF_MAX];
	memcpy(launch.session_id, core->session_id, 16);
	MUST(ceno_proof_platform_digest(&core->platform, launch.platform_digest) == 0);
	memcpy(launch.request_commit, core->request_commit, 32);
	memcpy(launch.signer_pub, core->signer_pub, 32);
	memcpy(launch.rp_nonce, core->rp_nonce, 32);
	add_leaf(log, body, ceno_proof_leaf_launch(&launch, body));
}

/* Every leaf of the log, ours among those of others. */
static void add_leaves(struct fixture *f, struct ceno_log *log, uint64_t launch, uint64_t cdp, uint64_t size)
{
	const struct ceno_proof_core *core = &f->statement.core;
	uint8_t body[CENO_PROOF_LEAF_MAX];
	for (uint64_t i = 0; i < size; i++) {
		if (i == launch)
			add_launch(log, core);
		else if (i == cdp)
			add_leaf(log, body,
			         ceno_proof_leaf_cdp(core->session_id, f->seal.step8.launch_index, f->chain[0],
			                             f->chain[8], body));
		else
			add_leaf(log, (const uint8_t *)&i, sizeof(i));
	}
}

void fixture_log(struct fixture *f)
{
	uint64_t launch = f->foreign_leaves + (f->launch_after_cdp ? 1 : 0);
	uint64_t cdp = f->foreign_leaves + (f->launch_after_cdp ? 0 : 2);
	uint64_t size = f->foreign_leaves + (f->launch_after_cdp ? 3 : 4);
	struct ceno_log log;
	if (f->log_size != 0) {
		launch = f->launch_at;
		cdp = f->cdp_at;
		size = f->log_size;
	}
	ceno_log_init(&log);
	kept = f->leaves;
	f->seal.step8.launch_index = launch;
	fixture_step8(f);
	add_leaves(f, &log, launch, cdp, size);
	MUST(ceno_log_inclusion(&log, launch, log.count, &f->seal.launch.inclusion) == 0);
	MUST(ceno_log_inclusion(&log, cdp, log.count, &f->seal.batch) == 0);
	f->log_count = (uint32_t)log.count;
	ceno_log_fini(&log);
	fixture_checkpoint(f, f->log_count);
}

void fixture_checkpoint(struct fixture *f, uint64_t size)
{
	struct ceno_log log;
	uint8_t root[32];
	size_t n;
	ceno_log_init(&log);
	for (uint32_t i = 0; i < f->log_count; i++)
		MUST(ceno_log_append(&log, f->leaves[i], NULL) == 0);
	MUST(ceno_log_root(&log, log.count, root) == 0);
	MUST(ceno_checkpoint_make(f->seal.node.origin, size, root, f->log_secret, f->seal.checkpoint, &n) == 0);
	f->seal.checkpoint_bytes = (uint32_t)n;
	ceno_log_fini(&log);
}

/* ---- TPM structures --------------------------------------------------------------- */

struct bytes {
	uint8_t *out;
	uint32_t n;
};

static void put(struct bytes *b, uint64_t value, uint32_t width)
{
	for (uint32_t i = 0; i < width; i++)
		b->out[b->n++] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

static void put2b(struct bytes *b, const uint8_t *bytes, uint16_t n)
{
	put(b, n, 2);
	memcpy(b->out + b->n, bytes, n);
	b->n += n;
}

uint32_t fixture_ak_public(EVP_PKEY *key, uint8_t out[CENO_PROOF_AK_PUBLIC_MAX])
{
	static const uint16_t parameters[] = { 0x0010, 0x0018, 0x000b, 0x0003, 0x0010 };
	struct bytes b = { out, 0 };
	uint8_t point[65];
	size_t n = 0;
	EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
	MUST(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n) == 1 && n == 65);
	put(&b, 0x0023, 2);
	put(&b, 0x000b, 2);
	put(&b, 0x00050072, 4);
	put(&b, 0, 2);
	for (int i = 0; i < 5; i++)
		put(&b, parameters[i], 2);
	put2b(&b, point + 1, 32);
	put2b(&b, point + 33, 32);
	return b.n;
}

/* ECDSA with a nonce made from key and message, so that a fixture is the same bytes each time:
 * r = (kG).x, s = (e + rd) / k. For tests only. */
static void sign_p256(EVP_PKEY *key, const uint8_t *message, size_t length, uint8_t signature[64])
{
	uint8_t digest[32], seed[64], x[65];
	BIGNUM *d = NULL;
	BN_CTX *ctx = BN_CTX_new();
	EC_GROUP *curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	const BIGNUM *order = EC_GROUP_get0_order(curve);
	EC_POINT *point = EC_POINT_new(curve);
	BIGNUM *k = BN_new(), *r = BN_new(), *s = BN_new(), *e = BN_new();
	MUST(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1);
	crypto_hash_sha256(digest, message, length);
	MUST(BN_bn2binpad(d, seed, 32) == 32);
	memcpy(seed + 32, digest, 32);
	crypto_hash_sha256(seed, seed, sizeof(seed));
	BN_bin2bn(seed, 32, k);
	BN_nnmod(k, k, order, ctx);
	MUST(EC_POINT_mul(curve, point, k, NULL, NULL, ctx) == 1);
	MUST(EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, x, 65, ctx) == 65);
	BN_bin2bn(x + 1, 32, r);
	BN_nnmod(r, r, order, ctx);
	BN_bin2bn(digest, 32, e);
	BN_mod_mul(s, r, d, order, ctx);
	BN_mod_add(s, s, e, order, ctx);
	MUST(BN_mod_inverse(k, k, order, ctx) != NULL);
	BN_mod_mul(s, s, k, order, ctx);
	if (BN_sub(e, order, s) == 1 && BN_cmp(e, s) < 0) /* as the file holds it */
		BN_copy(s, e);
	MUST(BN_bn2binpad(r, signature, 32) == 32 && BN_bn2binpad(s, signature + 32, 32) == 32);
	BN_free(d), BN_free(k), BN_free(r), BN_free(s), BN_free(e);
	EC_POINT_free(point);
	EC_GROUP_free(curve);
	BN_CTX_free(ctx);
}

/* Everything of a TPMS_ATTEST before its attested part. */
static void put_attest_head(const struct fixture *f, uint16_t type, const uint8_t extra[32], struct bytes *b)
{
	uint8_t name[34] = { 0, 0x0b }, text[38] = { 0x40, 0, 0, 0x0b, 0, 0x0b };
	crypto_hash_sha256(text + 6, f->seal.node.ak_public, f->seal.node.ak_public_bytes);
	crypto_hash_sha256(name + 2, text, sizeof(text));
	put(b, f->magic, 4);
	put(b, type, 2);
	put2b(b, name, sizeof(name));
	put2b(b, extra, 32);
	put(b, f->clock_ms, 8);
	put(b, f->reset_count, 4);
	put(b, f->restart_count, 4);
	put(b, 1, 1);
	put(b, 0x2023012300000000, 8);
}

void fixture_sign_quote(struct fixture *f)
{
	sign_p256(f->signing_ak, f->seal.quote.attest, f->seal.quote.attest_bytes, f->seal.quote.signature);
	if (f->seal.nv.certified)
		sign_p256(f->signing_ak, f->seal.nv.attest, f->seal.nv.attest_bytes, f->seal.nv.signature);
}

void fixture_quote(struct fixture *f)
{
	struct ceno_proof_quote *q = &f->seal.quote;
	struct ceno_proof_nv *nv = &f->seal.nv;
	struct bytes b = { q->attest, 0 }, c = { nv->attest, 0 };
	uint8_t extra[32], digest[32];
	f->seal.node.ak_public_bytes = fixture_ak_public(f->signing_ak, f->seal.node.ak_public);
	nv->certified = f->with_nv;
	nv->value = f->with_nv ? 42 : 0;
	if (f->on_node != NULL)
		f->on_node(f);
	MUST(ceno_proof_quote_data(f->seal.checkpoint, f->seal.checkpoint_bytes, &f->seal.node, nv->value, extra) == 0);
	crypto_hash_sha256(digest, q->pcrs[0], sizeof(q->pcrs));
	put_attest_head(f, f->type, extra, &b);
	put(&b, 1, 4);
	put(&b, 0x000b, 2);
	put(&b, 3, 1);
	memcpy(q->attest + b.n, f->selection, 3);
	b.n += 3;
	put2b(&b, digest, 32);
	q->attest_bytes = b.n;
	if (f->with_nv) {
		uint8_t index[34] = { 0, 0x0b }, value[8];
		named("nv index", index + 2, 32);
		ceno_store_be64(value, nv->value);
		ceno_proof_nv_data(extra, digest);
		put_attest_head(f, 0x8014, digest, &c);
		put2b(&c, index, sizeof(index));
		put(&c, 0, 2);
		put2b(&c, value, 8);
	}
	nv->attest_bytes = c.n;
	fixture_sign_quote(f);
}

void fixture_write(struct fixture *f)
{
	MUST(ceno_proof_file(f->payload, f->payload_bytes, f->signature, f->statement.core.signer_pub, &f->seal,
	                     f->file, &f->file_bytes) == 0);
}

void fixture_redo_signed(struct fixture *f)
{
	fixture_sign(f);
	fixture_log(f);
	fixture_quote(f);
	fixture_write(f);
}

void fixture_redo(struct fixture *f)
{
	fixture_roots(f);
	fixture_redo_signed(f);
}
