/*
 * Destruction seen from outside. A tracer stops the warden at every system call of its destruction
 * (all its threads: while one is looked at, none runs) and looks at the memory itself, through the duplicates a supervisor holds: what lies in RAM and
 * in the areas, how much of it is backed, which seals it has, through which mapping it was read. Afterwards
 * the proof must say what was seen, no more. Three runs have a hand in it: a byte is changed
 * behind the warden's back, and what it then signs, or does not, shows what it really looked at.
 *
 * tests/wiper/run gives this test wardens with a bug each (CENO_WARDEN).
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "attest/proof/chunk.h"
#include "attest/proof/merkle.h"
#include "attest/proof/proof.h"
#include "attest/verify/verify.h"
#include "guest-kernel/abi/layout.h"
#include "tests/lib/rig.h"
#include "vmm/warden/lanes.h"

#define RAM         (64ull << 20)
#define LOOKS_MAX   4096
#define PIECE       (1u << 20)
#define THREADS_MAX 16
#define FILES       (1 + CENO_WARDEN_AREAS_MAX) /* RAM, then the areas */

enum meddling { HANDS_OFF, AFTER_FILL, AFTER_ZERO, AFTER_AREA };

struct look { /* at one file */
	uint8_t hash[32];
	uint64_t blocks;
	unsigned canaries;
	int zero; /* nothing but zeros */
};

struct moment {
	struct look file[FILES];
	uint64_t viewed; /* bytes of RAM present in the read-only mapping */
	int write_sealed;
};

static struct ceno_rig rig;
static uint8_t canary[16];
static char canary_hex[33];
static struct moment moments[LOOKS_MAX];
static unsigned moment_count;
static enum meddling meddling;
static int meddled, tracer_failed, looked_at_residue;
static unsigned residue; /* canaries in the warden's own memory as it exits */
static unsigned lanes_seen;
static uint64_t meddled_at;

/* ---- looking -------------------------------------------------------------------- */

static int file_of(unsigned i)
{
	return i == 0 ? rig.ram : i <= rig.area_count ? rig.areas[i - 1] : -1;
}

static void look_at_piece(struct look *look, crypto_generichash_state *hash, const uint8_t *bytes, size_t n)
{
	crypto_generichash_update(hash, bytes, n);
	look->zero &= bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
	for (const uint8_t *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), canary, sizeof canary)); at++)
		look->canaries++;
}

/* Data only: reading a hole tells nothing, and must not back it. */
static void look_at(int fd, struct look *look)
{
	static uint8_t piece[PIECE];
	crypto_generichash_state hash;
	struct stat st;
	*look = (struct look){ .zero = 1 };
	crypto_generichash_init(&hash, NULL, 0, 32);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		look->blocks = (uint64_t)st.st_blocks;
		for (off_t at = 0, end; (at = lseek(fd, at, SEEK_DATA)) >= 0; at = end) {
			end = lseek(fd, at, SEEK_HOLE);
			for (off_t done = at; done < end;) {
				size_t want = (size_t)(end - done) < PIECE ? (size_t)(end - done) : PIECE;
				ssize_t n = pread(fd, piece, want, done);
				if (n <= 0)
					break;
				look_at_piece(look, &hash, piece, (size_t)n);
				done += n;
			}
		}
	}
	crypto_generichash_final(&hash, look->hash, 32);
}

/* Bytes present in the warden's read-only mapping of RAM: what it has looked at through that one. */
static uint64_t present_in_view(void)
{
	char path[64], line[512];
	struct stat st;
	uint64_t present = 0, kib;
	int in_view = 0;
	snprintf(path, sizeof path, "/proc/%d/smaps", rig.warden);
	FILE *file = fopen(path, "re");
	if (!file || fstat(rig.ram, &st) < 0)
		return ~0ull;
	while (fgets(line, sizeof line, file)) {
		char rights[8];
		unsigned long inode;
		if (sscanf(line, "%*x-%*x %7s %*x %*s %lu", rights, &inode) == 2)
			in_view = inode == st.st_ino && rights[1] != 'w';
		else if (in_view && sscanf(line, "Rss: %" SCNu64, &kib) == 1)
			present += kib << 10;
	}
	fclose(file);
	return present;
}

/* How often a canary, raw or as the text it was passed as, lies in the warden's own memory. */
static unsigned residue_of_warden(void)
{
	static uint8_t piece[PIECE + sizeof canary_hex];
	char path[64], line[512];
	unsigned found = 0;
	snprintf(path, sizeof path, "/proc/%d/maps", rig.warden);
	FILE *maps = fopen(path, "re");
	snprintf(path, sizeof path, "/proc/%d/mem", rig.warden);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	looked_at_residue = maps && mem >= 0;
	while (looked_at_residue && fgets(line, sizeof line, maps)) {
		uint64_t first, behind;
		char rights[8];
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &first, &behind, rights) != 3 || rights[1] != 'w')
			continue;
		for (uint64_t at = first; at < behind; at += PIECE) {
			size_t want = behind - at < sizeof piece ? (size_t)(behind - at) : sizeof piece;
			ssize_t n = pread(mem, piece, want, (off_t)at);
			if (n <= 0)
				continue; /* secret memory: not even the kernel reads it */
			found += memmem(piece, (size_t)n, canary, sizeof canary) != NULL;
			found += memmem(piece, (size_t)n, canary_hex, sizeof canary_hex - 1) != NULL;
		}
	}
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	return found;
}

/* One byte, in the middle of what the guest had filled. */
static void change(unsigned file, uint64_t at)
{
	uint8_t byte = 0;
	if (pread(file_of(file), &byte, 1, (off_t)at) != 1)
		return;
	byte ^= 0x40;
	meddled = pwrite(file_of(file), &byte, 1, (off_t)at) == 1;
	meddled_at = at;
}

static int filled(const struct look *ram)
{
	return !ram->zero && ram->canaries == 0;
}

static void meddle(const struct moment *m)
{
	const struct look *ram = &m->file[0];
	if (meddling == AFTER_FILL && filled(ram))
		change(0, RAM / 4 + 12345);
	if (meddling == AFTER_ZERO && ram->zero)
		change(0, RAM / 4 + 12345);
	if (meddling == AFTER_AREA && m->file[rig.area_count].zero)
		change(rig.area_count, 0x40000);
}

/* At the entry of a system call, or where the process ends; no thread of the warden runs. */
static void look_now(void)
{
	if (moment_count == LOOKS_MAX)
		return;
	struct moment *m = &moments[moment_count];
	for (unsigned i = 0; i < FILES; i++)
		look_at(file_of(i), &m->file[i]);
	m->write_sealed = (fcntl(rig.ram, F_GET_SEALS) & F_SEAL_WRITE) != 0;
	m->viewed = present_in_view();
	if (!meddled)
		meddle(m);
	moment_count++;
}

/* ---- tracing ---------------------------------------------------------------------- */

static pthread_barrier_t attached;

/* The warden's threads: a lane works while the other is at a system call. */
static struct thread {
	pid_t tid;
	int in_call; /* stops as it returns, whenever that is */
	int stopped, status;
} threads[THREADS_MAX];
static unsigned thread_count;

static int wait_for(struct thread *t)
{
	t->stopped = waitpid(t->tid, &t->status, __WALL | __WNOTHREAD) == t->tid;
	return t->stopped;
}

/* Every thread, in its tracks. */
static int attach(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task", rig.warden);
	DIR *folder = opendir(path);
	thread_count = 0;
	for (struct dirent *e; folder && (e = readdir(folder)) && thread_count < THREADS_MAX;) {
		struct thread t = { .tid = atoi(e->d_name) };
		if (t.tid <= 0)
			continue;
		if (ptrace(PTRACE_SEIZE, t.tid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT) < 0 ||
		    ptrace(PTRACE_INTERRUPT, t.tid, 0, 0) < 0 || !wait_for(&t))
			thread_count = THREADS_MAX;
		else
			threads[thread_count++] = t;
	}
	if (folder)
		closedir(folder);
	lanes_seen = thread_count;
	return thread_count > 0 && thread_count < THREADS_MAX;
}

/* What stopped on the way is dealt with after the look. */
static void freeze(void)
{
	for (unsigned i = 0; i < thread_count; i++)
		if (!threads[i].stopped && !threads[i].in_call) {
			ptrace(PTRACE_INTERRUPT, threads[i].tid, 0, 0);
			wait_for(&threads[i]);
		}
}

static int resume(struct thread *t, int signal)
{
	t->stopped = 0;
	return ptrace(PTRACE_SYSCALL, t->tid, 0, signal) < 0 && t->tid == rig.warden ? -1 : 0;
}

/* Deals with one stop, and lets the thread go on. Returns -1 where the warden ends. */
static int on_stop(struct thread *t)
{
	struct __ptrace_syscall_info call = { 0 };
	int signal = WSTOPSIG(t->status), event = t->status >> 16;
	if (!WIFSTOPPED(t->status)) {
		t->stopped = 0;
		t->in_call = 1; /* for good */
		return t->tid == rig.warden ? -1 : 0;
	}
	if (signal == (SIGTRAP | 0x80)) {
		(void)ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call);
		t->in_call = call.op == PTRACE_SYSCALL_INFO_ENTRY;
		/* Lanes wait for each other often, and nothing has happened then. */
		if (t->in_call && (call.entry.nr != SYS_futex || t->tid == rig.warden)) {
			freeze();
			look_now();
		}
		return resume(t, 0);
	}
	if (event == PTRACE_EVENT_EXIT && t->tid == rig.warden) {
		look_now();
		residue = residue_of_warden();
		return -1;
	}
	return resume(t, event ? 0 : signal);
}

static struct thread *next_stop(void)
{
	for (unsigned i = 0; i < thread_count; i++)
		if (threads[i].stopped)
			return &threads[i];
	int status;
	pid_t tid = waitpid(-1, &status, __WALL | __WNOTHREAD);
	for (unsigned i = 0; i < thread_count; i++)
		if (threads[i].tid == tid) {
			threads[i].stopped = 1;
			threads[i].status = status;
			return &threads[i];
		}
	return NULL;
}

static void *trace(void *unused)
{
	(void)unused;
	tracer_failed = !attach();
	if (!tracer_failed)
		look_now();
	pthread_barrier_wait(&attached);
	for (struct thread *t; !tracer_failed && (t = next_stop()) && on_stop(t) == 0;)
		;
	return NULL; /* what is still attached is let go */
}

static int canary_is_everywhere(void)
{
	struct look look;
	if (rig.area_count == 0)
		return 0;
	look_at(rig.areas[rig.area_count - 1], &look);
	return look.canaries > 0;
}

/* A session full of canaries, traced from before its end to the warden's exit. */
static void destroy_traced(enum meddling how, uint32_t passes)
{
	const struct ceno_rig_options options = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
	const char *const argv[] = { "program", "run", canary_hex, "4", NULL };
	pthread_t thread;
	meddling = how;
	moment_count = 0;
	meddled = tracer_failed = 0;
	looked_at_residue = 0;
	assert_int_equal(getrandom(canary, sizeof canary, 0), sizeof canary);
	sodium_bin2hex(canary_hex, sizeof canary_hex, canary, sizeof canary);
	ceno_rig_open(&rig, &options);
	ceno_rig_run_flags(&rig, argv, passes > 1 ? passes << CENO_SESSION_PASSES_SHIFT : 0);
	ceno_rig_until(&rig, &rig.launched, 5000);
	for (int i = 0; i < 500 && !canary_is_everywhere(); i++) /* the vmm fills RAM, then the window */
		ceno_rig_for(&rig, 20);
	pthread_barrier_init(&attached, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, trace, NULL), 0);
	pthread_barrier_wait(&attached);
	ceno_rig_send(&rig, CENO_SESSION_DESTROY);
	ceno_rig_until(&rig, &rig.exited, 60000);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&attached);
	assert_false(tracer_failed);
	cpu_set_t set;
	assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
	assert_int_equal(lanes_seen, CPU_COUNT(&set) < CENO_LANES_MAX ? CPU_COUNT(&set) : CENO_LANES_MAX);
	assert_true(looked_at_residue);
	assert_int_equal(residue, 0);
	assert_in_range(moment_count, 50, LOOKS_MAX - 1);
	const struct look *first = &moments[0].file[0], *window = &moments[0].file[rig.area_count];
	assert_true(first->canaries > 200000 && window->canaries >= 1); /* else the test sees nothing */
}

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

/* ---- what the proof claims, against what was seen ------------------------------------ */

static const struct ceno_proof_statement *claimed(uint8_t challenge[32])
{
	static struct ceno_verify_result result;
	assert_true(rig.have_payload);
	assert_int_equal(ceno_verify_payload(rig.payload.bytes, rig.payload.head.payload_bytes,
	                                     rig.payload.head.signature, rig.leaf.signer_pub, &result),
	                 0);
	assert_int_equal(result.verdict, CENO_VERIFY_CODE_COUNT);
	ceno_proof_challenge(&result.statement, result.chain[2], challenge);
	return &result.statement;
}

/* What RAM holds, and the root it has, after keyed pass `number` over these granules; flip: RAM offset of a
 * byte that was changed after it, or ~0. */
static void expect_pass(const struct ceno_proof_statement *s, const uint8_t challenge[32], uint32_t number,
                        uint64_t flip, uint8_t hash[32], uint8_t root[32])
{
	static uint8_t chunk[CENO_PROOF_CHUNK];
	crypto_generichash_state state;
	struct ceno_merkle tree;
	uint64_t at = 0, bytes;
	uint8_t leaf[32];
	struct ceno_proof_pass *pass = ceno_proof_pass_new(s->core.session_id, challenge, (uint8_t)number);
	assert_non_null(pass);
	crypto_generichash_init(&state, NULL, 0, 32);
	ceno_merkle_init(&tree);
	for (; ceno_proof_next_backed(s->overwrite.bitmap, s->core.mem_total, &at, &bytes); at += bytes)
		for (uint64_t done = 0; done < bytes; done += sizeof chunk) {
			uint64_t here = at + done;
			assert_int_equal(ceno_proof_pass_fill(pass, CENO_GPA_RAM + here, chunk, sizeof chunk), 0);
			crypto_generichash_update(&state, chunk, sizeof chunk);
			if (flip - here < sizeof chunk)
				chunk[flip - here] ^= 0x40;
			assert_int_equal(ceno_proof_pass_leaf(pass, CENO_GPA_RAM + here, chunk, leaf), 0);
			ceno_merkle_add(&tree, leaf);
		}
	crypto_generichash_final(&state, hash, 32);
	ceno_merkle_root(&tree, root);
	ceno_proof_pass_free(pass);
}

/* The first moment from `from` on at which RAM has this content. */
static unsigned when(unsigned from, const uint8_t hash[32])
{
	for (unsigned i = from; i < moment_count; i++)
		if (memcmp(moments[i].file[0].hash, hash, 32) == 0)
			return i;
	fail_msg("RAM never held what the proof says was written over it");
	return 0;
}

static unsigned when_zero(unsigned from)
{
	while (from < moment_count && !moments[from].file[0].zero)
		from++;
	assert_in_range(from, 0, moment_count - 1);
	return from;
}

/* Freed memory is the kernel's: nothing shrinks before the end of the session. */
static void nothing_was_freed(void)
{
	for (unsigned i = 1; i < moment_count; i++)
		for (unsigned f = 0; f <= rig.area_count; f++)
			if (moments[i].file[f].blocks < moments[i - 1].file[f].blocks)
				fail_msg("file %u shrank from %" PRIu64 " to %" PRIu64 " blocks while it was destroyed",
				         f, moments[i - 1].file[f].blocks, moments[i].file[f].blocks);
}

static void areas_went_before_ram(void)
{
	unsigned ram = 0;
	while (ram < moment_count && memcmp(moments[ram].file[0].hash, moments[0].file[0].hash, 32) == 0)
		ram++;
	assert_in_range(ram, 1, moment_count - 1);
	for (unsigned f = 1; f <= rig.area_count; f++)
		if (!moments[ram].file[f].zero)
			fail_msg("area %u was not wiped when RAM was", f);
}

static void nothing_is_left(void)
{
	const struct moment *last = &moments[moment_count - 1];
	for (unsigned f = 0; f <= rig.area_count; f++)
		if (!last->file[f].zero || last->file[f].canaries)
			fail_msg("file %u is not zero at the end: %u canaries", f, last->file[f].canaries);
}

/* Between the fill and the zeros all of it was looked at through the read-only mapping. */
static void read_back_was_by_the_other_mapping(unsigned fill, unsigned zero, uint64_t backed)
{
	assert_int_equal(moments[fill].viewed, 0);
	assert_int_equal(moments[zero].viewed, backed);
}

static void expect_as_claimed(uint32_t passes)
{
	uint8_t challenge[32], hash[32], root[32];
	ceno_rig_expect_proof(&rig, "request");
	const struct ceno_proof_statement *s = claimed(challenge);
	unsigned at = 0;
	assert_int_equal(s->overwrite.passes, passes);
	nothing_was_freed();
	areas_went_before_ram();
	for (uint32_t p = 1; p <= passes; p++) {
		expect_pass(s, challenge, p, ~0ull, hash, root);
		assert_memory_equal(root, s->forensic.roots[p - 1], 32);
		at = when(at, hash); /* in this order */
	}
	unsigned zero = when_zero(at);
	if (passes == 1)
		read_back_was_by_the_other_mapping(at, zero, s->overwrite.bytes);
	assert_false(moments[zero].write_sealed); /* sealed when it was zero, not before */
	assert_true(moments[moment_count - 1].write_sealed);
	nothing_is_left();
}

static void the_proof_says_what_was_seen(void **state)
{
	(void)state;
	destroy_traced(HANDS_OFF, 1);
	expect_as_claimed(1);
}

static void three_passes_are_three(void **state)
{
	(void)state;
	destroy_traced(HANDS_OFF, 3);
	expect_as_claimed(3);
}

/* A byte that changed after the fill is in the root that was signed: it was read, not computed. */
static void the_root_is_of_what_lay_in_memory(void **state)
{
	uint8_t challenge[32], hash[32], root[32];
	(void)state;
	destroy_traced(AFTER_FILL, 1);
	assert_true(meddled);
	const struct ceno_proof_statement *s = claimed(challenge);
	expect_pass(s, challenge, 1, meddled_at, hash, root);
	assert_memory_equal(root, s->forensic.roots[0], 32);
	nothing_is_left();
}

static void expect_no_claim(void)
{
	assert_true(meddled);
	assert_false(rig.have_payload);
	assert_false(rig.done);
	assert_int_not_equal(rig.exit_status, 0);
}

/* A byte that is not zero any more when it is compared: no proof. */
static void a_byte_after_the_zeros_ends_the_claim(void **state)
{
	(void)state;
	destroy_traced(AFTER_ZERO, 1);
	expect_no_claim();
}

static void a_byte_in_a_wiped_window_ends_the_claim(void **state)
{
	(void)state;
	destroy_traced(AFTER_AREA, 1);
	expect_no_claim();
	assert_true(moments[moment_count - 1].file[0].zero); /* RAM was wiped all the same */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_proof_says_what_was_seen, teardown),
		cmocka_unit_test_teardown(three_passes_are_three, teardown),
		cmocka_unit_test_teardown(the_root_is_of_what_lay_in_memory, teardown),
		cmocka_unit_test_teardown(a_byte_after_the_zeros_ends_the_claim, teardown),
		cmocka_unit_test_teardown(a_byte_in_a_wiped_window_ends_the_claim, teardown),
	};
	if (geteuid() != 0) {
		printf("skipped: needs root to make namespaces for another uid\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
