/*
 * Families of test vectors. Each makes a case in f, policy and asked (tests/unit/verify)
 * and says it by vector(): what every verifier must find.
 */
#ifndef CENO_TESTS_VECTORS_H
#define CENO_TESTS_VECTORS_H

#include "tests/unit/verify/asked.h"
#include "tests/unit/verify/forgeries.h"
#include "tests/unit/verify/measured.h"

#define OK         CENO_VERIFY_CODE_COUNT       /* it verifies */
#define ANY_REASON (CENO_VERIFY_CODE_COUNT + 1) /* it must not verify; the reason is the C verifier's */
#define MUST(condition) \
	do { \
		if (!(condition)) \
			vector_broken(__FILE__, __LINE__, #condition); \
	} while (0)

__attribute__((noreturn)) void vector_broken(const char *file, int line, const char *what);

/* The case as it is now. code: enum ceno_verify_code, OK or ANY_REASON. */
__attribute__((format(printf, 2, 3))) void vector(uint32_t code, const char *format, ...);

/* Sign the attestations in the seal again as they are, and write the file. */
void vector_resign(void);

void vectors_honest(void);
void vectors_quotes(void);
void vectors_keys(void);
void vectors_logs(void);
void vectors_clocks(void);
void vectors_swaps(void);
void vectors_documents(void);
void vectors_signatures(void);
void vectors_asked(void);
void vectors_boot(void);

#endif
