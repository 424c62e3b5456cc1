/*
 * The machine's own floors under destruction, over a memfd of 4 KiB pages that were all touched, as a
 * session's RAM is: one thread, one mapping.
 *
 *   bench_memory MIB RUNS    a line a run, microseconds: zero N (non-temporal stores) memset N read N free N fork N
 */
#include <emmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

static void zero(uint8_t *at, size_t bytes)
{
	const __m128i none = _mm_setzero_si128();
	for (size_t i = 0; i < bytes; i += 16)
		_mm_stream_si128((__m128i *)(void *)(at + i), none);
	_mm_sfence();
}

static uint64_t sum(const uint8_t *at, size_t bytes)
{
	__m128i all = _mm_setzero_si128();
	for (size_t i = 0; i < bytes; i += 16)
		all = _mm_or_si128(all, _mm_load_si128((const __m128i *)(const void *)(at + i)));
	return (uint64_t)_mm_movemask_epi8(all);
}

static uint64_t fork_us(void)
{
	uint64_t began = now_us();
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return now_us() - began;
}

static int run(size_t bytes)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return -1;
	uint8_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	memset(map, 1, bytes);
	uint64_t t[5] = { now_us() };
	zero(map, bytes);
	t[1] = now_us();
	memset(map, 2, bytes);
	t[2] = now_us();
	volatile uint64_t seen = sum(map, bytes);
	(void)seen;
	t[3] = now_us();
	munmap(map, bytes);
	close(fd);
	t[4] = now_us();
	printf("zero %lu memset %lu read %lu free %lu fork %lu\n", t[1] - t[0], t[2] - t[1], t[3] - t[2], t[4] - t[3],
	       fork_us());
	return 0;
}

int main(int argc, char **argv)
{
	size_t bytes = argc == 3 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	if (!bytes)
		return fprintf(stderr, "usage: bench_memory MIB RUNS\n"), 2;
	for (int i = atoi(argv[2]); i > 0; i--) {
		usleep(200000);
		if (run(bytes) < 0)
			return 1;
	}
	return 0;
}
