/*
 * A ceno-attest of its own for each test: the real binary, a real swtpm, and the
 * test in the place of supervisor, wardens and api. Failures of the harness abort.
 */
#ifndef CENO_TESTS_ATTEST_HARNESS_H
#define CENO_TESTS_ATTEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tests/lib/proof_fixture.h"

struct node {
	char dir[64];        /* state directory, removed at teardown */
	pid_t pid;           /* 0: not running */
	int control, api;    /* the test's ends, -1: closed */
	uint64_t file_limit; /* RLIMIT_FSIZE of the daemon, 0: none */
	const char *tcti;    /* its --tcti, NULL: its own swtpm */
	const char *origin;  /* its --origin, NULL: none */
	pid_t keeper;        /* of a swtpm that outlives attest, 0: attest has one of its own */
	int keeper_socket;
	bool exports; /* its --export auditproof */
	bool traced;  /* by the thread that starts it, see trace.h */
};

struct session {
	struct fixture f; /* its statement, keys, payload */
	int warden;       /* the test's end, -1: none */
	uint64_t launch_index;
};

int node_setup(void **state);
int node_setup_stopped(void **state); /* the folder alone */
int node_teardown(void **state);

/* From the next start on: a keeper as cenod has one. It ends at teardown. */
void node_keep_tpm(struct node *n);
/* Start, and wait for nothing. */
void node_spawn(struct node *n);
/* Start and wait for READY; give it an api channel. */
void node_start(struct node *n);
/* Start where it must not: its exit status. */
int node_start_fails(struct node *n);
/* A new api channel in place of the old one. */
void node_api(struct node *n);
/* Close the control channel; its exit status. */
int node_stop(struct node *n);
/* SIGKILL and reap. */
void node_kill(struct node *n);
/* Its exit status, when it ends by itself. */
int node_wait(struct node *n);
/* pid of the swtpm that belongs to it. */
pid_t node_swtpm(const struct node *n);
/* Does `ceno-attest --orphans` list this session with this index? */
bool node_orphan(const struct node *n, const uint8_t id[16], uint64_t index);

/* A statement of its own with a fresh id and key; signed. Heap. */
struct session *session_new(void);
void session_free(struct session *s);
/* The warden's channel given to attest, nothing sent. */
void session_channel(struct node *n, struct session *s);
/* Send LAUNCH; the answer's error. */
uint32_t session_launch(struct session *s);
/* Send PAYLOAD; the answer's error, UINT32_MAX: the channel ended without one. */
uint32_t session_payload(struct session *s);
/* A file with the payload record as a warden's spool holds it, and zeros after it: its descriptor. */
int session_spool_file(const struct session *s, size_t zeros);
void session_step8(struct node *n, const struct session *s);
/* channel, launch, payload, step 8: everything but taking the file. */
void session_run(struct node *n, struct session *s);

void send_record(int fd, const void *record, size_t bytes);
/* One record within 10 s. Returns its length, 0: end of the channel. */
size_t receive(int fd, void *buffer, size_t size);
/* The channel ends within 10 s without another record. */
void assert_ended(int fd);
/* Hand attest its end of a channel (fd moves). try: false if attest is gone. */
bool try_pass_channel(struct node *n, uint32_t kind, const uint8_t id[16], int fd);
void pass_channel(struct node *n, uint32_t kind, const uint8_t id[16], int fd);

/* The next record of the api channel: its head; file at least CENO_CDP_FILE_MAX. */
struct ceno_attest_file api_receive(struct node *n, uint8_t *file);
void api_acknowledge(struct node *n, const uint8_t id[16]);
/* The file of exactly this session, acknowledged. Returns its length. */
size_t api_file(struct node *n, const struct session *s, uint8_t *file);
/* Verdict on a file by ceno_verify, the node pinned as in result's first read. */
uint32_t verdict(const uint8_t *file, size_t bytes, const struct session *s);
/* Launch to verified file of a new session: the node works. */
void node_works(struct node *n);

#endif
