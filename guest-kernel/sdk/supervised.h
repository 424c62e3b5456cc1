/*
 * For fibers that init supervises (abi/supervisor.h): state that outlives a crash.
 */
#ifndef CENO_SDK_SUPERVISED_H
#define CENO_SDK_SUPERVISED_H

#include "../abi/supervisor.h"
#include "ceno.h"

/*
 * Makes what is at CENO_GVA_STATE now the state to go on from after a crash; returns
 * when that is done. answer: NULL, or filled with the state's root, and how many
 * checkpoints and restarts there were. Returns 0, STATE if the manifest gives the
 * fiber no state, or the error of SEND or RECV. At the first start the state is zero.
 */
int64_t ceno_checkpoint(struct ceno_supervisor_answer *answer);

#endif
