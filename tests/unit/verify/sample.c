/*
 * Writes a valid proof made by the fixture, and the pin file of its node:
 * proof-sample PROOF PINS. For checkers that are not ours (recompute.py).
 */
#include <stdio.h>
#include "tests/lib/proof_fixture.h"

static int write_file(const char *path, const void *bytes, size_t n)
{
	FILE *out = fopen(path, "wb");
	if (out == NULL || fwrite(bytes, 1, n, out) != n || fclose(out) != 0) {
		perror(path);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct fixture f;
	static char pins[1024];
	if (argc != 3)
		return 2;
	fixture_init(&f);
	f.with_nv = 1;
	f.statement.overwrite.passes = f.statement.sanitization.passes = 2;
	fixture_redo(&f);
	int n = ceno_verify_pins_format(&f.pins, pins, sizeof(pins));
	return n < 0 || write_file(argv[1], f.file, f.file_bytes) != 0 || write_file(argv[2], pins, (size_t)n) != 0;
}
