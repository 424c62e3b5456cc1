/*
 * Driving a jailed ceno-vmm. See jailed.h.
 */
#include "jailed.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 30000 /* of a test that fails: on a busy machine a start takes seconds */

static const char *program;

void jailed_use(const char *path)
{
	static char beside[512];
	program = path;
	if (path)
		return;
	ssize_t n = readlink("/proc/self/exe", beside, sizeof(beside) - 32);
	beside[n < 0 ? 0 : n] = 0;
	for (int up = 0; up < 2 && strrchr(beside, '/'); up++)
		*strrchr(beside, '/') = 0;
	strcat(beside, "/bin/ceno-vmm");
	program = beside;
}

/* The other end is the vmm's alone. */
static void close_end(struct jailed_vmm *vmm, int fd)
{
	if (vmm->tiny.fd[fd] >= 0)
		close(vmm->tiny.fd[fd]);
	vmm->tiny.fd[fd] = -1;
}

void jailed_start(struct jailed_vmm *vmm, const void *code, size_t bytes)
{
	int pair[2];
	struct ceno_spawn spawn = { .cgroup = -1, .more_groups = { -1, -1 }, .uid = JAILED_UID };
	tiny_init(&vmm->tiny, code, bytes);
	int in[2], out[2];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	close(vmm->tiny.fd[CENO_VMM_FD_STDIN]);
	close(vmm->tiny.fd[CENO_VMM_FD_STDOUT]);
	vmm->tiny.fd[CENO_VMM_FD_STDIN] = in[0];
	vmm->tiny.fd[CENO_VMM_FD_STDOUT] = out[1];
	vmm->input = in[1];
	vmm->output = out[0];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	vmm->control = pair[0];
	vmm->tiny.fd[CENO_VMM_FD_CONTROL] = pair[1];
	for (uint32_t fd = 0; fd < CENO_VMM_FD_END; fd++)
		spawn.table[fd] = ceno_vmm_fd_is_node(fd) ? vmm->tiny.fd[fd] : -1;
	spawn.executable = open(program, O_RDONLY | O_CLOEXEC);
	assert_true(spawn.executable >= 0);
	assert_int_equal(ceno_spawn_vmm(&spawn, &vmm->child), 0);
	assert_int_equal(ceno_spawn_wait(&vmm->child, PATIENCE_MS), 0);
	close(spawn.executable);
	close_end(vmm, CENO_VMM_FD_CONTROL);
	struct ceno_vmm_record parked;
	assert_true(jailed_receive(vmm, &parked));
	assert_int_equal(parked.type, CENO_VMM_PARKED);
}

bool jailed_receive(struct jailed_vmm *vmm, struct ceno_vmm_record *record)
{
	struct pollfd wait = { .fd = vmm->control, .events = POLLIN };
	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	ssize_t n = read(vmm->control, record, sizeof(*record));
	if (n <= 0)
		return false;
	assert_int_equal(n, sizeof(*record));
	return true;
}

struct ceno_vmm_record jailed_answer(struct jailed_vmm *vmm)
{
	struct ceno_vmm_record answer;
	for (int fd = 0; fd < CENO_VMM_STREAMS; fd++)
		close_end(vmm, fd);
	assert_true(jailed_receive(vmm, &answer));
	return answer;
}

struct ceno_vmm_record jailed_launch(struct jailed_vmm *vmm)
{
	assert_int_equal(ceno_spawn_launch(vmm->control, &vmm->tiny.launch, vmm->tiny.fd), 0);
	return jailed_answer(vmm);
}

void jailed_send(struct jailed_vmm *vmm, uint32_t type)
{
	const struct ceno_vmm_record record = { .type = type };
	assert_int_equal(write(vmm->control, &record, sizeof(record)), sizeof(record));
}

void jailed_lock(struct jailed_vmm *vmm, const void *code, size_t bytes, bool go)
{
	jailed_start(vmm, code, bytes);
	struct ceno_vmm_record answer = jailed_launch(vmm);
	if (answer.type != CENO_VMM_LOCKED)
		fail_msg("refused: reason %u value %lu gpa %lu", answer.reason, (unsigned long)answer.value,
		         (unsigned long)answer.gpa);
	if (go)
		jailed_send(vmm, CENO_VMM_GO);
}

uint32_t jailed_reap(struct jailed_vmm *vmm)
{
	uint32_t status;
	assert_int_equal(ceno_child_reap(&vmm->child, PATIENCE_MS, &status), 0);
	return status;
}

void jailed_fini(struct jailed_vmm *vmm)
{
	uint32_t status;
	if (vmm->child.pidfd >= 0) {
		ceno_child_kill(&vmm->child);
		ceno_child_reap(&vmm->child, PATIENCE_MS, &status);
	}
	close(vmm->control);
	close(vmm->input);
	close(vmm->output);
	tiny_fini(&vmm->tiny);
}
