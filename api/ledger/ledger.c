/* The ledger in SQLite: see ledger.h. */
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_internal.h"

#define FINAL_FROM 3 /* enum ceno_state: destroyed and after; asserted where both are known (api/rpc) */

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF;"
    "CREATE TABLE IF NOT EXISTS session ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE CHECK(length(id)=16),"
    " uid INTEGER NOT NULL, tier INTEGER NOT NULL, state INTEGER NOT NULL, cause INTEGER NOT NULL DEFAULT 0,"
    " created_ms INTEGER NOT NULL, launched_ms INTEGER NOT NULL DEFAULT 0, ended_ms INTEGER NOT NULL DEFAULT 0,"
    " launch_index INTEGER NOT NULL DEFAULT -1, memory_bytes INTEGER NOT NULL, ttl_ms INTEGER NOT NULL,"
    " classification INTEGER NOT NULL, jurisdiction INTEGER NOT NULL, signer BLOB, proof BLOB) STRICT;"
    "CREATE TABLE IF NOT EXISTS image ("
    " name TEXT NOT NULL, uid INTEGER NOT NULL, image BLOB NOT NULL CHECK(length(image)=32),"
    " signer BLOB NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, added_ms INTEGER NOT NULL,"
    " released INTEGER NOT NULL, PRIMARY KEY(uid, name)) STRICT;"
    "CREATE INDEX IF NOT EXISTS session_uid ON session(uid, number);"
    "PRAGMA user_version=1;";

#define COLUMNS \
	"number,id,uid,tier,state,cause,created_ms,launched_ms,ended_ms,launch_index,memory_bytes,ttl_ms," \
	"classification,jurisdiction,signer,proof IS NOT NULL"

static int error_of(int rc)
{
	return rc == SQLITE_FULL ? -ENOSPC : -EIO;
}

struct ceno_ledger *ceno_ledger_open(const char *directory, char *message, size_t size)
{
	struct ceno_ledger *ledger = calloc(1, sizeof *ledger);
	char path[4096];
	int rc;

	if (!ledger || (size_t)snprintf(path, sizeof path, "%s/ledger.db", directory) >= sizeof path) {
		snprintf(message, size, "no room for the ledger's path");
		free(ledger);
		return NULL;
	}
	rc =
	    sqlite3_open_v2(path, &ledger->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(ledger->db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return ledger;
	snprintf(message, size, "%s: %s", path, ledger->db ? sqlite3_errmsg(ledger->db) : sqlite3_errstr(rc));
	ceno_ledger_close(ledger);
	return NULL;
}

/* ---- statements -------------------------------------------------------------- */

/* Not in use: each is done with before it is asked for again. */
static sqlite3_stmt *prepare(struct ceno_ledger *ledger, const char *sql)
{
	int i = 0;

	while (i < CENO_LEDGER_KEPT_MAX - 1 && ledger->kept[i].sql && ledger->kept[i].sql != sql)
		i++;
	if (ledger->kept[i].sql != sql) {
		sqlite3_finalize(ledger->kept[i].statement); /* there is one only if there are too many for the table */
		ledger->kept[i].sql = NULL;
		if (sqlite3_prepare_v3(ledger->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &ledger->kept[i].statement,
		                       NULL) != SQLITE_OK)
			return NULL;
		ledger->kept[i].sql = sql;
	}
	return ledger->kept[i].statement;
}

/* Ends its transaction, and forgets what was bound, which is the caller's. */
static void done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static void bind_id(sqlite3_stmt *statement, int at, const uint8_t session_id[16])
{
	sqlite3_bind_blob(statement, at, session_id, 16, SQLITE_STATIC);
}

/* Runs a statement without rows; `must_change`: no row touched is -ENOENT. */
static int run(struct ceno_ledger *ledger, sqlite3_stmt *statement, bool must_change)
{
	int rc = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (statement)
		done(statement);
	if (rc != SQLITE_DONE)
		return error_of(rc);
	return must_change && !sqlite3_changes(ledger->db) ? -ENOENT : 0;
}

int ceno_ledger_insert(struct ceno_ledger *ledger, const struct ceno_ledger_row *row)
{
	sqlite3_stmt *s = prepare(ledger,
	                          "INSERT INTO session(id,uid,tier,state,created_ms,memory_bytes,ttl_ms,"
	                          "classification,jurisdiction) VALUES(?,?,?,?,?,?,?,?,?)");

	if (!s)
		return -EIO;
	bind_id(s, 1, row->session_id);
	sqlite3_bind_int64(s, 2, row->uid);
	sqlite3_bind_int64(s, 3, row->tier);
	sqlite3_bind_int(s, 4, row->state);
	sqlite3_bind_int64(s, 5, row->created_ms);
	sqlite3_bind_int64(s, 6, (int64_t)row->memory_bytes);
	sqlite3_bind_int64(s, 7, (int64_t)row->ttl_ms);
	sqlite3_bind_int64(s, 8, row->classification);
	sqlite3_bind_int64(s, 9, row->jurisdiction);
	return run(ledger, s, false);
}

int ceno_ledger_remove(struct ceno_ledger *ledger, const uint8_t session_id[16])
{
	sqlite3_stmt *s = prepare(ledger, "DELETE FROM session WHERE id=?");

	if (s)
		bind_id(s, 1, session_id);
	return run(ledger, s, true);
}

/* ---- how a session goes on ------------------------------------------------------- */

enum change { LAUNCHED, STATE, ENDED };

static int write_change(struct ceno_ledger *ledger, const struct ceno_owed *to, enum change what)
{
	static const char *const updates[] = {
		[LAUNCHED] = "UPDATE session SET launched_ms=?2, launch_index=?3 WHERE id=?1",
		[STATE] = "UPDATE session SET state=?2 WHERE id=?1",
		[ENDED] = "UPDATE session SET state=?2, cause=?3, ended_ms=?4 WHERE id=?1",
	};
	sqlite3_stmt *s = prepare(ledger, updates[what]);

	if (!s)
		return -EIO;
	bind_id(s, 1, to->session_id);
	sqlite3_bind_int64(s, 2, what == LAUNCHED ? to->launched_ms : to->state);
	if (what != STATE)
		sqlite3_bind_int64(s, 3, what == LAUNCHED ? to->launch_index : to->cause);
	if (what == ENDED)
		sqlite3_bind_int64(s, 4, to->ended_ms);
	return run(ledger, s, true);
}

static struct ceno_owed *find_owed(const struct ceno_ledger *ledger, const uint8_t session_id[16])
{
	struct ceno_owed *owed = ledger->owed;

	while (owed && memcmp(owed->session_id, session_id, 16))
		owed = owed->next;
	return owed;
}

/* What is owed of one session; writing it twice does no harm. False: the disk still does not take all of it. */
static bool settle_one(struct ceno_ledger *ledger, struct ceno_owed *owed)
{
	int rc = owed->launched ? write_change(ledger, owed, LAUNCHED) : 0;

	if (!rc)
		rc = write_change(ledger, owed, owed->ended ? ENDED : STATE);
	return !rc || rc == -ENOENT;
}

static void settle(struct ceno_ledger *ledger)
{
	while (ledger->owed && settle_one(ledger, ledger->owed)) {
		struct ceno_owed *paid = ledger->owed;

		ledger->owed = paid->next;
		free(paid);
	}
}

void ceno_ledger_close(struct ceno_ledger *ledger)
{
	if (ledger) {
		settle(ledger); /* what is owed even now, the next api finds open, and asks (ceno_ledger_orphans) */
		while (ledger->owed) {
			struct ceno_owed *lost = ledger->owed;

			ledger->owed = lost->next;
			free(lost);
		}
		for (int i = 0; i < CENO_LEDGER_KEPT_MAX; i++)
			sqlite3_finalize(ledger->kept[i].statement);
		sqlite3_close(ledger->db);
	}
	free(ledger);
}

/* Writes a change, or keeps it. */
static int change(struct ceno_ledger *ledger, const struct ceno_owed *to, enum change what)
{
	struct ceno_owed *owed;
	int rc;

	settle(ledger);
	owed = find_owed(ledger, to->session_id);
	rc = owed ? -EIO : write_change(ledger, to, what);
	if (!owed && rc && rc != -ENOENT) {
		struct ceno_ledger_row row;

		owed = ceno_ledger_find(ledger, to->session_id, &row) ? NULL : calloc(1, sizeof *owed);
		if (!owed)
			return rc;
		memcpy(owed->session_id, to->session_id, 16);
		owed->state = row.state;
		owed->next = ledger->owed;
		ledger->owed = owed;
	}
	if (owed && what == LAUNCHED) {
		owed->launched = true;
		owed->launched_ms = to->launched_ms;
		owed->launch_index = to->launch_index;
	} else if (owed) {
		owed->state = to->state;
	}
	if (owed && what == ENDED) {
		owed->ended = true;
		owed->cause = to->cause;
		owed->ended_ms = to->ended_ms;
	}
	return rc;
}

static struct ceno_owed of_session(const uint8_t session_id[16])
{
	struct ceno_owed to = { .launched = false };

	memcpy(to.session_id, session_id, 16);
	return to;
}

int ceno_ledger_launched(struct ceno_ledger *ledger, const uint8_t session_id[16], int64_t now_ms, int64_t launch_index)
{
	struct ceno_owed to = of_session(session_id);

	to.launched_ms = now_ms;
	to.launch_index = launch_index;
	return change(ledger, &to, LAUNCHED);
}

int ceno_ledger_state(struct ceno_ledger *ledger, const uint8_t session_id[16], int state)
{
	struct ceno_owed to = of_session(session_id);

	to.state = state;
	return change(ledger, &to, STATE);
}

int ceno_ledger_ended(struct ceno_ledger *ledger, const uint8_t session_id[16], int state, uint32_t cause,
                      int64_t now_ms)
{
	struct ceno_owed to = of_session(session_id);

	to.state = state;
	to.cause = cause;
	to.ended_ms = now_ms;
	return change(ledger, &to, ENDED);
}

int ceno_ledger_proof(struct ceno_ledger *ledger, const uint8_t session_id[16], const void *file, size_t bytes,
                      const uint8_t signer[32])
{
	sqlite3_stmt *s = prepare(ledger, "UPDATE session SET proof=?2, signer=coalesce(?3, signer) WHERE id=?1");

	if (!s)
		return -EIO;
	bind_id(s, 1, session_id);
	sqlite3_bind_blob64(s, 2, file, bytes, SQLITE_STATIC);
	if (signer)
		sqlite3_bind_blob(s, 3, signer, 32, SQLITE_STATIC);
	return run(ledger, s, true);
}

/* ---- reading ------------------------------------------------------------------ */

static void apply_owed(const struct ceno_owed *owed, struct ceno_ledger_row *row)
{
	if (!owed)
		return;
	row->state = owed->state;
	if (owed->launched) {
		row->launched_ms = owed->launched_ms;
		row->launch_index = owed->launch_index;
	}
	if (owed->ended) {
		row->cause = owed->cause;
		row->ended_ms = owed->ended_ms;
	}
}

static void read_row(const struct ceno_ledger *ledger, sqlite3_stmt *s, struct ceno_ledger_row *row)
{
	memset(row, 0, sizeof *row);
	row->number = sqlite3_column_int64(s, 0);
	if (sqlite3_column_bytes(s, 1) == 16)
		memcpy(row->session_id, sqlite3_column_blob(s, 1), 16);
	row->uid = (uint32_t)sqlite3_column_int64(s, 2);
	row->tier = (uint32_t)sqlite3_column_int64(s, 3);
	row->state = sqlite3_column_int(s, 4);
	row->cause = (uint32_t)sqlite3_column_int64(s, 5);
	row->created_ms = sqlite3_column_int64(s, 6);
	row->launched_ms = sqlite3_column_int64(s, 7);
	row->ended_ms = sqlite3_column_int64(s, 8);
	row->launch_index = sqlite3_column_int64(s, 9);
	row->memory_bytes = (uint64_t)sqlite3_column_int64(s, 10);
	row->ttl_ms = (uint64_t)sqlite3_column_int64(s, 11);
	row->classification = (uint32_t)sqlite3_column_int64(s, 12);
	row->jurisdiction = (uint32_t)sqlite3_column_int64(s, 13);
	row->has_signer = sqlite3_column_bytes(s, 14) == 32;
	if (row->has_signer)
		memcpy(row->signer, sqlite3_column_blob(s, 14), 32);
	row->has_proof = sqlite3_column_int(s, 15) != 0;
	apply_owed(find_owed(ledger, row->session_id), row);
}

int ceno_ledger_find(struct ceno_ledger *ledger, const uint8_t session_id[16], struct ceno_ledger_row *row)
{
	sqlite3_stmt *s = prepare(ledger, "SELECT " COLUMNS " FROM session WHERE id=?");
	int rc;

	if (!s)
		return -EIO;
	bind_id(s, 1, session_id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		read_row(ledger, s, row);
	done(s);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -ENOENT : error_of(rc);
}

int ceno_ledger_find_proof(struct ceno_ledger *ledger, const uint8_t session_id[16], uint8_t **file, size_t *bytes)
{
	sqlite3_stmt *s = prepare(ledger, "SELECT proof FROM session WHERE id=? AND proof IS NOT NULL");
	int rc, result;

	if (!s)
		return -EIO;
	bind_id(s, 1, session_id);
	rc = sqlite3_step(s);
	result = rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -ENOENT : error_of(rc);
	if (rc == SQLITE_ROW) {
		*bytes = (size_t)sqlite3_column_bytes(s, 0);
		*file = malloc(*bytes ? *bytes : 1);
		if (*file)
			memcpy(*file, sqlite3_column_blob(s, 0), *bytes);
		else
			result = -EIO;
	}
	done(s);
	return result;
}

int ceno_ledger_list(struct ceno_ledger *ledger, int64_t uid, int64_t before, int64_t limit,
                     void (*each)(const struct ceno_ledger_row *row, void *context), void *context)
{
	settle(ledger);
	sqlite3_stmt *s = prepare(ledger,
	                          "SELECT " COLUMNS " FROM session WHERE (?1 < 0 OR uid=?1) AND (?2=0 OR number<?2)"
	                          " ORDER BY number DESC LIMIT ?3");
	struct ceno_ledger_row row;
	int rc;

	if (!s)
		return -EIO;
	sqlite3_bind_int64(s, 1, uid);
	sqlite3_bind_int64(s, 2, before);
	sqlite3_bind_int64(s, 3, limit);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		read_row(ledger, s, &row);
		each(&row, context);
	}
	done(s);
	return rc == SQLITE_DONE ? 0 : error_of(rc);
}

static int64_t scalar(sqlite3_stmt *s)
{
	int64_t value = -EIO;

	if (s && sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	if (s)
		done(s);
	return value;
}

int64_t ceno_ledger_launches(struct ceno_ledger *ledger, uint32_t uid, int64_t since_ms)
{
	sqlite3_stmt *s = prepare(ledger, "SELECT count(*) FROM session WHERE uid=?1 AND launched_ms>=?2");

	if (s) {
		sqlite3_bind_int64(s, 1, uid);
		sqlite3_bind_int64(s, 2, since_ms);
	}
	return scalar(s);
}

int64_t ceno_ledger_orphans(struct ceno_ledger *ledger, int state)
{
	sqlite3_stmt *s = prepare(ledger, "UPDATE session SET state=?1 WHERE state<?2 AND state<>?1");
	int rc;

	if (!s)
		return -EIO;
	sqlite3_bind_int(s, 1, state);
	sqlite3_bind_int(s, 2, FINAL_FROM);
	rc = run(ledger, s, false);
	return rc ? rc : sqlite3_changes(ledger->db);
}

int64_t ceno_ledger_abandon(struct ceno_ledger *ledger, int from, int to, int64_t created_before_ms)
{
	sqlite3_stmt *s = prepare(ledger, "UPDATE session SET state=?2 WHERE state=?1 AND created_ms<?3");
	int rc;

	if (!s)
		return -EIO;
	sqlite3_bind_int(s, 1, from);
	sqlite3_bind_int(s, 2, to);
	sqlite3_bind_int64(s, 3, created_before_ms);
	rc = run(ledger, s, false);
	return rc ? rc : sqlite3_changes(ledger->db);
}
