/*
 * What tests/bench/bench.py runs inside a session, a bwrap sandbox and a Linux
 * booted in QEMU: one static program, so that the three run the same bytes.
 *
 *   bench_workload first          write "first\n" at once and exit
 *   bench_workload syscall N      N null system calls (getppid); prints the
 *                                 median of 20 batches in ns a call
 *   bench_workload clock N        the same of clock_gettime, as the C library makes it
 *   bench_workload touch MIB      write to every page of MIB MiB, say "touched", exit
 *   bench_workload hold MIB       the same, then wait for end of input
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 20

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void null_syscall(void)
{
	(void)syscall(SYS_getppid);
}

static void read_clock(void)
{
	(void)now_ns();
}

static int batches(const char *name, void (*call)(void), unsigned long count)
{
	double batch[BATCHES];
	unsigned long per_batch = count / BATCHES ? count / BATCHES : 1;

	for (int b = 0; b < BATCHES; b++) {
		uint64_t begin = now_ns();

		for (unsigned long i = 0; i < per_batch; i++)
			call();
		batch[b] = (double)(now_ns() - begin) / (double)per_batch;
	}
	qsort(batch, BATCHES, sizeof *batch, compare);
	printf("%s %.1f\n", name, batch[BATCHES / 2]);
	return 0;
}

static int touch(unsigned long mib, int hold)
{
	size_t bytes = mib << 20;
	volatile uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char c;

	if (p == MAP_FAILED) {
		fprintf(stderr, "bench_workload: %lu MiB are not to be had\n", mib);
		return 1;
	}
	for (size_t i = 0; i < bytes; i += 4096)
		p[i] = (uint8_t)(i >> 12 | 1);
	if (write(1, "touched\n", 8) != 8)
		return 1;
	while (hold && read(0, &c, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc == 2 && !strcmp(argv[1], "first"))
		return write(1, "first\n", 6) == 6 ? 0 : 1;
	if (n && !strcmp(argv[1], "syscall"))
		return batches("null_syscall_ns", null_syscall, n);
	if (n && !strcmp(argv[1], "clock"))
		return batches("clock_ns", read_clock, n);
	if (n && !strcmp(argv[1], "touch"))
		return touch(n, 0);
	if (n && !strcmp(argv[1], "hold"))
		return touch(n, 1);
	fprintf(stderr, "usage: bench_workload first | syscall N | clock N | touch MIB | hold MIB\n");
	return 2;
}
