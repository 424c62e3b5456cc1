/* Directories by Landlock: see files.h. */
#include "attest/confine/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ACCESS_READ   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
#define ACCESS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Rights of ABI 1, which every kernel with Landlock knows, and the two that came with 2 and 3. */
#define ACCESS_ABI1     ((1ull << 13) - 1)
#define ACCESS_REFER    (1ull << 13)
#define ACCESS_TRUNCATE (1ull << 14)

static int allow(int ruleset, const struct ceno_allowed_files *files, uint64_t all)
{
	const uint64_t rights[] = {
		[CENO_FILES_ALL] = all, [CENO_FILES_READ] = ACCESS_READ, [CENO_FILES_DEVICE] = ACCESS_DEVICE
	};
	const struct landlock_path_beneath_attr rule = { .allowed_access = rights[files->rights],
		                                         .parent_fd = files->beneath };
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ? -errno : 0;
}

/* A rule set that asks for too little silently does not apply. */
static int is_open(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		close(root);
	return root >= 0;
}

int ceno_confine_files(const struct ceno_allowed_files *list, size_t count)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t all = ACCESS_ABI1 | (abi >= 2 ? ACCESS_REFER : 0) | (abi >= 3 ? ACCESS_TRUNCATE : 0);
	const struct landlock_ruleset_attr attr = { .handled_access_fs = all };
	if (abi < 1)
		return 0; /* an unprivileged uid and the call list are what is left */
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
	int rc = ruleset < 0 ? -errno : 0;
	for (size_t i = 0; !rc && i < count; i++)
		rc = allow(ruleset, &list[i], all);
	if (!rc && syscall(SYS_landlock_restrict_self, ruleset, 0))
		rc = -errno;
	if (ruleset >= 0)
		close(ruleset);
	return rc ? rc : is_open() ? -ENOTRECOVERABLE : 0;
}
