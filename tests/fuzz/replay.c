/*
 * Runs a fuzz target's LLVMFuzzerTestOneInput without libFuzzer: over every
 * file of a corpus folder, then over generated inputs (each file mutated, and
 * pure noise), from a fixed seed so that a failure repeats. It passes when the
 * target returns every time; the target aborts on a broken property.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLAY_MAX       (1u << 20)
#define REPLAY_MUTATIONS 64
#define REPLAY_NOISE     2000

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The target gets a block of exactly its size, so that a sanitizer sees any overread. */
static void run_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_mutations(uint8_t *data, size_t size, uint64_t *state)
{
	for (int i = 0; size && i < REPLAY_MUTATIONS; i++) {
		size_t at = next_random(state) % size;
		uint8_t old = data[at];

		data[at] = (uint8_t)next_random(state);
		run_one(data, (i & 3) == 3 ? next_random(state) % (size + 1) : size);
		data[at] = old;
	}
}

static int run_file(const char *dir, const char *name, uint8_t *buffer, uint64_t *state)
{
	char path[4096];
	FILE *f;
	size_t n;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path || !(f = fopen(path, "rb")))
		return -1;
	n = fread(buffer, 1, REPLAY_MAX, f);
	fclose(f);
	run_one(buffer, n);
	run_mutations(buffer, n, state);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t state = 0x9e3779b97f4a7c15ull;
	uint8_t *buffer = malloc(REPLAY_MAX);
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	unsigned files = 0;

	if (!buffer)
		return 2;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (run_file(argv[1], entry->d_name, buffer, &state)) {
			fprintf(stderr, "cannot read %s/%s\n", argv[1], entry->d_name);
			return 1;
		}
		files++;
	}
	if (dir)
		closedir(dir);
	for (int i = 0; i < REPLAY_NOISE; i++) {
		size_t n = next_random(&state) % 4097;

		for (size_t k = 0; k < n; k++)
			buffer[k] = (uint8_t)next_random(&state);
		run_one(buffer, n);
	}
	printf("%u corpus files with %d mutations each, %d noise inputs\n", files, REPLAY_MUTATIONS, REPLAY_NOISE);
	free(buffer);
	return 0;
}
