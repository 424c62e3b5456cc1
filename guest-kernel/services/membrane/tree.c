/*
 * The tree at the start of a session: the pack's files, and the few others that ordinary
 * programs look for. See vfs.h.
 */
#include "tree.h"

#include "image.h"
#include "pack.h"

struct ceno_inode *ceno_tree_plant(const char *path, enum ceno_inode_kind kind, uint32_t mode)
{
	char *directory = ceno_path_scratch();
	const char *leaf = path;
	struct ceno_inode *dir, *inode;
	struct ceno_name *name;

	for (const char *at = path; *at; at++)
		if (*at == '/')
			leaf = at + 1;
	memcpy(directory, path, (uint64_t)(leaf - path));
	directory[leaf - path] = 0;
	dir = ceno_path_make(directory, 0);
	name = dir ? ceno_dir_find(dir, leaf, strlen(leaf)) : NULL;
	if (name && kind == CENO_INODE_PACK && name->inode->kind != CENO_INODE_DIR) {
		ceno_dir_remove(name); /* the pack's lies above the image's */
		name = NULL;
	}
	if (!dir || name)
		return NULL;
	inode = ceno_inode_new(kind, mode);
	if (!inode || ceno_dir_add(dir, leaf, strlen(leaf), inode))
		return NULL;
	inode->owned = 0;
	return inode;
}

static int plant_pack(void)
{
	for (uint32_t i = 0; i < ceno_packs_count(); i++) {
		const struct ceno_pack_entry *entry = ceno_packs_entry(i);
		struct ceno_inode *inode;

		if (entry->path[0] != '/')
			continue;
		if (entry->path[strlen(entry->path) - 1] == '/') {
			if (!ceno_path_make(entry->path, 0))
				return -LX_ENOMEM;
			continue;
		}
		inode = ceno_tree_plant(entry->path, CENO_INODE_PACK, entry->mode & 0777);
		if (!inode)
			return -LX_ENOMEM;
		inode->stored = (struct ceno_stored){ entry->offset, entry->length, entry->mode };
		inode->size = entry->length;
	}
	return 0;
}

static const struct leaf {
	const char *path, *text; /* of a LINK: its target; of a DEVICE: NULL */
	uint8_t kind, device;
} leaves[] = {
	{ "/dev/null", NULL, CENO_INODE_DEVICE, CENO_DEVICE_NULL },
	{ "/dev/zero", NULL, CENO_INODE_DEVICE, CENO_DEVICE_ZERO },
	{ "/dev/full", NULL, CENO_INODE_DEVICE, CENO_DEVICE_FULL },
	{ "/dev/random", NULL, CENO_INODE_DEVICE, CENO_DEVICE_RANDOM },
	{ "/dev/urandom", NULL, CENO_INODE_DEVICE, CENO_DEVICE_RANDOM },
	{ "/dev/tty", NULL, CENO_INODE_DEVICE, CENO_DEVICE_TTY },
	{ "/dev/fd", "/proc/self/fd", CENO_INODE_LINK, 0 },
	{ "/dev/stdin", "/proc/self/fd/0", CENO_INODE_LINK, 0 },
	{ "/dev/stdout", "/proc/self/fd/1", CENO_INODE_LINK, 0 },
	{ "/dev/stderr", "/proc/self/fd/2", CENO_INODE_LINK, 0 },
	{ "/proc/mounts", "self/mounts", CENO_INODE_LINK, 0 },
	{ "/proc/0/mounts", "pack / tmpfs rw 0 0\nproc /proc proc ro 0 0\n", CENO_INODE_TEXT, 0 },
	{ "/proc/filesystems", "nodev\ttmpfs\nnodev\tproc\n", CENO_INODE_TEXT, 0 },
	{ "/proc/version", "Linux version 6.1.0-cenotaph\n", CENO_INODE_TEXT, 0 },
	{ "/proc/cpuinfo", "processor\t: 0\n\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/kernel/ostype", "Linux\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/kernel/osrelease", "6.1.0-cenotaph\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/kernel/hostname", "cenotaph\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/kernel/pid_max", "32768\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/kernel/ngroups_max", "65536\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/kernel/cap_last_cap", "40\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/vm/overcommit_memory", "1\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/fs/pipe-max-size", "1048576\n", CENO_INODE_TEXT, 0 },
	{ "/proc/sys/fs/file-max", "262144\n", CENO_INODE_TEXT, 0 },
	{ "/sys/devices/system/cpu/online", "0\n", CENO_INODE_TEXT, 0 },
	{ "/sys/devices/system/cpu/possible", "0\n", CENO_INODE_TEXT, 0 },
	{ "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n", CENO_INODE_TEXT, 0 },
	{ "/etc/group", "root:x:0:\nuser:x:1000:\n", CENO_INODE_TEXT, 0 },
	{ "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n", CENO_INODE_TEXT, 0 },
};

static int plant_leaf(const struct leaf *leaf)
{
	struct ceno_inode *inode =
	    ceno_tree_plant(leaf->path, leaf->kind == CENO_INODE_LINK ? CENO_INODE_FILE : leaf->kind,
	                    leaf->kind == CENO_INODE_TEXT ? 0444 : 0666);
	uint32_t length = leaf->text ? (uint32_t)strlen(leaf->text) : 0;

	if (!inode) /* the pack has it */
		return 0;
	inode->device = leaf->device;
	inode->size = length;
	if (leaf->kind == CENO_INODE_TEXT)
		inode->text = leaf->text;
	if (leaf->kind != CENO_INODE_LINK)
		return 0;
	inode->target = ceno_pool_take(length + 1);
	if (!inode->target)
		return -LX_ENOMEM;
	memcpy(inode->target, leaf->text, length);
	inode->kind = CENO_INODE_LINK;
	inode->mode = LX_S_IFLNK | 0777;
	return 0;
}

int ceno_vfs_init(void)
{
	static const char *const writable[] = { "/tmp", "/var/tmp", "/dev/shm", "/out" };
	int error;

	if (!ceno_inode_root() || ceno_image_mount(ceno_boot()->image_bytes))
		return -LX_ENOMEM;
	for (unsigned i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
		struct ceno_inode *dir = ceno_path_make(writable[i], 0);

		if (!dir)
			return -LX_ENOMEM;
		dir->mode = LX_S_IFDIR | 01777;
	}
	error = plant_pack();
	for (unsigned i = 0; !error && i < sizeof(leaves) / sizeof(leaves[0]); i++)
		error = plant_leaf(&leaves[i]);
	if (!error)
		ceno_procfs_plant();
	return error;
}
