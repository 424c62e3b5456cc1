/*
 * Checkpoints. The shadow is a copy of the service's state that no other space maps;
 * the root is of the copy, so it is true whatever the service does meanwhile.
 */
#include "init.h"
#include "lib/blake3.h"
#include "lib/mem.h"

static void take(struct service *s)
{
	struct ceno_blake3 hash;

	memcpy(service_shadow(s), service_state(s), s->module->state_bytes);
	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, service_shadow(s), s->module->state_bytes);
	ceno_blake3_final(&hash, s->root, sizeof s->root);
	s->checkpoints++;
}

bool checkpoint_take(struct service *s)
{
	struct ceno_supervisor_answer answer = { .what = CENO_SUPERVISOR_CHECKPOINT, .restarts = s->restarts };
	struct ceno_message message;

	if (s->module->restarts_max == 0)
		return false; /* it has no reply channel either */
	if (s->module->state_bytes)
		take(s);
	else
		answer.result = CENO_E_STATE;
	memcpy(answer.root, s->root, sizeof answer.root);
	answer.count = s->checkpoints;
	memcpy(&message, &answer, sizeof message);
	(void)ceno_send(SLOT_REPLY + s->number, -1,
	                &message); /* FULL: it does not read its answers; SLOT: it has no channel */
	return answer.result == 0;
}

void checkpoint_restore(struct service *s)
{
	memcpy(service_state(s), service_shadow(s), s->module->state_bytes);
}
