/*
 * The forgeries of stages 10 to 13 (forgeries_trust.c), as rows of the table in
 * forgeries.c.
 */
#ifndef CENO_TESTS_FORGERIES_TRUST_H
#define CENO_TESTS_FORGERIES_TRUST_H

/* clang-format off */
#define TRUST_FORGERIES(V) \
	V(REFERENCE, v_reference) V(REFERENCE, v_reference_signer) V(REFERENCE, v_reference_nobody) V(REFERENCE, v_reference_old) \
	V(REFERENCE, v_reference_early) V(REFERENCE, v_reference_timeless) V(REFERENCE_PCRS, v_reference_pcr_8) \
	V(REFERENCE_PCRS, v_reference_pcr_0) V(EVENT_LOG, v_reference_event_log) V(REFERENCE_PLATFORM, v_reference_platform) \
	V(CODE_ASSURANCE, v_reference_mixed) V(CODE_ASSURANCE, v_reference_boot_only) V(AK_REVOKED, v_revoked) \
	V(AK_CHANGED, v_second_tpm) V(AK_CHANGED, v_second_tpm_any_key) V(AK_UNPINNED, v_second_tpm_own_name) V(AK_UNPINNED, v_no_pins) \
	V(PIN_NODE, v_pin_log) V(PIN_NODE, v_pin_origin) V(ROLLBACK, v_log_forked) V(ROLLBACK, v_clock_back) V(ROLLBACK, v_resets_back) \
	V(ROLLBACK, v_counter_back) V(NONCE, v_nonce) V(REPLAY, v_replay_session) V(REPLAY, v_replay_launch) V(TEST_KEY, v_test_key) \
	V(ASSURANCE, v_assurance) V(REQUEST, v_request) V(PLATFORM, v_rule_platform) V(CAUSE_RULE, v_rule_cause) \
	V(HOST_RULE, v_rule_host) V(HOST_RULE, v_rule_host_unknown) V(DECLARED, v_rule_class) V(DECLARED, v_rule_land) \
	V(PASSES_RULE, v_rule_passes) V(ASSURANCE, v_rule_key) V(AK_VOUCH, v_enrolment_over) V(AK_VOUCH, v_enrolment_other_ek) \
	V(AK_VOUCH, v_vouch_stranger) V(AK_VOUCH, v_vouch_too_much) V(AK_VOUCH, v_vouch_prolonged) V(FORK, v_fork_longer) \
	V(FORK, v_fork_same_size) V(COMPARISON, v_compare_empty) V(COMPARISON, v_compare_words) V(COMPARISON, v_compare_other_log) \
	V(COMPARISON, v_compare_other_old) V(COMPARISON, v_compare_other_root) V(COMPARISON, v_compare_other_from) \
	V(COMPARISON, v_compare_more_nodes) V(COMPARISON, v_compare_other_key) V(COMPARISON, v_compare_other_path)
/* clang-format on */

#define TRUST_FORGERY(code, name) void name(void);
TRUST_FORGERIES(TRUST_FORGERY)
#undef TRUST_FORGERY

#endif
