/* Images in the ledger: see ledger.h. */
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

#define COLUMNS "image,signer,uid,entries,bytes,added_ms,name,released"

static sqlite3_stmt *prepare(struct ceno_ledger *ledger, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	return sqlite3_prepare_v2(ledger->db, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static int finish(sqlite3_stmt *s)
{
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR;

	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : rc == SQLITE_FULL ? -ENOSPC : -EIO;
}

static void read_row(sqlite3_stmt *s, struct ceno_ledger_image *row)
{
	memset(row, 0, sizeof *row);
	if (sqlite3_column_bytes(s, 0) == 32)
		memcpy(row->image, sqlite3_column_blob(s, 0), 32);
	if (sqlite3_column_bytes(s, 1) == 32)
		memcpy(row->signer, sqlite3_column_blob(s, 1), 32);
	row->uid = (uint32_t)sqlite3_column_int64(s, 2);
	row->entries = (uint32_t)sqlite3_column_int64(s, 3);
	row->bytes = (uint64_t)sqlite3_column_int64(s, 4);
	row->added_ms = sqlite3_column_int64(s, 5);
	snprintf(row->name, sizeof row->name, "%s", (const char *)sqlite3_column_text(s, 6));
	row->released = sqlite3_column_int(s, 7) != 0;
}

int ceno_ledger_image_put(struct ceno_ledger *ledger, const struct ceno_ledger_image *row, uint8_t replaced[32])
{
	struct ceno_ledger_image old;
	sqlite3_stmt *s;

	memset(replaced, 0, 32);
	if (!ceno_ledger_image_find(ledger, row->uid, row->name, NULL, &old) && old.uid == row->uid)
		memcpy(replaced, old.image, 32);
	s = prepare(ledger, "INSERT OR REPLACE INTO image(" COLUMNS ") VALUES(?,?,?,?,?,?,?,?)");
	if (!s)
		return -EIO;
	sqlite3_bind_blob(s, 1, row->image, 32, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, row->signer, 32, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, row->uid);
	sqlite3_bind_int64(s, 4, row->entries);
	sqlite3_bind_int64(s, 5, (int64_t)row->bytes);
	sqlite3_bind_int64(s, 6, row->added_ms);
	sqlite3_bind_text(s, 7, row->name, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 8, row->released);
	return finish(s);
}

int ceno_ledger_image_find(struct ceno_ledger *ledger, uint32_t uid, const char *name, const uint8_t image[32],
                           struct ceno_ledger_image *row)
{
	sqlite3_stmt *s = prepare(ledger,
	                          image ? "SELECT " COLUMNS " FROM image WHERE image=?1 AND (uid=?2 OR uid=0)"
	                                  " ORDER BY uid=?2 DESC LIMIT 1"
	                                : "SELECT " COLUMNS " FROM image WHERE name=?1 AND (uid=?2 OR uid=0)"
	                                  " ORDER BY uid=?2 DESC LIMIT 1");
	int rc;

	if (!s)
		return -EIO;
	if (image)
		sqlite3_bind_blob(s, 1, image, 32, SQLITE_STATIC);
	else
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, uid);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		read_row(s, row);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -ENOENT : -EIO;
}

int ceno_ledger_image_remove(struct ceno_ledger *ledger, uint32_t uid, const char *name)
{
	sqlite3_stmt *s = prepare(ledger, "DELETE FROM image WHERE uid=?1 AND name=?2");
	int rc;

	if (!s)
		return -EIO;
	sqlite3_bind_int64(s, 1, uid);
	sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
	rc = finish(s);
	return rc ? rc : sqlite3_changes(ledger->db) ? 0 : -ENOENT;
}

int64_t ceno_ledger_image_count(struct ceno_ledger *ledger, const uint8_t image[32], uint32_t uid)
{
	sqlite3_stmt *s =
	    prepare(ledger,
	            image ? "SELECT count(*) FROM image WHERE image=?1" : "SELECT count(*) FROM image WHERE uid=?1");
	int64_t count = -EIO;

	if (s && image)
		sqlite3_bind_blob(s, 1, image, 32, SQLITE_STATIC);
	else if (s)
		sqlite3_bind_int64(s, 1, uid);
	if (s && sqlite3_step(s) == SQLITE_ROW)
		count = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return count;
}

int ceno_ledger_image_list(struct ceno_ledger *ledger, uint32_t uid,
                           void (*each)(const struct ceno_ledger_image *row, void *context), void *context)
{
	sqlite3_stmt *s = prepare(ledger,
	                          "SELECT " COLUMNS " FROM image WHERE ?1=0 OR uid=?1 OR uid=0"
	                          " ORDER BY name, uid");
	struct ceno_ledger_image row;
	int rc;

	if (!s)
		return -EIO;
	sqlite3_bind_int64(s, 1, uid);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		read_row(s, &row);
		each(&row, context);
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : -EIO;
}
