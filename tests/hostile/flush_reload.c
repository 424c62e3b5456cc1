/*
 * Flush+Reload (Yarom and Falkner, USENIX Security 2014) between two sessions that map one file of an image:
 * does the channel exist on this machine?
 *
 *   flush_reload victim FILE SECRET MS   reads one line of page SECRET of the file, all the time
 *   flush_reload spy FILE MS             says which page that is, at the latest then: "page N hits H next M rounds R"
 *
 * The spy flushes one line of each page, sleeps, and times a read of each: a fast one was read by somebody
 * else in between. The line between fast and slow is measured first, on a page that the victim never reads. Both
 * are ordinary Linux programs, on the host (where they show what the machine can do at all) as in sessions.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGES   16u
#define PAGE    4096u
#define BYTES   ((PAGES + 1) * PAGE) /* the last is the spy's own */
#define OFFSET  1024u                /* of the line in its page */
#define TRIES   200u
#define ENOUGH  120
#define WAIT_NS 200000l

static const volatile uint8_t *map_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void flush(const volatile uint8_t *line)
{
	_mm_clflush((const void *)(uintptr_t)line);
}

static uint64_t time_read(const volatile uint8_t *line)
{
	unsigned cpu;
	_mm_mfence();
	_mm_lfence();
	uint64_t begin = __rdtsc();
	_mm_lfence();
	(void)*line;
	uint64_t end = __rdtscp(&cpu);
	_mm_lfence();
	return end - begin;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Between the medians of reads that hit and that miss; 0 if the machine does not tell them apart. */
static uint64_t threshold(const volatile uint8_t *own)
{
	uint64_t fast[TRIES], slow[TRIES];
	for (unsigned i = 0; i < TRIES; i++) {
		(void)*own;
		fast[i] = time_read(own);
		flush(own);
		slow[i] = time_read(own);
	}
	qsort(fast, TRIES, sizeof fast[0], by_value);
	qsort(slow, TRIES, sizeof slow[0], by_value);
	uint64_t f = fast[TRIES / 2], s = slow[TRIES / 2];
	return s > f + f / 4 ? f + (s - f) / 2 : 0;
}

static int victim(const volatile uint8_t *file, unsigned secret, uint64_t ms)
{
	puts("up");
	fflush(stdout);
	for (uint64_t end = now_ms() + ms; now_ms() < end;)
		for (unsigned i = 0; i < 20000; i++)
			(void)file[secret * PAGE + OFFSET];
	return 0;
}

/* A new order of the pages each time, by xorshift: a constant stride is what a processor's prefetcher learns. */
static void shuffle(unsigned order[PAGES])
{
	static uint32_t x = 2463534242;
	for (unsigned i = PAGES - 1; i > 0; i--) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		unsigned j = x % (i + 1), kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
}

static int spy(const volatile uint8_t *file, uint64_t ms)
{
	unsigned hits[PAGES] = { 0 }, order[PAGES], rounds = 0, best = 0, next = 0;
	for (unsigned page = 0; page < PAGES; page++)
		order[page] = page;
	for (unsigned page = 0; page <= PAGES; page++) /* faults are over before anything is timed */
		(void)file[page * PAGE + OFFSET];
	const struct timespec wait = { .tv_nsec = WAIT_NS };
	uint64_t limit = threshold(file + PAGES * PAGE + OFFSET);
	for (uint64_t end = now_ms() + ms; limit && now_ms() < end && hits[best] < ENOUGH; rounds++) {
		for (unsigned page = 0; page < PAGES; page++)
			flush(file + page * PAGE + OFFSET);
		_mm_mfence();
		nanosleep(&wait, NULL); /* whoever shares the CPU runs meanwhile */
		shuffle(order);
		for (unsigned i = 0; i < PAGES; i++) {
			unsigned page = order[i];
			hits[page] += time_read(file + page * PAGE + OFFSET) < limit;
			best = hits[page] > hits[best] ? page : best;
		}
	}
	for (unsigned page = 0; page < PAGES; page++)
		next = page != best && hits[page] > next ? hits[page] : next;
	printf("page %u hits %u next %u rounds %u\n", best, hits[best], next, rounds);
	return 0;
}

int main(int argc, char **argv)
{
	const volatile uint8_t *file = argc > 3 ? map_file(argv[2]) : NULL;
	if (!file) {
		fprintf(stderr, "usage: flush_reload victim FILE SECRET MS | spy FILE MS\n");
		return 2;
	}
	if (!strcmp(argv[1], "victim") && argc == 5)
		return victim(file, (unsigned)strtoul(argv[3], NULL, 10) % PAGES, strtoul(argv[4], NULL, 10));
	return !strcmp(argv[1], "spy") ? spy(file, strtoul(argv[3], NULL, 10)) : 2;
}
