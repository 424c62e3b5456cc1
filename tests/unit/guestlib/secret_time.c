/*
 * Signs with a seed that valgrind holds for undefined (fresh memory of malloc): a
 * branch or an address that depends on it is an error there. `secret-time leak` branches
 * on the seed, so that the run that must fail is seen to fail.
 */
#include <stdlib.h>
#include <string.h>
#include "lib/ed25519.h"

int main(int argc, char **argv)
{
	uint8_t *volatile fresh = malloc(CENO_ED25519_SEED_BYTES);
	uint8_t key[32], signature[64];
	volatile int leaked = 0;

	if (!fresh)
		return 2;
	ceno_ed25519_public_key(key, fresh);
	ceno_ed25519_sign(signature, fresh, key, "message", 7);
	if (argc > 1 && !strcmp(argv[1], "leak") && (signature[0] & 1))
		leaked = 1;
	(void)leaked;
	free(fresh);
	return 0;
}
