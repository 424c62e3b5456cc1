/*
 * Attempts on what lies outside of the process: files, sockets, other processes.
 * See captured.h.
 */
#include "captured.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "vmm/sandbox/filter_table.h"

#define KCMP_FILE_ 0

/* An attempt that is one system call. */
#define ONE(name, ...) \
	long captured_##name(const struct captured *c) \
	{ \
		(void)c; \
		return captured_call(__VA_ARGS__); \
	}

/* ---- files ------------------------------------------------------------------- */

ONE(open_file, SYS_open, "/etc/passwd", O_RDONLY)
ONE(open_root, SYS_open, "/", O_RDONLY | O_DIRECTORY)
ONE(open_kvm, SYS_openat, AT_FDCWD, "/dev/kvm", O_RDWR)
ONE(open_proc_mem, SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR)
ONE(create_file, SYS_open, "/x", O_WRONLY | O_CREAT, 0600)
ONE(make_directory, SYS_mkdir, "/x", 0700)
ONE(make_node, SYS_mknod, "/x", S_IFBLK | 0600, makedev(8, 0))
ONE(make_symlink, SYS_symlink, "/etc", "/x")
ONE(remove_root, SYS_rmdir, "/")
ONE(change_mode, SYS_chmod, "/", 0777)
ONE(change_root, SYS_chroot, "/")
ONE(pivot_root, SYS_pivot_root, ".", ".")
ONE(mount_tmpfs, SYS_mount, "none", "/", "tmpfs", 0, 0)
ONE(remount_root, SYS_mount, 0, "/", 0, MS_REMOUNT | MS_BIND, 0)
ONE(unmount_root, SYS_umount2, "/", MNT_DETACH)
ONE(open_filesystem, SYS_fsopen, "tmpfs", 0)
ONE(clone_tree, SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */)
ONE(watch_files, SYS_inotify_init1, 0)
ONE(watch_mounts, SYS_fanotify_init, 4 /* FAN_CLASS_CONTENT */, O_RDONLY)
ONE(make_memfd, SYS_memfd_create, "x", 0)
ONE(make_secret, SYS_memfd_secret, 0)

long captured_openat2_root(const struct captured *c)
{
	const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY };
	(void)c;
	return captured_call(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));
}

long captured_open_handle(const struct captured *c)
{
	struct {
		unsigned bytes;
		int type;
		uint64_t inode;
	} handle = { 8, 1, 1 };
	(void)c;
	return captured_call(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY);
}

/* ---- sockets ------------------------------------------------------------------ */

static long reach(int domain, int type, const void *address, size_t bytes)
{
	long fd = captured_call(SYS_socket, domain, type, 0);
	return fd < 0 ? fd : captured_call(SYS_connect, fd, address, bytes);
}

long captured_socket_inet(const struct captured *c)
{
	const struct sockaddr_in here = { .sin_family = AF_INET,
		                          .sin_port = htons(22),
		                          .sin_addr = { htonl(INADDR_LOOPBACK) } };
	(void)c;
	return reach(AF_INET, SOCK_STREAM, &here, sizeof(here));
}

long captured_socket_udp(const struct captured *c)
{
	const struct sockaddr_in there = { .sin_family = AF_INET,
		                           .sin_port = htons(53),
		                           .sin_addr = { htonl(0xc0000201) } };
	(void)c;
	return reach(AF_INET, SOCK_DGRAM, &there, sizeof(there));
}

long captured_socket_inet6(const struct captured *c)
{
	const struct sockaddr_in6 here = { .sin6_family = AF_INET6,
		                           .sin6_port = htons(22),
		                           .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	(void)c;
	return reach(AF_INET6, SOCK_STREAM, &here, sizeof(here));
}

ONE(socket_raw, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP)
ONE(socket_packet, SYS_socket, AF_PACKET, SOCK_RAW, 0)

/* captured_test.c listens there, in the host's namespace. */
long captured_socket_unix(const struct captured *c)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = CAPTURED_NAME };
	(void)c;
	return reach(AF_UNIX, SOCK_STREAM, &name, offsetof(struct sockaddr_un, sun_path) + sizeof(CAPTURED_NAME) - 1);
}

/* By ioctl, as ifconfig does. */
long captured_bring_up(const struct captured *c)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	(void)c;
	long fd = captured_call(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	return fd < 0 ? fd : captured_call(SYS_ioctl, fd, SIOCSIFFLAGS, &loopback);
}

long captured_socket_pair(const struct captured *c)
{
	int pair[2];
	(void)c;
	return captured_call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
}

long captured_send_descriptor(const struct captured *c)
{
	char byte = 0;
	struct iovec part = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control = { 0 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	const int fd = CENO_VMM_FD_VCPU;
	(void)c;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return captured_call(SYS_sendmsg, CENO_VMM_FD_CONTROL, &message, 0);
}

long captured_receive_descriptor(const struct captured *c)
{
	char byte, control[64];
	struct iovec part = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	(void)c;
	return captured_call(SYS_recvmsg, CENO_VMM_FD_CONTROL, &message, MSG_DONTWAIT);
}

ONE(listen_control, SYS_listen, CENO_VMM_FD_CONTROL, 1)

/* ---- processes ----------------------------------------------------------------- */

static char *const no_strings[] = { NULL };

ONE(execute_shell, SYS_execve, "/bin/sh", no_strings, no_strings)
ONE(execute_self, SYS_execveat, CENO_VMM_FD_VCPU, "", no_strings, no_strings, AT_EMPTY_PATH)

/* A child that was made says so by living a moment; then it is gone. */
static long end_child(long pid)
{
	if (pid == 0)
		captured_call(SYS_exit, 0);
	return pid;
}

long captured_fork_child(const struct captured *c)
{
	(void)c;
	return end_child(captured_call(SYS_fork));
}

long captured_clone_child(const struct captured *c)
{
	(void)c;
	return end_child(captured_call(SYS_clone, SIGCHLD));
}

/* Without a stack of its own it would share the caller's: the arguments are refused as they are, by who may look. */
ONE(start_thread, SYS_clone, CLONE_THREAD)

long captured_start_clone3(const struct captured *c)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	(void)c;
	return end_child(captured_call(SYS_clone3, &args, sizeof(args)));
}

long captured_child_user_namespace(const struct captured *c)
{
	(void)c;
	return end_child(captured_call(SYS_clone, CLONE_NEWUSER | SIGCHLD));
}

ONE(kill_all, SYS_kill, -1, SIGKILL)
ONE(kill_warden, SYS_kill, c->request.warden, SIGKILL)
ONE(kill_victim, SYS_kill, c->request.victim, SIGKILL)
ONE(kick_victim, SYS_tgkill, c->request.victim, c->request.victim, SIGUSR1)
ONE(kick_warden, SYS_tgkill, c->request.warden, c->request.warden, SIGUSR1)
ONE(kick_with_kill, SYS_tgkill, 1, 1, SIGKILL)
ONE(open_pidfd, SYS_pidfd_open, c->request.warden, 0)
ONE(take_descriptor, SYS_pidfd_getfd, CENO_VMM_FD_CONTROL, 0, 0)
ONE(trace_victim, SYS_ptrace, PTRACE_SEIZE, c->request.victim, 0, 0)
ONE(trace_other, SYS_ptrace, PTRACE_ATTACH, c->request.other, 0, 0)
ONE(be_traced, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)
ONE(compare_warden, SYS_kcmp, c->request.warden, 1, KCMP_FILE_, 0, 0)
ONE(open_other_mem, SYS_open, "/proc/1/mem", O_RDWR)
ONE(enter_namespace, SYS_setns, CENO_VMM_FD_CONTROL, 0)
ONE(new_user_namespace, SYS_unshare, CLONE_NEWUSER)
ONE(new_mount_namespace, SYS_unshare, CLONE_NEWNS)
ONE(new_net_namespace, SYS_unshare, CLONE_NEWNET)

long captured_queue_signal(const struct captured *c)
{
	siginfo_t info = { .si_code = SI_QUEUE, .si_signo = SIGTERM };
	return captured_call(SYS_rt_sigqueueinfo, c->request.warden, SIGTERM, &info);
}

static long remote(const struct captured *c, int pid, long number)
{
	uint64_t value = 0;
	const struct iovec here = { &value, sizeof(value) };
	const struct iovec there = { (void *)(uintptr_t)c->request.address, sizeof(value) };
	return captured_call(number, pid, &here, 1, &there, 1, 0);
}

long captured_read_other(const struct captured *c)
{
	return remote(c, c->request.other, SYS_process_vm_readv);
}

long captured_write_other(const struct captured *c)
{
	return remote(c, c->request.other, SYS_process_vm_writev);
}

long captured_read_warden(const struct captured *c)
{
	return remote(c, c->request.warden, SYS_process_vm_readv);
}

long captured_write_victim(const struct captured *c)
{
	return remote(c, c->request.victim, SYS_process_vm_writev);
}

long captured_limit_victim(const struct captured *c)
{
	const struct rlimit none = { 0, 0 };
	return captured_call(SYS_prlimit64, c->request.victim, RLIMIT_NOFILE, &none, 0);
}

long captured_place_victim(const struct captured *c)
{
	const uint64_t first = 1;
	return captured_call(SYS_sched_setaffinity, c->request.victim, sizeof(first), &first);
}

long captured_move_pages_other(const struct captured *c)
{
	void *page = (void *)(uintptr_t)(c->request.address & ~4095ull);
	const int node = 0;
	int status;
	return captured_call(SYS_move_pages, c->request.other, 1, &page, &node, &status, 2 /* MPOL_MF_MOVE */);
}
