/*
 * See promise.h. Promises are bits that a process was denied: they are only ever added.
 * An unveiled place is a directory, or a name in one, which need not exist; a path is looked
 * up when it is resolved whole, from its last name upwards, so the longest match is found
 * first, whatever links led there.
 */
#include "promise.h"

#include "calls.h"
#include "fd.h"
#include "process.h"
#include "vm.h"

enum {
	STDIO = 1 << 0,
	RPATH = 1 << 1,
	WPATH = 1 << 2,
	CPATH = 1 << 3,
	FATTR = 1 << 4,
	FLOCK = 1 << 5,
	TMPPATH = 1 << 6,
	INET = 1 << 7,
	UNIX = 1 << 8,
	DNS = 1 << 9,
	PROC = 1 << 10,
	EXEC = 1 << 11,
	PROT_EXEC = 1 << 12,
	ERROR = 1 << 13, /* of `denied`: set when violations are errors */
	OTHER = 1 << 14  /* PROC, unless the process named is its own */
};
#define RW    (RPATH | WPATH | CPATH | FATTR | FLOCK | TMPPATH)
#define NET   (INET | UNIX | DNS)
#define SPAWN (PROC | EXEC | PROT_EXEC)

/* The session's classes by their numbers, then OpenBSD's words. */
static const struct word {
	char text[10];
	uint16_t bits;
} words[] = {
	[CENO_PLEDGE_STDIO] = { "stdio", STDIO },
	[CENO_PLEDGE_RW] = { "rw", RW },
	[CENO_PLEDGE_NET] = { "net", NET },
	[CENO_PLEDGE_STORAGE] = { "storage", 0 },
	[CENO_PLEDGE_SPAWN] = { "spawn", SPAWN },
	{ "rpath", RPATH },
	{ "wpath", WPATH },
	{ "cpath", CPATH },
	{ "fattr", FATTR },
	{ "flock", FLOCK },
	{ "tmppath", TMPPATH },
	{ "inet", INET },
	{ "unix", UNIX },
	{ "dns", DNS },
	{ "proc", PROC },
	{ "exec", EXEC },
	{ "prot_exec", PROT_EXEC },
	{ "error", ERROR },
};

#define PLACES 60

struct place {
	struct ceno_inode *dir; /* counted in its uses */
	char *text;             /* the name in it, NULL: the directory itself */
	uint8_t length, rights; /* rights: bits of CENO_NEED_*, shifted down */
};

struct ceno_unveil {
	uint32_t uses, count, locked;
	struct place place[PLACES];
};

/* ---- pledge --------------------------------------------------------------------------- */

/* What the session was given and lost since. Its streams are none of it: they are hung up (stdio.h). */
static uint32_t lost(void)
{
	return ceno_dropped() & ~(1u << CENO_PLEDGE_STDIO);
}

/* What the session was not given, or lost. Sockets lead nowhere in any session: see socket.c. */
static uint32_t of_session(void)
{
	uint32_t denied = ceno_boot()->flags & CENO_BOOT_ERRORS ? ERROR : 0;

	for (uint32_t i = 0; i <= CENO_PLEDGE_SPAWN; i++)
		if (!((ceno_boot()->pledge_mask & ~lost()) >> i & 1) && i != CENO_PLEDGE_NET)
			denied |= words[i].bits;
	return denied;
}

void ceno_promise_begin(void)
{
	ceno_self()->denied = of_session();
}

/* The session's report names the classes that were missing. What follows, whoever has denied
 * the word says: the session, or else the program itself. */
static int violation(uint32_t bits)
{
	struct ceno_process *self = ceno_self();
	uint32_t session = of_session();

	for (uint32_t i = 0; i <= CENO_PLEDGE_SPAWN; i++)
		if (words[i].bits & bits)
			ceno_run.missing |= 1u << i;
	if (!((bits & session ? session : self->denied) & ERROR))
		ceno_process_kill(self, LX_SIGABRT);
	return -LX_ENOSYS;
}

/* What the process may not do now. */
static uint32_t denied(void)
{
	return ceno_self()->denied | (lost() ? of_session() : 0);
}

static int check(uint32_t bits)
{
	bits &= denied();
	return bits ? violation(bits) : 0;
}

int ceno_promise_call(uint32_t number, const uint64_t a[6])
{
	/* Calls that need more than stdio and are not about a path; 0 ends a row. */
	static const struct {
		uint16_t bits;
		uint16_t numbers[10];
	} rows[] = {
		{ PROC, { 57, 58, 109, 112 } },        /* fork vfork setpgid setsid */
		{ EXEC, { 59, 322 } },                 /* execve execveat */
		{ INET, { 41 } },                      /* socket */
		{ OTHER, { 62, 129, 234, 297, 302 } }, /* kill rt_sigqueueinfo tgkill rt_tgsigqueueinfo prlimit64 */
		{ FLOCK, { 73 } },                     /* flock */
		{ FATTR, { 91, 93, 190, 199 } },       /* fchmod fchown fsetxattr fremovexattr */
		{ 0, { 60, 231 } },                    /* exit exit_group: always */
	};
	const struct ceno_task *other;
	uint64_t flags = a[0];
	uint32_t bits = STDIO;

	if (!denied())
		return 0;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned k = 0; k < 10 && rows[i].numbers[k]; k++)
			if (rows[i].numbers[k] == number)
				bits = rows[i].bits;
	if (number == 435 && ceno_user_read(&flags, a[0], sizeof(flags)))
		flags = 0;
	if (number == 56 || number == 435)
		bits = flags & LX_CLONE_THREAD ? STDIO : PROC;
	if (number == 200 && (other = ceno_task_find((int32_t)a[0])) && other->process != ceno_self())
		bits = PROC;
	if (bits == OTHER)
		bits = !a[0] || (int32_t)a[0] == (int32_t)ceno_self()->pid ? STDIO : PROC;
	if (number == 41 && (uint32_t)a[0] == LX_AF_UNIX)
		bits = UNIX;
	if ((number == 9 || number == 10) && (a[2] & LX_PROT_EXEC))
		bits = PROT_EXEC;
	if (number == 72 && (uint32_t)a[1] >= LX_F_GETLK && (uint32_t)a[1] <= LX_F_OFD_SETLKW)
		bits = FLOCK;
	if (number == 280 && !a[1])
		bits = FATTR;
	return check(bits);
}

/* The bits of a list of words separated by blanks, or 0: one is unknown. */
static uint32_t parse(const char *text)
{
	uint32_t bits = 0;

	while (*text) {
		uint64_t length = 0;
		unsigned i = 0;

		while (text[length] && text[length] != ' ')
			length++;
		while (i < sizeof(words) / sizeof(words[0]) &&
		       (strlen(words[i].text) != length || memcmp(words[i].text, text, length)))
			i++;
		if (length && i == sizeof(words) / sizeof(words[0]))
			return 0;
		bits |= length ? words[i].bits : 0u;
		text += length + (text[length] == ' ');
	}
	return bits | 1u << 31;
}

static int64_t pledge(uint64_t gva)
{
	struct ceno_process *self = ceno_self();
	char *text = ceno_path_scratch();
	int64_t length = ceno_user_string(text, gva, CENO_PATH_MAX);
	uint32_t bits, all = ERROR - 1;

	if (length < 0)
		return length;
	bits = parse(text);
	if (!bits)
		return -LX_EINVAL;
	if (bits & denied() & all)
		return -LX_EPERM;
	self->denied = (self->denied & all) | (all & ~bits) | (bits & ERROR);
	return 0;
}

/* ---- unveil ---------------------------------------------------------------------------- */

static struct place *find(const struct ceno_unveil *u, const struct ceno_inode *dir, const char *text, uint64_t length)
{
	for (uint32_t i = 0; i < u->count; i++) {
		const struct place *p = &u->place[i];

		if (p->dir == dir &&
		    (text ? p->text && p->length == length && !memcmp(p->text, text, length) : !p->text))
			return (struct place *)(uintptr_t)p;
	}
	return NULL;
}

static int is_dir(const struct ceno_inode *inode)
{
	return inode && (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* /dev/null, as in OpenBSD; and the links of /proc themselves: C libraries read /proc/self/exe as they start. */
static int of_stdio(const struct ceno_inode *inode)
{
	return inode->kind == CENO_INODE_MAGIC ||
	    (inode->kind == CENO_INODE_DEVICE && inode->device == CENO_DEVICE_NULL);
}

int ceno_promise_path(const struct ceno_walk *walk, int need)
{
	const struct ceno_unveil *u = ceno_self()->unveil;
	const struct ceno_inode *dir = walk->parent;
	const struct place *p = NULL;
	const char *text = walk->last;
	uint64_t length = walk->last_length;
	uint32_t bits = 0;

	bits |= need & CENO_NEED_READ ? RPATH : 0;
	bits |= need & CENO_NEED_WRITE ? WPATH : 0;
	bits |= need & CENO_NEED_CREATE ? CPATH : 0;
	bits |= need & CENO_NEED_ATTRIBUTES ? FATTR : 0;
	if (walk->inode && of_stdio(walk->inode))
		bits &= ~(uint32_t)(RPATH | WPATH);
	if (check(bits))
		return -LX_ENOSYS;
	if (!u || (walk->file && !walk->file->name))
		return 0;
	if (walk->file) { /* what it was opened by counts, not /proc */
		dir = walk->file->name->dir;
		text = walk->file->name->text;
		length = walk->file->name->length;
	}
	if (is_dir(walk->inode))
		p = find(u, walk->inode, NULL, 0);
	if (!p && length)
		p = find(u, dir, text, length);
	for (; !p && dir; dir = dir == ceno_inode_root() ? NULL : dir->dir.parent)
		p = find(u, dir, NULL, 0);
	if (!p)
		return -LX_ENOENT;
	need = need & CENO_NEED_ATTRIBUTES ? need | CENO_NEED_WRITE : need;
	return ((uint32_t)need >> 20 & 15 & ~p->rights) ? -LX_EACCES : 0;
}

void ceno_promise_end(struct ceno_process *process)
{
	struct ceno_unveil *u = process->unveil;

	process->unveil = NULL;
	if (!u || --u->uses)
		return;
	for (uint32_t i = 0; i < u->count; i++) {
		ceno_inode_drop(u->place[i].dir);
		if (u->place[i].text)
			ceno_pool_give(u->place[i].text, u->place[i].length);
	}
	ceno_pool_give(u, sizeof(*u));
}

void ceno_promise_inherit(struct ceno_process *child, const struct ceno_process *parent)
{
	child->denied = parent->denied;
	child->unveil = parent->unveil;
	if (child->unveil)
		child->unveil->uses++;
}

static int add(struct ceno_unveil *u, struct ceno_inode *dir, const char *text, uint64_t length, uint32_t rights)
{
	char *copy = text ? ceno_pool_take((uint32_t)length) : NULL;

	if (u->count == PLACES || (text && !copy))
		return -LX_E2BIG;
	if (copy)
		memcpy(copy, text, length);
	dir->uses++;
	u->place[u->count++] = (struct place){ dir, copy, (uint8_t)length, (uint8_t)rights };
	return 0;
}

/* The current process's own list, which nobody shares. NULL: no room. */
static struct ceno_unveil *own(void)
{
	struct ceno_unveil *old = ceno_self()->unveil, *u;

	if (old && old->uses == 1)
		return old;
	u = ceno_pool_take(sizeof(*u));
	if (!u)
		return NULL;
	u->uses = 1;
	u->locked = old ? old->locked : 0;
	for (uint32_t i = 0; old && i < old->count; i++)
		(void)add(u, old->place[i].dir, old->place[i].text, old->place[i].length, old->place[i].rights);
	if (old)
		old->uses--;
	ceno_self()->unveil = u;
	return u;
}

static int64_t rights_of(uint64_t gva)
{
	static const char letters[] = "rwxc";
	char text[8];
	int64_t length = ceno_user_string(text, gva, sizeof(text)), rights = 0;

	for (int64_t i = 0; i < length; i++) {
		int bit = 0;

		while (bit < 4 && letters[bit] != text[i])
			bit++;
		if (bit == 4)
			return -LX_EINVAL;
		rights |= 1 << bit;
	}
	return length == -LX_ENAMETOOLONG ? -LX_EINVAL : length < 0 ? length : rights;
}

static int64_t unveil(uint64_t path, uint64_t permissions)
{
	struct ceno_unveil *u = ceno_self()->unveil;
	int64_t rights = path ? rights_of(permissions) : 0;
	struct ceno_walk walk;
	struct place *p;
	int error, dir;

	if (u && u->locked)
		return -LX_EPERM;
	if (rights < 0)
		return rights;
	error = path ? ceno_path_user((uint64_t)LX_AT_FDCWD, path, 0, &walk) : 0;
	if (!error && !own())
		error = -LX_ENOMEM;
	if (error)
		return error;
	u = ceno_self()->unveil;
	if (!path) {
		u->locked = 1;
		return 0;
	}
	dir = is_dir(walk.inode);
	p = dir ? find(u, walk.inode, NULL, 0) : find(u, walk.parent, walk.last, walk.last_length);
	if (p && (rights & ~p->rights))
		return -LX_EPERM;
	if (p)
		p->rights = (uint8_t)rights;
	else
		error = add(u, dir ? walk.inode : walk.parent, dir ? NULL : walk.last, dir ? 0 : walk.last_length,
		            (uint32_t)rights);
	return error;
}

int64_t ceno_promise_prctl(const uint64_t a[6])
{
	switch ((uint32_t)a[0]) {
	case CENO_PR_PLEDGE:
		return pledge(a[1]);
	case CENO_PR_UNVEIL:
		return unveil(a[1], a[2]);
	default:
		return -LX_EINVAL;
	}
}
