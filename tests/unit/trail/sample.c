/*
 * trail-sample FOLDER: writes honest.trail, the same session's killed.trail (no final seal),
 * other.trail (another session's), forged.trail (the first, sealed with a fresh key) and the bundle
 * they name; prints key, session and nonce of the honest one.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "tests/lib/trail_fixture.h"

static struct trail_fixture f;

static int save(const char *folder, const char *name, const void *bytes, size_t n)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, n, file) != n || fclose(file)) {
		perror(path);
		return 1;
	}
	return 0;
}

/* The story, without its one message that made no sense. */
static void tell(uint8_t salt)
{
	trail_story(&f, salt);
	trail_remove(&f, trail_find(&f, CENO_TRAIL_LOSS, 0));
	trail_redo(&f, f.seed);
}

int main(int argc, char **argv)
{
	char key[65], session[33], nonce[65];
	uint8_t fresh[32] = { 9 }, secret[64];
	int failed;

	if (argc != 2 || sodium_init() < 0)
		return 2;
	tell(2);
	failed = save(argv[1], "other.trail", f.area, trail_bytes(&f));
	trail_boot(&f, 1);
	trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0);
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
	failed |= save(argv[1], "killed.trail", f.area, trail_bytes(&f));
	tell(1);
	failed |= save(argv[1], "honest.trail", f.area, trail_bytes(&f));
	failed |= save(argv[1], "bundle", f.bundle, sizeof f.bundle);
	printf("%s %s %s\n", sodium_bin2hex(key, sizeof key, f.chain.public_key, 32),
	       sodium_bin2hex(session, sizeof session, f.session_id, 16),
	       sodium_bin2hex(nonce, sizeof nonce, f.nonce, 32));
	crypto_sign_seed_keypair(trail_record(&f, 0)->boot.public_key, secret, fresh);
	trail_redo(&f, fresh);
	failed |= save(argv[1], "forged.trail", f.area, trail_bytes(&f));
	return failed;
}
