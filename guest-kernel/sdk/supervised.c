/* Requests to init (supervised.h). */
#include "supervised.h"

int64_t ceno_checkpoint(struct ceno_supervisor_answer *answer)
{
	struct ceno_message m = { { CENO_SUPERVISOR_CHECKPOINT } };
	int64_t rc;

	while ((rc = ceno_send(CENO_SLOT_SUPERVISOR, -1, &m)) == CENO_E_FULL)
		ceno_tick(1, 0, NULL); /* others have it filled: let init work */
	if (rc < 0)
		return rc;
	rc = ceno_recv(CENO_SLOT_REPLY, -1, &m, NULL);
	if (rc < 0)
		return rc;
	if (answer)
		__builtin_memcpy(answer, &m, sizeof *answer);
	return (int64_t)m.word[1];
}
