/* An endorsement key's public area as a node hands it out, and an EK certificate's key beside it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "api/cli/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t name[32] = { 1 }, value[32] = { 2 };
	struct ceno_credential c;
	uint8_t spki[512];
	if (sodium_init() < 0)
		abort();
	int made = ceno_credential_make(data, size, name, value, &c);
	size_t bytes = ceno_credential_spki(data, size, spki);
	/* Whoever has a key has both, and of one of two sizes. */
	if ((made == 0) != (bytes > 0) || (!made && c.secret_bytes != 68 && c.secret_bytes != 256))
		abort();
	return 0;
}
