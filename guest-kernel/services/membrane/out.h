/* /out on its way to the host (abi/out.h). */
#ifndef CENO_MEMBRANE_OUT_H
#define CENO_MEMBRANE_OUT_H

/* Writes word and tree to standard output, waiting for room. Nobody reads: ends early. */
void ceno_out_send(const char *word);

#endif
