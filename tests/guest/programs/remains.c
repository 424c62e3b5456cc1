/*
 * What a program's areas give and nothing else, where others had memory just before; on the
 * host and in the guest. Programs put areas of every kind into one window of addresses, fill
 * it, their stack, heap, data and bss with a secret, and end. The next ones (forked, the same
 * binary, another one) put other areas there and try every page of it, and what lies around
 * all their areas, by reads, writes and calls: each has to come to what the area says, with the
 * bytes that it says, and the secret is nowhere.
 *
 *   remains                 all of it
 *   remains leave SHAPE     fills and ends
 *   remains look SHAPE      the number of findings
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE   4096ul
#define LARGE  (2ul << 20)
#define PAGES  192u
#define WINDOW (0x6b0000400000ul - PAGES / 2 * PAGE) /* of two tables, half in each */
#define PLAIN  3u                                    /* a shape: all of it zeros, with changes every sixth page */
#define OTHER  "/tmp/remains-other"

enum kind {
	NONE,
	ZEROS,
	READ_ONLY,
	NO_ACCESS,
	BECAME_READ_ONLY,
	SHARED,
	PROGRAM,
	PROGRAM_WRITE,
	PROGRAM_CODE,
	BEYOND,
	KINDS
};

static const volatile uint64_t half[2] = { 0x71c9d04e5ab3f826, 0xe2185f90b6c47d3a };
static uint8_t kinds[PAGES];
static uint64_t own_bss[4096], own_data[4096] = { 1 };
static int program, program_pages;

/* ---- areas ------------------------------------------------------------------------------ */

static void *put(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	if (mmap(at, bytes, prot, flags | MAP_FIXED, fd, offset) != at)
		_exit(99);
	return at;
}

static void put_kind(enum kind kind, unsigned page, unsigned pages)
{
	void *at = (void *)(WINDOW + page * PAGE);
	size_t bytes = pages * PAGE;
	const int rw = PROT_READ | PROT_WRITE, own = MAP_PRIVATE | MAP_ANONYMOUS;

	if (kind == ZEROS || kind == BECAME_READ_ONLY)
		put(at, bytes, rw, own, -1, 0);
	else if (kind == READ_ONLY)
		put(at, bytes, PROT_READ, own, -1, 0);
	else if (kind == NO_ACCESS)
		put(at, bytes, PROT_NONE, own, -1, 0);
	else if (kind == SHARED)
		put(at, bytes, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	else if (kind >= PROGRAM && kind <= PROGRAM_CODE)
		put(at, bytes,
		    PROT_READ |
		        (kind == PROGRAM             ? 0
		             : kind == PROGRAM_WRITE ? PROT_WRITE
		                                     : PROT_EXEC),
		    MAP_PRIVATE, program, (off_t)(page * PAGE));
	else if (kind == BEYOND)
		put(at, bytes, rw, MAP_PRIVATE, program, (off_t)((unsigned)program_pages * PAGE));
}

static const enum kind plain_change[] = { READ_ONLY, NO_ACCESS, NONE };

static uint64_t next(uint64_t *random)
{
	*random = *random * 6364136223846793005 + 1442695040888963407;
	return *random >> 33;
}

/* Runs of areas, by a number: those of the same remainder by 16 have the same borders and mostly the same kinds. */
static void put_shape(uint64_t shape)
{
	uint64_t random = shape % 16 * 0x9e3779b97f4a7c15 + 1, change = shape / 16 * 0x9e3779b97f4a7c15 + 1;
	struct stat stat;

	program = open("/proc/self/exe", O_RDONLY);
	if (program < 0 || fstat(program, &stat))
		_exit(99);
	program_pages = (int)((stat.st_size + (off_t)PAGE - 1) / (off_t)PAGE);
	for (unsigned page = 0, pages; page < PAGES; page += pages) {
		enum kind kind;

		kind = next(&random) % 4 ? ZEROS : (enum kind)(next(&random) % KINDS); /* most of it has to fit */
		if (shape >= 16 && next(&change) % 3 == 0)
			kind = (enum kind)(next(&change) % KINDS);
		pages = 1 + (unsigned)next(&random) % 24;
		if (shape % 16 == PLAIN) {
			kind = shape >= 16 && page % 6 == 3 ? plain_change[page / 6 % 3] : ZEROS;
			pages = 1;
		}
		pages = pages < PAGES - page ? pages : PAGES - page;
		if (kind >= PROGRAM && kind <= PROGRAM_CODE && (int)(page + pages) > program_pages - 1)
			kind = ZEROS;
		put_kind(kind, page, pages);
		memset(kinds + page, (int)kind, pages);
	}
}

static int may_write(enum kind kind)
{
	return kind == ZEROS || kind == SHARED || kind == PROGRAM_WRITE || kind == BECAME_READ_ONLY;
}

static int may_read(enum kind kind)
{
	return kind != NONE && kind != NO_ACCESS && kind != BEYOND;
}

/* ---- leaving ------------------------------------------------------------------------------ */

static void fill(volatile uint64_t *words, size_t bytes)
{
	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = half[0] ^ half[1];
}

__attribute__((noinline)) static void fill_stack(void)
{
	uint64_t local[16384];

	fill(local, sizeof(local));
}

static void leave(uint64_t shape)
{
	put_shape(shape);
	for (unsigned i = 0; i < PAGES; i++) {
		volatile uint64_t *at = (volatile uint64_t *)(WINDOW + i * PAGE);

		if (may_write(kinds[i]))
			fill(at, PAGE);
		else if (may_read(kinds[i]))
			(void)*at;
		if (kinds[i] == BECAME_READ_ONLY && mprotect((void *)at, PAGE, PROT_READ))
			_exit(99);
	}
	fill(own_bss, sizeof(own_bss));
	fill(own_data, sizeof(own_data));
	fill(sbrk(1 << 20), 1 << 20);
	fill_stack();
	syscall(SYS_exit_group, 0);
}

/* ---- looking ------------------------------------------------------------------------------- */

static sigjmp_buf back;
static int findings;

static void jump_back(int signal)
{
	siglongjmp(back, signal);
}

/* 0, or the signal that the access ended with. */
static int try(uint64_t at, char access)
{
	int signal = sigsetjmp(back, 0); /* SA_NODEFER: nothing to restore */

	if (signal)
		return signal;
	if (access == 'r')
		(void)*(volatile char *)at;
	else if (access == 'w')
		*(volatile unsigned char *)at = 0xc3; /* ret */
	else
		((void (*)(void))at)();
	return 0;
}

static void expect(uint64_t at, char access, int signal)
{
	int got = try(at, access);

	if (got == signal)
		return;
	findings++;
	printf("%c at %lx: signal %d, not %d\n", access, at, got, signal);
}

static void check_page(unsigned i)
{
	uint64_t at = WINDOW + i * PAGE;
	int wanted = kinds[i] == BEYOND ? SIGBUS : may_read(kinds[i]) ? 0 : SIGSEGV;
	static char bytes[4096];

	expect(at, 'r', wanted);
	if (wanted) {
		expect(at, 'w', wanted);
		return;
	}
	memset(bytes, 0, sizeof(bytes));
	if (kinds[i] >= PROGRAM && pread(program, bytes, PAGE, (off_t)(i * PAGE)) <= 0)
		_exit(99);
	if (memcmp((const void *)at, bytes, PAGE)) {
		findings++;
		printf("page %u of kind %d: other bytes\n", i, kinds[i]);
	}
	expect(at, 'w', may_write(kinds[i]) ? 0 : SIGSEGV);
	if (kinds[i] == ZEROS)
		expect(at, 'x', SIGSEGV);
}

static struct {
	uint64_t from, to;
	char readable, grows;
} areas[512];
static unsigned count;

static void read_maps(void)
{
	static char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	char access;

	for (count = 0; maps && count < 512 && fgets(line, sizeof(line), maps); count++) {
		if (sscanf(line, "%lx-%lx %c", &areas[count].from, &areas[count].to, &access) != 3)
			_exit(99);
		areas[count].readable = access == 'r' && !strstr(line, "[v");
		areas[count].grows = strstr(line, "[stack]") != NULL;
	}
	if (!maps || fclose(maps) || !count)
		_exit(99);
}

static int is_in_area(uint64_t at)
{
	for (unsigned i = 0; i < count; i++)
		if (at >= areas[i].from && at < areas[i].to)
			return 1;
	return 0;
}

static void look_at_all(void)
{
	for (unsigned i = 0; i < count; i++) {
		const volatile uint64_t *words = (const volatile uint64_t *)areas[i].from;
		int run = 0;

		for (size_t k = 0; areas[i].readable && k < (areas[i].to - areas[i].from) / 8; k++) {
			if (k % (PAGE / 8) == 0 && try((uint64_t)(words + k), 'r')) {
				k += PAGE / 8 - 1; /* beyond the end of a file */
				continue;
			}
			run = (words[k] ^ half[0]) == half[1] ? run + 1 : 0;
			if (run != 4)
				continue;
			findings++;
			printf("the secret at %p\n", (const void *)(words + k));
		}
	}
}

/* Where no area is, near those that are: there others had theirs. */
static void look_around(void)
{
	for (unsigned i = 0; i < count; i++)
		for (uint64_t k = 1; k <= 2; k++) {
			uint64_t step = k == 1 ? PAGE : 32 * PAGE, below = areas[i].from - step,
				 above = areas[i].to + step - PAGE;

			if (below < areas[i].from && !areas[i].grows && !(i && areas[i - 1].grows) &&
			    !is_in_area(below))
				expect(below, k % 2 ? 'r' : 'w', SIGSEGV);
			if (above < 0x7ffffffff000 && !(i + 1 < count && areas[i + 1].grows) && !is_in_area(above))
				expect(above, k % 2 ? 'w' : 'r', SIGSEGV);
		}
}

static int look(uint64_t shape)
{
	struct sigaction action = { .sa_handler = jump_back, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	read_maps();
	look_at_all();
	for (unsigned i = 0; i < PAGES; i += 3) /* nothing is there yet */
		expect(WINDOW + i * PAGE, i % 2 ? 'r' : 'w', SIGSEGV);
	put_shape(shape);
	read_maps();
	for (unsigned i = 0; i < PAGES; i++)
		if (kinds[i] == BECAME_READ_ONLY && !(i && kinds[i - 1] == kinds[i]) && i % 2)
			check_page(i); /* a fault before the others */
	look_around();
	for (unsigned i = 0; i < PAGES; i++)
		if (!(kinds[i] == BECAME_READ_ONLY && !(i && kinds[i - 1] == kinds[i]) && i % 2))
			check_page(i);
	look_at_all();
	fflush(stdout);
	return findings < 99 ? findings : 98;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static int run(const char *path, const char *what, uint64_t shape)
{
	pid_t child = fork();
	char number[24];
	int status = -1;

	snprintf(number, sizeof(number), "%lu", shape);
	if (!child && path) {
		execl(path, "remains", what, number, NULL);
		_exit(97);
	}
	if (!child && !strcmp(what, "leave"))
		leave(shape);
	if (!child)
		syscall(SYS_exit_group, look(shape));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Another binary of the same bytes, in RAM. */
static void copy_self(void)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open(OTHER, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	struct stat stat;

	if (from < 0 || to < 0 || fstat(from, &stat) || sendfile(to, from, NULL, (size_t)stat.st_size) != stat.st_size)
		_exit(99);
	close(from);
	close(to);
}

int main(int argc, char **argv)
{
	static const char *const paths[] = { NULL, "/proc/self/exe", OTHER };
	int total = 0;

	if (argc > 2 && !strcmp(argv[1], "leave"))
		leave(strtoul(argv[2], NULL, 10));
	if (argc > 2)
		return look(strtoul(argv[2], NULL, 10));
	setvbuf(stdout, NULL, _IOLBF, 0);
	copy_self();
	for (uint64_t shape = 1; shape <= 3; shape++)
		for (unsigned who = 0; who < 3; who++) {
			/* who looked has touched all of its stack, and leaves too much to be kept: so there is leaving twice */
			const char *leaver = paths[(shape + who) % 3];
			int left = run(leaver, "leave", shape), found = run(paths[who], "look", shape);

			left += run(leaver, "leave", shape);
			found += run(paths[who], "look", shape + 16 + 16 * who);
			if (left || found)
				printf("shape %lu, %u: left %d, found %d\n", shape, who, left, found);
			total += left + found;
		}
	unlink(OTHER);
	printf("%d findings\n", total);
	return total != 0;
}
