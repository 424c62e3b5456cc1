/*
 * prov: the fiber that writes the trail. It holds the area, what it needs to say what
 * booted, and the channel on which init tells it the rest (abi/trail.h); the guest key never
 * leaves it. Started again by init it finds the trail in the area, checks it and goes on.
 *
 * It never sleeps but in RECV. A trail that does not verify is not continued: ud2, a fault
 * that init is told of.
 */
#include "sdk/ceno.h"
#include "prov.h"
#include "lib/mem.h"

static void must(int64_t rc)
{
	if (rc < 0)
		__builtin_trap();
}

static void start(struct ceno_chain *chain, const struct ceno_boot *boot)
{
	struct ceno_trail_header *area = (struct ceno_trail_header *)(uint64_t)CENO_GVA_TRAIL;
	const struct ceno_boot_events *events = (const struct ceno_boot_events *)(uint64_t)CENO_GVA_TRAIL_EVENTS;
	struct ceno_trail_boot record;
	int result;

	ceno_chain_key(chain, events->trail_seed);
	if (area->bytes) {
		result = ceno_chain_resume(chain, area, CENO_TRAIL_BYTES, ceno_rdtsc());
		must(result == CENO_CHAIN_E_AREA ? result : 0);
		return;
	}
	must(ceno_prov_boot_record(&record, boot, events) ? 0 : -1);
	must(ceno_chain_start(chain, area, CENO_TRAIL_BYTES, &record, ceno_rdtsc()));
}

/* init asked and waits; if it does not, the answer is dropped. */
static void answer(const struct ceno_chain *chain, const struct ceno_prov_message *m, int result)
{
	struct ceno_prov_answer answer = {
		.what = m->what, .records = chain->sequence, .bytes = chain->used, .result = result
	};
	struct ceno_message out;

	memcpy(answer.head, chain->head, sizeof answer.head);
	memcpy(&out, &answer, sizeof out);
	(void)ceno_send(CENO_SLOT_SUPERVISOR, -1, &out);
}

/* The next message. What must not be lost to a session killed meanwhile is sealed before we wait for it. */
static void receive(struct ceno_chain *chain, struct ceno_prov_message *m, const struct ceno_bundle_header *bundle)
{
	static const struct ceno_prov_message seal = { .what = CENO_PROV_SEAL };
	struct ceno_message in;
	int64_t rc = CENO_E_AGAIN;

	if (chain->pressing && !chain->full) {
		rc = ceno_receive(CENO_SLOT_TRAIL_MESSAGES, -1, 1, &in, NULL, NULL);
		if (rc == CENO_E_AGAIN)
			(void)ceno_chain_take(chain, &seal, bundle, ceno_rdtsc());
	}
	if (rc == CENO_E_AGAIN)
		rc = ceno_recv(CENO_SLOT_TRAIL_MESSAGES, -1, &in, NULL);
	must(rc);
	memcpy(m, &in, sizeof *m);
}

void ceno_service_main(void)
{
	/* Its header alone. The firmware has checked the bundle's signature and layout, or nothing
	 * here would run; init checks that a module's bytes have the id that stands there. */
	const struct ceno_bundle_header *bundle = (const struct ceno_bundle_header *)(uint64_t)CENO_GVA_TRAIL_BUNDLE;
	struct ceno_chain chain; /* here, so that the module needs no page of bss */
	struct ceno_prov_message m;

	start(&chain, (const struct ceno_boot *)CENO_GVA_BOOT_PAGE);
	for (;;) {
		int result;

		receive(&chain, &m, bundle);
		result = ceno_chain_take(&chain, &m, bundle, ceno_rdtsc());
		if (m.what == CENO_PROV_SEAL || m.what == CENO_PROV_FINISH)
			answer(&chain, &m, result);
	}
}
