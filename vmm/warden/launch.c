/*
 * The measured part of a launch: keys, RAM and boot page, slot table, platform
 * digest, request commitment. Everything the vCPU will start from is fixed and
 * hashed here, before the vmm gets the record that lets it build the VM.
 */
#include "session.h"
#include "layout.h"
#include "platform.h"
#include "record.h"
#include "request.h"
#include "../../guest-kernel/abi/bundle.h"
#include "../sandbox/filter_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <x86intrin.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

struct blob {
	const void *map;
	size_t bytes;
};

static void unmap_blob(struct blob *blob)
{
	if (blob->map)
		munmap((void *)blob->map, blob->bytes);
	blob->map = NULL;
}

/* A node's blob must be unable to change: sealed against writing, not only read-only here. */
static int map_blob(int fd, size_t most, struct blob *blob)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	blob->map = NULL;
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || (uint64_t)st.st_size > most || st.st_size % (off_t)CENO_PAGE)
		return -EINVAL;
	int have = fcntl(fd, F_GET_SEALS);
	if (have < 0 || (have & seals) != seals)
		return -EPERM;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*blob = (struct blob){ map, (size_t)st.st_size };
	return 0;
}

struct sources {
	struct blob firmware, trust, bundle;
	uint8_t *ram;
	struct ceno_boot *boot;
	uint64_t ram_bytes;
};

static void close_sources(struct sources *s)
{
	unmap_blob(&s->firmware);
	unmap_blob(&s->trust);
	unmap_blob(&s->bundle);
	if (s->ram)
		munmap(s->ram, s->ram_bytes);
	if (s->boot)
		munmap(s->boot, sizeof *s->boot);
}

static int open_sources(const struct ceno_session *session, struct sources *s)
{
	int rc = map_blob(CENO_WARDEN_FD_FIRMWARE, CENO_FIRMWARE_MAX, &s->firmware);
	if (rc == 0)
		rc = map_blob(CENO_WARDEN_FD_TRUST, CENO_PAGE, &s->trust);
	if (rc == 0)
		rc = map_blob(CENO_WARDEN_FD_BUNDLE, CENO_BUNDLE_MAX, &s->bundle);
	if (rc < 0 || !s->firmware.map || !s->trust.map || !s->bundle.map)
		return CENO_SESSION_ERROR_BUNDLE;
	s->ram_bytes = session->launch.memory_bytes;
	void *ram = mmap(NULL, s->ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, CENO_WARDEN_FD_RAM, 0);
	void *boot = mmap(NULL, sizeof *s->boot, PROT_READ | PROT_WRITE, MAP_SHARED, session->material.boot, 0);
	s->ram = ram == MAP_FAILED ? NULL : ram;
	s->boot = boot == MAP_FAILED ? NULL : boot;
	return s->ram && s->boot ? 0 : CENO_SESSION_ERROR_MEMORY;
}

int ceno_session_has_image(const struct ceno_supervisor_launch *launch)
{
	static const uint8_t none[sizeof launch->digest_image];
	return memcmp(launch->digest_image, none, sizeof none) != 0;
}

/* 0: none. CENO_WARDEN_FD_IMAGE tells nothing then: an input may have come to have that number. */
static uint64_t image_bytes(const struct ceno_session *session)
{
	struct stat st;
	return !ceno_session_has_image(&session->launch) || fstat(CENO_WARDEN_FD_IMAGE, &st) < 0 ? 0
												 : (uint64_t)st.st_size;
}

static int lay_out(struct ceno_session *session, const struct sources *s)
{
	struct timespec wall;
	struct ceno_layout_input in = {
		.firmware = s->firmware.map,
		.firmware_bytes = s->firmware.bytes,
		.trust = s->trust.map,
		.bundle = s->bundle.map,
		.bundle_bytes = s->bundle.bytes,
		.ram = s->ram,
		.ram_bytes = s->ram_bytes,
		.pack_bytes = session->material.pack_bytes,
		.image_bytes = image_bytes(session),
		.native = (session->open.flags & CENO_SESSION_NATIVE) != 0,
		.errors = (session->open.flags & CENO_SESSION_ERRORS) != 0,
		.boot = s->boot,
		.syscall_mode = session->launch.syscall_mode,
		.pledge_mask = session->launch.pledge_mask,
		.tsc_hz = session->launch.tsc_hz,
	};
	clock_gettime(CLOCK_REALTIME, &wall);
	in.start_realtime_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
	in.start_tsc = __rdtsc();
	memcpy(in.session_id, session->launch.session_id, sizeof in.session_id);
	ceno_keys_token(&session->keys, session->token_id, session->open.rp_nonce, in.nonce);
	memcpy(in.seed, session->keys.keys->seed, sizeof in.seed);
	int rc = getrandom(in.slide_random, sizeof in.slide_random, 0) == (ssize_t)sizeof in.slide_random &&
		getrandom(in.trail_seed, sizeof in.trail_seed, 0) == (ssize_t)sizeof in.trail_seed
	    ? ceno_layout_build(&in, &session->vmm_launch.regs)
	    : -EIO;
	sodium_memzero(&in, sizeof in);
	session->failure.value = (uint64_t)-rc;
	return rc == 0 ? 0 : CENO_SESSION_ERROR_BUNDLE;
}

static void add_slot(struct ceno_session *session, uint64_t gpa, uint64_t bytes, uint32_t fd, uint32_t kind)
{
	struct ceno_vmm_launch *l = &session->vmm_launch;
	struct ceno_proof_isolation *e = &session->statement.isolation;
	int writable = kind == CENO_PROOF_SLOT_RAM || kind == CENO_PROOF_SLOT_WINDOW;
	if (bytes == 0)
		return;
	l->slots[l->slot_count++] =
	    (struct ceno_vmm_slot){ gpa, bytes, fd, writable ? CENO_SLOT_READ_WRITE : CENO_SLOT_READ_ONLY };
	e->slots[e->slot_count++] =
	    (struct ceno_proof_slot){ gpa, bytes, kind, writable ? CENO_PROOF_READ_WRITE : CENO_PROOF_READ_ONLY };
}

/* One list makes both the vmm's slots and the evidence of step 1, in rising gpa. */
static void fill_slots(struct ceno_session *session, const struct sources *s)
{
	const struct ceno_material *m = &session->material;
	uint32_t stdio = m->stdio >= 0 ? CENO_STDIO_BYTES : 0;
	add_slot(session, CENO_GPA_FIRMWARE, s->firmware.bytes, CENO_VMM_FD_FIRMWARE, CENO_PROOF_SLOT_FIRMWARE);
	add_slot(session, CENO_GPA_TRUST, s->trust.bytes, CENO_VMM_FD_TRUST, CENO_PROOF_SLOT_TRUST);
	add_slot(session, CENO_GPA_BUNDLE, s->bundle.bytes, CENO_VMM_FD_BUNDLE, CENO_PROOF_SLOT_BUNDLE);
	add_slot(session, CENO_GPA_BOOT, CENO_PAGE, CENO_VMM_FD_BOOT, CENO_PROOF_SLOT_BOOT);
	add_slot(session, CENO_GPA_WINDOW + CENO_PLEDGE_STDIO * CENO_WINDOW_STRIDE, stdio,
	         CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO, CENO_PROOF_SLOT_WINDOW);
	add_slot(session, CENO_GPA_TRAIL, CENO_TRAIL_BYTES, CENO_VMM_FD_TRAIL, CENO_PROOF_SLOT_WINDOW);
	add_slot(session, CENO_GPA_RAM, s->ram_bytes, CENO_VMM_FD_RAM, CENO_PROOF_SLOT_RAM);
	add_slot(session, CENO_GPA_PACK, m->pack_bytes, CENO_VMM_FD_PACK, CENO_PROOF_SLOT_PACK);
	add_slot(session, CENO_GPA_IMAGE, image_bytes(session), CENO_VMM_FD_IMAGE, CENO_PROOF_SLOT_IMAGE);
	session->vmm_launch.magic = CENO_VMM_LAUNCH_MAGIC;
	session->vmm_launch.abi_version = CENO_ABI_VERSION;
	session->vmm_launch.pledge_mask = stdio ? 1u << CENO_PLEDGE_STDIO : 0;
}

/* The limits as this warden enforces them. */
static void policy_digest(const struct ceno_session *session, uint8_t digest[32])
{
	const struct ceno_request_policy policy = {
		.memory_bytes = session->launch.memory_bytes,
		.ttl_ms = session->launch.ttl_ms,
		.pledge_mask = session->launch.pledge_mask,
		.flags = session->open.flags,
		.classification = session->open.classification,
		.jurisdiction = session->open.jurisdiction,
	};
	ceno_warden_request_policy(&policy, digest);
}

static int fill_platform(const struct ceno_session *session, const struct sources *s, struct ceno_proof_platform *p)
{
	ceno_warden_platform_names(s->trust.map, p);
	memcpy(p->firmware, session->launch.digest_firmware, 32);
	memcpy(p->trust, session->launch.digest_trust, 32);
	memcpy(p->bundle, session->launch.digest_bundle, 32);
	memcpy(p->vmm, session->launch.digest_vmm, 32);
	if (session->launch.image_released)
		memcpy(p->image, session->launch.digest_image, 32);
	return ceno_filter_digest(p->filter);
}

static int commit_request(struct ceno_session *session, uint8_t commitment[32])
{
	struct ceno_proof_request request = { 0 };
	policy_digest(session, request.policy);
	int rc = ceno_inputs_digest(session->inputs, request.pack, request.args);
	if (rc < 0)
		return rc;
	if (!session->launch.image_released)
		memcpy(request.image, session->launch.digest_image, 32);
	ceno_warden_request_commit(&request, session->keys.keys->opening, commitment);
	sodium_memzero(&request, sizeof request);
	return 0;
}

/* All of the core but the request commitment, which waits for the inputs. */
static int fill_core(struct ceno_session *session, const struct sources *s)
{
	struct ceno_proof_core *core = &session->statement.core;
	memcpy(core->version, CENO_VERSION, sizeof CENO_VERSION);
	if (fill_platform(session, s, &core->platform) < 0)
		return CENO_SESSION_ERROR_MEMORY;
	ceno_warden_request_opening(session->keys.keys->opening, s->boot);
	memcpy(core->session_id, session->launch.session_id, 16);
	memcpy(core->rp_nonce, session->open.rp_nonce, 32);
	core->pledge_mask = session->launch.pledge_mask;
	core->page_bytes = CENO_PAGE;
	core->mem_total = session->launch.memory_bytes;
	core->classification = session->open.classification;
	core->jurisdiction = session->open.jurisdiction;
	session->statement.isolation.pledge_mask = session->launch.pledge_mask;
	memcpy(session->statement.isolation.filter, core->platform.filter, 32);
	return 0;
}

static int make_keys(struct ceno_session *session)
{
	uint8_t ids[64];
	int rc = ceno_keys_open(&session->keys);
	if (rc == 0)
		rc = ceno_keys_make(&session->keys, session->statement.core.signer_pub);
	if (rc == 0 && getrandom(ids, sizeof ids, 0) != (ssize_t)sizeof ids)
		rc = -EIO;
	if (rc < 0) {
		session->failure.value = (uint64_t)-rc;
		return CENO_SESSION_ERROR_MEMORY;
	}
	memcpy(session->opening_id, ids, 16);
	memcpy(session->seed_id, ids + 16, 16);
	memcpy(session->token_key_id, ids + 32, 16);
	memcpy(session->token_id, ids + 48, 16);
	return 0;
}

/* The first program is the pack's, and without HOLD the last; the window says so before the guest looks. */
static int announce_first_program(struct ceno_session *session)
{
	const struct ceno_stdio_host host = {
		.request_seq = 1,
		.shutdown = session->open.flags & CENO_SESSION_HOLD ? CENO_SHUTDOWN_NOT : CENO_SHUTDOWN_AFTER,
		.terminal = (uint32_t)session->open.value,
	};
	session->program_seq = session->request_seq = 1;
	if (session->material.stdio < 0)
		return 0;
	return pwrite(session->material.stdio, &host, sizeof host, CENO_STDIO_HOST_OFFSET) == (ssize_t)sizeof host
	    ? 0
	    : CENO_SESSION_ERROR_MEMORY;
}

static void drop_inputs(struct ceno_session *session)
{
	session->fds_closed += session->inputs->count;
	ceno_inputs_free(session->inputs);
	session->inputs = NULL;
}

/* The record and all that the vmm may ever have of the session; the streams are the vmm's alone from here on. */
static int send_launch(struct ceno_session *session)
{
	const struct ceno_material *m = &session->material;
	int table[CENO_VMM_FD_END];
	for (int i = 0; i < CENO_VMM_FD_END; i++)
		table[i] = -1;
	memcpy(table, session->streams, sizeof session->streams);
	table[CENO_VMM_FD_BOOT] = m->boot_ro;
	table[CENO_VMM_FD_PACK] = m->pack_ro;
	table[CENO_VMM_FD_IMAGE] = CENO_WARDEN_FD_IMAGE;
	table[CENO_VMM_FD_RAM] = CENO_WARDEN_FD_RAM;
	table[CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO] = m->stdio;
	table[CENO_VMM_FD_TRAIL] = m->trail;
	int rc = ceno_spawn_launch(session->control, &session->vmm_launch, table);
	for (int i = 0; i < 3; i++)
		ceno_session_close_fd(session, &session->streams[i]);
	return rc;
}

int ceno_session_build(struct ceno_session *session)
{
	struct sources sources = { 0 };
	int error = make_keys(session);
	if (error == 0)
		error = open_sources(session, &sources);
	if (error == 0)
		error = lay_out(session, &sources);
	if (error == 0) {
		fill_slots(session, &sources);
		error = fill_core(session, &sources);
	}
	if (error == 0)
		error = announce_first_program(session);
	close_sources(&sources);
	if (error)
		return error;
	int rc = send_launch(session);
	session->failure.value = (uint64_t)-rc;
	return rc == 0 ? 0 : CENO_SESSION_ERROR_KVM;
}

int ceno_session_measure(struct ceno_session *session)
{
	int rc = commit_request(session, session->statement.core.request_commit);
	drop_inputs(session);
	session->failure.value = (uint64_t)-rc;
	return rc == 0 ? 0 : CENO_SESSION_ERROR_MEMORY;
}

void ceno_session_launch_leaf(const struct ceno_session *session, struct ceno_attest_launch *leaf)
{
	const struct ceno_proof_core *core = &session->statement.core;
	memset(leaf, 0, sizeof *leaf);
	leaf->type = CENO_ATTEST_LAUNCH;
	memcpy(leaf->session_id, core->session_id, sizeof leaf->session_id);
	ceno_proof_platform_digest(&core->platform, leaf->platform_digest);
	memcpy(leaf->request_commit, core->request_commit, 32);
	memcpy(leaf->signer_pub, core->signer_pub, 32);
	memcpy(leaf->rp_nonce, core->rp_nonce, 32);
}
