/*
 * Steps of the jail that can be judged without being in it, each in a child: a
 * wrong descriptor is found, an unlisted one is closed, a step that cannot be
 * confirmed stops the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmm/sandbox/jail_steps.h"

/* Runs f in a child; its return value. */
static int in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int keep_one(int fd, enum ceno_jail_type type)
{
	const struct ceno_jail_fd keep[] = { { fd, type, 1 } };
	return ceno_jail_descriptors(keep, 1) == 0 ? 0 : errno;
}

static int memfd(void)
{
	return dup2(memfd_create("x", MFD_ALLOW_SEALING), 10);
}

static int writable_where_read_only(void)
{
	return keep_one(memfd(), CENO_JAIL_FD_MEMORY_RO);
}
static int file_where_socket(void)
{
	return keep_one(memfd(), CENO_JAIL_FD_SOCKET);
}
static int null_where_kvm(void)
{
	return keep_one(dup2(open("/dev/null", O_RDWR), 10), CENO_JAIL_FD_KVM);
}
static int directory_where_stream(void)
{
	return keep_one(dup2(open("/", O_RDONLY), 10), CENO_JAIL_FD_STREAM);
}
static int path_where_read_only(void)
{
	return keep_one(dup2(open("/bin/sh", O_PATH), 10), CENO_JAIL_FD_MEMORY_RO);
}
static int missing(void)
{
	close(10);
	return keep_one(10, CENO_JAIL_FD_MEMORY_RW);
}
static int right(void)
{
	return keep_one(memfd(), CENO_JAIL_FD_MEMORY_RW);
}

static int stream_socket_where_seqpacket(void)
{
	return keep_one(dup2(socket(AF_UNIX, SOCK_STREAM, 0), 10), CENO_JAIL_FD_SOCKET);
}

static void wrong_descriptors_are_found(void **state)
{
	(void)state;
	assert_int_equal(in_child(right), 0);
	assert_int_equal(in_child(writable_where_read_only), EBADF);
	assert_int_equal(in_child(file_where_socket), EBADF);
	assert_int_equal(in_child(stream_socket_where_seqpacket), EBADF);
	assert_int_equal(in_child(null_where_kvm), EBADF);
	assert_int_equal(in_child(directory_where_stream), EBADF);
	assert_int_equal(in_child(path_where_read_only), EBADF);
	assert_int_equal(in_child(missing), EBADF);
}

static int others_are_closed(void)
{
	int low = dup2(memfd(), 5), high = dup2(low, 900);
	if (right() != 0)
		return 1;
	return fcntl(low, F_GETFD) < 0 && fcntl(high, F_GETFD) < 0 && fcntl(0, F_GETFD) < 0 && fcntl(10, F_GETFD) >= 0
	    ? 0
	    : 2;
}

static void unlisted_descriptors_are_closed(void **state)
{
	(void)state;
	assert_int_equal(in_child(others_are_closed), 0);
}

/* Outside of a user namespace with one mapped id the first step fails and nothing else is taken. */
static int enter_without_namespaces(void)
{
	const struct ceno_jail_options options = { .control_fd = -1, .descriptor_limit = 64 };
	struct ceno_jail_result result;
	if (ceno_jail_enter(&options, &result) == 0)
		return 1;
	return result.failed_step == CENO_JAIL_MAPS && result.done == 0 && result.error ? 0 : 2;
}

static void a_step_that_is_not_confirmed_stops_the_rest(void **state)
{
	(void)state;
	assert_int_equal(in_child(enter_without_namespaces), 0);
}

/* ---- the network namespace, as the kernel makes it and with an interface that is up ---- */

static int set_loopback(int up)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &loopback);
}

static int network_is_judged(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return errno == EPERM ? 77 : 1;
	if (ceno_jail_network() != 0)
		return 2;
	if (set_loopback(1) < 0 || ceno_jail_network() != -1 || errno != ENETUNREACH)
		return 3;
	return set_loopback(0) == 0 && ceno_jail_network() == 0 ? 0 : 4;
}

static void a_network_that_reaches_something_is_found(void **state)
{
	(void)state;
	int rc = in_child(network_is_judged);
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

/* What a node may do without is never what every node needs, and numbers are each their own. */
static void steps_are_numbered(void **state)
{
	uint32_t seen = 0;
	(void)state;
#define STEP_SEEN(name, number, text) \
	assert_false(seen & 1u << (number)); \
	seen |= 1u << (number);
	CENO_JAIL_STEPS(STEP_SEEN)
#undef STEP_SEEN
	assert_int_equal(seen, (1u << CENO_JAIL_STEP_COUNT) - 1);
	assert_int_equal(CENO_JAIL_REQUIRED | CENO_JAIL_OPTIONAL, seen);
	assert_true(CENO_JAIL_REQUIRED & 1u << CENO_JAIL_NETWORK);
}

static void every_step_has_a_text(void **state)
{
	(void)state;
	for (int i = 0; i < CENO_JAIL_STEP_COUNT; i++)
		assert_true(strlen(ceno_jail_step_text(i)) > 0);
	assert_string_equal(ceno_jail_step_text(CENO_JAIL_STEP_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_descriptors_are_found),
		cmocka_unit_test(unlisted_descriptors_are_closed),
		cmocka_unit_test(a_step_that_is_not_confirmed_stops_the_rest),
		cmocka_unit_test(a_network_that_reaches_something_is_found),
		cmocka_unit_test(steps_are_numbered),
		cmocka_unit_test(every_step_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
