/* A program of somebody else: nothing of this tree but the installed header and library. */
#include <stdio.h>
#include <stdlib.h>
#include <cenotaph/verify/verify.h>

static char *load(const char *path, size_t *bytes)
{
	char *text = malloc(1u << 17);
	FILE *in = fopen(path, "rb");
	*bytes = text != NULL && in != NULL ? fread(text, 1, 1u << 17, in) : 0;
	if (in != NULL)
		fclose(in);
	return text;
}

int main(int argc, char **argv)
{
	static struct ceno_verify_result result;
	static struct ceno_verify_pins pins;
	struct ceno_verify_policy policy;
	size_t bytes, length;
	uint32_t line;
	if (argc != 3)
		return 2;
	char *proof = load(argv[1], &bytes), *known = load(argv[2], &length);
	if (ceno_verify_pins_parse(known, length, &pins, &line) != 0)
		return 2;
	ceno_verify_policy_init(&policy);
	policy.pins = &pins;
	if (ceno_verify(proof, bytes, &policy, &result) != 0)
		return 2;
	if (result.verdict < CENO_VERIFY_CODE_COUNT)
		puts(ceno_verify_code_info(result.verdict)->name);
	free(proof);
	free(known);
	return (int)result.exit_status;
}
