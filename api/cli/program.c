/* Programs and inputs of the caller: see program.h. */
#include "program.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "guest-kernel/abi/native.h"

#define HEAD_MAX 65536u

static void printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

static void copy_text(char *out, size_t size, const uint8_t *from, size_t length)
{
	size_t n = length < size - 1 ? length : size - 1;

	memcpy(out, from, n);
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	printable(out);
}

enum ceno_elf ceno_program_inspect(const uint8_t *bytes, size_t length, char *interpreter, size_t size)
{
	const uint64_t native = CENO_NATIVE_MAGIC;
	Elf64_Ehdr head;

	interpreter[0] = '\0';
	if (length > 2 && bytes[0] == '#' && bytes[1] == '!') {
		copy_text(interpreter, size, bytes + 2, length - 2);
		return CENO_ELF_SCRIPT;
	}
	if (length >= sizeof native && !memcmp(bytes, &native, sizeof native))
		return CENO_ELF_NATIVE;
	if (length < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG))
		return CENO_ELF_NOT;
	if (length < sizeof head)
		return CENO_ELF_BAD;
	memcpy(&head, bytes, sizeof head);
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
	    head.e_machine != EM_X86_64 || (head.e_type != ET_EXEC && head.e_type != ET_DYN))
		return CENO_ELF_FOREIGN;
	if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phoff > length ||
	    (uint64_t)head.e_phnum * sizeof(Elf64_Phdr) > length - head.e_phoff)
		return CENO_ELF_BAD;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr segment;

		memcpy(&segment, bytes + head.e_phoff + i * sizeof segment, sizeof segment);
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_offset < length && segment.p_filesz <= length - segment.p_offset)
			copy_text(interpreter, size, bytes + segment.p_offset, segment.p_filesz);
		return CENO_ELF_DYNAMIC;
	}
	return CENO_ELF_STATIC;
}

/* ---- opening ------------------------------------------------------------------ */

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode)                 ? "a directory"
	    : S_ISFIFO(mode)                 ? "a FIFO"
	    : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
	    : S_ISSOCK(mode)                 ? "a socket"
					     : "not a regular file";
}

/* Opens a regular file for reading; O_NONBLOCK so that a FIFO does not hold us. 0, or -1 with `error`. */
static int open_regular(const char *path, const char *what, struct ceno_cli_file *file, char *error)
{
	struct stat st;

	file->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st)) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "%s %.200s: %s", what, path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "%s %.200s is %s; only regular files can be measured", what,
		         path, kind_of(st.st_mode));
	} else {
		file->bytes = (uint64_t)st.st_size;
		file->mode = st.st_mode & 0777;
		return 0;
	}
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	return -1;
}

/* The path execvp would take: 0 and `out`, or an errno. */
static int resolve(const char *name, char out[4096])
{
	const char *path = getenv("PATH");
	int found = ENOENT;

	if (strchr(name, '/')) {
		snprintf(out, 4096, "%s", name);
		return 0;
	}
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (;;) {
		size_t length = strcspn(path, ":");
		struct stat st;

		snprintf(out, 4096, "%.*s%s%s", (int)length, path, length ? "/" : "", name);
		if (!stat(out, &st) && S_ISREG(st.st_mode)) {
			if (!access(out, X_OK))
				return 0;
			found = EACCES;
		}
		if (!path[length])
			return found;
		path += length + 1;
	}
}

/* The last component, usable as a name in the guest; NULL if it is not. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		return NULL;
	for (const char *p = base; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	return base;
}

static int place(const char *directory, const char *name, struct ceno_cli_file *file, char *error)
{
	const char *base = name ? base_name(name) : NULL;

	if (!base || base != name ||
	    (size_t)snprintf(file->guest, sizeof file->guest, "%s/%s", directory, base) >= sizeof file->guest) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "`%.100s' is not usable as a file name in %s of the guest",
		         name ? name : "", directory);
		return -1;
	}
	return 0;
}

static int check_elf(const char *path, const struct ceno_cli_file *file, bool any, char *error)
{
	uint8_t *head = malloc(HEAD_MAX);
	char interpreter[128];
	enum ceno_elf kind = CENO_ELF_BAD;
	const char *why = "";
	ssize_t n = head ? pread(file->fd, head, HEAD_MAX, 0) : -1;

	if (n < 0)
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "program %.200s: %s", path, strerror(errno));
	else
		kind = ceno_program_inspect(head, (size_t)n, interpreter, sizeof interpreter);
	free(head);
	if (n < 0)
		return CENO_EXIT_NOT_EXECUTABLE;
	if (any && (kind == CENO_ELF_DYNAMIC || kind == CENO_ELF_SCRIPT))
		return CENO_EXIT_OK;
	switch (kind) {
	case CENO_ELF_STATIC:
		return CENO_EXIT_OK;
	case CENO_ELF_DYNAMIC:
		snprintf(
		    error, CENO_PROGRAM_ERROR_MAX,
		    "%.200s: No such file or directory: it is a dynamic program (its interpreter is %s): use a static "
		    "build, or an --image that has its libraries",
		    path, interpreter);
		return CENO_EXIT_NOT_FOUND;
	case CENO_ELF_SCRIPT:
		snprintf(
		    error, CENO_PROGRAM_ERROR_MAX,
		    "%.200s: No such file or directory: it is a script for %s: use an --image that has it, or run a "
		    "static interpreter with the script as an --input",
		    path, interpreter);
		return CENO_EXIT_NOT_FOUND;
	case CENO_ELF_FOREIGN:
		why = "it is an ELF file, but no x86-64 program";
		break;
	case CENO_ELF_NATIVE:
		why = "it is a native program: run it with --native";
		break;
	case CENO_ELF_NOT:
		why = "it is not an ELF program";
		break;
	case CENO_ELF_BAD:
		why = "it is a damaged ELF program";
		break;
	}
	snprintf(error, CENO_PROGRAM_ERROR_MAX, "%.200s: Exec format error (%s)", path, why);
	return CENO_EXIT_NOT_EXECUTABLE;
}

/* Only what the wrong file or an old one gets wrong: damage is for init to find. */
static int check_native(const char *path, const struct ceno_cli_file *file, char *error)
{
	struct ceno_native_header head = { 0 };
	char interpreter[128];
	ssize_t n = pread(file->fd, &head, sizeof head, 0);
	enum ceno_elf kind =
	    n < 0 ? CENO_ELF_BAD : ceno_program_inspect((uint8_t *)&head, (size_t)n, interpreter, sizeof interpreter);

	if (kind != CENO_ELF_NATIVE)
		snprintf(error, CENO_PROGRAM_ERROR_MAX,
		         kind == CENO_ELF_NOT || kind == CENO_ELF_SCRIPT
		             ? "%.200s is not a native file"
		             : "%.200s is an ELF program, not a native file: make one of it with ceno-native",
		         path);
	else if (head.abi_version != CENO_ABI_VERSION)
		snprintf(error, CENO_PROGRAM_ERROR_MAX,
		         "%.200s is for version %u of the native ABI, and this is version %u: make it again", path,
		         head.abi_version, CENO_ABI_VERSION);
	else if (file->bytes > CENO_NATIVE_BYTES_MAX)
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "%.200s is larger than a native file may be (1 MiB)", path);
	else
		return CENO_EXIT_OK;
	return CENO_EXIT_NOT_EXECUTABLE;
}

int ceno_program_of_guest(const char *name, char *path, size_t size, char *error)
{
	int length = snprintf(path, size, "%s%s", name[0] == '/' ? "" : "/bin/", name);

	if (!name[0]) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "program \"\": No such file or directory");
		return CENO_EXIT_NOT_FOUND;
	}
	if (length < 0 || (size_t)length >= size) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "program %.40s...: File name too long", name);
		return CENO_EXIT_NOT_EXECUTABLE;
	}
	return CENO_EXIT_OK;
}

int ceno_program_open(const char *name, enum ceno_program_want want, struct ceno_cli_file *file, char *error)
{
	char path[4096];
	int rc = resolve(name, path), status;

	file->fd = -1;
	if (rc) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX,
		         rc == ENOENT ? "%.200s: No such file or directory (no such program on the PATH)"
		                      : "%.200s: Permission denied (found on the PATH, but you may not execute it)",
		         name);
		return rc == ENOENT ? CENO_EXIT_NOT_FOUND : CENO_EXIT_NOT_EXECUTABLE;
	}
	if (access(path, F_OK)) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "program %.200s: %s", path, strerror(errno));
		return errno == ENOENT ? CENO_EXIT_NOT_FOUND : CENO_EXIT_NOT_EXECUTABLE;
	}
	if (open_regular(path, "program", file, error))
		return CENO_EXIT_NOT_EXECUTABLE;
	status = access(path, X_OK) ? CENO_EXIT_NOT_EXECUTABLE : CENO_EXIT_OK;
	if (status)
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "program %.200s: Permission denied (you may not execute it)",
		         path);
	else
		status = want == CENO_PROGRAM_NATIVE_FILE ? check_native(path, file, error)
							  : check_elf(path, file, want == CENO_PROGRAM_ANY, error);
	if (!status && place("/bin", base_name(path), file, error))
		status = CENO_EXIT_NOT_EXECUTABLE;
	if (status) {
		close(file->fd);
		file->fd = -1;
	}
	return status;
}

/* FILE or FILE=NAME (the last `=` that makes FILE exist): the path, and the name if one is given. */
static int split(const char *spec, char path[4096], const char **name, char *error)
{
	const char *equals = strrchr(spec, '=');

	*name = equals ? equals + 1 : NULL;
	if (strlen(spec) >= 4096) {
		snprintf(error, CENO_PROGRAM_ERROR_MAX, "input: the path is too long");
		return CENO_EXIT_RUN_FAILED;
	}
	snprintf(path, 4096, "%s", spec);
	if (equals && access(spec, F_OK)) /* not a file with an equals sign in its name */
		path[equals - spec] = '\0';
	else
		*name = NULL;
	return CENO_EXIT_OK;
}

static int open_as(const char *path, const char *name, struct ceno_cli_file *file, char *error)
{
	if (open_regular(path, "input", file, error))
		return CENO_EXIT_RUN_FAILED;
	if (place("/in", name ? name : base_name(path), file, error)) {
		close(file->fd);
		file->fd = -1;
		return CENO_EXIT_RUN_FAILED;
	}
	return CENO_EXIT_OK;
}

int ceno_input_open(const char *spec, struct ceno_cli_file *file, char *error)
{
	char path[4096];
	const char *name;

	file->fd = -1;
	if (split(spec, path, &name, error))
		return CENO_EXIT_RUN_FAILED;
	return open_as(path, name, file, error);
}

/* ---- directories ---------------------------------------------------------------- */

struct listing {
	struct ceno_cli_file *files;
	uint32_t *count, max;
	char *error;
};

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int add_directory(struct listing *list, const char *path, const char *guest, unsigned depth);

static bool is_full(const struct listing *list)
{
	if (*list->count < list->max)
		return false;
	snprintf(list->error, CENO_PROGRAM_ERROR_MAX,
	         "inputs: more than %u files; make an image of the directory (ceno image build --from dir:PATH)",
	         list->max);
	return true;
}

/* A directory with nothing in it: its path ends in a slash, its bytes are none. */
static int add_empty(struct listing *list, const char *guest)
{
	struct ceno_cli_file *file = &list->files[*list->count];

	if (is_full(list))
		return CENO_EXIT_RUN_FAILED;
	*file = (struct ceno_cli_file){ .fd = memfd_create("ceno-empty", MFD_CLOEXEC), .mode = 0755 };
	if (file->fd < 0 || (size_t)snprintf(file->guest, sizeof file->guest, "%s/", guest) >= sizeof file->guest) {
		snprintf(list->error, CENO_PROGRAM_ERROR_MAX, "input directory %.200s: %s", guest,
		         strerror(file->fd < 0 ? errno : ENAMETOOLONG));
		if (file->fd >= 0)
			close(file->fd);
		return CENO_EXIT_RUN_FAILED;
	}
	(*list->count)++;
	return CENO_EXIT_OK;
}

/* One file or directory below an input that is a directory. */
static int add_one(struct listing *list, const char *path, const char *guest, unsigned depth)
{
	struct ceno_cli_file *file = &list->files[*list->count];
	struct stat st;

	if (lstat(path, &st)) {
		snprintf(list->error, CENO_PROGRAM_ERROR_MAX, "input %.200s: %s", path, strerror(errno));
		return CENO_EXIT_RUN_FAILED;
	}
	if (S_ISDIR(st.st_mode))
		return add_directory(list, path, guest, depth + 1);
	if (S_ISLNK(st.st_mode)) {
		snprintf(list->error, CENO_PROGRAM_ERROR_MAX,
		         "input %.200s is a symbolic link; a directory given as input has files and directories only",
		         path);
		return CENO_EXIT_RUN_FAILED;
	}
	if (is_full(list))
		return CENO_EXIT_RUN_FAILED;
	if (open_regular(path, "input", file, list->error))
		return CENO_EXIT_RUN_FAILED;
	snprintf(file->guest, sizeof file->guest, "%s", guest);
	(*list->count)++;
	return CENO_EXIT_OK;
}

static int add_directory(struct listing *list, const char *path, const char *guest, unsigned depth)
{
	struct dirent **names = NULL;
	int status = CENO_EXIT_OK, count = depth > 32 ? -1 : scandir(path, &names, not_dots, alphasort);

	if (count < 0) {
		snprintf(list->error, CENO_PROGRAM_ERROR_MAX, "input %.200s: %s", path,
		         depth > 32 ? "more than 32 directories deep" : strerror(errno));
		return CENO_EXIT_RUN_FAILED;
	}
	if (!count)
		status = add_empty(list, guest);
	for (int i = 0; i < count; i++) {
		char below[4096 + 256], inside[CENO_PACK_PATH_MAX];
		bool plain = base_name(names[i]->d_name) != NULL;

		snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name);
		if (!status &&
		    (!plain ||
		     (size_t)snprintf(inside, sizeof inside, "%s/%s", guest, names[i]->d_name) >= sizeof inside)) {
			snprintf(list->error, CENO_PROGRAM_ERROR_MAX,
			         "input %.200s: not usable as a path in the guest (control characters, or more than "
			         "%zu bytes)",
			         below, sizeof inside - 1);
			status = CENO_EXIT_RUN_FAILED;
		}
		if (!status)
			status = add_one(list, below, inside, depth);
		free(names[i]);
	}
	free(names);
	return status;
}

int ceno_inputs_open(const char *spec, struct ceno_cli_file *files, uint32_t *count, uint32_t max, char *error)
{
	struct listing list = { files, count, max, error };
	struct ceno_cli_file top = { .fd = -1 };
	char path[4096];
	const char *name;
	struct stat st;
	size_t length;

	if (split(spec, path, &name, error))
		return CENO_EXIT_RUN_FAILED;
	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		int status = *count < max ? open_as(path, name, &files[*count], error) : CENO_EXIT_RUN_FAILED;

		if (*count >= max)
			snprintf(error, CENO_PROGRAM_ERROR_MAX, "inputs: more than %u files", max);
		*count += !status;
		return status;
	}
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	if (place("/in", name ? name : base_name(path), &top, error))
		return CENO_EXIT_RUN_FAILED;
	return add_directory(&list, path, top.guest, 0);
}

/* ---- arguments ------------------------------------------------------------------ */

static size_t put(uint8_t *block, size_t at, const char *text)
{
	size_t length = strlen(text) + 1;

	if (at > CENO_ARGS_MAX || length > CENO_ARGS_MAX - at)
		return CENO_ARGS_MAX + 1;
	memcpy(block + at, text, length);
	return at + length;
}

int ceno_args_make(const char *guest_path, char *const *argv, uint32_t argc, const char *const *env, uint32_t envc,
                   const char *directory, uint64_t *bytes)
{
	uint8_t *block = calloc(1, CENO_ARGS_MAX);
	size_t at = 8;
	int fd, rc = 0;

	if (!block)
		return -ENOMEM;
	memcpy(block, &argc, 4);
	memcpy(block + 4, &envc, 4);
	at = put(block, at, guest_path);
	for (uint32_t i = 0; i < argc; i++)
		at = put(block, at, argv[i]);
	for (uint32_t i = 0; i < envc; i++)
		at = put(block, at, env[i]);
	at = put(block, at, directory);
	fd = at > CENO_ARGS_MAX ? -1 : memfd_create("ceno-args", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (at > CENO_ARGS_MAX)
		rc = -E2BIG;
	else if (fd < 0)
		rc = -errno;
	else
		rc = ceno_cli_write_all(fd, block, at);
	free(block);
	if (!rc && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW))
		rc = -errno;
	if (rc && fd >= 0)
		close(fd);
	*bytes = at;
	return rc ? rc : fd;
}

bool ceno_env_usable(const char *text)
{
	return text[0] != '=' && strchr(text, '=');
}

bool ceno_workdir_usable(const char *path)
{
	if (*path != '/')
		return false;
	while (*path) {
		size_t part = strcspn(++path, "/");

		if ((part == 1 && path[0] == '.') || (part == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += part;
	}
	return true;
}

/* Is a variable of this one's name among those? */
static bool named_in(const char *variable, const char *const *list, uint32_t count)
{
	size_t name = strcspn(variable, "=") + 1;

	for (uint32_t i = 0; i < count; i++)
		if (!strncmp(list[i], variable, name))
			return true;
	return false;
}

uint32_t ceno_env_make(const char *const *given, uint32_t count, bool image, const char **env)
{
	static const char *const base[CENO_ENV_BASE] = { "PATH=/bin", "HOME=/tmp", "LC_ALL=C" };
	uint32_t n = 0;

	for (uint32_t i = 0; i < CENO_ENV_BASE; i++)
		if (!named_in(base[i], given, count))
			env[n++] = i == 0 && image ? "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" : base[i];
	for (uint32_t k = 0; k < count; k++)
		if (!named_in(given[k], given + k + 1, count - k - 1))
			env[n++] = given[k];
	return n;
}
