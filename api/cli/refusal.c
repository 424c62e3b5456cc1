/* Programs that did not start: see refusal.h. */
#include "refusal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "guest-kernel/abi/window.h"
#include "guest-kernel/lib/native.h"

/* error: what execve(2) says of it, if the guest named none. text: what Linux's words leave open. */
static const struct {
	int error;
	const char *text;
} reasons[] = {
	[CENO_REFUSAL_NOT_FOUND] = { ENOENT, "" },
	[CENO_REFUSAL_NOT_ELF] = { ENOEXEC, " (neither an ELF program nor a script)" },
	[CENO_REFUSAL_DYNAMIC] = { ENOENT, " (its interpreter, in the session)" },
	[CENO_REFUSAL_BAD_ELF] = { ENOEXEC, " (a malformed ELF program)" },
	[CENO_REFUSAL_ARGS] = { E2BIG, " (its arguments were refused)" },
	[CENO_REFUSAL_MEMORY] = { ENOMEM, " (it does not fit into the session's memory: try --memory)" },
	[CENO_REFUSAL_NOT_EXECUTABLE] = { EACCES, " (no file that may be executed)" },
};

int ceno_refusal_explain(const json_t *program, const char *path, const char *directory, char *line)
{
	json_int_t refusal = json_integer_value(json_object_get(program, "refusal"));
	json_int_t detail = json_integer_value(json_object_get(program, "detail"));
	int error;

	if (refusal == CENO_REFUSAL_WORKDIR) {
		snprintf(line, CENO_REFUSAL_LINE_MAX, "--workdir %.300s: not a directory, and none can be made there",
		         directory);
		return CENO_EXIT_RUN_FAILED;
	}
	if (refusal == CENO_REFUSAL_NATIVE) {
		snprintf(line, CENO_REFUSAL_LINE_MAX, "the guest could not start %.300s: %s", path,
		         ceno_native_error_text((uint32_t)detail));
		return CENO_EXIT_NOT_EXECUTABLE;
	}
	if (refusal <= 0 || refusal >= (json_int_t)(sizeof reasons / sizeof reasons[0])) {
		snprintf(line, CENO_REFUSAL_LINE_MAX,
		         "the guest could not start %.300s: for a reason that this version does not know", path);
		return CENO_EXIT_RUN_FAILED;
	}
	error = detail > 0 && detail <= UINT8_MAX ? (int)detail : reasons[refusal].error;
	snprintf(line, CENO_REFUSAL_LINE_MAX, "the guest could not start %.300s: %s%s", path, strerror(error),
	         reasons[refusal].text);
	return error == ENOENT ? CENO_EXIT_NOT_FOUND : CENO_EXIT_NOT_EXECUTABLE;
}
