/* The ledger's inside, for its own files. */
#ifndef CENO_API_LEDGER_INTERNAL_H
#define CENO_API_LEDGER_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define CENO_LEDGER_KEPT_MAX 16 /* more than there are statements in ledger.c */

/* What the disk did not take of a session that is in the ledger (full, or failing): shown as if it had, and
 * written when it takes it. */
struct ceno_owed {
	uint8_t session_id[16];
	bool launched, ended; /* state is always meant */
	int64_t launched_ms, launch_index, ended_ms;
	int state;
	uint32_t cause;
	struct ceno_owed *next;
};

/* Statements of ledger.c are kept once they were used: parsing one takes longer than running it, and a
 * session's row is written before anything else is done for it. */
struct ceno_ledger {
	sqlite3 *db;            /* owned */
	struct ceno_owed *owed; /* owned, one a session */
	struct {
		const char *sql; /* borrowed: a literal, known by its address */
		sqlite3_stmt *statement;
	} kept[CENO_LEDGER_KEPT_MAX];
};

#endif
