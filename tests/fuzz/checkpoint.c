/*
 * Reading a log checkpoint (C2SP signed note). Property: parsing returns for any
 * bytes, and what it accepts covers at least one signed byte of the text.
 */
#include <stdlib.h>

#include "attest/log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = { 1 };
	struct ceno_checkpoint checkpoint;

	if (ceno_checkpoint_parse((const char *)data, size, &checkpoint))
		return 0;
	if (checkpoint.signed_bytes == 0 || checkpoint.signed_bytes > size)
		abort();
	if (ceno_checkpoint_verify(&checkpoint, (const char *)data, key) == 0)
		abort(); /* a signature by a key of which nobody has the secret */
	return 0;
}
