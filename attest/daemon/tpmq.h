/*
 * The queue to the TPM: one worker at a time, random bytes first, then quotes for
 * `ceno attest`, its enrolment and reports, then moves of the counter, then seals.
 *
 * A seal job is never given up: if the TPM fails it stays first, and is tried again
 * after 50 ms, doubling to 2 s, over a newly opened connection if the old one died
 * (our own swtpm is started again and resumes: nothing was reset, keeper.h). The other
 * kinds are answered with an error at once while the TPM is away. If the TPM that comes
 * back has other keys than the one before, it is another TPM, and if the keeper of swtpm
 * ended there is none: lost is called and the process must end.
 */
#ifndef CENO_ATTEST_TPMQ_H
#define CENO_ATTEST_TPMQ_H

#include <uv.h>

#include "attest/daemon/keeper.h"
#include "attest/proof/wire.h"
#include "attest/tpm/tpm.h"

enum ceno_tpmq_kind {
	CENO_TPMQ_RANDOM,
	CENO_TPMQ_NODE,
	CENO_TPMQ_ENROL,
	CENO_TPMQ_REPORT,
	CENO_TPMQ_MOVE,
	CENO_TPMQ_SEAL,
	CENO_TPMQ_KINDS
};

struct ceno_tpmq_enrol {
	const struct ceno_attest_enrol_request *request; /* borrowed; without a secret: ek is asked for */
	struct ceno_tpm_ek ek;                           /* out */
	uint8_t value[32];                               /* out, with a secret: what was in the credential */
};

struct ceno_tpmq_report {
	uint8_t data[64];
	struct ceno_tpm_report report; /* out */
};

struct ceno_tpmq_job {
	enum ceno_tpmq_kind kind;
	uint8_t extra_data[32];                  /* NODE, SEAL */
	uint8_t nv_data[32];                     /* SEAL: qualifying data of the counter's certificate */
	uint64_t counter;                        /* SEAL: its value that extra_data binds; 0: no counter. MOVE: out */
	uint8_t random[32];                      /* RANDOM: out */
	struct ceno_tpm_quote quote;             /* NODE (raw key), SEAL (seal key): out */
	struct ceno_tpm_quote nv;                /* SEAL: out, if the node has a counter */
	struct ceno_tpmq_enrol *enrol;           /* ENROL: borrowed until done */
	struct ceno_tpmq_report *report;         /* REPORT: the same */
	int error;                               /* out: enum ceno_tpm_error; SEAL: OK, or CHANGED: the counter
	                                            moved on, make extra_data anew from its value */
	void *context;                           /* of done, borrowed */
	void (*done)(struct ceno_tpmq_job *job); /* on the loop; the job is freed after it */
	struct ceno_tpmq_job *next;
};

struct ceno_tpmq {
	uv_loop_t *loop;  /* borrowed */
	const char *tcti; /* borrowed; NULL: our own swtpm */
	struct ceno_keeper keeper;
	struct ceno_tpm *tpm;     /* owned; the worker's while busy; NULL: not open */
	struct ceno_tpm_ak ak[2]; /* by enum ceno_tpm_key, as at the first open */
	struct ceno_tpm_properties properties;
	uint8_t ek_certificate[32]; /* its SHA-256; zeros: the TPM has none */
	unsigned quote_ms;          /* what a quote took at the open: the quickest of three, or the one that was slow */
	bool counted;               /* the node has a counter, of value */
	uint64_t counter;
	uint32_t reset_count, restart_count; /* as last seen */
	struct ceno_tpmq_job *waiting[CENO_TPMQ_KINDS], *running;
	bool busy, stopping, away;             /* away: between tries */
	bool keeper_gone;                      /* the worker's news */
	uint32_t worker_reset, worker_restart; /* the worker's news, taken over on the loop */
	unsigned backoff_ms;
	uv_timer_t retry;
	uv_work_t work;
	void (*lost)(void *arg, const char *why);
	void (*idle)(void *arg); /* nothing is left to do, or what is left cannot be done now */
	void *arg;
};

/* May this TPM be used? Asked before anything in it is changed. */
typedef bool ceno_tpmq_accept(void *arg, const struct ceno_tpm *tpm);

/* Open the TPM (blocking, tries for 3 s), move its counter and see how fast it is; OTHER: accept (NULL: any) refused it. tcti NULL: swtpm by the keeper that
 * cenod handed over, or by one of our own on state_dir. Returns an enum ceno_tpm_error; on failure everything is closed. Call while single-threaded. */
int ceno_tpmq_open(struct ceno_tpmq *q, const char *tcti, const char *state_dir, ceno_tpmq_accept *accept, void *arg);

/* Attach to the loop. */
void ceno_tpmq_start(struct ceno_tpmq *q, uv_loop_t *loop);

/* A zeroed job, or NULL: no memory. Heap; moved into submit. */
struct ceno_tpmq_job *ceno_tpmq_job_new(enum ceno_tpmq_kind kind, void (*done)(struct ceno_tpmq_job *), void *context);
void ceno_tpmq_submit(struct ceno_tpmq *q, struct ceno_tpmq_job *job);

/* No job runs and none can run now. */
bool ceno_tpmq_idle(const struct ceno_tpmq *q);

/* Close the retry timer; the loop can then end once no job runs. */
void ceno_tpmq_detach(struct ceno_tpmq *q);

/* Shut down and close the TPM, end swtpm. After the loop has ended. */
void ceno_tpmq_close(struct ceno_tpmq *q);

#endif
