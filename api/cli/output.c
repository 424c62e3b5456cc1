/* What a session left: see output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"
#include "policy/units.h"

__attribute__((format(printf, 2, 3))) static int fail(struct ceno_output *o, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(o->error, sizeof o->error, format, arguments);
	va_end(arguments);
	return -1;
}

void ceno_output_init(struct ceno_output *o, int directory, uint64_t limit)
{
	uint8_t random[32];

	memset(o, 0, sizeof *o);
	o->directory = directory;
	o->file.fd = -1;
	o->left = limit;
	ceno_cli_random(random, sizeof random);
	ceno_units_format_hex(random, sizeof random, o->word);
}

void ceno_output_fini(struct ceno_output *o)
{
	ceno_nameless_drop(&o->file);
}

static bool has_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	return false;
}

static bool is_dots(const char *part, size_t length)
{
	return part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'));
}

const char *ceno_output_path_why(const char *path)
{
	unsigned depth = 0;

	for (;;) {
		size_t part = strcspn(path, "/");

		if (!part || is_dots(path, part))
			return "not a usable path";
		if (part > 255)
			return "a name of more than 255 bytes";
		if (++depth > CENO_OUTPUT_DEPTH_MAX)
			return "more than 64 directories deep";
		if (has_control(path, part))
			return "a control character in its name";
		if (!path[part])
			return NULL;
		path += part + 1;
	}
}

const char *ceno_output_link_why(const char *path, const char *target)
{
	static const char out[] = "a link that leads out";
	unsigned depth = 0;

	for (const char *p = path; *p; p++)
		depth += *p == '/';
	if (!*target || *target == '/')
		return out;
	while (*target) {
		size_t part = strcspn(target, "/");

		if (has_control(target, part))
			return "a link with a control character in its target";
		if (part == 2 && is_dots(target, part)) {
			if (depth-- == 0)
				return out;
		} else if (part && !is_dots(target, part)) {
			depth++;
		}
		target += part + (target[part] == '/');
	}
	return NULL;
}

/* The directory a path lies in, through no link; its last part in *leaf. */
static int open_parent(const struct ceno_output *o, const char **leaf)
{
	const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	char parent[CENO_OUT_PATH_MAX + 1];
	const char *slash = strrchr(o->path, '/');

	*leaf = slash ? slash + 1 : o->path;
	snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - o->path) : 1, slash ? o->path : ".");
	return (int)syscall(SYS_openat2, o->directory, parent, &how, sizeof how);
}

/* Makes it; a file gets its name at its end. NULL, or why not. */
static const char *make(struct ceno_output *o)
{
	mode_t mode = o->entry.mode & 0777;
	const char *leaf, *why = NULL;
	int rc = -1, parent;

	if (o->directory < 0)
		return NULL;
	parent = open_parent(o, &leaf);
	if (parent < 0)
		return errno == ENOENT ? "its directory was left out" : strerror(errno);
	switch (o->entry.mode & S_IFMT) {
	case S_IFDIR:
		rc = mkdirat(parent, leaf, mode | 0700);
		break;
	case S_IFLNK:
		rc = symlinkat(o->target, parent, leaf);
		break;
	default:
		rc = ceno_nameless_open(&o->file, parent, mode | 0600);
		return rc ? strerror(-rc) : NULL;
	}
	if (rc)
		why = strerror(errno);
	close(parent);
	return why;
}

/* Why nothing of this kind is made; NULL: it is. */
static const char *kind_why(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
	case S_IFREG:
	case S_IFLNK:
		return NULL;
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case 0:
		return "a path of more than 4095 bytes";
	default:
		return "a device";
	}
}

static void leave_out(struct ceno_output *o, const char *why)
{
	o->left_out++;
	if (o->missing)
		o->missing(o->owner, o->path, o->entry.path_bytes, why);
}

/* Its head is there. */
static int begin(struct ceno_output *o)
{
	const struct ceno_out_entry *e = &o->entry;
	uint32_t type = e->mode & S_IFMT;

	o->have = 0;
	if (!e->mode && !e->bytes && !e->path_bytes) {
		o->state = CENO_OUTPUT_DONE;
		return 1;
	}
	if (e->path_bytes > CENO_OUT_PATH_MAX || !e->path_bytes || (!type && e->mode != CENO_OUT_TOO_DEEP) ||
	    (type != S_IFREG && type != S_IFLNK && e->bytes) || (type == S_IFLNK && e->bytes > CENO_OUTPUT_LINK_MAX))
		return fail(o, "the guest's output is malformed");
	if (++o->entries > CENO_OUTPUT_ENTRIES_MAX)
		return fail(o, "the guest's output has more than %u files", CENO_OUTPUT_ENTRIES_MAX);
	if (e->bytes > o->left)
		return fail(o, "the guest's output is larger than the session's memory");
	o->left -= e->bytes;
	o->state = CENO_OUTPUT_PATH;
	return 0;
}

static const char *path_why(const struct ceno_output *o)
{
	return strlen(o->path) != o->entry.path_bytes ? "a NUL in its name" : ceno_output_path_why(o->path);
}

static int end_of_entry(struct ceno_output *o)
{
	if ((o->entry.mode & S_IFMT) == S_IFLNK) {
		const char *why = path_why(o);

		o->target[o->entry.bytes] = 0;
		if (!why)
			why = strlen(o->target) != o->entry.bytes ? "a link with a NUL in its target"
								  : ceno_output_link_why(o->path, o->target);
		if (!why)
			why = make(o);
		if (why)
			leave_out(o, why);
	}
	if (o->file.fd >= 0) {
		const char *slash = strrchr(o->path, '/');
		int rc = ceno_nameless_name(&o->file, slash ? slash + 1 : o->path, false);

		ceno_nameless_drop(&o->file);
		if (rc)
			leave_out(o, strerror(-rc));
	}
	o->have = 0;
	o->state = CENO_OUTPUT_HEAD;
	return 0;
}

/* Its path is there. A link is made when its target is there, too. */
static int name(struct ceno_output *o)
{
	const char *why = kind_why(o->entry.mode);

	o->path[o->entry.path_bytes] = 0;
	o->have = 0;
	if (!why)
		why = path_why(o);
	if ((o->entry.mode & S_IFMT) != S_IFLNK) {
		if (!why)
			why = make(o);
		if (why)
			leave_out(o, why);
	}
	o->state = CENO_OUTPUT_DATA;
	return o->entry.bytes ? 0 : end_of_entry(o);
}

static void seek(struct ceno_output *o, char c)
{
	if (c != o->word[o->matched]) { /* its digits are random: no part of it begins it anew but by chance */
		if (o->matched && o->before)
			o->before(o->owner, o->word, o->matched);
		o->matched = 0;
	}
	if (c == o->word[o->matched])
		o->matched++;
	else if (o->before)
		o->before(o->owner, &c, 1);
	if (o->matched == CENO_OUTPUT_WORD - 1)
		o->state = CENO_OUTPUT_HEAD;
}

/* Takes what it needs of the bytes; how many it took, or -1. */
static ssize_t take(struct ceno_output *o, void *to, uint64_t want, const char *bytes, size_t length)
{
	size_t now = want - o->have < length ? (size_t)(want - o->have) : length;

	if (to)
		memcpy((char *)to + o->have, bytes, now);
	else if (o->file.fd >= 0 && ceno_cli_write_all(o->file.fd, bytes, now)) /* no room: none for the rest either */
		return fail(o, "output %.200s: %s", o->path, strerror(errno));
	o->have += now;
	return (ssize_t)now;
}

static ssize_t step(struct ceno_output *o, const char *bytes, size_t length)
{
	bool link = (o->entry.mode & S_IFMT) == S_IFLNK;
	ssize_t n;

	switch (o->state) {
	case CENO_OUTPUT_SEEK:
		seek(o, *bytes);
		return 1;
	case CENO_OUTPUT_HEAD:
		n = take(o, &o->entry, sizeof o->entry, bytes, length);
		return o->have == sizeof o->entry && begin(o) < 0 ? -1 : n;
	case CENO_OUTPUT_PATH:
		n = take(o, o->path, o->entry.path_bytes, bytes, length);
		return o->have == o->entry.path_bytes && name(o) < 0 ? -1 : n;
	default:
		n = take(o, link ? o->target : NULL, o->entry.bytes, bytes, length);
		return n >= 0 && o->have == o->entry.bytes && end_of_entry(o) < 0 ? -1 : n;
	}
}

int ceno_output_feed(struct ceno_output *o, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length && o->state != CENO_OUTPUT_DONE) {
		ssize_t n = step(o, at, length);

		if (n < 0)
			return -1;
		at += n;
		length -= (size_t)n;
	}
	return o->state == CENO_OUTPUT_DONE;
}
