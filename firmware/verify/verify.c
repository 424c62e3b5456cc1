/*
 * The firmware's ring-3 half: judges trust page, bundle and boot page in place
 * in their read-only slots, records what it measured, and returns its verdict.
 * Nothing here is trusted by the stub but the verdict; there is no writable
 * memory but the stack and the event page.
 */
#include "lib/bundle.h"
#include "lib/mem.h"

uint32_t ceno_verifier_main(void);

static void record(struct ceno_boot_events *events, uint32_t type, struct ceno_sha512 *hash)
{
	struct ceno_boot_event *event = &events->event[events->count++];

	event->type = type;
	ceno_sha512_final(hash, event->sha512);
}

static void record_bytes(struct ceno_boot_events *events, uint32_t type, const void *bytes, size_t count)
{
	struct ceno_sha512 hash;

	ceno_sha512_init(&hash);
	ceno_sha512_update(&hash, bytes, count);
	record(events, type, &hash);
}

/* The shape of everything first, the signature last: it needs a bounded bundle. */
static enum ceno_stop judge(const struct ceno_trust *trust, const struct ceno_bundle_header *bundle,
                            const struct ceno_boot *boot, struct ceno_sha512 *measured)
{
	enum ceno_stop stop = ceno_trust_check(trust);

	if (stop == CENO_STOP_NONE)
		stop = ceno_bundle_check(bundle, CENO_BUNDLE_MAX);
	if (stop == CENO_STOP_NONE)
		stop = ceno_boot_check(boot);
	if (stop == CENO_STOP_NONE)
		stop = ceno_bundle_verify(bundle, trust, measured);
	return stop;
}

/* Called by start.S on the verifier's stack; returns the verdict (enum ceno_stop).
 * The event page is fresh RAM; events are written only for a bundle that passed. */
uint32_t ceno_verifier_main(void)
{
	const struct ceno_trust *trust = (const void *)CENO_GPA_TRUST;
	const struct ceno_bundle_header *bundle = (const void *)CENO_GPA_BUNDLE;
	const struct ceno_boot *boot = (const void *)CENO_GPA_BOOT;
	struct ceno_boot_events *events = (void *)CENO_GVA_VERIFIER_EVENTS;
	struct ceno_sha512 hash;

	events->verdict = judge(trust, bundle, boot, &hash);
	if (events->verdict != CENO_STOP_NONE)
		return events->verdict;
	record_bytes(events, CENO_EVENT_TRUST, trust, sizeof *trust);
	record(events, CENO_EVENT_BUNDLE, &hash); /* the one pass over the bundle serves both */
	record_bytes(events, CENO_EVENT_BOOT_CONSTANT, boot, offsetof(struct ceno_boot, session_id));
	return CENO_STOP_NONE;
}
