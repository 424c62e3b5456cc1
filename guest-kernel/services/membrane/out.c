/* /out on its way to the host. See out.h. No program runs meanwhile. */
#include "out.h"

#include "abi/out.h"
#include "stdio.h"
#include "vfs.h"

static int put(const void *from, uint64_t bytes)
{
	const uint8_t *at = from;

	while (bytes) {
		int64_t done = ceno_stdio_write(CENO_STREAM_OUT, at, bytes);

		if (done == -LX_EAGAIN) {
			ceno_stdio_wait();
			continue;
		}
		if (done < 0)
			return (int)done;
		at += done;
		bytes -= (uint64_t)done;
	}
	return 0;
}

static int put_data(struct ceno_inode *inode)
{
	uint8_t piece[1024];
	int error = 0;

	if (inode->kind == CENO_INODE_LINK)
		return put(inode->target, inode->size);
	for (uint64_t at = 0; !error && at < inode->size;) {
		int64_t got = ceno_inode_read(inode, piece, sizeof(piece), at);

		error = got <= 0 ? -LX_EIO : put(piece, (uint64_t)got);
		at += (uint64_t)got;
	}
	return error;
}

static int put_name(const struct ceno_name *name)
{
	struct ceno_inode *inode = name->inode;
	struct ceno_out_entry entry = { .mode = inode->mode };
	char *path = ceno_path_scratch();
	int removed, error;
	int64_t length = ceno_name_path(name, path, CENO_PATH_MAX, &removed);

	if (length < 0) { /* no path says where it is */
		entry.mode = CENO_OUT_TOO_DEEP;
		length = (int64_t)sizeof("/out/") + name->length;
		memcpy(path + sizeof("/out/") - 1, name->text, name->length);
	} else if (inode->kind == CENO_INODE_FILE || inode->kind == CENO_INODE_LINK) {
		entry.bytes = inode->size;
	}
	entry.path_bytes = (uint32_t)length - (uint32_t)sizeof("/out/");
	error = put(&entry, sizeof(entry));
	if (!error)
		error = put(path + sizeof("/out/") - 1, entry.path_bytes);
	return error || !entry.bytes ? error : put_data(inode);
}

void ceno_out_send(const char *word)
{
	static const struct ceno_out_entry end;
	struct ceno_walk walk;
	const struct ceno_name *name = NULL;
	int error = put(word, strlen(word));

	if (!ceno_path_walk(ceno_inode_root(), "/out", CENO_WALK_NOFOLLOW, &walk) && walk.inode &&
	    walk.inode->kind == CENO_INODE_DIR)
		name = walk.inode->dir.first;
	while (name && !error) {
		error = put_name(name);
		if (name->inode->kind == CENO_INODE_DIR && name->inode->dir.first) {
			name = name->inode->dir.first;
			continue;
		}
		while (name && !name->next)
			name = name->dir == walk.inode ? NULL : name->dir->dir.name;
		name = name ? name->next : NULL;
	}
	if (!error)
		(void)put(&end, sizeof(end));
}
