/*
 * What the dynamic linker does with a library's data and bss, and what it costs: the bss is there as soon
 * as the data is, and only where it is sure to be a library's. See library.c.
 */
#include "test.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "fake_space.h"
#include "guest-kernel/services/membrane/linux.h"
#include "guest-kernel/services/membrane/vm.h"

#define SPAN  12u /* pages of the library as mapped as a whole; its file has fewer */
#define FILE_ 8u
#define DATA  4u /* the first page of its data, of which it has two, not all of the second */
#define BSS   6u
#define ZEROS 3u /* pages of bss behind them */
#define WHOLE (MAP_PRIVATE | MAP_DENYWRITE)

static uint8_t library[FILE_ * PAGE];
static struct lx_elf_segment *data_segment; /* of `library` */
static uint64_t base, fd;

static void make_library(void)
{
	struct lx_elf_header *h = (struct lx_elf_header *)(void *)library;
	struct lx_elf_segment *s = (struct lx_elf_segment *)(void *)(library + sizeof(*h));

	memset(library, 0xee, sizeof(library));
	*h = (struct lx_elf_header){ .type = LX_ET_DYN, .machine = LX_EM_X86_64, .phoff = sizeof(*h), .phnum = 2 };
	memcpy(h->ident, "\177ELF", 4);
	h->phentsize = sizeof(*s);
	s[0] = (struct lx_elf_segment){ .type = LX_PT_LOAD, .flags = LX_PF_R, .filesz = PAGE, .memsz = PAGE };
	s[1] = (struct lx_elf_segment){ .type = LX_PT_LOAD,
		                        .flags = LX_PF_R | LX_PF_W,
		                        .offset = DATA * PAGE + 64,
		                        .vaddr = DATA * PAGE + 64,
		                        .filesz = 2 * PAGE - 200,
		                        .memsz = (2 + ZEROS) * PAGE - 300 };
	data_segment = &s[1];
}

static int begin(void **state)
{
	const char *const argv[] = { "/bin/p", NULL };
	struct fake_file files[] = { fake_program("/bin/p"), { "/lib/library", 0555, library, sizeof(library) } };

	(void)state;
	assert_int_equal(fake_boot(files, 2, argv), FAKE_ENTERED);
	fd = (uint64_t)sys(SYS_open, fake_string("/lib/library"), 0);
	return 0;
}

/* The file is made before it is packed. */
static int begin_plain(void **state)
{
	make_library();
	return begin(state);
}

static void map_whole(void)
{
	base = (uint64_t)sys(SYS_mmap, 0, SPAN * PAGE, PROT_READ, WHOLE, fd, 0);
	assert_true((int64_t)base > 0);
}

static void map_data(int prot, int flags, uint64_t page, uint64_t pages)
{
	assert_int_equal(sys(SYS_mmap, base + page * PAGE, pages * PAGE, prot, flags | MAP_FIXED, fd, page * PAGE),
	                 base + page * PAGE);
}

static int64_t map_bss(void)
{
	return sys(SYS_mmap, base + BSS * PAGE, ZEROS * PAGE, PROT_READ | PROT_WRITE,
	           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static uint8_t byte_at(uint64_t page)
{
	uint8_t byte;

	fake_peek(&byte, base + page * PAGE + 5, 1);
	return byte;
}

/* As the linker does it: the page of data that is cleared in part brings no more than its own, what is
 * written of the bss is gone when it is mapped, and mapping it takes nothing out. */
static void test_bss_is_there(void **state)
{
	uint8_t value = 7, bytes[PAGE];
	uint64_t maps;

	(void)state;
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	fake_poke(base + (DATA + 1) * PAGE + 4000, &value, 1);
	assert_int_equal(byte_at(DATA), 0xee);
	for (uint64_t page = BSS; page < BSS + ZEROS; page++) {
		assert_int_equal(byte_at(page), 0);
		fake_poke(base + page * PAGE + 5, &value, 1);
	}
	maps = fake_maps;
	assert_int_equal(map_bss(), base + BSS * PAGE);
	assert_int_equal(fake_maps, maps);
	for (uint64_t page = BSS; page < BSS + ZEROS; page++) {
		fake_peek(bytes, base + page * PAGE, PAGE);
		for (unsigned i = 0; i < PAGE; i++)
			assert_int_equal(bytes[i], 0);
	}
	assert_int_equal(fake_maps, maps);
	assert_int_equal(byte_at(DATA), 0xee);
}

static int is_writable(uint64_t page)
{
	int64_t got = sys(SYS_getrandom, base + page * PAGE, 8, 0);

	assert_true(got == 8 || got == -EFAULT);
	return got == 8;
}

/* Zeros over zeros, in part; and over what is not quite that, which goes. */
static void test_zeros_again(void **state)
{
	const int own = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	uint64_t second, third;
	uint8_t value = 9;

	(void)state;
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(map_bss(), base + BSS * PAGE);
	second = base + (BSS + 1) * PAGE;
	third = second + PAGE;
	fake_poke(base + BSS * PAGE + 5, &value, 1);
	fake_poke(second + 5, &value, 1);
	assert_int_equal(sys(SYS_mmap, second, PAGE, PROT_READ | PROT_WRITE, own, -1, 0), second);
	assert_int_equal(byte_at(BSS), 9);
	assert_int_equal(byte_at(BSS + 1), 0);
	assert_int_equal(sys(SYS_mmap, second, PAGE, PROT_READ, own, -1, 0), second);
	assert_false(is_writable(BSS + 1));
	assert_int_equal(sys(SYS_mprotect, base + BSS * PAGE, ZEROS * PAGE, PROT_READ), 0);
	assert_int_equal(map_bss(), base + BSS * PAGE);
	assert_true(is_writable(BSS) && is_writable(BSS + 1) && is_writable(BSS + 2));
	assert_int_equal(sys(SYS_munmap, third, PAGE), 0);
	assert_int_equal(map_bss(), base + BSS * PAGE);
	assert_true(is_writable(BSS + 2));
}

/* Whatever is not exactly that leaves the file's bytes where they are. */
static void test_anything_else(void **state)
{
	(void)state;
	map_whole();
	map_data(PROT_READ | PROT_WRITE, MAP_PRIVATE, DATA, 2); /* not the linker's way */
	assert_int_equal(byte_at(BSS), 0xee);
	map_whole();
	map_data(PROT_READ, WHOLE, DATA, 2);
	assert_int_equal(byte_at(BSS), 0xee);
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 1); /* not all of the segment */
	assert_int_equal(byte_at(DATA + 1), 0xee);
	assert_int_equal(byte_at(BSS), 0xee);
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA + 1, 2); /* not its beginning */
	assert_int_equal(byte_at(BSS + 1), 0xee);
	map_whole();
	map_data(PROT_READ | PROT_WRITE, MAP_PRIVATE, BSS, ZEROS); /* something else is behind it */
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(byte_at(BSS), 0xee);
	map_whole();
	assert_int_equal(sys(SYS_mmap, base + BSS * PAGE, ZEROS * PAGE, PROT_READ,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	                 base + BSS * PAGE);
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_false(is_writable(BSS));
	map_whole();
	assert_int_equal(sys(SYS_munmap, base + BSS * PAGE, PAGE), 0);
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(sys(SYS_mprotect, base + BSS * PAGE, PAGE, PROT_READ), -ENOMEM); /* nor does anything appear */
}

static int begin_bad(void **state)
{
	uint64_t *field = *state;

	make_library();
	*field = field == &data_segment->memsz ? UINT64_MAX - 100 * PAGE : 1ull << 62;
	return begin(NULL);
}

/* Numbers of a file that lies: no area grows by them. */
static void test_lies(void **state)
{
	struct lx_elf_header *h = (struct lx_elf_header *)(void *)library;
	uint64_t *const fields[] = { &data_segment->memsz, &data_segment->filesz, &data_segment->offset, &h->phoff };

	(void)state;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		void *field = fields[i];

		begin_bad(&field);
		map_whole();
		map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
		assert_int_equal(byte_at(BSS), 0xee);
	}
	make_library();
	data_segment->memsz = (2 + ZEROS + 40) * PAGE; /* more than the file was mapped with */
	begin(NULL);
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(byte_at(BSS), 0xee);
	make_library();
	data_segment->type = LX_PT_PHDR;
	begin(NULL);
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(byte_at(BSS), 0xee);
	make_library();
	h->phnum = 17;
	begin(NULL);
	map_whole();
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(byte_at(BSS), 0xee);
}

/* The first two small pieces lie alone in 2 MiB each, what comes after them together. */
static void test_alone(void **state)
{
	uint64_t at[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		at[i] =
		    (uint64_t)sys(SYS_mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true((int64_t)at[i] > 0);
	}
	assert_int_not_equal(at[0] / CENO_LARGE_PAGE, at[1] / CENO_LARGE_PAGE);
	assert_int_not_equal(at[1] / CENO_LARGE_PAGE, at[2] / CENO_LARGE_PAGE);
	assert_int_equal(at[2] / CENO_LARGE_PAGE, at[3] / CENO_LARGE_PAGE);
}

static size_t mapped(uint64_t at, uint64_t pages)
{
	size_t count = 0;

	for (uint64_t i = 0; i < pages; i++)
		count += fake_space_find(ceno_vm_current()->slot, at + i * PAGE) != NULL;
	return count;
}

/* What is sure to be touched is mapped when the data is, and when the first small pieces are. */
static void test_brought(void **state)
{
	(void)state;
	map_whole();
	assert_int_equal(mapped(base, SPAN), 0);
	map_data(PROT_READ | PROT_EXEC, WHOLE, 1, 2);
	map_data(PROT_READ, WHOLE, 3, 1); /* constants: not before they are read */
	map_data(PROT_READ | PROT_WRITE, WHOLE, DATA, 2);
	assert_int_equal(mapped(base, 1), 1);
	assert_int_equal(mapped(base + PAGE, 2), 2);
	assert_int_equal(mapped(base + 3 * PAGE, 1), 0);
	assert_int_equal(mapped(base + DATA * PAGE, 2), 2);
	assert_int_equal(mapped(base + BSS * PAGE, ZEROS), 0);
	assert_true(is_writable(DATA) && is_writable(DATA + 1) && !is_writable(1));
}

static void test_alone_is_brought(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at =
		    (uint64_t)sys(SYS_mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_int_equal(mapped(at, 2), i < 2 ? 2 : 0);
	}
}

/* The heap of a program with much data is one large page from its beginning, and stays one when it shrinks:
 * what it gave back is zeros, and nothing else is. */
static void test_large_heap(void **state)
{
	uint64_t heap = 0, maps;
	uint8_t value = 3, seen;

	(void)state;
	for (unsigned much = 0; much < 2; much++) {
		fake_start();
		ceno_vm_current()->data_bytes = much ? 512u << 10 : (512u << 10) - 1;
		heap = ((uint64_t)sys(SYS_brk, 0) + PAGE - 1) & ~(PAGE - 1);
		assert_int_equal(sys(SYS_brk, heap + 100 * PAGE), heap + 100 * PAGE);
		fake_poke(heap, &value, 1);
		assert_int_equal(fake_space_find(ceno_vm_current()->slot, heap)->large, much);
	}
	for (unsigned page = 0; page < 100; page++)
		fake_poke(heap + page * PAGE + 20, &value, 1);
	maps = fake_maps;
	assert_int_equal(sys(SYS_brk, heap + 40 * PAGE), heap + 40 * PAGE);
	assert_int_equal(sys(SYS_brk, heap + 100 * PAGE), heap + 100 * PAGE);
	for (unsigned page = 0; page < 100; page++) {
		fake_peek(&seen, heap + page * PAGE + 20, 1);
		assert_int_equal(seen, page < 40 ? 3 : 0);
	}
	assert_int_equal(fake_maps, maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bss_is_there, begin_plain),
		cmocka_unit_test_setup(test_zeros_again, begin_plain),
		cmocka_unit_test_setup(test_anything_else, begin_plain),
		cmocka_unit_test_setup(test_lies, begin_plain),
		cmocka_unit_test_setup(test_alone, start),
		cmocka_unit_test_setup(test_brought, begin_plain),
		cmocka_unit_test_setup(test_alone_is_brought, start),
		cmocka_unit_test_setup(test_large_heap, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
