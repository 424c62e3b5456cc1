/* Sessions as JSON: see session_json.h. */
#include "session_json.h"

#include <errno.h>
#include <string.h>

#include "attest/proof/wire.h"
#include "guest-kernel/abi/bundle.h"
#include "policy/pledge.h"
#include "policy/units.h"
#include "state.h"
#include "vmm/core/launch.h"

const char *ceno_session_failure_text(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *text;
	} texts[] = {
#define CENO_API_SESSION_ROW(name, number, text) { number, text },
		CENO_SESSION_ERRORS(CENO_API_SESSION_ROW)
#undef CENO_API_SESSION_ROW
	};

	if (code == CENO_SESSION_ERROR_NONE)
		return "the session ended before its program ran";
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "unknown failure";
}

static const char *attest_text(uint32_t error)
{
	static const struct {
		uint32_t code;
		const char *text;
	} texts[] = {
#define CENO_API_ATTEST_ROW(name, number, text) { number, text },
		CENO_ATTEST_ERRORS(CENO_API_ATTEST_ROW)
#undef CENO_API_ATTEST_ROW
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].code == error)
			return texts[i].text;
	return "unknown error";
}

static const char *stop_text(uint64_t code)
{
	switch (code) {
#define CENO_API_STOP_TEXT(name, value, text) \
	case value: \
		return text;
		CENO_STOP_CODES(CENO_API_STOP_TEXT)
#undef CENO_API_STOP_TEXT
	}
	return "unknown stop code";
}

static const char *violation_text(uint32_t code)
{
	switch (code) {
#define CENO_API_VIOLATION_TEXT(name, value, text) \
	case value: \
		return text;
		CENO_VMM_STOP_REASONS(CENO_API_VIOLATION_TEXT)
#undef CENO_API_VIOLATION_TEXT
	}
	return "unknown violation";
}

static json_t *failure_json(const struct ceno_session_end *end)
{
	json_t *failure = json_pack("{s:i,s:s,s:I}", "code", (int)end->fail_code, "text",
	                            ceno_session_failure_text(end->fail_code), "value", (json_int_t)end->fail_value);

	if (failure && end->fail_code == CENO_SESSION_ERROR_BOOT)
		json_object_set_new(failure, "stop", json_string(stop_text(end->fail_value)));
	if (failure && end->fail_path[0])
		json_object_set_new(failure, "path", json_string(end->fail_path));
	return failure;
}

json_t *ceno_session_end_json(const struct ceno_session_end *end)
{
	bool violation = end->cause == CENO_CAUSE_VIOLATION;
	char id[33];
	json_t *object;

	ceno_units_format_hex(end->id, 16, id);
	object = json_pack("{s:s,s:s,s:s,s:b,s:b,s:i}", "session", id, "state", ceno_state_word(end->state), "cause",
	                   ceno_cause_word(end->cause), "launched", end->launched, "wiped", end->wiped, "violation",
	                   violation ? (int)end->violation : 0);
	if (!object)
		return NULL;
	if (end->file)
		json_object_set_new(object, "trail_bytes", json_integer((json_int_t)end->trail_bytes));
	if (violation)
		json_object_set_new(object, "violation_text", json_string(violation_text(end->violation)));
	if (end->failed)
		json_object_set_new(object, "failure", failure_json(end));
	if (end->file)
		json_object_set_new(object, "proof", json_stringn((const char *)end->file, end->file_bytes));
	else if (end->launched)
		json_object_set_new(object, "proof_error",
		                    json_string(end->state == CENO_STATE_EXPIRED_UNCLEAN
		                                    ? "the session's warden died; there is no proof"
		                                    : end->proof_error ? attest_text(end->proof_error)
		                                                       : "the proof did not arrive"));
	return object;
}

json_t *ceno_session_program_json(const uint8_t id[16], const struct ceno_session_record *record, uint32_t pledge_mask)
{
	char pledged[CENO_PLEDGE_TEXT_MAX], lacking[CENO_PLEDGE_TEXT_MAX];
	json_t *missing = json_array(), *object;
	char text[33];

	for (size_t i = 0; i < sizeof record->enosys / sizeof record->enosys[0] && i < record->enosys_distinct; i++)
		json_array_append_new(missing,
		                      json_pack("[i,i,s#]", (int)record->enosys[i].number, (int)record->enosys[i].count,
		                                record->enosys[i].program,
		                                (int)strnlen(record->enosys[i].program, CENO_PROGRAM_NAME)));
	ceno_units_format_hex(id, 16, text);
	ceno_pledge_format(pledge_mask, pledged);
	ceno_pledge_format(record->missing, lacking);
	object = json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:b,s:I,s:I,s:I,s:I,s:I,s:i,s:o}", "session", text,
	                   "pledge", pledged, "missing", lacking, "seq", (int)record->program_seq, "exit_status",
	                   (int)record->exit_status, "signal", (int)record->signal, "refusal", (int)record->refusal,
	                   "end", (int)record->end, "detail", (int)record->detail, "restarts", (int)record->restarts,
	                   "out_of_memory", record->out_of_memory != 0, "entry_tsc", (json_int_t)record->entry_tsc,
	                   "done_tsc", (json_int_t)record->done_tsc, "syscalls", (json_int_t)record->syscalls, "faults",
	                   (json_int_t)record->faults, "ram_peak_bytes", (json_int_t)record->ram_peak_bytes,
	                   "enosys_other", (int)record->enosys_other, "enosys", missing);
	return object;
}

const char *ceno_session_refusal_text(uint64_t error)
{
	switch (error) {
	case ENOMEM:
		return "the host has not enough free memory";
	case ENOSPC:
		return "the node's disk is full";
	case EPERM:
		return "the supervisor's policy refused it";
	case ECHILD:
		return "no warden could be started for it";
	case ESHUTDOWN:
		return "the node is stopping";
	case ENOENT:
		return "the node's store does not have the image any more";
	case EBADMSG:
		return "the image in the node's store is damaged; add it again";
	case EHOSTDOWN:
		return "the node's attestation is not up";
	default:
		return error < 200 ? strerror((int)error) : "unknown reason";
	}
}
