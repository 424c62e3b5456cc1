/*
 * Plays ceno-vmm for tests of the warden's protocol: takes the real jail, maps
 * the real RAM, obeys or breaks the protocol as its first argument says, and runs
 * no guest.
 *
 *   argv of the session: program BEHAVIOUR CANARY-HEX MIB
 *
 * exit      fills RAM with the canary, says the program ended, drains, exits
 * run       fills RAM, runs until drained
 * hang      the same but never drains
 * violate   fills RAM, says an access had no slot
 * stop      says the guest stopped itself while booting
 * lie       sends a record no vmm sends
 * oom       takes memory until the kernel ends it
 * nolock    never says locked           unlocked  says locked without a filter
 * bare      says locked, without the layers that a host need not have
 * nojail    says the jail failed        dies      dies before it says locked
 * lets_go   runs; lets go of the stdio window when it is told to, and says `released` for the guest
 * grabs     says the same, but goes on writing to the window, rings and request area, all the while
 * deaf      the same, but neither writes nor says anything
 * peeks     as lets_go; told to drain, it looks at the window: stop value 1 if a SIGBUS answers, 2 or 3 if
 *           memory does
 * gossips   says NARROWED though nobody asked
 * reparks   says twice that it parked
 * weak      says locked, with a vCPU that is not as the launch record asked
 *
 * Built with UNPARKED it never says that it parked.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-kernel/abi/cpu.h"
#include "guest-kernel/abi/pack.h"
#include "guest-kernel/abi/window.h"
#include "vmm/core/launch.h"
#include "vmm/core/receive.h"
#include "vmm/sandbox/jail.h"

static struct ceno_vmm_launch launch;
static struct ceno_jail_result jail;
static char words[4][256]; /* program, behaviour, canary, MiB */
static uint8_t *ram, *window;
static uint64_t ram_bytes;

static int is(const char *behaviour)
{
	return strcmp(words[1], behaviour) == 0;
}

static void say(uint32_t type, uint32_t reason, uint64_t value)
{
	struct ceno_vmm_record r = { .type = type, .reason = reason, .value = value };
	if (type == CENO_VMM_LOCKED) {
		r.gpa = is("bare") ? jail.done & CENO_JAIL_REQUIRED : jail.done;
		r.program_seq = jail.landlock_abi;
		r.entry_tsc = launch.regs.cr0;
		r.done_tsc = is("weak") ? launch.regs.cr4 & ~CENO_CR4_SMEP : launch.regs.cr4;
		r.syscalls = launch.regs.efer | CENO_EFER_LMA;
		r.faults = CENO_CPU_NX | CENO_CPU_SMEP | CENO_CPU_SMAP | CENO_CPU_UMIP;
	}
	if (type == CENO_VMM_STOPPED && reason == CENO_VMM_STOP_JAIL)
		r.gpa = (uint64_t)jail.failed_step;
	if (write(CENO_VMM_FD_CONTROL, &r, sizeof r) != (ssize_t)sizeof r)
		_exit(9);
}

static int enter_jail(void)
{
	static const struct ceno_jail_fd keep[] = {
		{ CENO_VMM_FD_CONTROL, CENO_JAIL_FD_SOCKET, 1 },     { CENO_VMM_FD_KVM, CENO_JAIL_FD_KVM, 0 },
		{ CENO_VMM_FD_FIRMWARE, CENO_JAIL_FD_MEMORY_RO, 1 }, { CENO_VMM_FD_TRUST, CENO_JAIL_FD_MEMORY_RO, 1 },
		{ CENO_VMM_FD_BUNDLE, CENO_JAIL_FD_MEMORY_RO, 1 },
	};
	const struct ceno_jail_options options = { keep, sizeof keep / sizeof keep[0], CENO_VMM_FD_CONTROL, 64 };
	return ceno_jail_enter(&options, &jail);
}

/* The launch record; the real vmm's own code puts the descriptors in their places. */
static int receive_launch(void)
{
	struct ceno_received received;
	for (int fd = 0; fd < CENO_VMM_FD_END; fd++)
		if (fcntl(fd, F_GETFD) < 0 && dup3(CENO_VMM_FD_CONTROL, fd, O_CLOEXEC) < 0)
			return -1;
#ifndef UNPARKED
	say(CENO_VMM_PARKED, 0, 0);
#endif
	if (ceno_receive(CENO_VMM_FD_CONTROL, &launch, sizeof launch, &received) != 1 ||
	    received.bytes != sizeof launch)
		return -1;
	return ceno_receive_place(&launch, &received);
}

static uint64_t slot_bytes(uint32_t fd)
{
	for (uint32_t i = 0; i < launch.slot_count; i++)
		if (launch.slots[i].fd == fd)
			return launch.slots[i].bytes;
	return 0;
}

/* argv out of the argument block: after two counters the program, then argv. */
static void read_words(const uint8_t *pack, uint64_t bytes)
{
	const struct ceno_pack_header *header = (const void *)pack;
	const struct ceno_pack_entry *entry = (const void *)(pack + sizeof *header);
	/* The warden fills it meanwhile, the header last. */
	while (__atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != CENO_PACK_MAGIC)
		usleep(500);
	for (uint32_t i = 0; i < header->count && i < bytes / sizeof *entry; i++) {
		if (strcmp(entry[i].path, CENO_PACK_ARGS) != 0)
			continue;
		uint32_t argc;
		memcpy(&argc, pack + entry[i].offset, sizeof argc);
		const char *at = (const char *)pack + entry[i].offset + 8;
		at += strlen(at) + 1;
		for (uint32_t k = 0; k < argc && k < 4; k++, at += strlen(at) + 1)
			snprintf(words[k], sizeof words[k], "%s", at);
	}
}

static int map_memory(void)
{
	uint64_t pack_bytes = slot_bytes(CENO_VMM_FD_PACK);
	ram_bytes = slot_bytes(CENO_VMM_FD_RAM);
	ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, CENO_VMM_FD_RAM, 0);
	const uint8_t *pack = mmap(NULL, pack_bytes, PROT_READ, MAP_SHARED, CENO_VMM_FD_PACK, 0);
	/* The read-only descriptor must stay read-only whatever is tried. */
	void *writable = mmap(NULL, pack_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, CENO_VMM_FD_PACK, 0);
	if (ram == MAP_FAILED || pack == MAP_FAILED || writable != MAP_FAILED)
		return -1;
	read_words(pack, pack_bytes);
	close(CENO_VMM_FD_RAM);
	return 0;
}

static int lock(void)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	const struct sock_fprog program = { 1, allow };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* The canary as raw bytes, all over `MIB` MiB in the middle of RAM and one page at its end. */
static void fill_ram(void)
{
	uint8_t canary[32];
	size_t n = strlen(words[2]) / 2;
	uint64_t bytes = strtoull(words[3], NULL, 10) << 20;
	if (n == 0 || n > sizeof canary)
		return;
	for (size_t i = 0; i < n; i++) {
		char digits[3] = { words[2][2 * i], words[2][2 * i + 1], 0 };
		canary[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	if (bytes > ram_bytes / 2)
		bytes = ram_bytes / 2;
	for (uint64_t at = 0; at + n <= bytes; at += n)
		memcpy(ram + ram_bytes / 4 + at, canary, n);
	memcpy(ram + ram_bytes - CENO_PAGE, canary, n);
	if (slot_bytes(CENO_VMM_FD_WINDOW)) {
		window = mmap(NULL, CENO_STDIO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, CENO_VMM_FD_WINDOW, 0);
		if (window == MAP_FAILED)
			_exit(7);
		memcpy(window + CENO_STDOUT_OFFSET, canary, n);
	}
}

/* Every byte behind the two pages, again and again, until it is gone. */
static void *grab(void *unused)
{
	(void)unused;
	for (uint8_t i = 1;; i = (uint8_t)(i | 1) + 2)
		memset(window + CENO_STDIO_REQUEST_OFFSET, i, CENO_STDIO_BYTES - CENO_STDIO_REQUEST_OFFSET);
	return NULL;
}

static void narrow(void)
{
	struct ceno_stdio_guest *guest = (void *)(window + CENO_STDIO_GUEST_OFFSET);
	if (is("deaf"))
		return;
	say(CENO_VMM_NARROWED, 0, 0);
	__atomic_store_n(&guest->released, 1, __ATOMIC_RELEASE);
}

static sigjmp_buf faulted;

static void on_bus_error(int number)
{
	siglongjmp(faulted, number);
}

static uint64_t peek(void)
{
	signal(SIGBUS, on_bus_error);
	if (sigsetjmp(faulted, 1))
		return 1;
	return *(volatile uint8_t *)(window + CENO_STDOUT_OFFSET) == 0xff ? 3 : 2;
}

static void take_all_memory(void)
{
	for (;;) {
		uint8_t *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (more != MAP_FAILED)
			memset(more, 1, 1 << 20);
	}
}

static void on_go(void)
{
	fill_ram();
	if (is("violate"))
		say(CENO_VMM_STOPPED, CENO_VMM_STOP_UNBACKED, 0);
	else if (is("stop"))
		say(CENO_VMM_STOPPED, CENO_VMM_STOP_GUEST_STOP, 6);
	else if (is("lie"))
		say(77, 0, 0);
	else if (is("oom"))
		take_all_memory();
	else if (is("gossips"))
		say(CENO_VMM_NARROWED, 0, 0);
	else if (is("grabs")) {
		pthread_t writer;
		if (pthread_create(&writer, NULL, grab, NULL))
			_exit(6);
	} else if (is("exit"))
		say(CENO_VMM_PROGRAM, 0, 0);
}

static void serve(void)
{
	struct ceno_vmm_record r;
	for (;;) {
		ssize_t n = read(CENO_VMM_FD_CONTROL, &r, sizeof r);
		if (n <= 0)
			_exit(8);
		if (r.type == CENO_VMM_GO)
			on_go();
		else if (r.type == CENO_VMM_REQUEST)
			say(CENO_VMM_PROGRAM, 0, 0);
		else if (r.type == CENO_VMM_NARROW)
			narrow();
		else if (r.type == CENO_VMM_DRAIN && is("peeks")) {
			say(CENO_VMM_STOPPED, CENO_VMM_STOP_GUEST_STOP, peek());
			_exit(0);
		} else if (r.type == CENO_VMM_DRAIN && !is("hang")) {
			say(CENO_VMM_STOPPED, CENO_VMM_STOP_DRAINED, 0);
			_exit(0);
		}
	}
}

int main(void)
{
	if (enter_jail() < 0) {
		say(CENO_VMM_STOPPED, CENO_VMM_STOP_JAIL, (uint64_t)jail.error);
		return 1;
	}
	if (receive_launch() < 0 || map_memory() < 0)
		return 2;
	if (is("dies"))
		raise(SIGKILL), _exit(3);
	if (is("nojail")) {
		jail.failed_step = CENO_JAIL_ROOT;
		say(CENO_VMM_STOPPED, CENO_VMM_STOP_JAIL, EPERM);
		return 1;
	}
	if (is("reparks"))
		say(CENO_VMM_PARKED, 0, 0);
	if (is("nolock"))
		pause();
	if (!is("unlocked") && lock() < 0)
		return 4;
	say(CENO_VMM_LOCKED, 0, (uint64_t)getpid());
	serve();
}
