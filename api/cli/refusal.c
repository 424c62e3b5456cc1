/* Programs that did not start: see refusal.h. */
#include "refusal.h"

#include <stdint.h>
#include <stdio.h>

#include "cli.h"
#include "guest-kernel/abi/window.h"
#include "guest-kernel/lib/native.h"

static const struct {
	const char *text;
	int status;
} reasons[] = {
	[CENO_REFUSAL_NOT_FOUND] = { "no such program in the session", CENO_EXIT_NOT_FOUND },
	[CENO_REFUSAL_NOT_ELF] = { "not an ELF program", CENO_EXIT_NOT_EXECUTABLE },
	[CENO_REFUSAL_DYNAMIC] = { "its interpreter is not in the session", CENO_EXIT_NOT_EXECUTABLE },
	[CENO_REFUSAL_BAD_ELF] = { "a malformed ELF program", CENO_EXIT_NOT_EXECUTABLE },
	[CENO_REFUSAL_ARGS] = { "its arguments were refused", CENO_EXIT_RUN_FAILED },
	[CENO_REFUSAL_MEMORY] = { "it does not fit into the session's memory (try --memory)", CENO_EXIT_RUN_FAILED },
	[CENO_REFUSAL_NATIVE] = { NULL, CENO_EXIT_NOT_EXECUTABLE },
	[CENO_REFUSAL_NOT_EXECUTABLE] = { "it may not be executed", CENO_EXIT_NOT_EXECUTABLE },
	[CENO_REFUSAL_WORKDIR] = { NULL, CENO_EXIT_RUN_FAILED },
};

int ceno_refusal_explain(const json_t *program, const char *path, const char *directory, char *line)
{
	json_int_t refusal = json_integer_value(json_object_get(program, "refusal"));
	uint32_t detail = (uint32_t)json_integer_value(json_object_get(program, "detail"));
	int known = refusal > 0 && refusal < (json_int_t)(sizeof reasons / sizeof reasons[0]);
	const char *text = known ? reasons[refusal].text : "for a reason that this version does not know";

	if (refusal == CENO_REFUSAL_WORKDIR) {
		snprintf(line, CENO_REFUSAL_LINE_MAX, "--workdir %.300s: not a directory, and none can be made there",
		         directory);
		return reasons[refusal].status;
	}
	if (refusal == CENO_REFUSAL_NATIVE)
		text = ceno_native_error_text(detail);
	snprintf(line, CENO_REFUSAL_LINE_MAX, "the guest could not start %.300s: %s", path, text);
	return known ? reasons[refusal].status : CENO_EXIT_RUN_FAILED;
}
