/*
 * The host's stand-in for nucleus, warden and vmm. See fake.h; fake_space.h has the
 * programs' spaces.
 */
#include "fake.h"
#include "fake_space.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-kernel/abi/supervisor.h"
#include "guest-kernel/services/membrane/membrane.h"
#include "guest-kernel/services/membrane/process.h"
#include "vmm/warden/pack.h"

int (*fake_on_wait)(void);
uint32_t fake_doorbells;
uint64_t fake_tsc;

static jmp_buf back;
static int ram_fd = -1, pack_fd = -1, image_fd = -1, window_fd = -1;
static uint64_t pack_bytes, image_bytes;
static uint8_t *ram_view, *pack_view, *image_view;

#define MUST(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "fake.c:%d: " #x "\n", __LINE__); \
			abort(); \
		} \
	} while (0)

static void leave(enum fake_outcome outcome)
{
	longjmp(back, (int)outcome + 1);
}

_Noreturn void ceno_membrane_abort(void)
{
	longjmp(back, FAKE_ABORTED + 1);
}
_Noreturn void ceno_process_enter(struct ceno_trap_page *t)
{
	(void)t;
	longjmp(back, FAKE_ENTERED + 1);
}

/* ---- processor ----------------------------------------------------------------- */

static uint64_t fs_base, gs_base;

/* Eight bytes of vector registers stand for all of them. */
uint64_t fake_fpu;

uint64_t ceno_fpu_bytes(void)
{
	return 2696;
}
void ceno_fpu_initial(void *area)
{
	MUST(((uintptr_t)area & 63) == 0);
	memset(area, 0, 8);
}
uint64_t ceno_fpu_frame_bytes(void)
{
	return 2688;
}
uint64_t ceno_fpu_frame_components(void)
{
	return 0xe7;
}
uint32_t ceno_fpu_mxcsr_mask(void)
{
	return 0xffff;
}
void ceno_fpu_save(void *area)
{
	memcpy(area, &fake_fpu, 8);
}
void ceno_fpu_load(const void *area)
{
	memcpy(&fake_fpu, area, 8);
}
uint32_t ceno_cpu_hwcap(void)
{
	return 0x178bfbff;
}
int ceno_cpu_random(uint64_t *value)
{
	(void)value;
	return 0;
}
void ceno_fs_base_set(uint64_t value)
{
	fs_base = value;
}
void ceno_gs_base_set(uint64_t value)
{
	gs_base = value;
}
uint64_t ceno_fs_base(void)
{
	return fs_base;
}
uint64_t ceno_gs_base(void)
{
	return gs_base;
}
uint64_t ceno_rdtsc(void)
{
	return fake_tsc += 2000;
}
void fake_doorbell(void)
{
	fake_doorbells++;
}

/* ---- the programs' spaces --------------------------------------------------------- */

static uint32_t selected; /* slot of the space that runs */

size_t fake_mapped_pages(void)
{
	return fake_space_pages(selected);
}

/* ---- verbs -------------------------------------------------------------------------- */

static uint64_t bytes_of(int64_t object)
{
	return object == CENO_SLOT_RAM  ? FAKE_RAM_BYTES
	    : object == CENO_SLOT_PACK  ? pack_bytes
	    : object == CENO_SLOT_IMAGE ? image_bytes
					: CENO_STDIO_BYTES;
}

static int64_t map_self(int64_t object, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights)
{
	int prot = PROT_READ | (rights & CENO_RIGHT_WRITE ? PROT_WRITE : 0);
	int fd = object == CENO_SLOT_RAM ? ram_fd
	    : object == CENO_SLOT_PACK   ? pack_fd
	    : object == CENO_SLOT_IMAGE  ? image_fd
					 : window_fd;
	uint64_t limit = bytes_of(object);

	if (offset > limit || bytes > limit - offset)
		return CENO_E_BOUNDS;
	if (object == CENO_SLOT_RAM) {
		int64_t refused = fake_space_map(0, object, gva, offset, bytes, rights);

		if (refused)
			return refused;
	}
	MUST(mmap((void *)(uintptr_t)gva, bytes, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) ==
	     (void *)(uintptr_t)gva);
	return 0;
}

int64_t ceno_map(uint32_t space_slot, int64_t object_slot, uint64_t gva, uint64_t offset, uint64_t bytes,
                 uint32_t rights)
{
	MUST(bytes && !((gva | offset | bytes) & (CENO_PAGE - 1)));
	MUST(gva < 1ull << 47 && bytes <= (1ull << 47) - gva);
	MUST(gva >= CENO_GVA_ENTRY_REGION + CENO_LARGE_PAGE || gva + bytes <= CENO_GVA_ENTRY_REGION);
	MUST((rights & (CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE)) != (CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE));
	MUST(space_slot != CENO_SLOT_SELF || object_slot < CENO_SLOT_WINDOW || object_slot >= CENO_SLOT_TRAP);
	if (space_slot == CENO_SLOT_SELF && object_slot == -1) {
		MUST(gva == CENO_TEXT_GVA && munmap((void *)(uintptr_t)gva, bytes) == 0);
		return fake_space_map(0, -1, gva, 0, bytes, 0);
	}
	if (space_slot == CENO_SLOT_SELF)
		return map_self(object_slot, gva, offset, bytes, rights);
	if (object_slot == -1)
		return fake_space_map(space_slot, -1, gva, 0, bytes, 0);
	if (object_slot >= CENO_SLOT_PROCESS)
		return bytes == CENO_LARGE_PAGE && !rights
		    ? fake_space_move(space_slot, (uint32_t)object_slot, gva, offset)
		    : CENO_E_BOUNDS;
	MUST(object_slot == CENO_SLOT_RAM || object_slot == CENO_SLOT_PACK || object_slot == CENO_SLOT_IMAGE);
	if (offset + bytes > bytes_of(object_slot))
		return CENO_E_BOUNDS;
	return fake_space_map(space_slot, object_slot, gva, offset, bytes, rights);
}

int64_t ceno_spawn_process(uint32_t dst_slot, uint32_t pool_pages)
{
	MUST(dst_slot >= CENO_SLOT_PROCESS && dst_slot < CENO_CSPACE_SLOTS);
	return fake_space_spawn(dst_slot, pool_pages);
}

int64_t ceno_mask(uint32_t slot, uint32_t rights_keep, uint64_t offset, uint64_t length, uint64_t expiry)
{
	static int again;

	(void)offset, (void)length, (void)expiry;
	MUST(rights_keep == 0);
	if (slot == CENO_SLOT_SELF)
		leave(FAKE_HALTED);
	MUST(slot >= CENO_SLOT_PROCESS && fake_space_exists(slot));
	if (++again % 3)
		return CENO_E_AGAIN;
	fake_space_end(slot);
	return 0;
}

/* Membrane gives up its window; the pages stay, and a test sees whether it still touches them. */
int64_t ceno_pledge(uint32_t fiber_slot, uint8_t pledge)
{
	MUST(fiber_slot == CENO_SLOT_SELF && pledge == 0 && fake_guest()->released);
	return 0;
}

int64_t ceno_tick(uint64_t deadline, int wake_on_window, uint64_t *now)
{
	if (deadline >= UINT64_MAX >> 1) {
		if (!wake_on_window || !fake_on_wait || !fake_on_wait())
			leave(FAKE_BLOCKED);
	} else if (deadline > fake_tsc) {
		fake_tsc = deadline;
	}
	if (now)
		*now = fake_tsc;
	return 0;
}

int64_t ceno_send(uint32_t slot, int64_t cap_slot, const struct ceno_message *m)
{
	MUST(slot == CENO_SLOT_SUPERVISOR && cap_slot == -1 && m->word[0] == CENO_SUPERVISOR_RUNS);
	return 0;
}

int64_t ceno_recv_signal(uint32_t slot, int poll)
{
	if (slot >= CENO_SLOT_PROCESS) {
		MUST(fake_space_exists(slot));
		selected = slot;
		return 0;
	}
	MUST(slot == CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO);
	if (!poll && (!fake_on_wait || !fake_on_wait()))
		leave(FAKE_BLOCKED);
	return 0;
}

/* ---- boot ---------------------------------------------------------------------------- */

static void *view(int fd, uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	MUST(at != MAP_FAILED);
	return at;
}

static int fresh(int *fd, const char *name, uint64_t bytes)
{
	if (*fd < 0)
		*fd = memfd_create(name, MFD_CLOEXEC);
	MUST(*fd >= 0 && ftruncate(*fd, 0) == 0 && ftruncate(*fd, (off_t)bytes) == 0);
	return *fd;
}

static void place(uint64_t gva, uint64_t bytes)
{
	MUST(mmap((void *)(uintptr_t)gva, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	          0) == (void *)(uintptr_t)gva);
}

static void make_pack(const struct fake_file *files, size_t count, const void *args, size_t args_bytes)
{
	static struct ceno_pack_entry entries[CENO_PACK_ENTRIES_MAX];
	static uint32_t source[CENO_PACK_ENTRIES_MAX];

	memset(entries, 0, sizeof(entries));
	for (size_t i = 0; i < count; i++) {
		strcpy(entries[i].path, files[i].path);
		entries[i].mode = files[i].mode;
		entries[i].length = files[i].bytes;
	}
	strcpy(entries[count].path, CENO_PACK_ARGS);
	entries[count].length = args_bytes;
	if (pack_view)
		munmap(pack_view, pack_bytes);
	MUST(ceno_pack_plan(entries, (uint32_t)count + 1, source, &pack_bytes, NULL) == 0);
	pack_view = view(fresh(&pack_fd, "pack", pack_bytes), pack_bytes);
	ceno_pack_header_format((struct ceno_pack_header *)(void *)pack_view, (uint32_t)count + 1, pack_bytes, 0);
	memcpy(pack_view + sizeof(struct ceno_pack_header), entries, (count + 1) * sizeof(entries[0]));
	for (size_t i = 0; i <= count; i++)
		memcpy(pack_view + entries[i].offset, source[i] == count ? args : files[source[i]].data,
		       entries[i].length);
	munmap(pack_view, pack_bytes);
	pack_view = NULL;
	pack_view = mmap(NULL, pack_bytes, PROT_READ, MAP_SHARED, pack_fd, 0);
	MUST(pack_view != MAP_FAILED);
}

uint32_t fake_pledge = 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_SPAWN, fake_flags,
	 fake_terminal, fake_syscall_mode = CENO_SYSCALL_LSTAR;
uint64_t fake_fault_rip = 0x401000;

/* What the warden has mapped for it (boot.h, prepared spaces). */
static void map_prepared(void)
{
	const uint32_t r = CENO_RIGHT_READ, w = CENO_RIGHT_WRITE;

	MUST(map_self(CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO, CENO_GVA_WINDOW, 0, CENO_STDIO_BYTES, r | w) == 0);
	MUST(map_self(CENO_SLOT_RAM, CENO_GVA_RAM, 0, CENO_PREPARED_RAM, r | w) == 0);
	MUST(map_self(CENO_SLOT_PACK, CENO_GVA_PACK, 0, pack_bytes < CENO_LARGE_PAGE ? pack_bytes : CENO_LARGE_PAGE,
	              r) == 0);
}

uint8_t *fake_image(uint64_t bytes)
{
	if (image_view)
		munmap(image_view, image_bytes);
	image_bytes = bytes;
	image_view = bytes ? view(fresh(&image_fd, "image", bytes), bytes) : NULL;
	return image_view;
}

enum fake_outcome fake_boot_args(const struct fake_file *files, size_t count, const void *args, size_t bytes)
{
	struct ceno_boot *boot = (struct ceno_boot *)(uintptr_t)CENO_GVA_BOOT_PAGE;
	int outcome;

	make_pack(files, count, args, bytes);
	fresh(&ram_fd, "ram", FAKE_RAM_BYTES);
	fresh(&window_fd, "window", CENO_STDIO_BYTES);
	if (!ram_view)
		ram_view = view(ram_fd, FAKE_RAM_BYTES);
	place(CENO_GVA_TRAP_PAGE, CENO_PAGE);
	place(CENO_GVA_BOOT_PAGE, CENO_PAGE);
	boot->magic = CENO_BOOT_MAGIC;
	boot->abi_version = CENO_ABI_VERSION;
	boot->syscall_mode = fake_syscall_mode;
	boot->tsc_hz = 2000000000;
	boot->pledge_mask = fake_pledge;
	boot->flags = fake_flags;
	memset(boot->seed, 0x5a, sizeof(boot->seed));
	boot->ram_bytes = FAKE_RAM_BYTES + 2 * CENO_LARGE_PAGE + CENO_PAGE;
	boot->pack_bytes = pack_bytes;
	boot->image_bytes = image_bytes;
	boot->start_realtime_ns = 1700000000ull * 1000000000ull;
	fake_spaces_reset();
	map_prepared();
	fake_tsc = 1000000;
	fake_doorbells = 0;
	fake_host()->magic = CENO_STDIO_MAGIC;
	fake_host()->abi_version = CENO_ABI_VERSION;
	fake_host()->request_seq = 1;
	fake_host()->terminal = fake_terminal;
	outcome = setjmp(back);
	if (!outcome)
		ceno_service_main();
	return (enum fake_outcome)(outcome - 1);
}

enum fake_outcome fake_boot(const struct fake_file *files, size_t count, const char *const *argv)
{
	const char *const env[] = { "PATH=/bin", "LANG=C", NULL };
	static uint8_t block[CENO_ARGS_MAX];
	int64_t bytes = ceno_pack_args_format(block, sizeof(block), argv[0], argv, env, "/");

	MUST(bytes > 0);
	return fake_boot_args(files, count, block, (size_t)bytes);
}

struct fake_file fake_program(const char *path)
{
	static uint8_t image[3 * 4096];
	struct lx_elf_header h = { .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
		                   .type = LX_ET_EXEC,
		                   .machine = LX_EM_X86_64,
		                   .version = 1,
		                   .entry = 0x401000,
		                   .phoff = 64,
		                   .ehsize = 64,
		                   .phentsize = 56,
		                   .phnum = 3 };
	struct lx_elf_segment s[3] = {
		{ LX_PT_LOAD, LX_PF_R, 0, 0x400000, 0x400000, 64 + 3 * 56, 64 + 3 * 56, 4096 },
		{ LX_PT_LOAD, LX_PF_R | LX_PF_X, 4096, 0x401000, 0x401000, 16, 16, 4096 },
		{ LX_PT_LOAD, LX_PF_R | LX_PF_W, 8192 + 16, 0x402010, 0x402010, 32, 0x5000, 4096 },
	};

	memset(image, 0xcc, sizeof(image));
	memcpy(image, &h, sizeof(h));
	memcpy(image + 64, s, sizeof(s));
	return (struct fake_file){ path, 0555 | CENO_PACK_PROGRAM, image, sizeof(image) };
}

void fake_start(void)
{
	const char *const argv[] = { "/bin/p", "one", "two", NULL };
	struct fake_file file = fake_program("/bin/p");

	fake_on_wait = NULL;
	MUST(fake_boot(&file, 1, argv) == FAKE_ENTERED);
}

struct ceno_stdio_host *fake_host(void)
{
	return (struct ceno_stdio_host *)(void *)fake_window();
}

const struct ceno_stdio_guest *fake_guest(void)
{
	return (const struct ceno_stdio_guest *)(const void *)(fake_window() + CENO_STDIO_GUEST_OFFSET);
}

uint8_t *fake_window(void)
{
	static uint8_t *at;

	if (!at)
		at = view(window_fd, CENO_STDIO_BYTES);
	return at;
}

/* ---- the program ------------------------------------------------------------------------ */

enum fake_outcome fake_call(uint64_t number, const uint64_t a[6], int64_t *result)
{
	struct ceno_trap_page *t = ceno_trap();
	struct ceno_task *volatile caller = ceno_current;
	uint64_t before[16];
	volatile uint64_t started;
	int outcome;

	for (unsigned i = 0; i < 16; i++)
		t->gpr[i] = 0x1111111111111111ull * i;
	t->gpr[CENO_RAX] = number;
	t->gpr[CENO_RDI] = a[0];
	t->gpr[CENO_RSI] = a[1];
	t->gpr[CENO_RDX] = a[2];
	t->gpr[CENO_R10] = a[3];
	t->gpr[CENO_R8] = a[4];
	t->gpr[CENO_R9] = a[5];
	memcpy(before, t->gpr, sizeof(before));
	t->resume_rip = t->gpr[CENO_RCX];
	started = ceno_run.start_tsc;
	outcome = setjmp(back);
	if (!outcome) {
		ceno_service_syscall(t);
		outcome = FAKE_RETURNED + 1;
	}
	if (outcome == FAKE_ENTERED + 1 && ceno_current == caller && ceno_run.start_tsc == started)
		outcome = FAKE_RETURNED + 1;
	if (outcome == FAKE_RETURNED + 1 && t->resume_rip == before[CENO_RCX]) /* no handler was entered */
		MUST(memcmp(before + 1, t->gpr + 1, 15 * 8) == 0);
	MUST(outcome != FAKE_ABORTED + 1);
	if (result)
		*result = (int64_t)t->gpr[CENO_RAX];
	return (enum fake_outcome)(outcome - 1);
}

enum fake_outcome fake_go(uint64_t number, const uint64_t a[6])
{
	static const uint8_t place[6] = { CENO_RDI, CENO_RSI, CENO_RDX, CENO_R10, CENO_R8, CENO_R9 };
	struct ceno_trap_page *t = ceno_trap();
	struct ceno_task *volatile caller = ceno_current;
	int outcome;

	for (unsigned i = 0; i < 6; i++)
		t->gpr[place[i]] = a[i];
	t->gpr[CENO_RAX] = number;
	t->gpr[CENO_RCX] = FAKE_RIP;
	t->gpr[CENO_R11] = CENO_RFLAGS_SET;
	outcome = setjmp(back);
	if (!outcome) {
		ceno_service_syscall(t);
		t->resume_rip = t->gpr[CENO_RCX];
		outcome = FAKE_RETURNED + 1;
	}
	MUST(outcome != FAKE_ABORTED + 1);
	return outcome == FAKE_ENTERED + 1 && ceno_current == caller ? FAKE_RETURNED : (enum fake_outcome)(outcome - 1);
}

int64_t sys6(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t args[6] = { a, b, c, d, e, f };
	int64_t result;

	MUST(fake_call(number, args, &result) == FAKE_RETURNED);
	return result;
}

enum fake_outcome fake_fault(uint64_t vector, uint64_t error, uint64_t cr2)
{
	struct ceno_trap_page *t = ceno_trap();
	struct ceno_task *volatile caller = ceno_current;
	const volatile uint64_t started = ceno_run.start_tsc;
	int outcome;

	t->vector = vector;
	t->error = error;
	t->cr2 = cr2;
	t->rip = fake_fault_rip;
	t->rflags = 0x202;
	outcome = setjmp(back);
	if (!outcome) {
		ceno_service_fault(t);
		outcome = FAKE_RETURNED + 1;
	}
	if (outcome == FAKE_ENTERED + 1 && ceno_current == caller && ceno_run.start_tsc == started)
		outcome = FAKE_RETURNED + 1;
	return (enum fake_outcome)(outcome - 1);
}

uint8_t *fake_touch(uint64_t gva, uint32_t access, enum fake_outcome *outcome)
{
	*outcome = FAKE_RETURNED;
	for (int tries = 0; tries < 20; tries++) {
		const struct fake_mapping *m = fake_space_find(selected, gva);
		uint64_t error = 4u | (m ? 1u : 0u) | (access == CENO_RIGHT_WRITE ? 2u : 0u) |
		    (access == CENO_RIGHT_EXECUTE ? 16u : 0u);

		if (m && (m->rights & access))
			return (m->object == CENO_SLOT_RAM        ? ram_view
			            : m->object == CENO_SLOT_PACK ? pack_view
			                                          : image_view) +
			    m->offset + gva % CENO_PAGE;
		*outcome = fake_fault(14, error, gva);
		if (*outcome != FAKE_RETURNED)
			return NULL;
	}
	fprintf(stderr, "fake.c: the fault handler makes no progress\n");
	abort();
}

void fake_poke(uint64_t gva, const void *from, size_t bytes)
{
	enum fake_outcome outcome;

	for (size_t i = 0; i < bytes; i++) {
		uint8_t *at = fake_touch(gva + i, CENO_RIGHT_WRITE, &outcome);

		MUST(at);
		*at = ((const uint8_t *)from)[i];
	}
}

void fake_peek(void *to, uint64_t gva, size_t bytes)
{
	enum fake_outcome outcome;

	for (size_t i = 0; i < bytes; i++) {
		uint8_t *at = fake_touch(gva + i, CENO_RIGHT_READ, &outcome);

		MUST(at);
		((uint8_t *)to)[i] = *at;
	}
}

uint64_t fake_page(void)
{
	int64_t at = sys(9, 0, 2 * CENO_PAGE, 3, 0x22, (uint64_t)-1, 0);

	MUST(at > 0);
	MUST(sys(11, (uint64_t)at + CENO_PAGE, CENO_PAGE) == 0);
	return (uint64_t)at;
}

uint64_t fake_string(const char *s)
{
	uint64_t at = fake_page();

	fake_poke(at, s, strlen(s) + 1);
	return at;
}
