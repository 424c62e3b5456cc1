/*
 * A node whose host keeps logs of its measured boot: forgeries of those (rows of the
 * table in forgeries.c), and the pieces that the corpus builds its own shapes of.
 */
#ifndef CENO_TESTS_MEASURED_H
#define CENO_TESTS_MEASURED_H

#include "forgeries.h"
#include "tests/lib/boot_log.h"

extern struct boot_log events, ima;

/* The usual logs: a boot that extends PCRs 0 to 9; the kernel's aggregate and three programs. */
void measured_logs(void);

/* The fixture's host had these logs, and the verifier is given them. Ends with fixture_redo(). */
void measured_given(void);

/* The verifier takes the word of key 1 for programs `from` to `to` of measured_logs() (0 to 2), and asks `code`. */
void measured_listed(const char *code, uint32_t from, uint32_t to);

/* clang-format off */
#define MEASURED_FORGERIES(V) \
	V(EVENT_LOG_OTHER, v_events_other) V(EVENT_LOG_FORM, v_events_cut) V(EVENT_LOG_FORM, v_events_sha1) \
	V(EVENT_LOG_FORM, v_events_text) V(EVENT_LOG_FORM, v_events_late_locality) V(EVENT_LOG_PCRS, v_events_pcr_0) \
	V(EVENT_LOG_PCRS, v_events_pcr_9) V(EVENT_LOG_PCRS, v_events_left_out) V(EVENT_LOG_PCRS, v_events_locality) \
	V(IMA_FORM, v_ima_cut) V(IMA_FORM, v_ima_text) V(IMA_FORM, v_ima_other_pcr) V(IMA_FORM, v_ima_old) V(IMA_PCR, v_ima_edited) \
	V(IMA_PCR, v_ima_empty) V(IMA_PCR, v_ima_shorter) V(IMA_PROGRAM, v_ima_unknown) V(IMA_PROGRAM, v_ima_violation) \
	V(IMA_PROGRAM, v_ima_sha1) V(IMA_PROGRAM, v_ima_aggregate) V(IMA_PROGRAM, v_ima_aggregate_later) \
	V(CODE_ASSURANCE, v_ima_not_given) V(CODE_ASSURANCE, v_ima_nobody)
/* clang-format on */

#define MEASURED_FORGERY(code, name) void name(void);
MEASURED_FORGERIES(MEASURED_FORGERY)
#undef MEASURED_FORGERY

#endif
