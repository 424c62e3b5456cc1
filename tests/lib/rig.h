/*
 * A rig around one real ceno-warden: the test plays supervisor, api and attest
 * over the real sockets, so every path of a session's life can be walked, and
 * broken, without a node.
 *
 * Single-threaded: ceno_rig_until runs until a condition holds, answering as
 * attest would. All descriptors are owned by the rig and closed by ceno_rig_close.
 */
#ifndef CENO_TESTS_RIG_H
#define CENO_TESTS_RIG_H

#include <stdint.h>
#include <sys/types.h>
#include "attest/proof/wire.h"
#include "vmm/warden/wire.h"

struct ceno_rig;

enum ceno_rig_attest { /* how the rig's attest behaves */
	               CENO_RIG_ATTEST_HONEST,
	               CENO_RIG_ATTEST_REFUSES, /* answers the launch with an error */
	               CENO_RIG_ATTEST_SILENT,  /* never answers */
	               CENO_RIG_ATTEST_DIES     /* closes its socket right after the launch was answered */
};

struct ceno_rig_options {
	const char *vmm;             /* executable that plays ceno-vmm */
	int firmware, trust, bundle; /* sealed memfds, borrowed; -1: blobs made by the rig */
	uint64_t memory_bytes;       /* 0: 64 MiB */
	uint64_t ttl_ms;             /* 0: 60 s */
	const char *group;           /* cgroup directory, or NULL */
	uint32_t cgroup_version;
	uint32_t kvm_kind, syscall_mode; /* 0: paging, page */
	uint64_t tsc_hz;                 /* 0: 2 GHz */
	enum ceno_rig_attest attest;
	uint32_t pledge_mask; /* 0: stdio, rw, spawn */
	uint32_t layers;      /* of the jail, required beyond what always is */
	int faulty;           /* the warden may die at any moment: what cannot be sent to it is no failure */
	int gate;             /* it reads a byte from here before its exec; 0: none */
	void (*on_payload)(struct ceno_rig *rig); /* called before STORED is answered; NULL */
};

struct ceno_rig {
	struct ceno_rig_options options;
	uint8_t session_id[16];
	pid_t warden, vmm;
	int pidfd;                        /* of the warden */
	int supervisor, session, attest;  /* the rig's ends; -1 closed */
	int ram, spool;                   /* duplicates the supervisor keeps */
	int areas[CENO_WARDEN_AREAS_MAX]; /* duplicates of windows, pack and boot page, as the supervisor's */
	unsigned area_count;
	int parked, ready, done, wiped, exited, exit_status;
	int launched, opening; /* opening: memfd or -1 */
	int failed, destroying, destroyed;
	uint32_t programs, trail_copies;
	int narrowed; /* NARROWED records; the last one's pledge: */
	uint64_t pledged;
	struct ceno_session_record failure, ending, program;
	int have_leaf, have_payload, signature_ok, random_asked;
	struct ceno_attest_launch leaf;
	struct {
		struct ceno_attest_payload head;
		char bytes[CENO_PAYLOAD_MAX + 1];
	} payload; /* text, NUL-terminated */
};

/* Starts the warden and sends it nothing. Fails the cmocka test if it cannot, like all below. */
void ceno_rig_start(struct ceno_rig *rig, const struct ceno_rig_options *options);
/* The PARK record for it. */
struct ceno_supervisor_launch ceno_rig_park_record(const struct ceno_rig *rig);

/* Starts the warden and sends it its PARK record; there is no session yet (rig->session and
 * rig->attest are -1). */
void ceno_rig_park(struct ceno_rig *rig, const struct ceno_rig_options *options);

/* Gives a parked warden the rig's session: LAUNCH with fresh channels, RAM and spool. */
void ceno_rig_launch(struct ceno_rig *rig);

/* The LAUNCH record that ceno_rig_launch sends, for tests that send another. */
struct ceno_supervisor_launch ceno_rig_launch_record(const struct ceno_rig *rig);
void ceno_rig_send_supervisor(struct ceno_rig *rig, const struct ceno_supervisor_launch *record, const int *fds,
                              unsigned count);

/* Both at once: LAUNCH waits in the socket until the warden has parked. */
void ceno_rig_open(struct ceno_rig *rig, const struct ceno_rig_options *options);

/* The same as a recovery warden over an existing RAM memfd (duplicated) and areas (count, borrowed).
 * vmm_pid: 0 or a pid. */
void ceno_rig_open_recovery(struct ceno_rig *rig, const struct ceno_rig_options *options, int ram, const int *areas,
                            unsigned count, pid_t vmm_pid);

/* Options for the node's real vmm and blobs: probes KVM, loads firmware, trust page and bundle from
 * the build (given as file names under its blobs/). Returns 0, or -1 with a printed reason if
 * KVM or a blob is missing. */
int ceno_rig_real(struct ceno_rig_options *options, const char *trust, const char *bundle);
/* Closes what ceno_rig_real opened. */
void ceno_rig_real_close(struct ceno_rig_options *options);

/* OPEN with these streams, busybox as program, ARGS, START. argv: of busybox, without its name.
 * input: NULL or a host file that becomes /in/data. */
void ceno_rig_busybox(struct ceno_rig *rig, const int streams[3], const char *const *argv, const char *input);

/* api's part. stdin, out, err: borrowed. */
void ceno_rig_send_open(struct ceno_rig *rig, const int streams[3], uint32_t flags);
void ceno_rig_send_file(struct ceno_rig *rig, const char *path, int fd, uint64_t length, uint32_t mode);
/* The same with a file of this host. */
void ceno_rig_send_host_file(struct ceno_rig *rig, const char *path, const char *host, uint32_t mode);
void ceno_rig_send_args(struct ceno_rig *rig, const char *program, const char *const *argv);
void ceno_rig_send_exec(struct ceno_rig *rig, int fd, uint64_t length);
void ceno_rig_send(struct ceno_rig *rig, uint32_t type);
/* NARROW, of these classes. */
void ceno_rig_narrow(struct ceno_rig *rig, uint64_t classes);
/* OPEN with /dev/null streams, one file /bin/program, ARGS of argv, START. */
void ceno_rig_run(struct ceno_rig *rig, const char *const *argv);
/* The same with flags in OPEN. */
void ceno_rig_run_flags(struct ceno_rig *rig, const char *const *argv, uint32_t flags);

/* Handles what comes until *flag is non-zero; fails the test after `ms`. */
void ceno_rig_until(struct ceno_rig *rig, const int *flag, int ms);
/* Handles what comes for `ms`. */
void ceno_rig_for(struct ceno_rig *rig, int ms);

/* Asserts that the verifier takes the payload, and that its roots are those of the key stream. */
void ceno_rig_verify_payload(const struct ceno_rig *rig);

/* Asserts the normal end of a launched session: payload with a good signature and
 * this cause, DONE, exit status 0. */
void ceno_rig_expect_proof(struct ceno_rig *rig, const char *cause);
/* Asserts a refusal before launch: FAILED with this code, no leaf, DONE, exit status 0. */
void ceno_rig_expect_failure(struct ceno_rig *rig, uint32_t code);

/* 1 if the payload's text contains this fragment. */
int ceno_rig_payload_has(const struct ceno_rig *rig, const char *fragment);

/* Kills what is left and closes everything. */
void ceno_rig_close(struct ceno_rig *rig);

/* A memfd with these bytes, sealed against everything. */
int ceno_rig_blob(const char *name, const void *bytes, size_t size);

/* Offsets in fd of needle, at most `most`; how many there are. */
unsigned ceno_rig_search(int fd, const void *needle, size_t bytes);

#endif
