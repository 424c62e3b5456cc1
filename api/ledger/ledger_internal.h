/* The ledger's inside, for its own files. */
#ifndef CENO_API_LEDGER_INTERNAL_H
#define CENO_API_LEDGER_INTERNAL_H

#include <sqlite3.h>

#define CENO_LEDGER_KEPT_MAX 16 /* more than there are statements in ledger.c */

/* Statements of ledger.c are kept once they were used: parsing one takes longer than running it, and a
 * session's row is written before anything else is done for it. */
struct ceno_ledger {
	sqlite3 *db; /* owned */
	struct {
		const char *sql; /* borrowed: a literal, known by its address */
		sqlite3_stmt *statement;
	} kept[CENO_LEDGER_KEPT_MAX];
};

#endif
