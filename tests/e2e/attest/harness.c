/* The harness; harness.h says what each part does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sodium.h>

#include "tests/e2e/attest/harness.h"

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
			abort(); \
		} \
	} while (0)

int node_setup_stopped(void **state)
{
	struct node *n = calloc(1, sizeof(*n));
	MUST(n && sodium_init() >= 0);
	strcpy(n->dir, "/tmp/ceno-attest-XXXXXX");
	MUST(mkdtemp(n->dir));
	n->control = n->api = -1;
	*state = n;
	return 0;
}

int node_setup(void **state)
{
	node_setup_stopped(state);
	node_start(*state);
	return 0;
}

int node_teardown(void **state)
{
	struct node *n = *state;
	char command[128];
	if (n->pid)
		node_kill(n);
	if (n->api >= 0)
		close(n->api);
	if (n->keeper) {
		close(n->keeper_socket);
		waitpid(n->keeper, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", n->dir);
	int rc = system(command);
	free(n);
	return rc;
}

void node_spawn(struct node *n)
{
	int pair[2];
	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	n->pid = fork();
	MUST(n->pid >= 0);
	if (n->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (n->traced)
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		if (n->file_limit) {
			const struct rlimit limit = { n->file_limit, n->file_limit };
			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &limit);
		}
		/* The leak checker of a sanitizer build traces its own process, which the daemon forbids. */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(pair[1], 3);
		if (n->keeper)
			dup2(n->keeper_socket, 4);
		const char *argv[10] = { "ceno-attest", "--state", n->dir };
		int argc = 3;
		if (n->tcti) {
			argv[argc++] = "--tcti";
			argv[argc++] = n->tcti;
		}
		if (n->origin) {
			argv[argc++] = "--origin";
			argv[argc++] = n->origin;
		}
		if (n->exports) {
			argv[argc++] = "--export";
			argv[argc++] = "auditproof";
		}
		execv(CENO_BIN "/ceno-attest", (char *const *)(uintptr_t)argv);
		_exit(99);
	}
	close(pair[1]);
	if (n->control >= 0)
		close(n->control);
	n->control = pair[0];
}

void node_keep_tpm(struct node *n)
{
	int pair[2];
	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	/* Out of the way of the numbers that node_spawn fills. */
	n->keeper_socket = fcntl(pair[0], F_DUPFD_CLOEXEC, 10);
	close(pair[0]);
	n->keeper = fork();
	MUST(n->keeper >= 0 && n->keeper_socket >= 0);
	if (n->keeper == 0) {
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		if (pair[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(pair[1], 3);
		execl(CENO_BIN "/ceno-attest", "ceno-attest", "--state", n->dir, "--keeper", (char *)NULL);
		_exit(99);
	}
	close(pair[1]);
}

void node_start(struct node *n)
{
	struct ceno_attest_launched ready;
	node_spawn(n);
	MUST(receive(n->control, &ready, sizeof(ready)) == sizeof(ready));
	MUST(ready.type == CENO_ATTEST_READY && !ready.error);
	node_api(n);
}

int node_start_fails(struct node *n)
{
	char byte;
	node_spawn(n);
	MUST(receive(n->control, &byte, 1) == 0);
	return node_wait(n);
}

bool try_pass_channel(struct node *n, uint32_t kind, const uint8_t id[16], int fd)
{
	struct ceno_attest_channel record = { .type = CENO_ATTEST_CHANNEL, .kind = kind };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &record, sizeof(record) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	memcpy(record.session_id, id, 16);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	bool passed = sendmsg(n->control, &m, MSG_NOSIGNAL) == sizeof(record);
	close(fd);
	return passed;
}

void pass_channel(struct node *n, uint32_t kind, const uint8_t id[16], int fd)
{
	MUST(try_pass_channel(n, kind, id, fd));
}

void node_api(struct node *n)
{
	static const uint8_t none[16];
	int pair[2];
	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	pass_channel(n, CENO_ATTEST_CHANNEL_API, none, pair[1]);
	if (n->api >= 0)
		close(n->api);
	n->api = pair[0];
}

int node_wait(struct node *n)
{
	int status = 0;
	for (int i = 0; i < 1500; i++) {
		if (waitpid(n->pid, &status, WNOHANG) == n->pid) {
			n->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		usleep(10000);
	}
	fprintf(stderr, "ceno-attest did not end within 15 s\n");
	abort();
}

int node_stop(struct node *n)
{
	close(n->control);
	n->control = -1;
	return node_wait(n);
}

void node_kill(struct node *n)
{
	kill(n->pid, SIGKILL);
	waitpid(n->pid, NULL, 0);
	n->pid = 0;
}

/* First child of a process, 0: none. */
static pid_t child_of(pid_t pid)
{
	char path[64];
	int child = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%d", &child) != 1)
		child = 0;
	if (f)
		fclose(f);
	return child;
}

pid_t node_swtpm(const struct node *n)
{
	pid_t pid = 0;
	for (int i = 0; i < 500 && pid == 0; i++) {
		pid_t keeper = n->keeper ? n->keeper : child_of(n->pid);
		pid = keeper ? child_of(keeper) : 0;
		if (!pid)
			usleep(10000);
	}
	MUST(pid > 0);
	return pid;
}

bool node_orphan(const struct node *n, const uint8_t id[16], uint64_t index)
{
	char command[256], line[128], want[128], hex[33];
	bool found = false;
	snprintf(command, sizeof(command), CENO_BIN "/ceno-attest --state %s --orphans 2>/dev/null", n->dir);
	snprintf(want, sizeof(want), "%s %llu\n", sodium_bin2hex(hex, sizeof(hex), id, 16), (unsigned long long)index);
	FILE *f = popen(command, "r");
	MUST(f);
	while (fgets(line, sizeof(line), f))
		found = found || !strcmp(line, want);
	MUST(pclose(f) == 0);
	return found;
}

/* ---- records ----------------------------------------------------------------- */

void send_record(int fd, const void *record, size_t bytes)
{
	MUST(send(fd, record, bytes, MSG_NOSIGNAL) == (ssize_t)bytes);
}

size_t receive(int fd, void *buffer, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	MUST(poll(&p, 1, 10000) == 1);
	ssize_t n = recv(fd, buffer, size, 0);
	if (n < 0 && errno == ECONNRESET) /* ended with a record of ours unread */
		n = 0;
	MUST(n >= 0);
	return (size_t)n;
}

void assert_ended(int fd)
{
	uint8_t byte;
	assert_int_equal(receive(fd, &byte, 1), 0);
}

/* ---- sessions ------------------------------------------------------------------ */

struct session *session_new(void)
{
	struct session *s = calloc(1, sizeof(*s));
	MUST(s);
	fixture_init(&s->f);
	randombytes_buf(s->f.statement.core.session_id, 16);
	crypto_sign_keypair(s->f.statement.core.signer_pub, s->f.session_secret);
	fixture_roots(&s->f);
	fixture_sign(&s->f);
	s->warden = -1;
	return s;
}

void session_free(struct session *s)
{
	if (s->warden >= 0)
		close(s->warden);
	free(s);
}

void session_channel(struct node *n, struct session *s)
{
	int pair[2];
	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	pass_channel(n, CENO_ATTEST_CHANNEL_WARDEN, s->f.statement.core.session_id, pair[1]);
	if (s->warden >= 0)
		close(s->warden);
	s->warden = pair[0];
}

uint32_t session_launch(struct session *s)
{
	const struct ceno_proof_core *core = &s->f.statement.core;
	struct ceno_attest_launch launch = { .type = CENO_ATTEST_LAUNCH };
	struct ceno_attest_launched answer;
	memcpy(launch.session_id, core->session_id, 16);
	MUST(!ceno_proof_platform_digest(&core->platform, launch.platform_digest));
	memcpy(launch.request_commit, core->request_commit, 32);
	memcpy(launch.signer_pub, core->signer_pub, 32);
	memcpy(launch.rp_nonce, core->rp_nonce, 32);
	send_record(s->warden, &launch, sizeof(launch));
	assert_int_equal(receive(s->warden, &answer, sizeof(answer)), sizeof(answer));
	assert_int_equal(answer.type, CENO_ATTEST_LAUNCHED);
	s->launch_index = answer.launch_index;
	return answer.error;
}

uint32_t session_payload(struct session *s)
{
	uint8_t record[sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX];
	struct ceno_attest_payload head = { .type = CENO_ATTEST_PAYLOAD,
		                            .payload_bytes = (uint32_t)s->f.payload_bytes };
	struct ceno_attest_launched answer;
	memcpy(head.c0, s->f.chain[0], 32);
	memcpy(head.c7, s->f.chain[7], 32);
	memcpy(head.signature, s->f.signature, 64);
	memcpy(record, &head, sizeof(head));
	memcpy(record + sizeof(head), s->f.payload, s->f.payload_bytes);
	send_record(s->warden, record, sizeof(head) + s->f.payload_bytes);
	if (receive(s->warden, &answer, sizeof(answer)) == 0)
		return UINT32_MAX;
	assert_int_equal(answer.type, CENO_ATTEST_STORED);
	return answer.error;
}

int session_spool_file(const struct session *s, size_t zeros)
{
	struct ceno_attest_payload head = { .type = CENO_ATTEST_PAYLOAD,
		                            .payload_bytes = (uint32_t)s->f.payload_bytes };
	char name[] = "/tmp/ceno-spool-XXXXXX";
	int fd = mkstemp(name);
	MUST(fd >= 0);
	unlink(name);
	memcpy(head.c0, s->f.chain[0], 32);
	memcpy(head.c7, s->f.chain[7], 32);
	memcpy(head.signature, s->f.signature, 64);
	MUST(write(fd, &head, sizeof(head)) == (ssize_t)sizeof(head));
	MUST(write(fd, s->f.payload, s->f.payload_bytes) == (ssize_t)s->f.payload_bytes);
	MUST(!ftruncate(fd, (off_t)(sizeof(head) + s->f.payload_bytes + zeros)));
	return fd;
}

void session_step8(struct node *n, const struct session *s)
{
	struct ceno_step8_record r = { .type = CENO_ATTEST_STEP8,
		                       .cgroup_removed = CENO_PROOF_CGROUP_REMOVED,
		                       .peak_bytes = 41u << 20 };
	memcpy(r.session_id, s->f.statement.core.session_id, 16);
	send_record(n->control, &r, sizeof(r));
}

void session_run(struct node *n, struct session *s)
{
	session_channel(n, s);
	assert_int_equal(session_launch(s), CENO_ATTEST_ERROR_NONE);
	assert_int_equal(session_payload(s), CENO_ATTEST_ERROR_NONE);
	session_step8(n, s);
}

/* ---- proofs ---------------------------------------------------------------------- */

struct ceno_attest_file api_receive(struct node *n, uint8_t *file)
{
	static uint8_t record[sizeof(struct ceno_attest_file) + CENO_CDP_FILE_MAX + 1];
	struct ceno_attest_file head;
	size_t got = receive(n->api, record, sizeof(record));
	assert_true(got >= sizeof(head));
	memcpy(&head, record, sizeof(head));
	assert_int_equal(got, sizeof(head) + head.file_bytes);
	memcpy(file, record + sizeof(head), head.file_bytes);
	return head;
}

void api_acknowledge(struct node *n, const uint8_t id[16])
{
	struct ceno_attest_file head = { .type = CENO_ATTEST_FILE };
	memcpy(head.session_id, id, 16);
	send_record(n->api, &head, sizeof(head));
}

size_t api_file(struct node *n, const struct session *s, uint8_t *file)
{
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_FILE);
	assert_int_equal(head.error, 0);
	assert_memory_equal(head.session_id, s->f.statement.core.session_id, 16);
	api_acknowledge(n, head.session_id);
	return head.file_bytes;
}

uint32_t verdict(const uint8_t *file, size_t bytes, const struct session *s)
{
	static struct ceno_verify_result result;
	static struct ceno_verify_pins pins;
	struct ceno_verify_policy policy;
	ceno_verify_policy_init(&policy);
	policy.explain = 1;
	MUST(!ceno_verify(file, bytes, &policy, &result));
	if (!result.read)
		return result.verdict;
	/* Pin whoever made it: the unit tests of the verifier prove what pinning does. */
	memset(&pins, 0, sizeof(pins));
	pins.pin_count = 1;
	strcpy(pins.pins[0].origin, result.seal.node.origin);
	memcpy(pins.pins[0].ak, result.ak, 32);
	memcpy(pins.pins[0].log_pub, result.seal.node.log_pub, 32);
	policy.pins = &pins;
	policy.rp_nonce = s->f.statement.core.rp_nonce;
	policy.explain = 0;
	MUST(!ceno_verify(file, bytes, &policy, &result));
	if (result.verdict < CENO_VERIFY_CODE_COUNT)
		print_message("verdict %s %s\n", ceno_verify_code_info(result.verdict)->name, result.detail);
	return result.verdict;
}

void node_works(struct node *n)
{
	static uint8_t file[CENO_CDP_FILE_MAX];
	struct session *s = session_new();
	session_run(n, s);
	size_t bytes = api_file(n, s, file);
	assert_int_equal(verdict(file, bytes, s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
}
