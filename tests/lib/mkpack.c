/*
 * ceno-mkpack: writes a pack file for the guest tests.
 *
 *   ceno-mkpack OUT [--native] [-C cwd] [-e NAME=VALUE]... PATH=FILE[:program|:input]... -- PROGRAM [ARG]...
 *
 * PATH is the path inside the guest, FILE a host file (":" may not stand in its
 * last part unless a known mark follows). PROGRAM is the guest path of the
 * program; its argv is PROGRAM's last component and the ARGs. The output holds
 * exactly what the warden would lay out for the same files (vmm/warden/pack.h); --native marks
 * the program as a native file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "vmm/warden/pack.h"

static struct ceno_pack_entry entries[CENO_PACK_ENTRIES_MAX];
static const char *files[CENO_PACK_ENTRIES_MAX];
static uint32_t source[CENO_PACK_ENTRIES_MAX];
static uint8_t args[CENO_ARGS_MAX];
static uint32_t count, flags;

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "ceno-mkpack: %s: %s\n", what, why);
	return 1;
}

static int add_file(char *item)
{
	struct ceno_pack_entry *entry = &entries[count];
	char *file = strchr(item, '='), *mark;
	struct stat st;

	if (!file || count == CENO_PACK_ENTRIES_MAX - 1)
		return fail(item, "expected PATH=FILE, and not too many of them");
	*file++ = 0;
	mark = strrchr(file, ':');
	entry->mode = 0444;
	if (mark && strcmp(mark, ":program") == 0)
		entry->mode = 0555 | CENO_PACK_PROGRAM;
	else if (mark && strcmp(mark, ":input") == 0)
		entry->mode = 0444 | CENO_PACK_INPUT;
	else
		mark = NULL;
	if (mark)
		*mark = 0;
	if (strlen(item) >= sizeof(entry->path))
		return fail(item, ceno_pack_error_text(CENO_PACK_ERROR_PATH));
	strcpy(entry->path, item);
	if (stat(file, &st) || !S_ISREG(st.st_mode))
		return fail(file, "not a readable regular file");
	entry->length = (uint64_t)st.st_size;
	files[count++] = file;
	return 0;
}

static int add_args(char **rest, const char *const *env, const char *cwd)
{
	const char *argv[4096] = { strrchr(rest[0], '/') ? strrchr(rest[0], '/') + 1 : rest[0] };
	int64_t bytes;

	for (size_t i = 1; rest[i] && i < 4095; i++)
		argv[i] = rest[i];
	bytes = ceno_pack_args_format(args, sizeof(args), rest[0], argv, env, cwd);
	if (bytes < 0)
		return fail(rest[0], ceno_pack_error_text((int)bytes));
	strcpy(entries[count].path, CENO_PACK_ARGS);
	entries[count].mode = 0400;
	entries[count].length = (uint64_t)bytes;
	files[count++] = NULL;
	return 0;
}

static int copy_in(uint8_t *pack, struct ceno_pack_entry *entry, const char *file)
{
	uint8_t *to = pack + entry->offset;
	uint64_t done = 0;

	if (!file) {
		memcpy(to, args, entry->length);
		done = entry->length;
	} else {
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		ssize_t got = 1;

		if (fd < 0)
			return fail(file, strerror(errno));
		for (; done < entry->length && got > 0; done += (uint64_t)(got > 0 ? got : 0))
			got = read(fd, to + done, entry->length - done);
		close(fd);
	}
	if (done != entry->length)
		return fail(file, "shrank while it was read");
	SHA256(to, entry->length, entry->sha256);
	return 0;
}

static int write_pack(const char *out)
{
	uint64_t total;
	uint32_t culprit;
	uint8_t *pack;
	int error = ceno_pack_plan(entries, count, source, &total, &culprit);
	int fd;

	if (error)
		return fail(entries[culprit].path, ceno_pack_error_text(error));
	fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, (off_t)total))
		return fail(out, strerror(errno));
	pack = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pack == MAP_FAILED)
		return fail(out, strerror(errno));
	for (uint32_t i = 0; i < count; i++)
		if (copy_in(pack, &entries[i], files[source[i]]))
			return 1;
	ceno_pack_header_format((struct ceno_pack_header *)(void *)pack, count, total, flags);
	memcpy(pack + sizeof(struct ceno_pack_header), entries, count * sizeof(entries[0]));
	munmap(pack, total);
	return close(fd) ? fail(out, strerror(errno)) : 0;
}

int main(int argc, char **argv)
{
	const char *env[256] = { 0 }, *cwd = "/";
	size_t envc = 0;
	int i = 2;

	if (argc < 4)
		return fail("usage",
		            "ceno-mkpack OUT [--native] [-C cwd] [-e NAME=VALUE]... PATH=FILE[:program|:input]... -- "
		            "PROGRAM "
		            "[ARG]...") +
		    1;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--native") == 0)
			flags = CENO_PACK_NATIVE;
		else if (strcmp(argv[i], "-C") == 0 && i + 1 < argc)
			cwd = argv[++i];
		else if (strcmp(argv[i], "-e") == 0 && i + 1 < argc && envc < 255)
			env[envc++] = argv[++i];
		else if (add_file(argv[i]))
			return 2;
	}
	if (i + 1 < argc && add_args(&argv[i + 1], env, cwd))
		return 2;
	if (write_pack(argv[1])) {
		unlink(argv[1]);
		return 1;
	}
	return 0;
}
