/* An endorsement key's public area as a node hands it out, and an EK certificate's key beside it; the same bytes as a
 * chain of certificates, whose names are printed, and as a PEM file of them, which a verifier was handed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <sodium.h>

#include "api/cli/chain.h"
#include "api/cli/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add_pem(STACK_OF(X509) * chain, const uint8_t *data, size_t size)
{
	static int file = -1;
	static char path[32];
	if (file < 0) {
		file = memfd_create("pem", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	if (ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	return ceno_chain_add_pem(chain, path);
}

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
	STACK_OF(X509) *chain = sk_X509_new_null();
	char text[64];
	if (!chain)
		abort();
	int count = ceno_chain_add_der(chain, data, size);
	if (count < 0 || count > CENO_CHAIN_MAX || count != sk_X509_num(chain))
		abort();
	int more = add_pem(chain, data, size);
	if (more == 0 || more > CENO_CHAIN_MAX || sk_X509_num(chain) != count + (more > 0 ? more : 0))
		abort();
	count = sk_X509_num(chain);
	for (int i = 0; i < count; i++) {
		ceno_chain_name(sk_X509_value(chain, i), i & 1, text, sizeof(text));
		ceno_chain_until(sk_X509_value(chain, i));
		for (const char *p = text; *p; p++)
			if (*p < 0x20 || *p > 0x7e)
				abort();
	}
	sk_X509_pop_free(chain, X509_free);
	return 0;
}
