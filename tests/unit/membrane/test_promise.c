/*
 * pledge and unveil: the words, what they end, that they are kept over fork and exec, and
 * every way around them that other systems had.
 */
#include "test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-kernel/abi/boot.h"
#include "guest-kernel/services/membrane/process.h"
#include "guest-kernel/services/membrane/promise.h"

#define CLASS(name) (1u << CENO_PLEDGE_##name)

static uint64_t page;

static int boot(void **state)
{
	const char *const argv[] = { "/bin/p", NULL };
	struct fake_file files[] = { fake_program("/bin/p"), { "/in/a", 0444, "a", 1 }, { "/in/sub/b", 0444, "b", 1 } };

	(void)state;
	fake_on_wait = NULL;
	assert_int_equal(fake_boot(files, 3, argv), FAKE_ENTERED);
	page = fake_page();
	return 0;
}

static int64_t pledge(const char *words)
{
	return sys(SYS_prctl, CENO_PR_PLEDGE, fake_string(words));
}

static int64_t unveil(const char *path, const char *rights)
{
	return sys(SYS_prctl, CENO_PR_UNVEIL, path ? fake_string(path) : 0, rights ? fake_string(rights) : 0);
}

static int64_t open_(const char *path, int flags)
{
	return sys(SYS_open, fake_string(path), flags, 0644);
}

static int64_t two(uint64_t number, const char *a, const char *b)
{
	return sys(number, fake_string(a), fake_string(b));
}

/* The call ends the program with SIGABRT. */
static void ends6(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	int64_t result;

	assert_int_equal(fake_call(number, (const uint64_t[6]){ a, b, c, d, e }, &result), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, 6);
}

static void ends(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	ends6(number, a, b, c, 0, 0);
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(pledge("stdio rubbish"), -EINVAL);
	assert_int_equal(pledge("stdi"), -EINVAL);
	assert_int_equal(sys(SYS_prctl, CENO_PR_PLEDGE, BAD), -EFAULT);
	assert_int_equal(pledge("stdio rw"), 0);
	assert_int_equal(pledge("stdio rw spawn"), -EPERM);
	assert_int_equal(pledge("stdio exec"), -EPERM);
	assert_true(open_("/tmp/f", O_CREAT | O_RDWR) >= 0);
	assert_int_equal(pledge("stdio rpath error"), 0);
	assert_int_equal(pledge("stdio wpath error"), -EPERM);
	assert_true(open_("/tmp/f", O_RDONLY) >= 0);
	assert_int_equal(open_("/tmp/f", O_WRONLY), -ENOSYS);
	assert_int_equal(open_("/tmp/g", O_RDONLY | O_CREAT), -ENOSYS);
	assert_int_equal(sys(SYS_fork), -ENOSYS);
	assert_int_equal(sys(SYS_execve, fake_string("/bin/p"), 0, 0), -ENOSYS);
	assert_int_equal(sys(SYS_socket, AF_INET, SOCK_STREAM, 0), -ENOSYS);
	assert_int_equal(sys(SYS_chmod, fake_string("/tmp/f"), 0600), -ENOSYS);
	assert_int_equal(sys(SYS_fchmod, 3, 0600), -ENOSYS);
	assert_int_equal(sys(SYS_flock, 3, 8), -ENOSYS);
	assert_int_equal(sys(SYS_mmap, 0, PAGE, 5, 0x22, -1, 0), -ENOSYS);
	assert_int_equal(sys(SYS_unlink, fake_string("/tmp/f")), -ENOSYS);
	assert_int_equal(sys(SYS_getpid), 2);
	assert_int_equal(ceno_run.missing, 1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_NET | 1u << CENO_PLEDGE_SPAWN);
}

static void test_violation(void **state)
{
	struct sigaction_ {
		uint64_t handler, flags, restorer, mask;
	} action = { 1, 0, 0, 0 };

	(void)state;
	fake_poke(page, &action, sizeof(action));
	assert_int_equal(sys(SYS_rt_sigaction, 6, page, 0, 8), 0); /* nothing catches it */
	assert_int_equal(pledge("stdio"), 0);
	assert_int_equal(sys(SYS_write, 1, page, 1), 1);
	ends(SYS_open, fake_string("/in/a"), O_RDONLY, 0);
	assert_int_equal(ceno_run.missing, 1u << CENO_PLEDGE_RW);
}

static void test_without_stdio(void **state)
{
	(void)state;
	assert_int_equal(pledge(""), 0);
	ends(SYS_getpid, 0, 0, 0);
}

static void test_kept(void **state)
{
	int64_t child;

	(void)state;
	assert_int_equal(unveil("/in", "r"), 0);
	assert_int_equal(pledge("stdio rpath proc error"), 0);
	assert_int_equal(ceno_self()->unveil != NULL, 1);
	child = sys(SYS_fork);
	assert_true(child > 2);
	assert_int_equal(ceno_process_find((int32_t)child)->denied, ceno_self()->denied);
	assert_ptr_equal(ceno_process_find((int32_t)child)->unveil, ceno_self()->unveil);
	assert_int_equal(unveil("/tmp", "r"), 0); /* its own: the child's list does not grow */
	assert_ptr_not_equal(ceno_process_find((int32_t)child)->unveil, ceno_self()->unveil);
}

static void test_unveil(void **state)
{
	(void)state;
	assert_int_equal(unveil("/in/sub", "rq"), -EINVAL);
	assert_true(open_("/in/a", O_RDONLY) >= 0);
	assert_int_equal(unveil("/in/sub", "r"), 0);
	assert_int_equal(open_("/in/a", O_RDONLY), -ENOENT);
	assert_true(open_("/in/sub/b", O_RDONLY) >= 0);
	assert_int_equal(unveil("/in/sub", "rw"), -EPERM); /* never more */
	assert_int_equal(unveil("/tmp", "rwc"), 0);
	assert_int_equal(open_("/tmp/f", O_CREAT | O_RDWR), 4 + 1);
	assert_int_equal(unveil("/tmp/f", "r"), 0); /* the longest match decides */
	assert_int_equal(open_("/tmp/f", O_WRONLY), -EACCES);
	assert_int_equal(sys(SYS_chmod, fake_string("/tmp/f"), 0600), -EACCES);
	assert_int_equal(sys(SYS_truncate, fake_string("/tmp/f"), 0), -EACCES);
	assert_int_equal(sys(SYS_unlink, fake_string("/tmp/f")), -EACCES);
	assert_int_equal(two(SYS_rename, "/tmp/f", "/tmp/h"), -EACCES);
	assert_int_equal(unveil("/tmp/not-yet", "r"), 0); /* a name that does not exist */
	assert_int_equal(open_("/tmp/not-yet", O_CREAT | O_WRONLY), -EACCES);
	assert_int_equal(open_("/tmp/other", O_CREAT | O_WRONLY) >= 0, 1);
	assert_int_equal(unveil(NULL, NULL), 0);
	assert_int_equal(unveil("/in", "r"), -EPERM);
	assert_int_equal(unveil(NULL, NULL), -EPERM);
}

static void test_around(void **state)
{
	int64_t dir, fd;

	(void)state;
	dir = open_("/in", O_RDONLY | O_DIRECTORY);
	fd = open_("/in/a", O_RDONLY);
	assert_int_equal(two(SYS_symlink, "/in/a", "/tmp/link"), 0);
	assert_int_equal(sys(SYS_close, open_("/tmp/secret", O_CREAT | O_WRONLY)), 0);
	assert_int_equal(sys(SYS_mkdir, fake_string("/tmp/d"), 0755), 0);
	assert_int_equal(sys(SYS_mkdir, fake_string("/tmp/r"), 0755), 0);
	assert_int_equal(sys(SYS_close, open_("/tmp/r/read", O_CREAT | O_WRONLY)), 0);
	assert_int_equal(sys(SYS_chmod, fake_string("/tmp/r/read"), 0755), 0);
	assert_int_equal(unveil("/tmp/d", "rwc"), 0);
	assert_int_equal(unveil("/tmp/r", "r"), 0);
	assert_int_equal(open_("/tmp/link", O_RDONLY), -ENOENT); /* a link out */
	assert_int_equal(two(SYS_symlink, "/in/a", "/tmp/d/link"), 0);
	assert_int_equal(open_("/tmp/d/link", O_RDONLY), -ENOENT);              /* one it made */
	assert_int_equal(open_("/tmp/d/../secret", O_RDONLY), -ENOENT);         /* .. */
	assert_int_equal(two(SYS_link, "/tmp/secret", "/tmp/d/hard"), -ENOENT); /* a hard link */
	assert_int_equal(two(SYS_link, "/tmp/r/read", "/tmp/d/hard"), -EACCES); /* to write it there */
	assert_int_equal(two(SYS_rename, "/tmp/r/read", "/tmp/d/moved"), -EACCES);
	assert_int_equal(open_("/tmp/new", O_CREAT | O_WRONLY), -ENOENT); /* O_CREAT elsewhere */
	assert_int_equal(open_("/tmp/r/new", O_CREAT | O_WRONLY), -EACCES);
	assert_int_equal(open_("/tmp/r", O_TMPFILE | O_RDWR), -EACCES);
	assert_int_equal(sys(SYS_openat, dir, fake_string("a"), O_RDONLY), -ENOENT); /* a directory kept open */
	assert_int_equal(sys(SYS_openat, dir, fake_string("../tmp/secret"), O_RDONLY), -ENOENT);
	assert_int_equal(sys(SYS_chdir, fake_string("/in")), -ENOENT);
	assert_int_equal(sys(SYS_fchdir, dir), 0);
	assert_int_equal(open_("a", O_RDONLY), -ENOENT);               /* a working directory */
	assert_int_equal(open_("/proc/self/fd/4", O_RDONLY), -ENOENT); /* a descriptor, again */
	assert_int_equal(sys(SYS_read, fd, page, 1), 1);               /* open stays open */
	assert_int_equal(open_("/proc/self/root/in/a", O_RDONLY), -ENOENT);
	assert_int_equal(sys(SYS_stat, fake_string("/in/a"), page), -ENOENT); /* is it there? */
	assert_int_equal(sys(SYS_access, fake_string("/in/a"), 0), -ENOENT);
	assert_int_equal(sys(SYS_readlink, fake_string("/tmp/link"), page, 10), -ENOENT);
	assert_int_equal(sys(SYS_execve, fake_string("/bin/p"), 0, 0), -ENOENT); /* a program, an interpreter */
	assert_int_equal(sys(SYS_execve, fake_string("/tmp/r/read"), 0, 0), -EACCES);
	fd = open_("/tmp/r/read", O_RDONLY);
	assert_true(fd > 0);
	assert_int_equal(sys(SYS_execveat, fd, fake_string(""), 0, 0, AT_EMPTY_PATH), -EACCES);
	assert_int_equal(open_("/dev/fd/5", O_RDWR), -EACCES); /* a descriptor with more than it has */
}

static void test_interpreter(void **state)
{
	int64_t fd = open_("/tmp/script", O_CREAT | O_WRONLY);

	(void)state;
	fake_poke(page, "#!/bin/p\n", 9);
	assert_int_equal(sys(SYS_write, fd, page, 9), 9);
	assert_int_equal(sys(SYS_fchmod, fd, 0755), 0);
	assert_int_equal(sys(SYS_close, fd), 0);
	assert_int_equal(unveil("/tmp", "rwxc"), 0);
	assert_int_equal(sys(SYS_execve, fake_string("/tmp/script"), 0, 0), -ENOENT);
	assert_int_equal(unveil("/bin", "r"), 0); /* to read is not to run */
	assert_int_equal(sys(SYS_execve, fake_string("/tmp/script"), 0, 0), -EACCES);
}

/* Signals to others, by each call that sends one, and their limits. */
static void test_others(void **state)
{
	int64_t child;

	(void)state;
	child = sys(SYS_fork);
	assert_int_equal(pledge("stdio error"), 0);
	assert_int_equal(sys(SYS_kill, child, 0), -ENOSYS);
	assert_int_equal(sys(SYS_tkill, child, 10), -ENOSYS);
	assert_int_equal(sys(SYS_tgkill, child, child, 10), -ENOSYS);
	assert_int_equal(sys(SYS_rt_sigqueueinfo, child, 10, page), -ENOSYS);
	assert_int_equal(sys(SYS_rt_tgsigqueueinfo, child, child, 10, page), -ENOSYS);
	assert_int_equal(sys(SYS_prlimit64, child, 7, 0, page), -ENOSYS);
	assert_int_equal(sys(SYS_prlimit64, 0, 7, 0, page), 0);
}

/* ---- the session's own words -------------------------------------------------------------- */

static void boot_with(uint32_t pledges, uint32_t flags)
{
	void *state = NULL;

	fake_pledge = pledges;
	fake_flags = flags;
	boot(&state);
	fake_pledge = CLASS(STDIO) | CLASS(RW) | CLASS(SPAWN);
	fake_flags = 0;
}

/* A session without the words ends the program at this call, and says which class was missing. */
static void lacks(uint32_t pledges, uint32_t class, uint64_t number, const char *path, uint64_t a1, uint64_t a2)
{
	boot_with(pledges, 0);
	ends(number, path ? fake_string(path) : a1, path ? a1 : a2, path ? a2 : 0);
	assert_int_equal(fake_guest()->missing, class);
}

static void test_session_without_rw(void **state)
{
	const uint32_t most = CLASS(STDIO) | CLASS(SPAWN);

	(void)state;
	lacks(most, CLASS(RW), SYS_open, "/in/a", O_RDONLY, 0);
	lacks(most, CLASS(RW), SYS_open, "/tmp/new", O_CREAT | O_WRONLY, 0644);
	lacks(most, CLASS(RW), SYS_stat, "/in/a", page, 0);
	lacks(most, CLASS(RW), SYS_mkdir, "/tmp/d", 0755, 0);
	lacks(most, CLASS(RW), SYS_unlink, "/tmp/gone", 0, 0);
	lacks(most, CLASS(RW), SYS_chmod, "/tmp", 0755, 0);
	lacks(most, CLASS(RW), SYS_fchmod, NULL, 1, 0600);
	boot_with(most, 0);
	ends6(SYS_fchownat, 1, fake_string(""), 1000, 1000, AT_EMPTY_PATH);
	lacks(most, CLASS(RW), SYS_flock, NULL, 1, 2);
	boot_with(most, 0);
	assert_true(open_("/dev/null", O_RDWR) >= 0); /* as OpenBSD's stdio */
	assert_int_equal(sys(SYS_write, 1, page, 1), 1);
	assert_int_equal(sys(SYS_newfstatat, 1, fake_string(""), page, AT_EMPTY_PATH), 0); /* glibc's fstat */
	assert_true(sys(SYS_readlink, fake_string("/proc/self/exe"), page, 100) > 0);      /* as it starts */
	assert_int_equal(sys(SYS_mmap, 0, PAGE, 3, 0x22, -1, 0) > 0, 1);
	assert_true(sys(SYS_fork) > 2);
	assert_int_equal(ceno_run.missing, 0);
}

static void test_session_without_spawn(void **state)
{
	const uint32_t most = CLASS(STDIO) | CLASS(RW);
	uint64_t clone_args[8] = { 0x50f00, 0, 0, 0, 0, 0, 0, 0 };

	(void)state;
	lacks(most, CLASS(SPAWN), SYS_fork, NULL, 0, 0);
	lacks(most, CLASS(SPAWN), SYS_vfork, NULL, 0, 0);
	lacks(most, CLASS(SPAWN), SYS_clone, NULL, 17, 0);
	lacks(most, CLASS(SPAWN), SYS_clone3, NULL, BAD, 64);
	lacks(most, CLASS(SPAWN), SYS_execve, "/bin/p", 0, 0);
	lacks(most, CLASS(SPAWN), SYS_setsid, NULL, 0, 0);
	lacks(most, CLASS(SPAWN), SYS_kill, NULL, 1, 9);
	lacks(most, CLASS(SPAWN), SYS_tgkill, NULL, 3, 3);
	lacks(most, CLASS(SPAWN), SYS_rt_sigqueueinfo, NULL, 3, 9);
	boot_with(most, 0);
	ends(SYS_mprotect, page, PAGE, 5);
	boot_with(most, 0);
	fake_poke(page, clone_args, sizeof(clone_args)); /* a thread is no process */
	assert_true(sys(SYS_clone3, page, 64) > 2);
	assert_true(sys(SYS_clone, 0x50f00, page + 2048) > 2);
	assert_int_equal(sys(SYS_tgkill, 2, 2, 0), 0);
	assert_int_equal(sys(SYS_tkill, 2, 0), 0);
	assert_int_equal(sys(SYS_kill, 2, 0), 0);
	assert_int_equal(sys(SYS_kill, 0, 0), 0);
	assert_true(open_("/tmp/f", O_CREAT | O_RDWR) >= 0);
	assert_int_equal(ceno_run.missing, 0);
}

/* With "error" it is ENOSYS, and the report says so all the same. */
static void test_session_errors(void **state)
{
	(void)state;
	boot_with(CLASS(STDIO), CENO_BOOT_ERRORS);
	assert_int_equal(open_("/in/a", O_RDONLY), -ENOSYS);
	assert_int_equal(ceno_run.missing, CLASS(RW));
	assert_int_equal(sys(SYS_fork), -ENOSYS);
	assert_int_equal(ceno_run.missing, CLASS(RW) | CLASS(SPAWN));
	assert_int_equal(sys(SYS_socket, AF_INET, SOCK_STREAM, 0), -EACCES);
	assert_int_equal(sys(SYS_socket, AF_INET6, SOCK_DGRAM, 0), -EACCES);
	assert_int_equal(ceno_run.missing, CLASS(RW) | CLASS(SPAWN) | CLASS(NET));
	assert_int_equal(fake_go(SYS_exit_group, (const uint64_t[6]){ 3 }), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, 0);
	assert_int_equal(fake_guest()->exit_status, 3);
	assert_int_equal(fake_guest()->missing, CLASS(RW) | CLASS(SPAWN) | CLASS(NET));
}

/* No way up: not by asking, nor softer, nor over exec, fork, threads, nor in the next program. */
static void test_session_ratchet(void **state)
{
	const uint32_t most = CLASS(STDIO) | CLASS(SPAWN);
	uint32_t denied;
	int64_t child;

	(void)state;
	boot_with(most, 0);
	denied = ceno_self()->denied;
	assert_int_equal(pledge("stdio rw spawn"), -EPERM);
	assert_int_equal(pledge("stdio rpath proc exec prot_exec error"), -EPERM);
	assert_int_equal(pledge("stdio spawn error"), 0); /* its own words are errors from now on... */
	assert_int_equal(sys(SYS_socket, AF_UNIX, SOCK_STREAM, 0), -ENOSYS);
	child = sys(SYS_fork);
	assert_int_equal(ceno_process_find((int32_t)child)->denied & denied, denied);
	assert_int_equal(fake_go(SYS_execve, (const uint64_t[6]){ fake_string("/bin/p"), 0, 0 }), FAKE_RETURNED);
	assert_int_not_equal(ceno_trap()->resume_rip, FAKE_RIP);
	assert_int_equal(ceno_self()->denied & denied, denied);
	assert_int_equal(pledge("rw"), -EPERM);
	ceno_process_kill(ceno_process_find((int32_t)child), 9);
	ends(SYS_open, fake_string("/in/a"), O_RDONLY, 0); /* ... the session's are not */
	assert_int_equal(fake_guest()->missing, CLASS(RW) | CLASS(NET));
}

static void drop(uint32_t classes)
{
	((struct ceno_boot *)(uintptr_t)CENO_GVA_BOOT_PAGE)->dropped = classes;
}

/* What the session loses while it runs is denied from the next call on; its streams are another matter. */
static void test_lost_meanwhile(void **state)
{
	(void)state;
	boot_with(CLASS(STDIO) | CLASS(RW) | CLASS(SPAWN), CENO_BOOT_ERRORS);
	assert_int_equal(open_("/in/a", O_RDONLY), 3);
	drop(CLASS(STDIO));
	assert_int_equal(open_("/in/a", O_RDONLY), 4);
	drop(CLASS(STDIO) | CLASS(RW));
	assert_int_equal(open_("/in/a", O_RDONLY), -ENOSYS);
	assert_int_equal(sys(SYS_read, 3, page, 1), 1); /* what is open stays */
	assert_int_equal(pledge("stdio rpath"), -EPERM);
	assert_int_equal(pledge("stdio proc error"), 0);
	assert_true(ceno_run.missing & CLASS(RW));
	drop(CLASS(STDIO) | CLASS(RW) | CLASS(SPAWN));
	assert_int_equal(sys(SYS_fork), -ENOSYS);
	assert_int_equal(sys(SYS_getpid), 2);
	drop(0);
	boot_with(CLASS(STDIO) | CLASS(RW) | CLASS(SPAWN), 0);
	drop(CLASS(RW));
	ends6(SYS_open, fake_string("/in/a"), O_RDONLY, 0, 0, 0);
	drop(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_words, boot),
		cmocka_unit_test_setup(test_violation, boot),
		cmocka_unit_test_setup(test_without_stdio, boot),
		cmocka_unit_test_setup(test_kept, boot),
		cmocka_unit_test_setup(test_unveil, boot),
		cmocka_unit_test_setup(test_around, boot),
		cmocka_unit_test_setup(test_interpreter, boot),
		cmocka_unit_test_setup(test_others, boot),
		cmocka_unit_test_setup(test_lost_meanwhile, boot),
		cmocka_unit_test(test_session_without_rw),
		cmocka_unit_test(test_session_without_spawn),
		cmocka_unit_test(test_session_errors),
		cmocka_unit_test(test_session_ratchet),
	};

	return cmocka_run_group_tests_name("membrane promises", tests, NULL, NULL);
}
