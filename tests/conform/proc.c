/* Processes: fork, wait, exec, groups, limits, identity. */
#include "conform.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static void *volatile nowhere = (void *)8; /* not known to the compiler */

void subject_processes(void)
{
	int value = 1, status, fds[2];
	pid_t me = getpid(), pid = fork();
	if (pid == 0) {
		value = 2;
		_exit(getppid() == me && getpid() != me ? value + 40 : 1);
	}
	OK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42 && value == 1);
	OK(pipe(fds) == 0);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	pid = fork();
	if (pid == 0) {
		OK(write(fd, "child", 5) == 5 && chdir("/") == 0 && umask(0) == 022);
		write(fds[1], "k", 1);
		_exit(0);
	}
	char b[8];
	OK(read(fds[0], b, 1) == 1 && lseek(fd, 0, SEEK_CUR) == 5);
	OK(waitpid(pid, NULL, 0) == pid && access("f", F_OK) == 0 && umask(022) == 022);
	/* many at once, and a grandchild */
	pid_t children[20];
	for (int i = 0; i < 20; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			pid_t grand = fork();
			if (grand == 0)
				_exit(i);
			waitpid(grand, &status, 0);
			_exit(WEXITSTATUS(status) + 1);
		}
	}
	int sum = 0;
	for (int i = 0; i < 20; i++) {
		OK(waitpid(children[i], &status, 0) == children[i]);
		sum += WEXITSTATUS(status);
	}
	OK(sum == 210);
	/* memory of a parent that its child must not change, and the other way round */
	static char block[300000];
	memset(block, 1, sizeof(block));
	pid = fork();
	if (pid == 0) {
		memset(block, 2, sizeof(block));
		write(fds[1], "c", 1);
		pause();
	}
	OK(read(fds[0], b, 1) == 1 && block[0] == 1 && block[299999] == 1);
	memset(block, 3, sizeof(block));
	OK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL &&
	   block[150000] == 3);
}

void subject_waiting(void)
{
	int status;
	siginfo_t info;
	struct rusage usage;
	FAILS(waitpid(-1, &status, 0), ECHILD);
	FAILS(waitpid(getpid(), &status, 0), ECHILD);
	FAILS(waitpid(-1, &status, 0x4000), EINVAL);
	int fds[2];
	OK(pipe(fds) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		read(fds[0], &c, 1);
		_exit(3);
	}
	OK(waitpid(pid, &status, WNOHANG) == 0);
	OK(write(fds[1], "x", 1) == 1 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	OK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 3 && info.si_signo == SIGCHLD);
	OK(wait4(pid, &status, 0, &usage) == pid && WEXITSTATUS(status) == 3);
	FAILS(waitid(P_ALL, 0, &info, 0), EINVAL);
	FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	pid = fork();
	if (pid == 0)
		raise(SIGTERM);
	OK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	OK(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		_exit(read(fds[0], &info, 1) == 1 ? 5 : 6); /* not before its going on was waited for */
	}
	OK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	OK(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	OK(write(fds[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);
	/* children of one who ignores SIGCHLD leave nothing to wait for */
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid == 0)
		_exit(1);
	FAILS(waitpid(pid, &status, 0), ECHILD);
	signal(SIGCHLD, SIG_DFL);
	/* an orphan gets another parent */
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();
		if (fork() == 0) {
			while (getppid() == parent)
				usleep(1000);
			write(fds[1], "o", 1);
			_exit(0);
		}
		_exit(0);
	}
	char c = 0;
	OK(waitpid(pid, NULL, 0) == pid && read(fds[0], &c, 1) == 1 && c == 'o');
}

void subject_vforks(void)
{
	static volatile int shared;
	int status;
	pid_t pid = vfork();
	if (pid == 0) {
		shared = 7;
		_exit(4);
	}
	OK(pid > 0 && shared == 7 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
	pid = vfork();
	if (pid == 0) {
		execl("/absent", "absent", NULL);
		_exit(errno == ENOENT ? 9 : 1);
	}
	OK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 9);
}

/* ---- exec: of the shell, which every image has ---- */

static char *const nothing[] = { NULL };

static void exec_true(void)
{
	char *const argv[] = { "sh", "-c", "exit 6", NULL };
	execve("/bin/sh", argv, nothing);
	_exit(99);
}

static void exec_descriptors(void)
{
	char *const argv[] = { "sh", "-c", "read x <&8 && [ \"$x\" = kept ] && ! true <&9", NULL };
	int fds[2];
	pipe(fds);
	write(fds[1], "kept\n", 5);
	dup2(fds[0], 8);
	dup3(fds[0], 9, O_CLOEXEC);
	close(2);
	execve("/bin/sh", argv, nothing);
	_exit(99);
}

static void exec_ignored(void)
{
	char *const argv[] = { "sh", "-c", "kill -TERM $$; exit 8", NULL };
	signal(SIGTERM, SIG_IGN);
	execve("/bin/sh", argv, nothing);
	_exit(99);
}

static void handler(int n)
{
	(void)n;
}

static void exec_caught(void)
{
	char *const argv[] = { "sh", "-c", "kill -USR1 $$; exit 8", NULL };
	signal(SIGUSR1, handler);
	execve("/bin/sh", argv, nothing);
	_exit(99);
}

static void exec_environment(void)
{
	char *const argv[] = { "sh", "-c", "[ \"$A\" = 'b c' ] && [ -z \"$HOME\" ]", NULL },
		    *const env[] = { "A=b c", NULL };
	execve("/bin/sh", argv, env);
	_exit(99);
}

void subject_execs(void)
{
	static char huge[200000];
	char *const argv[] = { "x", NULL };
	OK(conform_child(exec_true) == 6);
	OK(conform_child(exec_descriptors) == 0);
	OK(conform_child(exec_ignored) == 8);
	OK(conform_child(exec_caught) == 128 + SIGUSR1);
	OK(conform_child(exec_environment) == 0);
	FAILS(execve("absent", argv, nothing), ENOENT);
	FAILS(execve(".", argv, nothing), EACCES);
	conform_file("text", "just text\n", 10);
	FAILS(execve("text", argv, nothing), EACCES);
	chmod("text", 0755);
	FAILS(execve("text", argv, nothing), ENOEXEC);
	conform_file("elf", "\177ELF\2\1\1", 7);
	chmod("elf", 0755);
	FAILS(execve("elf", argv, nothing), ENOEXEC);
	FAILS(execve("text/under", argv, nothing), ENOTDIR);
	memset(huge, 'x', sizeof(huge) - 1);
	char *const long_argv[] = { "sh", huge, NULL };
	FAILS(execve("/bin/sh", long_argv, nothing), E2BIG);
	FAILS(execve(nowhere, argv, nothing), EFAULT);
	FAILS(execve("/bin/sh", nowhere, nothing), EFAULT);
}

static void run_script(void)
{
	char *const argv[] = { "whatever", "one", "two", NULL };
	execve("./script", argv, nothing);
	_exit(errno);
}

void subject_scripts(void)
{
	static const char good[] = "#!/bin/sh -u\n[ \"$0\" = ./script ] && [ \"$1\" = one ] && [ $# = 2 ] && exit 11\n";
	static const char absent[] = "#!/absent/interpreter\n", spaces[] = "#!  /bin/sh  \nexit 12\n",
			  loop[] = "#!./script\n";
	conform_file("script", good, sizeof(good) - 1);
	chmod("script", 0755);
	OK(conform_child(run_script) == 11);
	conform_file("script", spaces, sizeof(spaces) - 1);
	OK(conform_child(run_script) == 12);
	conform_file("script", absent, sizeof(absent) - 1);
	OK(conform_child(run_script) == ENOENT);
	conform_file("script", loop, sizeof(loop) - 1);
	OK(conform_child(run_script) == ELOOP);
	conform_file("script", "#!\n", 3);
	OK(conform_child(run_script) == ENOEXEC);
}

void subject_groups(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		OK(setpgid(0, 0) == 0 && getpgrp() == getpid() && getpgid(0) == getpid());
		FAILS(setsid(), EPERM);
		pid_t child = fork();
		if (child == 0) {
			OK(getpgrp() == getppid());
			OK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
			FAILS(setpgid(0, 0), EPERM);
			fflush(stdout);
			_exit(0);
		}
		waitpid(child, NULL, 0);
		fflush(stdout);
		_exit(0);
	}
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	FAILS(getpgid(999999), ESRCH);
	FAILS(setpgid(999999, 0), ESRCH);
	FAILS(setpgid(0, -1), EINVAL);
	/* a signal to a group reaches all of it, and nobody else */
	pid_t first = fork();
	if (first == 0) {
		setpgid(0, 0);
		pause();
	}
	setpgid(first, first);
	pid_t second = fork();
	if (second == 0) {
		setpgid(0, first);
		pause();
	}
	setpgid(second, first);
	OK(getpgid(second) == first && kill(-first, SIGTERM) == 0);
	OK(waitpid(-first, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
	OK(waitpid(-first, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
	FAILS(waitpid(-first, &status, 0), ECHILD);
	FAILS(kill(-first, 0), ESRCH);
	FAILS(kill(999999, 0), ESRCH);
	FAILS(kill(getpid(), 99), EINVAL);
	OK(kill(getpid(), 0) == 0 && kill(0, 0) == 0);
}

void subject_limits(void)
{
	struct rlimit limit, was;
	OK(getrlimit(RLIMIT_NOFILE, &was) == 0 && was.rlim_cur > 20);
	limit = (struct rlimit){ 20, was.rlim_max };
	OK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 20);
	FAILS(dup2(0, 20), EBADF);
	int fd = 0;
	while (fd >= 0 && fd < 19)
		fd = dup(0);
	OK(fd == 19);
	FAILS(dup(0), EMFILE);
	FAILS(open("/", O_RDONLY), EMFILE);
	int fds[2];
	FAILS(pipe(fds), EMFILE);
	limit = (struct rlimit){ 30, 20 };
	FAILS(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
	FAILS(getrlimit((enum __rlimit_resource)99, &limit), EINVAL);
	OK(prlimit(0, RLIMIT_STACK, NULL, &limit) == 0 && limit.rlim_cur >= 1 << 20);
	limit = (struct rlimit){ 4096, 4096 };
	signal(SIGXFSZ, SIG_IGN);
	close(10);
	OK(setrlimit(RLIMIT_FSIZE, &limit) == 0 && (fd = open("f", O_WRONLY | O_CREAT, 0600)) >= 0);
	static char page[8192];
	OK(write(fd, page, sizeof(page)) == 4096);
	FAILS(write(fd, page, 1), EFBIG);
	struct rusage usage;
	OK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_utime.tv_sec + usage.ru_utime.tv_usec >= 0);
	FAILS(getrusage(77, &usage), EINVAL);
}

void subject_identity(void)
{
	struct utsname name;
	uid_t r, e, s;
	char b[32] = { 0 };
	OK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 && strcmp(name.machine, "x86_64") == 0);
	OK(getresuid(&r, &e, &s) == 0 && r == getuid() && e == geteuid());
	OK(setuid(getuid()) == 0 && setgid(getgid()) == 0);
	OK(getpid() == syscall(SYS_gettid) && getpid() > 0);
	OK(prctl(PR_SET_NAME, "conform-x") == 0 && prctl(PR_GET_NAME, b) == 0 && strcmp(b, "conform-x") == 0);
	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	FAILS(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	FAILS(prctl(9999, 0, 0, 0, 0), EINVAL);
	cpu_set_t set;
	OK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1);
	OK(sched_yield() == 0);
	errno = 0;
	OK(getpriority(PRIO_PROCESS, 0) == 0 && errno == 0 && setpriority(PRIO_PROCESS, 0, 5) == 0);
	OK(getpriority(PRIO_PROCESS, getpid()) == 5);
	FAILS(getpriority(9, 0), EINVAL);
	FAILS(setpriority(PRIO_PROCESS, 999999, 6), ESRCH);
	FAILS(syscall(5000), ENOSYS);
	FAILS(syscall(-1L), ENOSYS);
	unsigned char x[32] = { 0 }, y[32] = { 0 };
	OK(getrandom(x, 32, 0) == 32 && getrandom(y, 32, GRND_NONBLOCK) == 32 && memcmp(x, y, 32) != 0);
	FAILS(getrandom(x, 32, 0x100), EINVAL);
	FAILS(getrandom(nowhere, 32, 0), EFAULT);
}
