/*
 * The tree at the start of a session: the pack's files, and the few others that
 * ordinary programs look for. See vfs.h. Text that changes is made when it is
 * opened, into a file without a name.
 */
#include "frames.h"
#include "image.h"
#include "pack.h"
#include "process.h"
#include "time.h"
#include "vfs.h"
#include "vm.h"

struct text {
	struct ceno_inode *inode;
	int full;
};

static void put(struct text *out, const char *s, uint64_t length)
{
	if (ceno_inode_write(out->inode, s, length, out->inode->size) != (int64_t)length)
		out->full = 1;
}

static void put_string(struct text *out, const char *s)
{
	put(out, s, strlen(s));
}

static void put_number(struct text *out, uint64_t value, unsigned base, unsigned width)
{
	char digits[24];
	unsigned at = sizeof(digits), least = sizeof(digits) - width;

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || at > least);
	put(out, digits + at, sizeof(digits) - at);
}

static void put_maps(struct text *out)
{
	const struct ceno_vm *vm = ceno_vm_current();

	for (uint32_t i = 0; i < vm->count; i++) {
		const struct ceno_area *area = &vm->areas[i];
		const char rights[6] = { area->prot & LX_PROT_READ ? 'r' : '-',
			                 area->prot & LX_PROT_WRITE ? 'w' : '-',
			                 area->prot & LX_PROT_EXEC ? 'x' : '-',
			                 area->flags & CENO_AREA_SHARED ? 's' : 'p',
			                 ' ',
			                 0 };

		put_number(out, area->start, 16, 8);
		put_string(out, "-");
		put_number(out, area->end, 16, 8);
		put_string(out, " ");
		put_string(out, rights);
		put_number(out, area->offset, 16, 8);
		put_string(out, area->file ? " 00:02 2 " : " 00:00 0 ");
		if (area->flags & CENO_AREA_STACK)
			put_string(out, "[stack]");
		else if (area->flags & CENO_AREA_BRK)
			put_string(out, "[heap]");
		else if (area->file)
			put_string(out, "/pack");
		put_string(out, "\n");
	}
}

static void put_kb(struct text *out, const char *name, uint64_t pages)
{
	put_string(out, name);
	put_number(out, pages * 4, 10, 0);
	put_string(out, " kB\n");
}

static void put_meminfo(struct text *out)
{
	uint64_t total = ceno_frames_total(), free = total - ceno_frames_used();

	put_kb(out, "MemTotal:       ", total);
	put_kb(out, "MemFree:        ", free);
	put_kb(out, "MemAvailable:   ", free);
	put_kb(out, "Buffers:        ", 0);
	put_kb(out, "Cached:         ", 0);
	put_kb(out, "SwapTotal:      ", 0);
	put_kb(out, "SwapFree:       ", 0);
}

static void put_stat(struct text *out)
{
	put_number(out, CENO_PID, 10, 0);
	put_string(out, " (");
	put_string(out, ceno_current->name);
	put_string(out, ") R 1 2 2 0 -1 0 0 0 0 0 ");
	put_number(out, ceno_time_ns(LX_CLOCK_PROCESS_CPUTIME) / 10000000u, 10, 0);
	put_string(out, " 0 0 0 20 0 1 0 0 0 ");
	put_number(out, ceno_frames_used(), 10, 0);
	for (int i = 0; i < 28; i++)
		put_string(out, " 0");
	put_string(out, "\n");
}

static void put_status(struct text *out)
{
	put_string(out, "Name:\t");
	put_string(out, ceno_current->name);
	put_string(
	    out,
	    "\nState:\tR (running)\nTgid:\t2\nPid:\t2\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t1\n");
	put_kb(out, "VmRSS:\t", ceno_frames_used());
}

static void put_uptime(struct text *out)
{
	uint64_t centiseconds = ceno_time_ns(LX_CLOCK_BOOTTIME) / 10000000u;

	put_number(out, centiseconds / 100, 10, 0);
	put_string(out, ".");
	put_number(out, centiseconds % 100, 10, 2);
	put_string(out, " 0.00\n");
}

struct ceno_inode *ceno_procfs_generate(uint8_t which)
{
	struct text out = { .inode = ceno_inode_new(CENO_INODE_FILE, 0444) };

	if (!out.inode)
		return NULL;
	switch (which) {
	case CENO_PROC_MAPS:
		put_maps(&out);
		break;
	case CENO_PROC_MEMINFO:
		put_meminfo(&out);
		break;
	case CENO_PROC_STAT:
		put_stat(&out);
		break;
	case CENO_PROC_STATUS:
		put_status(&out);
		break;
	case CENO_PROC_UPTIME:
		put_uptime(&out);
		break;
	default:
		put(&out, ceno_self()->path, strlen(ceno_self()->path) + 1);
		break;
	}
	if (!out.full)
		return out.inode;
	ceno_inode_settle(out.inode);
	return NULL;
}

void ceno_procfs_exe_set(const char *path)
{
	struct ceno_walk walk;

	if (ceno_path_walk(ceno_inode_root(), "/proc/self/exe", CENO_WALK_NOFOLLOW, &walk) || !walk.inode ||
	    walk.inode->kind != CENO_INODE_LINK)
		return;
	walk.inode->size = strlen(path);
	memcpy(ceno_ram(walk.inode->target), path, walk.inode->size + 1);
}

/* ---- the tree ------------------------------------------------------------------- */

/* A leaf under an absolute path, in directories that are made read-only if missing.
 * An entry that exists already (the pack's) stays. NULL: no RAM, or it exists. */
static struct ceno_inode *plant(const char *path, enum ceno_inode_kind kind, uint32_t mode)
{
	static char directory[CENO_PATH_MAX];
	const char *leaf = path;
	struct ceno_inode *dir, *inode;
	struct ceno_name *name;

	for (const char *at = path; *at; at++)
		if (*at == '/')
			leaf = at + 1;
	memcpy(directory, path, (uint64_t)(leaf - path));
	directory[leaf - path] = 0;
	dir = ceno_path_make(directory, 1);
	name = dir ? ceno_dir_find(dir, leaf, strlen(leaf)) : NULL;
	if (name && kind == CENO_INODE_PACK && name->inode->kind != CENO_INODE_DIR) {
		ceno_dir_remove(dir, name); /* the pack's lies above the image's */
		name = NULL;
	}
	if (!dir || name)
		return NULL;
	inode = ceno_inode_new(kind, mode);
	if (!inode || ceno_dir_add(dir, leaf, strlen(leaf), inode))
		return NULL;
	return inode;
}

static int plant_pack(void)
{
	for (uint32_t i = 0; i < ceno_packs_count(); i++) {
		const struct ceno_pack_entry *entry = ceno_packs_entry(i);
		struct ceno_inode *inode;

		if (entry->path[0] != '/')
			continue;
		inode = plant(entry->path, CENO_INODE_PACK, entry->mode & 0777);
		if (!inode)
			return -LX_ENOMEM;
		inode->stored = (struct ceno_stored){ entry->offset, entry->length, entry->mode };
		inode->size = entry->length;
	}
	return 0;
}

static void plant_link(const char *path, const char *target)
{
	struct ceno_inode *inode = plant(path, CENO_INODE_LINK, 0777);
	uint64_t frame = inode ? ceno_frames_alloc(0) : CENO_NO_FRAME;

	if (frame == CENO_NO_FRAME)
		ceno_membrane_abort();
	memcpy(ceno_ram(frame), target, strlen(target) + 1);
	inode->target = frame;
	inode->size = strlen(target);
}

static void plant_text(const char *path, const char *text)
{
	struct ceno_inode *inode = plant(path, CENO_INODE_TEXT, 0444);

	if (inode)
		inode->text = text;
}

static void plant_numbered(const char *path, enum ceno_inode_kind kind, uint32_t mode, uint8_t which)
{
	struct ceno_inode *inode = plant(path, kind, mode);

	if (inode)
		inode->device = which;
}

static void plant_proc(void)
{
	plant_numbered("/proc/self/maps", CENO_INODE_GENERATED, 0444, CENO_PROC_MAPS);
	plant_numbered("/proc/self/stat", CENO_INODE_GENERATED, 0444, CENO_PROC_STAT);
	plant_numbered("/proc/self/status", CENO_INODE_GENERATED, 0444, CENO_PROC_STATUS);
	plant_numbered("/proc/self/cmdline", CENO_INODE_GENERATED, 0444, CENO_PROC_CMDLINE);
	plant_numbered("/proc/meminfo", CENO_INODE_GENERATED, 0444, CENO_PROC_MEMINFO);
	plant_numbered("/proc/uptime", CENO_INODE_GENERATED, 0444, CENO_PROC_UPTIME);
	plant_numbered("/proc/self/fd", CENO_INODE_FD_DIR, 0500, 0);
	plant_link("/proc/self/exe", "/");
	plant_link("/proc/mounts", "self/mounts");
	plant_text("/proc/self/mounts", "pack / pack ro 0 0\ntmpfs /tmp tmpfs rw 0 0\nproc /proc proc ro 0 0\n");
	plant_text("/proc/filesystems", "nodev\ttmpfs\nnodev\tproc\n");
	plant_text("/proc/cpuinfo", "processor\t: 0\n\n");
	plant_text("/sys/devices/system/cpu/online", "0\n");
	plant_text("/sys/devices/system/cpu/possible", "0\n");
}

static void plant_dev(void)
{
	plant_numbered("/dev/null", CENO_INODE_DEVICE, 0666, CENO_DEVICE_NULL);
	plant_numbered("/dev/zero", CENO_INODE_DEVICE, 0666, CENO_DEVICE_ZERO);
	plant_numbered("/dev/full", CENO_INODE_DEVICE, 0666, CENO_DEVICE_FULL);
	plant_numbered("/dev/random", CENO_INODE_DEVICE, 0666, CENO_DEVICE_RANDOM);
	plant_numbered("/dev/urandom", CENO_INODE_DEVICE, 0666, CENO_DEVICE_RANDOM);
	plant_numbered("/dev/tty", CENO_INODE_DEVICE, 0666, CENO_DEVICE_TTY);
	plant_link("/dev/fd", "/proc/self/fd");
	plant_link("/dev/stdin", "/proc/self/fd/0");
	plant_link("/dev/stdout", "/proc/self/fd/1");
	plant_link("/dev/stderr", "/proc/self/fd/2");
}

int ceno_vfs_init(void)
{
	static const char *const writable[] = { "/tmp", "/var/tmp", "/dev/shm", "/out" };
	struct ceno_inode *dir = ceno_inode_root();

	if (!dir || ceno_image_mount(ceno_boot()->image_bytes))
		return -LX_ENOMEM;
	for (unsigned i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
		dir = ceno_path_make(writable[i], 1);
		if (!dir)
			return -LX_ENOMEM;
		dir->read_only = 0;
		dir->mode = LX_S_IFDIR | 01777;
	}
	if (plant_pack())
		return -LX_ENOMEM;
	plant_dev();
	plant_proc();
	plant_text("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n");
	plant_text("/etc/group", "root:x:0:\n");
	plant_text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
	return 0;
}
