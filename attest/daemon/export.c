/*
 * Records in foreign formats, on request of the api, which has checked that who asks may see that session's
 * proof. Off unless the node was started with --export. attest checks the proof as any verifier would, with
 * itself as the one node it knows: the export key signs nothing that this node did not seal.
 */
#include <string.h>

#include "attest/daemon/attestd.h"
#include "attest/export/auditproof.h"

static bool is_ours(const struct ceno_attestd *d, const void *file, size_t bytes, struct ceno_verify_result *result)
{
	static struct ceno_verify_pins pins;
	struct ceno_verify_policy policy;
	memset(&pins, 0, sizeof(pins));
	pins.pin_count = 1;
	memcpy(pins.pins[0].origin, d->node.origin, sizeof(pins.pins[0].origin));
	memcpy(pins.pins[0].log_pub, d->node.log_pub, 32);
	ceno_verify_ak_digest(d->node.ak_public, d->node.ak_public_bytes, pins.pins[0].ak);
	ceno_verify_policy_init(&policy);
	policy.pins = &pins;
	policy.memory = CENO_MEMORY_NONE; /* the caller can recompute them; seconds of ours are everybody's */
	return !ceno_verify(file, bytes, &policy, result) && !result->exit_status;
}

static uint32_t make(const struct ceno_attestd *d, const void *file, size_t bytes, char *text, size_t *length)
{
	static struct ceno_verify_result result;
	if (!d->exports)
		return CENO_ATTEST_ERROR_EXPORT;
	if (!is_ours(d, file, bytes, &result))
		return CENO_ATTEST_ERROR_FOREIGN;
	*length = ceno_export_auditproof(&result, file, bytes, d->export_secret, text, CENO_CDP_FILE_MAX);
	return *length ? CENO_ATTEST_ERROR_NONE : CENO_ATTEST_ERROR_TOO_LARGE;
}

bool ceno_attestd_export(struct ceno_attestd *d, const uint8_t *record, size_t bytes)
{
	static char text[CENO_CDP_FILE_MAX];
	struct ceno_attest_export_request request;
	struct ceno_attest_file head = { .type = CENO_ATTEST_EXPORT };
	size_t length = 0;
	if (bytes < sizeof(request))
		return false;
	memcpy(&request, record, sizeof(request));
	if (request.file_bytes != bytes - sizeof(request) || request.file_bytes > CENO_CDP_FILE_MAX)
		return false;
	head.error = make(d, record + sizeof(request), request.file_bytes, text, &length);
	head.file_bytes = (uint32_t)length;
	/* No room: the api does not read. It asks again on its next channel. */
	return !ceno_attestd_send(d->api.fd, &head, sizeof(head), text, length);
}
