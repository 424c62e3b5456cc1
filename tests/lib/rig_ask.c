/*
 * What the rig asks of a warden as api: records of a session, and programs whole; see rig.h.
 */
#include "rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmm/warden/pack.h"
#include "vmm/warden/record.h"

static void send_record(struct ceno_rig *rig, const struct ceno_session_record *r, const int *fds, unsigned count)
{
	(void)ceno_record_send(rig->session, r, sizeof *r, NULL, 0, fds, count);
}

void ceno_rig_send_open(struct ceno_rig *rig, const int streams[3], uint32_t flags)
{
	struct ceno_session_record r = { .type = CENO_SESSION_OPEN, .flags = flags };
	memset(r.rp_nonce, 0xa5, sizeof r.rp_nonce);
	send_record(rig, &r, streams, 3);
}

void ceno_rig_send_file(struct ceno_rig *rig, const char *path, int fd, uint64_t length, uint32_t mode)
{
	struct ceno_session_record r = { .type = CENO_SESSION_FILE, .length = length, .mode = mode };
	snprintf(r.path, sizeof r.path, "%s", path);
	send_record(rig, &r, &fd, 1);
}

void ceno_rig_send_args(struct ceno_rig *rig, const char *program, const char *const *argv)
{
	static uint8_t block[CENO_ARGS_MAX];
	const char *const env[] = { NULL };
	int64_t bytes = ceno_pack_args_format(block, sizeof block, program, argv, env, "/");
	assert_true(bytes > 0);
	struct ceno_session_record r = { .type = CENO_SESSION_ARGS, .length = (uint64_t)bytes };
	int fd = memfd_create("rig-args", MFD_CLOEXEC);
	assert_int_equal(write(fd, block, (size_t)bytes), bytes);
	send_record(rig, &r, &fd, 1);
	close(fd);
}

void ceno_rig_send_exec(struct ceno_rig *rig, int fd, uint64_t length)
{
	const struct ceno_session_record r = { .type = CENO_SESSION_EXEC, .length = length };
	send_record(rig, &r, &fd, 1);
}

void ceno_rig_send(struct ceno_rig *rig, uint32_t type)
{
	const struct ceno_session_record r = { .type = type };
	send_record(rig, &r, NULL, 0);
}

void ceno_rig_narrow(struct ceno_rig *rig, uint64_t classes)
{
	const struct ceno_session_record r = { .type = CENO_SESSION_NARROW, .value = classes };
	send_record(rig, &r, NULL, 0);
}

void ceno_rig_run(struct ceno_rig *rig, const char *const *argv)
{
	ceno_rig_run_flags(rig, argv, 0);
}

void ceno_rig_run_flags(struct ceno_rig *rig, const char *const *argv, uint32_t flags)
{
	static const char text[] = "the program of a vmm that runs none";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, null, null };
	int program = ceno_rig_blob("rig-program", text, sizeof text);
	ceno_rig_send_open(rig, streams, flags);
	ceno_rig_send_file(rig, "/bin/program", program, sizeof text, 0555 | CENO_PACK_PROGRAM);
	ceno_rig_send_args(rig, "/bin/program", argv);
	ceno_rig_send(rig, CENO_SESSION_START);
	close(program);
	close(null);
}

void ceno_rig_send_host_file(struct ceno_rig *rig, const char *path, const char *host, uint32_t mode)
{
	struct stat st;
	int fd = open(host, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	ceno_rig_send_file(rig, path, fd, (uint64_t)st.st_size, mode);
	close(fd);
}

void ceno_rig_busybox(struct ceno_rig *rig, const int streams[3], const char *const *argv, const char *input)
{
	const char *full[16] = { "busybox" };
	for (size_t i = 0; argv[i] && i < 14; i++)
		full[i + 1] = argv[i];
	ceno_rig_send_open(rig, streams, 0);
	ceno_rig_send_host_file(rig, "/bin/busybox", "/bin/busybox", 0555 | CENO_PACK_PROGRAM);
	if (input)
		ceno_rig_send_host_file(rig, "/in/data", input, 0444 | CENO_PACK_INPUT);
	ceno_rig_send_args(rig, "/bin/busybox", full);
	ceno_rig_send(rig, CENO_SESSION_START);
}
