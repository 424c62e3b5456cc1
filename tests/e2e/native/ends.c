/* Every way a native program can end, by its first argument, and what it may not do. */
#include "sdk/native.h"
#include "sdk/supervised.h"

CENO_NATIVE(0, 0, CENO_SPECTRUM_MATTER, 2);

#define NULL_PAGE   ((volatile uint64_t *)hidden(0))
#define ZEROS_BYTES 300000u

static uint32_t value = 0x12345678;
static const char constant[] = "constant";
static uint8_t zeros[ZEROS_BYTES];
static uint64_t words[2] = { 1, 0x1122334455667788 };

static uint64_t hidden(uint64_t number)
{
	__asm__("" : "+r"(number)); /* the compiler does not see that it is a bad address */
	return number;
}

static int is(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (!*a)
			return 1;
	return 0;
}

static void jump(uint64_t to)
{
	((void (*)(void))hidden(to))();
}

static void crash(const char *how)
{
	static uint8_t code[] = { 0xc3 };
	uint8_t on_stack[] = { 0xc3 };

	if (is(how, "null-read"))
		(void)NULL_PAGE[0];
	else if (is(how, "null-write"))
		NULL_PAGE[0] = 1;
	else if (is(how, "jump-null"))
		jump(0);
	else if (is(how, "ud2"))
		__asm__ volatile("ud2");
	else if (is(how, "divide"))
		__asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" : : "a"(1) : "rcx", "rdx", "cc");
	else if (is(how, "write-text"))
		*(volatile uint8_t *)hidden((uint64_t)&crash) = 0x90;
	else if (is(how, "execute-stack"))
		jump((uint64_t)on_stack);
	else if (is(how, "execute-data"))
		jump((uint64_t)code);
	else if (is(how, "non-canonical"))
		*(volatile uint64_t *)hidden(0x8000000000000000) = 1;
	else if (is(how, "kernel"))
		(void)*(volatile uint64_t *)hidden(0xffffffff80000000);
	else if (is(how, "int3"))
		__asm__ volatile("int3");
}

static int variables(void)
{
	for (uint32_t i = 0; i < ZEROS_BYTES; i++)
		if (zeros[i])
			return 1;
	zeros[ZEROS_BYTES - 1] = 1;
	if (value != 0x12345678 || words[1] != 0x1122334455667788 || !is(constant, "constant"))
		return 2;
	value++;
	words[0]++;
	return value == 0x12345679 && words[0] == 2 && zeros[ZEROS_BYTES - 1] == 1 ? 0 : 3;
}

static int input(const char *path)
{
	uint64_t bytes = 0;
	const char *data = ceno_input(path, &bytes);

	if (!data || ceno_input("/in/other", &bytes))
		return 100;
	ceno_write(CENO_STREAM_OUT, data, bytes);
	return (int)bytes;
}

/* What the nucleus must answer; prints and counts what it does not. */
static int wrong;

static void expect(const char *what, int64_t got, int64_t want)
{
	if (got == want)
		return;
	ceno_print("%s: %ld, not %ld\n", what, (long)got, (long)want);
	wrong++;
}

static int64_t map(uint32_t slot, uint32_t rights)
{
	return ceno_map(CENO_SLOT_SELF, slot, 0x500000000ull, 0, CENO_PAGE, rights);
}

static int rights(void)
{
	const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, X = CENO_RIGHT_EXECUTE;
	struct ceno_message m;

	expect("RAM executable", map(CENO_SLOT_RAM, R | X), CENO_E_RIGHTS);
	expect("pack executable", map(CENO_SLOT_PACK, R | X), CENO_E_RIGHTS);
	expect("pack writable", map(CENO_SLOT_PACK, R | W), CENO_E_RIGHTS);
	expect("own file writable", map(CENO_SLOT_PROGRAM, R | W), CENO_E_RIGHTS);
	expect("own file beyond its end",
	       ceno_map(CENO_SLOT_SELF, CENO_SLOT_PROGRAM, 0x500000000ull, CENO_NATIVE_BYTES_MAX, CENO_PAGE, R),
	       CENO_E_BOUNDS);
	expect("boot page writable", map(CENO_SLOT_BOOT, R | W), CENO_E_RIGHTS);
	expect("trap pages", map(CENO_SLOT_TRAP, R), CENO_E_SLOT);
	expect("service memory", map(CENO_SLOT_SERVICE, R), CENO_E_SLOT);
	expect("boot events", map(CENO_SLOT_EVENTS, R), CENO_E_SLOT);
	expect("image", map(CENO_SLOT_IMAGE, R), CENO_E_SLOT);
	expect("window that is not pledged", map(CENO_SLOT_WINDOW + CENO_PLEDGE_NET, R), CENO_E_SLOT);
	for (uint32_t slot = SLOT_NATIVE_FREE; slot < CENO_CSPACE_SLOTS; slot++)
		expect("slot beyond its own", map(slot, R), CENO_E_SLOT);
	expect("fiber without the pledge", ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = 40, .pool_pages = 32 }),
	       CENO_E_PLEDGE);
	expect("pledge raised", ceno_pledge(CENO_SLOT_SELF, 0xff), CENO_E_PLEDGE);
	expect("itself passed on", ceno_grant(CENO_SLOT_SELF, CENO_SLOT_SELF, 40, R), CENO_E_RIGHTS);
	expect("what others ask init", ceno_recv(CENO_SLOT_SUPERVISOR, -1, &m, NULL), CENO_E_RIGHTS);
	expect("init's answers written", ceno_send(CENO_SLOT_REPLY, -1, &m), CENO_E_RIGHTS);
	expect("checkpoint without state", ceno_checkpoint(NULL), CENO_E_STATE);
	return wrong;
}

/* 500 J each, whatever comes of it: frozen most of the time, until its strikes end it. */
static _Noreturn void overload(void)
{
	for (;;)
		(void)ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = 40, .pool_pages = 32 });
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	ceno_print("life of %s\n", argv[0]);
	if (is(how, "status"))
		return 42;
	if (is(how, "variables"))
		return variables();
	if (is(how, "rights"))
		return rights();
	if (is(how, "input"))
		return input(argc > 2 ? argv[2] : "");
	if (is(how, "no-newline"))
		ceno_print("no newline");
	else if (is(how, "overload"))
		overload();
	else if (is(how, "narrow") && ceno_pledge(CENO_SLOT_SELF, 0) == 0)
		__builtin_trap();
	else if (is(how, "loop"))
		for (;;)
			__asm__ volatile("");
	else if (is(how, "sleep"))
		for (;;)
			ceno_sleep_ns(1000000000);
	else
		crash(how);
	return 0;
}
