/*
 * Build tool: prints the filter's SHA-256 as a C initialiser, so that ceno-vmm
 * carries it without linking a hash.
 */
#include <openssl/sha.h>
#include <stdio.h>

#include "vmm/sandbox/filter.h"

int main(void)
{
	struct sock_filter program[CENO_FILTER_MAX];
	unsigned char digest[SHA256_DIGEST_LENGTH];
	size_t count = ceno_filter_build(program);
	if (count > CENO_FILTER_MAX)
		return 1;
	SHA256((const unsigned char *)program, count * sizeof(program[0]), digest);
	puts("/* Made by filter_hash: SHA-256 of the filter. */\n"
	     "#include <string.h>\n"
	     "#include \"vmm/sandbox/filter_digest.h\"\n"
	     "int ceno_filter_digest(uint8_t digest[32])\n{\n\tstatic const uint8_t built[32] = {");
	for (size_t i = 0; i < sizeof(digest); i++)
		printf("%#x,", digest[i]);
	puts("};\n\tmemcpy(digest, built, sizeof(built));\n\treturn 0;\n}");
	return fflush(stdout) ? 1 : 0;
}
