/*
 * The rig; see rig.h. What it asks as api is in rig_ask.c, what it expects in rig_expect.c.
 * The blobs it makes have the shape that the layout needs (vmm/warden/layout.c) and contain
 * no code: they serve vmms that run none.
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

#include "attest/proof/proof.h"
#include "guest-kernel/abi/boot.h"
#include "guest-kernel/abi/bundle.h"
#include "vmm/warden/record.h"

#define UID_BASE 200000u

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- blobs --------------------------------------------------------------------- */

int ceno_rig_blob(const char *name, const void *bytes, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	return fd;
}

static int make_firmware(void)
{
	static uint8_t image[4 * CENO_PAGE];
	const struct ceno_firmware_header header = {
		.magic = CENO_FIRMWARE_MAGIC,
		.abi_version = CENO_ABI_VERSION,
		.total_bytes = sizeof image,
		.rodata_offset = 0,
		.rodata_bytes = 4096,
		.stub_offset = 4096,
		.stub_bytes = 4096,
		.text_offset = 8192,
		.text_bytes = 8192,
		.entry_offset = 4096 + 1024,
		.vector_offset = 4096,
		.verifier_offset = 8192,
	};
	memcpy(image, &header, sizeof header);
	return ceno_rig_blob("rig-firmware", image, sizeof image);
}

static int make_trust(void)
{
	static const struct ceno_trust trust = {
		.magic = CENO_TRUST_MAGIC, .version = 1, .test_key = 1, .name = "rig: no key"
	};
	return ceno_rig_blob("rig-trust", &trust, sizeof trust);
}

static int make_bundle(void)
{
	static struct {
		struct ceno_bundle_header header;
		uint8_t pages[3][4096];
	} image;
	image.header = (struct ceno_bundle_header){
		.magic = CENO_BUNDLE_MAGIC,
		.abi_version = CENO_ABI_VERSION,
		.header_bytes = 4096,
		.total_bytes = sizeof image,
		.segment_count = 3,
		.module_count = 3,
		.segments = { { CENO_MODULE_NUCLEUS, CENO_SEGMENT_TEXT, 4096, 4096, 0 },
		              { CENO_MODULE_INIT, CENO_SEGMENT_TEXT, 8192, 4096, CENO_GVA_SERVICE },
		              { CENO_MODULE_ENTRY_PAGE, CENO_SEGMENT_TEXT, 12288, 4096, CENO_GVA_ENTRY } },
		.modules = { { .name = "nucleus", .id = CENO_MODULE_NUCLEUS },
		             { .name = "init", .id = CENO_MODULE_INIT, .entry = CENO_GVA_SERVICE },
		             { .name = "entry", .id = CENO_MODULE_ENTRY_PAGE } },
	};
	return ceno_rig_blob("rig-bundle", &image, sizeof image);
}

static void digest_fd(int fd, uint8_t digest[32])
{
	struct stat st;
	memset(digest, 0, 32);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return;
	crypto_hash_sha256(digest, map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
}

static int load_blob(const char *name)
{
	static uint8_t bytes[CENO_BUNDLE_MAX];
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", CENO_BLOB_DIR, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
	ceno_fd_close(&fd);
	if (n <= 0) {
		printf("no blob %s\n", path);
		return -1;
	}
	return ceno_rig_blob(name, bytes, (size_t)n);
}

static int probe(struct ceno_rig_options *options)
{
	char line[128];
	unsigned long value;
	FILE *out = popen(CENO_BIN_DIR "/ceno-vmm --probe", "r");
	if (!out)
		return -1;
	while (fgets(line, sizeof line, out)) {
		if (sscanf(line, "kvm_kind=%lu", &value) == 1)
			options->kvm_kind = (uint32_t)value;
		else if (sscanf(line, "syscall_mode=%lu", &value) == 1)
			options->syscall_mode = (uint32_t)value;
		else if (sscanf(line, "tsc_hz=%lu", &value) == 1)
			options->tsc_hz = value;
	}
	return pclose(out) == 0 && options->tsc_hz ? 0 : -1;
}

int ceno_rig_real(struct ceno_rig_options *options, const char *trust, const char *bundle)
{
	memset(options, 0, sizeof *options);
	options->vmm = CENO_BIN_DIR "/ceno-vmm";
	if (probe(options) < 0) {
		printf("no usable /dev/kvm\n");
		return -1;
	}
	options->firmware = load_blob("firmware.bin");
	options->trust = load_blob(trust);
	options->bundle = load_blob(bundle);
	return options->firmware < 0 || options->trust < 0 || options->bundle < 0 ? -1 : 0;
}

void ceno_rig_real_close(struct ceno_rig_options *options)
{
	ceno_fd_close(&options->firmware);
	ceno_fd_close(&options->trust);
	ceno_fd_close(&options->bundle);
}

/* ---- starting the warden ------------------------------------------------------------ */

static void warden_path(char path[PATH_MAX])
{
	const char *given = getenv("CENO_WARDEN");
	snprintf(path, PATH_MAX, "%s", given ? given : CENO_BIN_DIR "/ceno-warden");
}

_Noreturn static void exec_warden(const int table[CENO_WARDEN_FD_EXEC_END])
{
	char path[PATH_MAX];
	int high[CENO_WARDEN_FD_EXEC_END];
	warden_path(path);
	for (int i = 3; i < CENO_WARDEN_FD_EXEC_END; i++)
		high[i] = table[i] < 0 ? -1 : fcntl(table[i], F_DUPFD_CLOEXEC, 100);
	for (int i = 3; i < CENO_WARDEN_FD_EXEC_END; i++) {
		close(i);
		if (high[i] >= 0)
			dup2(high[i], i);
	}
	close_range(CENO_WARDEN_FD_EXEC_END, 99, 0);
	char *const argv[] = { path, NULL };
	char *const envp[] = { NULL };
	execve(path, argv, envp);
	_exit(126);
}

static void make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static int open_group(const struct ceno_rig_options *options)
{
	char path[PATH_MAX];
	if (!options->group)
		return -1;
	if (options->cgroup_version == 2)
		return open(options->group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/cgroup.procs", options->group);
	return open(path, O_WRONLY | O_CLOEXEC);
}

static void start_warden(struct ceno_rig *rig)
{
	int supervisor[2], table[CENO_WARDEN_FD_EXEC_END];
	const struct ceno_rig_options *o = &rig->options;
	make_pair(supervisor);
	memset(table, 0xff, sizeof table);
	table[CENO_WARDEN_FD_SUPERVISOR] = supervisor[1];
	table[CENO_WARDEN_FD_KVM] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	table[CENO_WARDEN_FD_FIRMWARE] = o->firmware;
	table[CENO_WARDEN_FD_TRUST] = o->trust;
	table[CENO_WARDEN_FD_BUNDLE] = o->bundle;
	table[CENO_WARDEN_FD_VMM] = open(o->vmm, O_RDONLY | O_CLOEXEC);
	table[CENO_WARDEN_FD_CGROUP] = open_group(o);
	assert_true(table[CENO_WARDEN_FD_VMM] >= 0);
	rig->warden = fork();
	assert_true(rig->warden >= 0);
	if (rig->warden == 0) {
		char byte;
		if (o->gate > 0 && read(o->gate, &byte, 1) != 1)
			_exit(126);
		exec_warden(table);
	}
	rig->pidfd = (int)syscall(SYS_pidfd_open, rig->warden, 0);
	assert_true(rig->pidfd >= 0);
	close(supervisor[1]);
	ceno_fd_close(&table[CENO_WARDEN_FD_KVM]);
	ceno_fd_close(&table[CENO_WARDEN_FD_VMM]);
	ceno_fd_close(&table[CENO_WARDEN_FD_CGROUP]);
	rig->supervisor = supervisor[0];
}

static void rig_init(struct ceno_rig *rig, const struct ceno_rig_options *options)
{
	memset(rig, 0, sizeof *rig);
	rig->options = *options;
	rig->opening = rig->session = rig->attest = -1;
	assert_true(sodium_init() >= 0);
	assert_int_equal(getrandom(rig->session_id, sizeof rig->session_id, 0), (ssize_t)sizeof rig->session_id);
	rig->spool = memfd_create("rig-spool", MFD_CLOEXEC);
	assert_true(rig->spool >= 0);
}

void ceno_rig_start(struct ceno_rig *rig, const struct ceno_rig_options *options)
{
	rig_init(rig, options);
	struct ceno_rig_options *o = &rig->options;
	o->firmware = o->firmware > 0 ? dup(o->firmware) : make_firmware();
	o->trust = o->trust > 0 ? dup(o->trust) : make_trust();
	o->bundle = o->bundle > 0 ? dup(o->bundle) : make_bundle();
	rig->ram = memfd_create("rig-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(rig->ram >= 0);
	start_warden(rig);
}

struct ceno_supervisor_launch ceno_rig_park_record(const struct ceno_rig *rig)
{
	const struct ceno_rig_options *o = &rig->options;
	struct ceno_supervisor_launch park = {
		.type = CENO_SUPERVISOR_PARK,
		.tsc_hz = o->tsc_hz ? o->tsc_hz : 2000000000u,
		.syscall_mode = o->syscall_mode ? o->syscall_mode : CENO_SYSCALL_PAGE,
		.cgroup_version = o->group ? o->cgroup_version : 0,
		.uid_base = UID_BASE,
		.layers = o->layers,
		.kvm_kind = o->kvm_kind ? o->kvm_kind : 3,
	};
	digest_fd(o->firmware, park.digest_firmware);
	digest_fd(o->trust, park.digest_trust);
	digest_fd(o->bundle, park.digest_bundle);
	int vmm = open(o->vmm, O_RDONLY | O_CLOEXEC);
	digest_fd(vmm, park.digest_vmm);
	ceno_fd_close(&vmm);
	return park;
}

void ceno_rig_park(struct ceno_rig *rig, const struct ceno_rig_options *options)
{
	ceno_rig_start(rig, options);
	const struct ceno_supervisor_launch park = ceno_rig_park_record(rig);
	ceno_rig_send_supervisor(rig, &park, NULL, 0);
}

struct ceno_supervisor_launch ceno_rig_launch_record(const struct ceno_rig *rig)
{
	const struct ceno_rig_options *o = &rig->options;
	struct ceno_supervisor_launch launch = {
		.type = CENO_SUPERVISOR_LAUNCH,
		.memory_bytes = o->memory_bytes ? o->memory_bytes : 64ull << 20,
		.ttl_ms = o->ttl_ms ? o->ttl_ms : 60000,
		.pledge_mask = o->pledge_mask
		    ? o->pledge_mask
		    : 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_SPAWN,
	};
	memcpy(launch.session_id, rig->session_id, 16);
	return launch;
}

void ceno_rig_launch(struct ceno_rig *rig)
{
	const struct ceno_supervisor_launch launch = ceno_rig_launch_record(rig);
	int session[2], attest[2];
	make_pair(session);
	make_pair(attest);
	const int fds[CENO_WARDEN_LAUNCH_FDS] = { session[1], attest[1], rig->ram, rig->spool };
	ceno_rig_send_supervisor(rig, &launch, fds, CENO_WARDEN_LAUNCH_FDS);
	close(session[1]);
	close(attest[1]);
	rig->session = session[0];
	rig->attest = attest[0];
}

void ceno_rig_send_supervisor(struct ceno_rig *rig, const struct ceno_supervisor_launch *record, const int *fds,
                              unsigned count)
{
	int rc = ceno_record_send(rig->supervisor, record, sizeof *record, NULL, 0, fds, count);
	assert_true(rc == 0 || rig->options.faulty);
}

void ceno_rig_open(struct ceno_rig *rig, const struct ceno_rig_options *options)
{
	ceno_rig_park(rig, options);
	ceno_rig_launch(rig);
}

void ceno_rig_open_recovery(struct ceno_rig *rig, const struct ceno_rig_options *options, int ram, const int *areas,
                            unsigned count, pid_t vmm_pid)
{
	int fds[1 + CENO_WARDEN_AREAS_MAX] = { ram };
	const struct ceno_supervisor_launch launch = { .type = CENO_SUPERVISOR_RECOVER, .vmm_pid = vmm_pid };
	rig_init(rig, options);
	rig->options.firmware = rig->options.trust = rig->options.bundle = -1;
	rig->ram = dup(ram);
	start_warden(rig);
	assert_true(count <= CENO_WARDEN_AREAS_MAX);
	for (unsigned i = 0; i < count; i++)
		fds[1 + i] = areas[i];
	ceno_rig_send_supervisor(rig, &launch, fds, 1 + count);
}

/* ---- as api ------------------------------------------------------------------------------ */

static void on_session(struct ceno_rig *rig)
{
	struct ceno_session_record r;
	int fds[CENO_RECORD_FDS_MAX];
	unsigned count;
	int rc = ceno_record_recv(rig->session, &r, sizeof r, fds, &count);
	if (rc != 1) {
		if (rc != -EAGAIN)
			ceno_fd_close(&rig->session);
		return;
	}
	switch (r.type) {
	case CENO_SESSION_LAUNCHED:
		rig->launched = 1;
		rig->opening = fds[0];
		fds[0] = -1;
		break;
	case CENO_SESSION_PROGRAM:
		rig->program = r, rig->programs++;
		break;
	case CENO_SESSION_TRAIL_COPY:
		rig->trail_copies++;
		break;
	case CENO_SESSION_DESTROYING:
		rig->ending = r, rig->destroying = 1;
		break;
	case CENO_SESSION_DESTROYED:
		rig->destroyed = 1;
		break;
	case CENO_SESSION_NARROWED:
		rig->pledged = r.value, rig->narrowed++;
		break;
	case CENO_SESSION_FAILED:
		rig->failure = r, rig->failed = 1;
		break;
	default:
		fail_msg("the warden sent record type %u", r.type);
	}
	for (unsigned i = 0; i < CENO_RECORD_FDS_MAX; i++)
		ceno_fd_close(&fds[i]);
}

/* ---- as supervisor --------------------------------------------------------------------------- */

static void on_supervisor(struct ceno_rig *rig)
{
	struct ceno_warden_status s;
	int fds[CENO_RECORD_FDS_MAX];
	unsigned count;
	int rc = ceno_record_recv(rig->supervisor, &s, sizeof s, fds, &count);
	if (rc != 1) {
		if (rc != -EAGAIN)
			ceno_fd_close(&rig->supervisor);
		return;
	}
	assert_true(count == 0 || (s.type == CENO_WARDEN_AREAS && count == s.value && !rig->area_count));
	switch (s.type) {
	case CENO_WARDEN_AREAS:
		assert_true(count <= CENO_WARDEN_AREAS_MAX);
		/* From the first on: the supervisor refuses it otherwise. A window can be taken. */
		for (unsigned i = 0; i < count; i++)
			assert_int_equal(!(fcntl(fds[i], F_GET_SEALS) & F_SEAL_SHRINK), i >= CENO_WARDEN_AREAS_SEALED);
		memcpy(rig->areas, fds, count * sizeof fds[0]);
		rig->area_count = count;
		break;
	case CENO_WARDEN_READY:
		rig->ready = 1;
		break;
	case CENO_WARDEN_VMM:
		rig->vmm = (pid_t)s.value;
		break;
	case CENO_WARDEN_PARKED:
		rig->parked = 1;
		break;
	case CENO_WARDEN_DONE:
		rig->done = 1;
		break;
	case CENO_WARDEN_WIPED:
		rig->wiped = s.value ? 1 : -1;
		break;
	default:
		fail_msg("the warden sent status type %u", s.type);
	}
}

static void on_exit_of_warden(struct ceno_rig *rig)
{
	assert_int_equal(waitpid(rig->warden, &rig->exit_status, 0), rig->warden);
	rig->exited = 1;
	ceno_fd_close(&rig->pidfd);
}

/* ---- as attest ---------------------------------------------------------------------------------- */

static void answer(struct ceno_rig *rig, uint32_t type, uint32_t error)
{
	const struct ceno_attest_launched reply = { .type = type, .error = error, .launch_index = 7 };
	(void)ceno_record_send(rig->attest, &reply, sizeof reply, NULL, 0, NULL, 0);
}

static void take_launch(struct ceno_rig *rig, const uint8_t *bytes, ssize_t n)
{
	assert_int_equal(n, sizeof rig->leaf);
	assert_false(rig->have_leaf);
	memcpy(&rig->leaf, bytes, sizeof rig->leaf);
	assert_memory_equal(rig->leaf.session_id, rig->session_id, 16);
	rig->have_leaf = 1;
	if (rig->options.attest == CENO_RIG_ATTEST_SILENT)
		return;
	answer(rig, CENO_ATTEST_LAUNCHED, rig->options.attest == CENO_RIG_ATTEST_REFUSES ? CENO_ATTEST_ERROR_LOG : 0);
	if (rig->options.attest == CENO_RIG_ATTEST_DIES)
		ceno_fd_close(&rig->attest);
}

static void check_payload(struct ceno_rig *rig)
{
	static uint8_t pae[CENO_PROOF_PAE_MAX];
	size_t bytes = ceno_proof_pae((const uint8_t *)rig->payload.bytes, rig->payload.head.payload_bytes, pae);
	rig->payload.bytes[rig->payload.head.payload_bytes] = 0;
	rig->signature_ok =
	    bytes && crypto_sign_verify_detached(rig->payload.head.signature, pae, bytes, rig->leaf.signer_pub) == 0;
	rig->have_payload = 1;
}

static void take_payload(struct ceno_rig *rig, const uint8_t *bytes, ssize_t n)
{
	assert_false(rig->have_payload);
	assert_true(n >= (ssize_t)sizeof rig->payload.head);
	memcpy(&rig->payload.head, bytes, sizeof rig->payload.head);
	assert_int_equal(n, sizeof rig->payload.head + rig->payload.head.payload_bytes);
	memcpy(rig->payload.bytes, bytes + sizeof rig->payload.head, rig->payload.head.payload_bytes);
	check_payload(rig);
	if (rig->options.on_payload)
		rig->options.on_payload(rig);
	answer(rig, CENO_ATTEST_STORED, 0);
}

static void take_random(struct ceno_rig *rig)
{
	struct ceno_attest_random reply = { .type = CENO_ATTEST_RANDOM };
	memset(reply.bytes, 0x5a, sizeof reply.bytes);
	rig->random_asked = 1;
	if (rig->options.attest == CENO_RIG_ATTEST_HONEST)
		(void)ceno_record_send(rig->attest, &reply, sizeof reply, NULL, 0, NULL, 0);
}

static void on_attest(struct ceno_rig *rig)
{
	static uint8_t bytes[sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX];
	uint32_t type;
	ssize_t n = recv(rig->attest, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n < (ssize_t)sizeof type) {
		if (n >= 0 || errno != EAGAIN)
			ceno_fd_close(&rig->attest);
		return;
	}
	memcpy(&type, bytes, sizeof type);
	switch (type) {
	case CENO_ATTEST_LAUNCH:
		take_launch(rig, bytes, n);
		break;
	case CENO_ATTEST_PAYLOAD:
		take_payload(rig, bytes, n);
		break;
	case CENO_ATTEST_RANDOM:
		take_random(rig);
		break;
	default:
		fail_msg("the warden sent attest record type %u", type);
	}
}

/* ---- the loop --------------------------------------------------------------------------------------- */

static void turn(struct ceno_rig *rig, int ms)
{
	struct pollfd p[4] = { { .fd = rig->supervisor, .events = POLLIN },
		               { .fd = rig->session, .events = POLLIN },
		               { .fd = rig->attest, .events = POLLIN },
		               { .fd = rig->pidfd, .events = POLLIN } };
	if (poll(p, 4, ms) <= 0)
		return;
	if (p[0].revents)
		on_supervisor(rig);
	if (p[1].revents)
		on_session(rig);
	if (p[2].revents)
		on_attest(rig);
	/* Its last words first. */
	if (p[3].revents && !(p[0].revents | p[1].revents | p[2].revents))
		on_exit_of_warden(rig);
}

void ceno_rig_until(struct ceno_rig *rig, const int *flag, int ms)
{
	int64_t end = now_ms() + ms;
	while (!*flag) {
		int64_t left = end - now_ms();
		if (left <= 0 || (rig->exited && flag != &rig->exited))
			break;
		turn(rig, (int)left);
	}
	if (!*flag)
		fail_msg("not reached in %d ms: ready %d launched %d programs %u failed %d code %u value %lu "
		         "destroying %d payload %d done %d exited %d status %#x",
		         ms, rig->ready, rig->launched, rig->programs, rig->failed, rig->failure.code,
		         (unsigned long)rig->failure.value, rig->destroying, rig->have_payload, rig->done, rig->exited,
		         (unsigned)rig->exit_status);
}

void ceno_rig_for(struct ceno_rig *rig, int ms)
{
	int64_t end = now_ms() + ms;
	for (int64_t left; (left = end - now_ms()) > 0 && !rig->exited;)
		turn(rig, (int)left);
}

void ceno_rig_close(struct ceno_rig *rig)
{
	if (!rig->exited && rig->warden > 0) {
		kill(rig->warden, SIGKILL);
		waitpid(rig->warden, NULL, 0);
	}
	int *owned[] = { &rig->pidfd,         &rig->supervisor,    &rig->session, &rig->attest,
		         &rig->ram,           &rig->spool,         &rig->opening, &rig->options.firmware,
		         &rig->options.trust, &rig->options.bundle };
	for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
		ceno_fd_close(owned[i]);
	while (rig->area_count)
		ceno_fd_close(&rig->areas[--rig->area_count]);
}

unsigned ceno_rig_search(int fd, const void *needle, size_t bytes)
{
	struct stat st;
	unsigned found = 0;
	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return 0;
	size_t size = (size_t)st.st_size;
	const uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	for (const uint8_t *at = map; (at = memmem(at, size - (size_t)(at - map), needle, bytes)); at++)
		found++;
	munmap((void *)map, size);
	return found;
}
