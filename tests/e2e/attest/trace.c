/* The tracer; trace.h says what it counts and checks. One thread, which started the tracee. */
#include "tests/e2e/attest/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/daemon/disk.h"

#define THREADS_MAX 16
#define CHANGES_MAX 256
#define PATH_BYTES  192

struct change { /* of a name, not durable yet */
	char path[PATH_BYTES];
	void *before; /* its content before; NULL: there was none. Owned */
	size_t bytes;
	bool directory;
};

struct call {
	pid_t tid;
	bool inside, event, deadly;
	uint64_t nr, args[6];
	struct change change; /* what it will change, if it does */
};

struct model {
	struct trace *t;
	pthread_t thread;
	sem_t started;
	struct call calls[THREADS_MAX];
	struct change changes[CHANGES_MAX];
	unsigned change_count;
	char dirty[CHANGES_MAX][PATH_BYTES]; /* files with bytes that are not durable */
	unsigned dirty_count;
	uint64_t durable_bytes; /* of log/leaves */
	uint64_t durable_leaves;
};

static void broken(struct model *m, const char *what, const char *path)
{
	if (!*m->t->failure)
		snprintf(m->t->failure, sizeof(m->t->failure), "event %u: %s: %s", m->t->events, what, path);
}

/* ---- the tracee's memory and descriptors ------------------------------------------ */

static bool peek(pid_t pid, uint64_t address, void *out, size_t bytes)
{
	struct iovec here = { out, bytes }, there = { (void *)(uintptr_t)address, bytes };
	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

/* A path of a file of the state directory: of a descriptor, or of a name below one. Empty: none of ours. */
static void path_of(const struct model *m, int fd, uint64_t name, char path[PATH_BYTES])
{
	const struct node *n = m->t->node;
	char link[64], text[64] = "";
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", n->pid, fd);
	ssize_t length = readlink(link, path, PATH_BYTES - 66);
	path[length > 0 ? length : 0] = 0;
	for (size_t i = 0; name && i < sizeof(text) - 1 && peek(n->pid, name + i, &text[i], 1) && text[i]; i++)
		text[i + 1] = 0;
	if (*text == '/' || fd == AT_FDCWD)
		snprintf(path, PATH_BYTES, "%s", text);
	else if (name)
		snprintf(path + strlen(path), PATH_BYTES - strlen(path), "/%s", text);
	if (strncmp(path, n->dir, strlen(n->dir)) || !strncmp(path + strlen(n->dir), "/tpm", 4))
		*path = 0;
}

static void *content(const char *path, size_t *bytes)
{
	void *data = NULL;
	*bytes = 0;
	return ceno_disk_read(AT_FDCWD, path, 1 << 24, &data, bytes) ? NULL : data;
}

/* ---- the model ------------------------------------------------------------------------ */

static unsigned find_dirty(const struct model *m, const char *path)
{
	unsigned i = 0;
	while (i < m->dirty_count && strcmp(m->dirty[i], path))
		i++;
	return i;
}

static void set_dirty(struct model *m, const char *path, bool dirty)
{
	unsigned i = find_dirty(m, path);
	if (dirty && i == m->dirty_count && m->dirty_count < CHANGES_MAX)
		strcpy(m->dirty[m->dirty_count++], path);
	else if (!dirty && i < m->dirty_count)
		memmove(m->dirty[i], m->dirty[--m->dirty_count], PATH_BYTES);
}

static bool name_pending(const struct model *m, const char *path)
{
	for (unsigned i = 0; i < m->change_count; i++)
		if (!strcmp(m->changes[i].path, path))
			return true;
	return false;
}

/* The folder of these names was synced. */
static void folder_durable(struct model *m, const char *folder)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < m->change_count; i++) {
		struct change *c = &m->changes[i];
		size_t n = strlen(folder);
		if (!strncmp(c->path, folder, n) && c->path[n] == '/' && !strchr(c->path + n + 1, '/'))
			free(c->before);
		else
			m->changes[kept++] = *c;
	}
	m->change_count = kept;
}

/* What a power cut leaves: names as they were, leaves as far as they are durable. */
static void cut_power(struct model *m)
{
	char leaves[PATH_BYTES];
	struct stat st;
	snprintf(leaves, sizeof(leaves), "%s/log/leaves", m->t->node->dir);
	if (!stat(leaves, &st) && (uint64_t)st.st_size > m->durable_bytes && truncate(leaves, (off_t)m->durable_bytes))
		abort();
	while (m->change_count) {
		struct change *c = &m->changes[--m->change_count];
		int fd = -1;
		if (c->before &&
		    ((fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0 ||
		     write(fd, c->before, c->bytes) != (ssize_t)c->bytes))
			abort();
		if (fd >= 0)
			close(fd);
		else if (!c->directory)
			unlink(c->path);
		free(c->before);
	}
}

static int count_leaf(void *arg, uint64_t index, const struct ceno_store_leaf *leaf)
{
	uint8_t hash[32];
	(void)index;
	ceno_merkle_leaf(leaf->body, leaf->record.body_bytes, hash);
	return ceno_log_append(arg, hash, NULL);
}

int trace_tree(const struct node *n, struct ceno_log *tree)
{
	struct ceno_store store;
	char path[PATH_BYTES];
	ceno_log_init(tree);
	snprintf(path, sizeof(path), "%s/log", n->dir);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = dir < 0 ? -1 : ceno_store_open(&store, dir, true, count_leaf, tree);
	if (!error)
		ceno_store_close(&store);
	if (dir >= 0)
		close(dir);
	return error ? -1 : 0;
}

static void leaves_durable(struct model *m, const char *path)
{
	struct ceno_log tree;
	struct stat st;
	if (stat(path, &st))
		return;
	m->durable_bytes = (uint64_t)st.st_size;
	if (trace_tree(m->t->node, &tree))
		broken(m, "synced, and not readable", path);
	m->durable_leaves = tree.count;
	ceno_log_fini(&tree);
}

/* A file is about to get the name log/checkpoint. */
static void checkpoint_named(struct model *m, const char *from)
{
	struct ceno_checkpoint c;
	size_t bytes;
	char *text = content(from, &bytes);
	struct trace *t = m->t;
	if (!text || ceno_checkpoint_parse(text, bytes, &c))
		broken(m, "not a checkpoint", from);
	else if (c.size > m->durable_leaves)
		broken(m, "a checkpoint whose leaves are not durable", from);
	else if (t->seen_count < TRACE_CHECKPOINTS) {
		t->seen[t->seen_count].size = c.size;
		memcpy(t->seen[t->seen_count++].root, c.root, 32);
	}
	free(text);
}

/* ---- calls --------------------------------------------------------------------------------- */

static void prepare_change(struct call *call, const char *path)
{
	strcpy(call->change.path, path);
	call->change.before = content(path, &call->change.bytes);
}

static bool is_write(const struct call *call)
{
	return call->nr == SYS_write || call->nr == SYS_pwrite64;
}

/* Is this call an event? Notes what it is going to change. */
static bool enter_event(struct model *m, struct call *call)
{
	char path[PATH_BYTES], to[PATH_BYTES];
	struct stat st;
	switch (call->nr) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_ftruncate:
		path_of(m, (int)call->args[0], 0, path);
		return *path;
	case SYS_openat:
		path_of(m, (int)call->args[0], call->args[1], path);
		if (!*path || !(call->args[2] & O_CREAT) || !stat(path, &st))
			return false;
		prepare_change(call, path);
		return true;
	case SYS_mkdir:
	case SYS_mkdirat:
		if (call->nr == SYS_mkdir)
			path_of(m, AT_FDCWD, call->args[0], path);
		else
			path_of(m, (int)call->args[0], call->args[1], path);
		if (!*path || !stat(path, &st))
			return false;
		prepare_change(call, path);
		call->change.directory = true; /* an empty folder left behind changes nothing */
		return true;
	case SYS_unlinkat:
		path_of(m, (int)call->args[0], call->args[1], path);
		if (!*path || stat(path, &st))
			return false;
		prepare_change(call, path);
		return true;
	case SYS_renameat:
	case SYS_renameat2:
		path_of(m, (int)call->args[0], call->args[1], path);
		path_of(m, (int)call->args[2], call->args[3], to);
		if (!*path)
			return false;
		if (find_dirty(m, path) < m->dirty_count)
			broken(m, "renamed before its bytes were durable", to);
		if (strlen(to) > 15 && !strcmp(to + strlen(to) - 15, "/log/checkpoint"))
			checkpoint_named(m, path);
		prepare_change(call, to);
		return true;
	default:
		return false;
	}
}

/* The call was made and came back well. */
static void leave_event(struct model *m, struct call *call)
{
	char path[PATH_BYTES];
	path_of(m, (int)call->args[0], 0, path);
	switch (call->nr) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_ftruncate:
		set_dirty(m, path, true);
		return;
	case SYS_fsync:
	case SYS_fdatasync:
		set_dirty(m, path, false);
		folder_durable(m, path);
		if (strlen(path) > 11 && !strcmp(path + strlen(path) - 11, "/log/leaves"))
			leaves_durable(m, path);
		return;
	default:
		if (m->change_count == CHANGES_MAX)
			abort();
		m->changes[m->change_count++] = call->change;
		call->change = (struct change){ 0 };
	}
}

/* An answer: what it says must be durable. */
static void enter_answer(struct model *m, const struct call *call)
{
	struct msghdr message;
	struct iovec iov;
	struct ceno_attest_file file;
	struct ceno_attest_launched answer;
	char path[PATH_BYTES], name[CENO_DISK_NAME_MAX];
	pid_t pid = m->t->node->pid;
	if (!peek(pid, call->args[1], &message, sizeof(message)) ||
	    !peek(pid, (uintptr_t)message.msg_iov, &iov, sizeof(iov)))
		return;
	if (iov.iov_len == sizeof(answer) && peek(pid, (uintptr_t)iov.iov_base, &answer, sizeof(answer)) &&
	    answer.type == CENO_ATTEST_LAUNCHED && !answer.error) {
		if (answer.launch_index >= m->durable_leaves)
			broken(m, "LAUNCHED before the leaf was durable", "");
		else if (answer.launch_index >= m->t->answered)
			m->t->answered = answer.launch_index + 1;
	}
	if (iov.iov_len != sizeof(file) || !peek(pid, (uintptr_t)iov.iov_base, &file, sizeof(file)) ||
	    file.type != CENO_ATTEST_FILE || !file.file_bytes)
		return;
	snprintf(path, sizeof(path), "%s/log/checkpoint", m->t->node->dir);
	if (name_pending(m, path))
		broken(m, "FILE before its checkpoint was durable", path);
	for (int i = 0; i < 16; i++)
		snprintf(name + 2 * i, 3, "%02x", file.session_id[i]);
	snprintf(path, sizeof(path), "%s/sealed/%s.cdp", m->t->node->dir, name);
	if (name_pending(m, path) || find_dirty(m, path) < m->dirty_count)
		broken(m, "FILE before it was durable", path);
}

/* STORED carries no id: every payload that has its name must have it for good. */
static void enter_stored(struct model *m, const struct call *call)
{
	struct msghdr message;
	struct iovec iov;
	struct ceno_attest_launched answer;
	pid_t pid = m->t->node->pid;
	if (!peek(pid, call->args[1], &message, sizeof(message)) ||
	    !peek(pid, (uintptr_t)message.msg_iov, &iov, sizeof(iov)) || iov.iov_len != sizeof(answer) ||
	    !peek(pid, (uintptr_t)iov.iov_base, &answer, sizeof(answer)) || answer.type != CENO_ATTEST_STORED ||
	    answer.error)
		return;
	for (unsigned i = 0; i < m->change_count; i++)
		if (strstr(m->changes[i].path, ".payload") && !strstr(m->changes[i].path, ".new") &&
		    !m->changes[i].before)
			broken(m, "STORED before the payload was durable", m->changes[i].path);
}

static void halve(const struct call *call)
{
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, call->tid, NULL, &regs))
		abort();
	regs.rdx = call->args[2] / 2;
	if (ptrace(PTRACE_SETREGS, call->tid, NULL, &regs))
		abort();
}

/* Returns true: it dies here. */
static bool on_enter(struct model *m, struct call *call)
{
	struct trace *t = m->t;
	call->deadly = false;
	if (call->nr == SYS_sendmsg) {
		enter_answer(m, call);
		enter_stored(m, call);
	}
	call->event = enter_event(m, call);
	if (!call->event)
		return false;
	if (++t->events < TRACE_EVENTS_MAX)
		t->writes[t->events] = is_write(call) ? call->nr == SYS_pwrite64 ? 2 : 1 : 0;
	if (t->events != t->kill_at)
		return false;
	snprintf(t->killed_in, sizeof(t->killed_in), "call %llu", (unsigned long long)call->nr);
	if (t->death == TRACE_BEFORE || (t->death == TRACE_HALF && !is_write(call)))
		return true;
	if (t->death == TRACE_HALF)
		halve(call);
	call->deadly = true;
	return false;
}

static bool on_leave(struct model *m, struct call *call, int64_t result)
{
	if (call->event && result >= 0)
		leave_event(m, call);
	free(call->change.before);
	call->change = (struct change){ 0 };
	return call->deadly;
}

static struct call *call_of(struct model *m, pid_t tid)
{
	for (int i = 0; i < THREADS_MAX; i++)
		if (m->calls[i].tid == tid || !m->calls[i].tid) {
			m->calls[i].tid = tid;
			return &m->calls[i];
		}
	abort();
}

/* A stop at a system call. Returns true: it dies here. */
static bool on_call(struct model *m, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct call *call = call_of(m, tid);
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		call->nr = info.entry.nr;
		memcpy(call->args, info.entry.args, sizeof(call->args));
		return on_enter(m, call);
	}
	return info.op == PTRACE_SYSCALL_INFO_EXIT && on_leave(m, call, info.exit.rval);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void *trace_main(void *arg)
{
	struct model *m = arg;
	struct trace *t = m->t;
	int status;
	node_spawn(t->node);
	pid_t leader = t->node->pid;
	if (waitpid(leader, &status, __WALL) != leader || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, leader, NULL,
	           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL))
		abort();
	sem_post(&m->started);
	ptrace(PTRACE_SYSCALL, leader, NULL, NULL);
	for (pid_t tid; (tid = waitpid(-1, &status, __WALL | __WNOTHREAD)) > 0;) {
		if (!WIFSTOPPED(status)) {
			if (tid == leader)
				break;
			continue;
		}
		bool call = WSTOPSIG(status) == (SIGTRAP | 0x80);
		if (call && !t->killed && on_call(m, tid)) {
			t->killed = true;
			kill(leader, SIGKILL);
			continue;
		}
		int deliver = call || WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)deliver);
	}
	return NULL;
}

void trace_start(struct trace *t)
{
	struct model *m = calloc(1, sizeof(*m));
	if (!m)
		abort();
	m->t = t;
	t->private = m;
	t->events = 0;
	t->killed = false;
	t->node->traced = true;
	/* What an earlier life left is durable: the model is of this one. */
	char leaves[PATH_BYTES];
	snprintf(leaves, sizeof(leaves), "%s/log/leaves", t->node->dir);
	leaves_durable(m, leaves);
	if (sem_init(&m->started, 0, 0) || pthread_create(&m->thread, NULL, trace_main, m))
		abort();
	while (sem_wait(&m->started) && errno == EINTR)
		;
}

void trace_join(struct trace *t)
{
	struct model *m = t->private;
	pthread_join(m->thread, NULL);
	t->node->pid = 0;
	t->node->traced = false;
	if (t->killed && t->death == TRACE_POWER)
		cut_power(m);
	for (unsigned i = 0; i < m->change_count; i++)
		free(m->changes[i].before);
	sem_destroy(&m->started);
	free(m);
	t->private = NULL;
}
