/* The machine's whole observable state as text; README.md says what each line means. */
#ifndef CENO_MODEL_DUMP_H
#define CENO_MODEL_DUMP_H

#include <stdio.h>

/* What the operation before did: a line for each verb that ran and each tick. */
void ceno_dump_events(FILE *to);
/* How the machine stands: one line. */
void ceno_dump_ok(FILE *to);
/* Everything. Ends with a line "end". */
void ceno_dump_state(FILE *to);

#endif
