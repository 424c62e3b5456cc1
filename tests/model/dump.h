/* The machine's whole observable state as text; README.md says what each line means. */
#ifndef CENO_MODEL_DUMP_H
#define CENO_MODEL_DUMP_H

#include <stdio.h>

/* What the operation before did: one line an event, then one line of state. */
void ceno_dump_events(FILE *to);
/* Everything. Ends with a line "end". */
void ceno_dump_state(FILE *to);

#endif
