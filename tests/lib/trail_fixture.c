/* Trails, honest and forged: see trail_fixture.h. */
#include "trail_fixture.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "abi/native.h"
#include "lib/blake3.h"
#include "lib/bundle.h"

static void must(bool good)
{
	if (!good)
		abort();
}

static void make_bundle(uint8_t *bundle)
{
	static const struct {
		const char *name;
		uint32_t id, pledge;
	} modules[FIXTURE_MODULES] = { { "nucleus", CENO_MODULE_NUCLEUS, 0 },
		                       { "init", CENO_MODULE_INIT, 255 },
		                       { "membrane", CENO_MODULE_MEMBRANE, 0x1f },
		                       { "prov", CENO_MODULE_PROV, 0 } };
	struct ceno_bundle_header *h = (struct ceno_bundle_header *)bundle;
	struct ceno_blake3 hash;

	h->magic = CENO_BUNDLE_MAGIC;
	h->abi_version = CENO_ABI_VERSION;
	h->header_bytes = CENO_PAGE;
	h->total_bytes = FIXTURE_BUNDLE_BYTES;
	h->segment_count = h->module_count = FIXTURE_MODULES;
	for (uint32_t i = 0; i < FIXTURE_MODULES; i++) {
		uint64_t gva = i ? CENO_GVA_SERVICE : 0;

		strncpy(h->modules[i].name, modules[i].name, sizeof h->modules[i].name - 1);
		h->modules[i].id = modules[i].id;
		h->modules[i].pledge_mask = modules[i].pledge;
		h->modules[i].entry = gva;
		h->segments[i] = (struct ceno_bundle_segment){ modules[i].id, CENO_SEGMENT_TEXT, (1 + i) * CENO_PAGE,
			                                       CENO_PAGE, gva };
		memset(bundle + (1 + i) * CENO_PAGE, (int)(0x90 + i), CENO_PAGE);
		ceno_bundle_content(&hash, h, modules[i].id);
		ceno_blake3_final(&hash, h->modules[i].content_id, sizeof h->modules[i].content_id);
		if (modules[i].id == CENO_MODULE_MEMBRANE || modules[i].id == CENO_MODULE_PROV)
			h->modules[i].budget = h->modules[i].pool_pages = 1;
	}
	must(ceno_bundle_check(bundle, FIXTURE_BUNDLE_BYTES) == CENO_STOP_NONE);
}

void trail_begin(struct trail_fixture *f, uint8_t salt)
{
	struct ceno_trail_boot boot = { 0 };

	memset(f, 0, sizeof *f);
	make_bundle(f->bundle);
	for (uint8_t i = 0; i < 32; i++) {
		f->boot_seed[i] = (uint8_t)(salt + i);
		f->session_id[i % 16] = (uint8_t)(salt ^ i);
		f->nonce[i] = (uint8_t)(salt - i);
		boot.hardware[i] = i;
		f->program[i] = (uint8_t)(0xc0 + i);
	}
	memset(boot.trust, 1, sizeof boot.trust);
	memset(boot.bundle, 2, sizeof boot.bundle);
	memset(boot.constant, 3, sizeof boot.constant);
	memcpy(boot.session_id, f->session_id, 16);
	memcpy(boot.nonce, f->nonce, 32);
	boot.start_realtime_ns = 1760000000000000000;
	boot.start_tsc = f->tsc = 1000000;
	boot.tsc_hz = 2400000000;
	boot.abi_version = 2; /* as in the golden bytes */
	boot.pledge = 0x13;   /* stdio rw spawn */
	ceno_chain_key(&f->chain, f->boot_seed);
	memcpy(f->seed, f->chain.seed, 32);
	must(ceno_chain_start(&f->chain, f->area, sizeof f->area, &boot, f->tsc + 5000) == 0);
	f->tsc += 10000;
}

int trail_tell(struct trail_fixture *f, const struct ceno_prov_message *message)
{
	f->tsc += 24000;
	return ceno_chain_take(&f->chain, message, (const struct ceno_bundle_header *)f->bundle, f->tsc);
}

int trail_module(struct trail_fixture *f, uint32_t fiber, uint32_t module, uint32_t pledge, uint64_t slots,
                 uint64_t onward)
{
	return trail_tell(f,
	                  &(struct ceno_prov_message){ fiber, CENO_PROV_MODULE, module, slots, onward, pledge, 0,
	                                               f->tsc });
}

int trail_program(struct trail_fixture *f, uint32_t fiber, uint32_t pledge, uint64_t slots, uint64_t onward)
{
	uint64_t word[4];

	memcpy(word, f->program, sizeof word);
	return trail_tell(f,
	                  &(struct ceno_prov_message){ fiber, CENO_PROV_NATIVE, word[0], word[1], word[2], word[3],
	                                               CENO_PROV_START(slots, onward, pledge), f->tsc });
}

int trail_do(struct trail_fixture *f, uint32_t fiber, uint64_t what, uint64_t a, uint64_t b, uint64_t c)
{
	return trail_tell(f, &(struct ceno_prov_message){ fiber, what, a, b, c, 0, 77, f->tsc });
}

void trail_boot(struct trail_fixture *f, uint8_t salt)
{
	const uint64_t manifest = 0x3fffe & ~(1u << CENO_SLOT_IMAGE),
		       common = 1u << CENO_SLOT_SELF | 1u << CENO_SLOT_CLOCK;

	trail_begin(f, salt);
	must(trail_module(f, FIBER_INIT, CENO_MODULE_INIT, 0xff, manifest, manifest) == 0);
	must(trail_module(f, FIBER_PROV, CENO_MODULE_PROV, 0, common | 7u << CENO_SLOT_TRAIL, 0) == 0);
	must(trail_module(f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13,
	                  common | 1u << CENO_SLOT_RAM | 1u << CENO_SLOT_WINDOW, 1u << CENO_SLOT_RAM) == 0);
}

static int fate(struct trail_fixture *f, uint32_t fiber, uint64_t what, uint64_t strikes, uint64_t spectrum)
{
	return trail_tell(f,
	                  &(struct ceno_prov_message){ fiber, what, 14, 6, CENO_GVA_SERVICE + 0x1234,
	                                               strikes | spectrum << 8, 99, f->tsc });
}

static int checkpoint(struct trail_fixture *f, uint32_t fiber, uint8_t fill)
{
	uint64_t word = 0x0101010101010101u * fill;

	return trail_tell(f,
	                  &(struct ceno_prov_message){ fiber, CENO_PROV_CHECKPOINT, word, word, word, word, 0,
	                                               f->tsc });
}

static void resume(struct trail_fixture *f)
{
	struct ceno_chain fresh;

	ceno_chain_key(&fresh, f->boot_seed);
	must(ceno_chain_resume(&fresh, f->area, sizeof f->area, f->tsc) == 0);
	f->chain = fresh;
}

/* A native program that passes its clock on, gives up its window, crashes, and runs again. */
static void program(struct trail_fixture *f)
{
	const uint64_t window = 1u << CENO_SLOT_WINDOW,
		       slots = 1u << CENO_SLOT_SELF | 1u << CENO_SLOT_CLOCK | 1u << CENO_SLOT_RAM |
	    1u << CENO_SLOT_PROGRAM | 1u << CENO_SLOT_SUPERVISOR | 1u << CENO_SLOT_REPLY;

	must(trail_program(f, FIBER_PROGRAM, 0x11, slots | window, CENO_NATIVE_ONWARD) == 0);
	must(trail_do(f, FIBER_PROGRAM, CENO_FIBER_EVENT_GRANT, FIBER_PROGRAM, CENO_OBJECT_CLOCK,
	              CENO_RIGHT_READ | 2u << 8) == 0);
	must(trail_do(f, FIBER_PROGRAM, CENO_FIBER_EVENT_PLEDGE, FIBER_PROGRAM, 0x11, 0x10) == 0);
	must(fate(f, FIBER_PROGRAM, CENO_FIBER_EVENT_FAULT, 0, 0) == 0);
	must(trail_do(f, FIBER_PROGRAM, CENO_PROV_RESTART, 1, 0, 0) == 0);
	must(trail_program(f, FIBER_PROGRAM, 0x10, slots, CENO_NATIVE_ONWARD) == 0);
}

void trail_story(struct trail_fixture *f, uint8_t salt)
{
	const uint64_t frames = CENO_RIGHT_READ | CENO_RIGHT_WRITE;

	trail_boot(f, salt);
	must(trail_do(f, FIBER_MEMBRANE, CENO_FIBER_EVENT_SPAWN, FIBER_NATIVE, 0x11, 2000) == 0);
	must(trail_do(f, FIBER_MEMBRANE, CENO_FIBER_EVENT_GRANT, FIBER_NATIVE, CENO_OBJECT_FRAMES,
	              frames | CENO_RIGHT_GRANT | 2u << 8) == 0);
	must(trail_do(f, FIBER_NATIVE, CENO_FIBER_EVENT_GRANT, FIBER_MEMBRANE, CENO_OBJECT_FRAMES, frames | 3u << 8) ==
	     0);
	must(trail_do(f, FIBER_NATIVE, CENO_FIBER_EVENT_PLEDGE, FIBER_NATIVE, 0x11, 0x01) == 0);
	must(fate(f, FIBER_NATIVE, CENO_FIBER_EVENT_STRIKE, 1, CENO_SPECTRUM_MATTER) == 0);
	must(trail_do(f, 0, CENO_PROV_SEAL, 0, 0, 0) == 0);
	must(fate(f, FIBER_NATIVE, CENO_FIBER_EVENT_STRIKE, 2, CENO_SPECTRUM_GRAVITY) == 0);
	must(fate(f, FIBER_NATIVE, CENO_FIBER_EVENT_STRIKE | CENO_FIBER_EVENT_KILLED, 3, CENO_SPECTRUM_GRAVITY) == 0);
	must(checkpoint(f, FIBER_MEMBRANE, 0xaa) == 0);
	must(checkpoint(f, FIBER_MEMBRANE, 0xab) == 0);
	resume(f);
	must(fate(f, FIBER_MEMBRANE, CENO_FIBER_EVENT_FAULT, 0, 0) == 0);
	must(trail_do(f, FIBER_MEMBRANE, CENO_PROV_RESTART, 1, 1, 0) == 0);
	must(trail_module(f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 1u << CENO_SLOT_SELF, 0) == 0);
	must(trail_do(f, FIBER_INIT, CENO_FIBER_EVENT_GRANT, FIBER_MEMBRANE, CENO_OBJECT_WINDOW, frames | 1u << 8) ==
	     0);
	must(trail_do(f, 0, 1ull << 40, 0, 0, 0) == CENO_CHAIN_E_MESSAGE);
	for (uint32_t i = 0; i < CENO_TRAIL_SEAL_EVERY; i++)
		must(checkpoint(f, FIBER_MEMBRANE, (uint8_t)i) == 0);
	must(fate(f, FIBER_MEMBRANE, CENO_FIBER_EVENT_FAULT, 0, 0) == 0);
	must(trail_do(f, FIBER_MEMBRANE, CENO_PROV_RESTART, 2, 0, 0) == 0);
	must(trail_module(f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 1u << CENO_SLOT_SELF, 0) == 0);
	program(f);
	must(trail_do(f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0) == 0);
	must(trail_do(f, 0, CENO_PROV_FINISH, 0, 0, 0) == 0);
}

static struct ceno_trail_header *header(struct trail_fixture *f)
{
	return (struct ceno_trail_header *)f->area;
}

size_t trail_bytes(const struct trail_fixture *f)
{
	return CENO_TRAIL_OFFSET + ((const struct ceno_trail_header *)f->area)->bytes;
}

struct ceno_trail_record *trail_record(struct trail_fixture *f, uint32_t i)
{
	size_t at = CENO_TRAIL_OFFSET;

	for (; at < trail_bytes(f); at += ((struct ceno_trail_record *)(f->area + at))->head.bytes)
		if (i-- == 0)
			return (struct ceno_trail_record *)(f->area + at);
	return NULL;
}

uint32_t trail_find(struct trail_fixture *f, uint32_t type, uint32_t n)
{
	struct ceno_trail_record *r;

	for (uint32_t i = 0; (r = trail_record(f, i)); i++)
		if (r->head.type == type && n-- == 0)
			return i;
	abort();
}

void trail_remove(struct trail_fixture *f, uint32_t i)
{
	uint8_t *at = (uint8_t *)trail_record(f, i);
	uint32_t bytes = trail_record(f, i)->head.bytes;

	memmove(at, at + bytes, (size_t)(f->area + trail_bytes(f) - at) - bytes);
	header(f)->bytes -= bytes;
}

void trail_insert(struct trail_fixture *f, uint32_t i, const struct ceno_trail_record *record)
{
	uint8_t *end = f->area + trail_bytes(f), *at = trail_record(f, i) ? (uint8_t *)trail_record(f, i) : end;
	struct ceno_trail_record copy = { 0 };

	memcpy(&copy, record, record->head.bytes);
	memmove(at + copy.head.bytes, at, (size_t)(end - at));
	memcpy(at, &copy, copy.head.bytes);
	header(f)->bytes += copy.head.bytes;
}

void trail_rehash(struct trail_fixture *f, const uint8_t seed[32])
{
	uint8_t before[32] = { 0 }, text[sizeof CENO_TRAIL_DOMAIN + 72] = CENO_TRAIL_DOMAIN, key[32], secret[64];
	struct ceno_trail_record *r;
	struct ceno_blake3 hash;

	crypto_sign_seed_keypair(key, secret, seed);
	for (uint32_t i = 0; (r = trail_record(f, i)); i++) {
		memcpy(r->head.prev, before, 32);
		if (r->head.type == CENO_TRAIL_SEAL) {
			memcpy(text + sizeof CENO_TRAIL_DOMAIN, r, 72);
			crypto_sign_detached(r->seal.signature, NULL, text, sizeof text, secret);
		}
		ceno_blake3_init(&hash);
		ceno_blake3_update(&hash, r, r->head.bytes);
		ceno_blake3_final(&hash, before, 32);
	}
}

void trail_redo(struct trail_fixture *f, const uint8_t seed[32])
{
	struct ceno_trail_record *r;

	for (uint32_t i = 0; (r = trail_record(f, i)); i++) {
		r->head.sequence = i;
		if (r->head.type == CENO_TRAIL_RESUME)
			r->resume.bytes = (uint64_t)((uint8_t *)r - f->area) - CENO_TRAIL_OFFSET;
	}
	trail_rehash(f, seed);
}
