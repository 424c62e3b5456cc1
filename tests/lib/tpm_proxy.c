/* The proxy; tpm_proxy.h says what it does. One process, one command at a time. */
#include "tests/lib/tpm_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attest/daemon/keeper.h"
#include "attest/tpm/swtpm.h"

#define MESSAGE_MAX 4096u

struct relay {
	struct ceno_swtpm tpm;
	int near, far; /* of the stream that attest uses: ours, attest's */
	struct tpm_proxy_rules *rules;
};

static uint32_t load32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void store32(uint8_t *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* One whole TPM message; its length, 0: the other side ended. */
static size_t take(int fd, uint8_t message[MESSAGE_MAX])
{
	if (recv(fd, message, 10, MSG_WAITALL) != 10)
		return 0;
	uint32_t length = load32(message + 2);
	if (length < 10 || length > MESSAGE_MAX)
		return 0;
	return length == 10 || recv(fd, message + 10, length - 10, MSG_WAITALL) == (ssize_t)(length - 10) ? length : 0;
}

static void sleep_ms(uint32_t ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

/* Change a response; its length, 0: hang up. */
static size_t lie(struct tpm_proxy_rules *rules, uint8_t *response, size_t length)
{
	rules->count--;
	rules->told++;
	switch (rules->lie) {
	case TPM_PROXY_SIGNATURE:
		response[length - 6] ^= 1;
		return length;
	case TPM_PROXY_EXTRA:
		response[rules->at % length] ^= 1;
		return length;
	case TPM_PROXY_CODE:
		response[0] = 0x80;
		response[1] = 0x01;
		store32(response + 2, 10);
		store32(response + 6, rules->code);
		return 10;
	case TPM_PROXY_GARBAGE:
		memset(response, 0x55, length);
		return length;
	case TPM_PROXY_SHORT:
		store32(response + 2, (uint32_t)length - 1);
		return length - 1;
	default:
		return 0;
	}
}

/* One command and its response. Returns false: the connection is over. */
static bool relay_one(struct relay *r)
{
	uint8_t message[MESSAGE_MAX];
	size_t length = take(r->near, message);
	uint32_t command = length ? load32(message + 6) : 0;
	if (!length || send(r->tpm.data, message, length, MSG_NOSIGNAL) != (ssize_t)length)
		return false;
	length = take(r->tpm.data, message);
	if (!length)
		return false;
	r->rules->quotes += command == TPM_CC_QUOTE;
	if (command == TPM_CC_QUOTE || command == TPM_CC_NV_CERTIFY)
		sleep_ms(r->rules->slow_ms);
	if (r->rules->lie != TPM_PROXY_HONEST && r->rules->count && command == r->rules->command)
		length = lie(r->rules, message, length);
	return length && send(r->near, message, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void hang_up(struct relay *r)
{
	close(r->near);
	close(r->far);
	r->near = r->far = -1;
}

/* Returns false: nobody wants a TPM any more. */
static bool serve_one(struct relay *r, int socket, const char *folder, bool reset)
{
	struct ceno_keeper_request request;
	struct ceno_keeper_reply reply = { 0 };
	int pair[2];
	if (recv(socket, &request, sizeof(request), 0) != sizeof(request))
		return false;
	if (request.verb == CENO_KEEPER_NEW || r->near < 0) {
		if (r->near >= 0)
			hang_up(r);
		ceno_swtpm_stop(&r->tpm, 0);
		int error = ceno_swtpm_start(&r->tpm, folder, reset);
		reply.error = (uint32_t)-error;
		if (!error && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
			r->near = pair[0];
			r->far = pair[1];
		}
	}
	reply.number = request.number;
	return !ceno_keeper_reply(socket, &reply, r->far);
}

static void proxy_main(int socket, const char *folder, struct tpm_proxy_rules *rules)
{
	struct relay r = { .tpm = { .data = -1, .control = -1 }, .near = -1, .far = -1, .rules = rules };
	bool reset = true;
	for (;;) {
		struct pollfd p[2] = { { .fd = socket, .events = POLLIN }, { .fd = r.near, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents && !relay_one(&r))
			hang_up(&r);
		if (p[0].revents && !serve_one(&r, socket, folder, reset))
			break;
		reset = reset && r.near < 0;
	}
	ceno_swtpm_stop(&r.tpm, 2000);
	_exit(0);
}

struct tpm_proxy tpm_proxy_start(const char *folder)
{
	struct tpm_proxy proxy;
	int pair[2];
	mkdir(folder, 0700);
	proxy.rules = mmap(NULL, sizeof(*proxy.rules), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (proxy.rules == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    (proxy.pid = fork()) < 0)
		abort();
	if (proxy.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		/* Nothing of the test's may stay open here: attest waits for ends of channels. */
		if (dup2(pair[1], 3) < 0)
			_exit(1);
		close_range(4, ~0u, 0);
		proxy_main(3, folder, proxy.rules);
	}
	close(pair[1]);
	/* Out of the way of the low numbers that a child's table fills. */
	proxy.socket = fcntl(pair[0], F_DUPFD_CLOEXEC, 10);
	close(pair[0]);
	return proxy;
}

void tpm_proxy_stop(struct tpm_proxy *proxy)
{
	close(proxy->socket);
	while (waitpid(proxy->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(proxy->rules, sizeof(*proxy->rules));
}
