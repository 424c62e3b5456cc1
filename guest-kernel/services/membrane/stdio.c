/*
 * Both ends of the stdio window that the guest has. See stdio.h and abi/window.h.
 *
 * Publishing order: data, then index, then a full fence, then the other side's
 * index is looked at to decide about the doorbell; so of two sides that change
 * their indices at once, at least one sees the other's change.
 */
#include "stdio.h"

#include "frames.h"
#include "process.h"

struct ring {
	uint32_t offset, bytes;
};

static const struct ring rings[CENO_STREAMS] = {
	[CENO_STREAM_IN] = { CENO_STDIN_OFFSET, CENO_STDIN_BYTES },
	[CENO_STREAM_OUT] = { CENO_STDOUT_OFFSET, CENO_STDOUT_BYTES },
	[CENO_STREAM_ERR] = { CENO_STDERR_OFFSET, CENO_STDERR_BYTES },
};
static uint32_t own[CENO_STREAMS]; /* our indices; the shared copies are only written */
static int released;               /* the host was told that we are done with the window */

static volatile struct ceno_stdio_host *host(void)
{
	return (volatile struct ceno_stdio_host *)(uintptr_t)(CENO_STDIO_GVA + CENO_STDIO_HOST_OFFSET);
}

static volatile struct ceno_stdio_guest *guest(void)
{
	return (volatile struct ceno_stdio_guest *)(uintptr_t)(CENO_STDIO_GVA + CENO_STDIO_GUEST_OFFSET);
}

static void fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void ring_doorbell(void)
{
#ifdef CENO_ARCH_FAKE
	fake_doorbell();
#else
	*(volatile uint32_t *)(uintptr_t)CENO_DOORBELL_GVA = 1;
#endif
}

/* Whether the warden takes the window, or has. The first look that finds it so is the last at the window: then its
 * memory is gone soon, and by our own pledge its place, too. Nothing else of ours has one. */
static int is_lost(void)
{
	if (!(ceno_dropped() >> CENO_PLEDGE_STDIO & 1))
		return 0;
	if (!released) {
		released = 1;
		__atomic_store_n(&guest()->released, 1, __ATOMIC_RELEASE);
		(void)ceno_pledge(CENO_SLOT_SELF, 0);
	}
	return 1;
}

int ceno_stdio_init(void)
{
	memset(own, 0, sizeof(own));
	released = 0;
	if (!(ceno_boot()->pledge_mask >> CENO_PLEDGE_STDIO & 1))
		return -LX_EIO; /* else it is mapped (boot.h, prepared spaces) */
	if (is_lost())
		return 0;
	guest()->magic = CENO_STDIO_MAGIC;
	guest()->abi_version = CENO_ABI_VERSION;
	return 0;
}

/* Membrane's pointer to bytes [index, index + *bytes) of a ring, cut at the ring's end. */
static uint8_t *ring_bytes(int stream, uint32_t index, uint32_t *bytes)
{
	uint32_t at = index & (rings[stream].bytes - 1), left = rings[stream].bytes - at;

	if (*bytes > left)
		*bytes = left;
	return (uint8_t *)(uintptr_t)(CENO_STDIO_GVA + rings[stream].offset + at);
}

/* Whatever was served meanwhile: there is nobody left to serve it for. */
static void leave_if_asked(void)
{
	if (ceno_stdio_shutdown() == CENO_SHUTDOWN_NOW)
		ceno_membrane_leave();
}

void ceno_stdio_sleep(uint64_t deadline_tsc, int wake)
{
	uint64_t before = ceno_rdtsc();

	ceno_membrane_runs();
	do
		ceno_tick(deadline_tsc, 1, NULL);
	while (!wake && ceno_rdtsc() < deadline_tsc && ceno_stdio_shutdown() != CENO_SHUTDOWN_NOW);
	ceno_run.idle_tsc += ceno_rdtsc() - before;
	leave_if_asked();
}

void ceno_stdio_wait(void)
{
	uint64_t before = ceno_rdtsc();

	ceno_membrane_runs();
	if (is_lost())
		ceno_tick(CENO_NEVER, 1, NULL);
	else if (ceno_recv_signal(CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO, 0) < 0)
		ceno_membrane_abort();
	ceno_run.idle_tsc += ceno_rdtsc() - before;
	leave_if_asked();
}

/* What the host has put into stdin beyond our index; above the ring's size: a lie. */
uint32_t ceno_stdio_pending(void)
{
	if (is_lost())
		return 0;
	return __atomic_load_n(&host()->index[CENO_STREAM_IN], __ATOMIC_ACQUIRE) - own[CENO_STREAM_IN];
}

static int input_ended(void)
{
	return is_lost() ||
	    ((__atomic_load_n(&host()->closed, __ATOMIC_ACQUIRE) >> CENO_STREAM_IN & 1) && ceno_stdio_pending() == 0);
}

void ceno_stdio_want(void)
{
	if (is_lost() || guest()->wants_in)
		return;
	guest()->wants_in = 1;
	ring_doorbell();
}

int64_t ceno_stdio_read(void *to, uint64_t bytes)
{
	uint32_t there = ceno_stdio_pending(), done = 0;

	if (there == 0 && bytes && !input_ended())
		return -LX_EAGAIN;
	if (is_lost())
		return 0;
	guest()->wants_in = 0;
	if (there > CENO_STDIN_BYTES)
		return -LX_EIO;
	if (bytes > there)
		bytes = there;
	while (done < bytes) {
		uint32_t part = (uint32_t)bytes - done;
		const uint8_t *from = ring_bytes(CENO_STREAM_IN, own[CENO_STREAM_IN] + done, &part);

		memcpy((uint8_t *)to + done, from, part);
		done += part;
	}
	if (done) {
		uint32_t before = own[CENO_STREAM_IN];

		own[CENO_STREAM_IN] += done;
		__atomic_store_n(&guest()->index[CENO_STREAM_IN], own[CENO_STREAM_IN], __ATOMIC_RELEASE);
		fence();
		if (host()->index[CENO_STREAM_IN] - before == CENO_STDIN_BYTES)
			ring_doorbell();
	}
	return done;
}

static int output_closed(int stream)
{
	return is_lost() || __atomic_load_n(&host()->closed, __ATOMIC_ACQUIRE) >> stream & 1;
}

/* Room in an output ring; above its size: a lie. */
static uint32_t room(int stream)
{
	uint32_t taken = __atomic_load_n(&host()->index[stream], __ATOMIC_ACQUIRE);

	return rings[stream].bytes - (own[stream] - taken);
}

static int64_t put(int stream, const uint8_t *from, uint32_t bytes)
{
	uint32_t done = 0, before = own[stream];

	while (done < bytes) {
		uint32_t part = bytes - done;
		uint8_t *to = ring_bytes(stream, before + done, &part);

		memcpy(to, from + done, part);
		done += part;
	}
	own[stream] += done;
	__atomic_store_n(&guest()->index[stream], own[stream], __ATOMIC_RELEASE);
	fence();
	if (host()->index[stream] == before)
		ring_doorbell();
	return done;
}

int64_t ceno_stdio_write(int stream, const void *from, uint64_t bytes)
{
	uint64_t done = 0;

	while (done < bytes) {
		uint32_t free = is_lost() ? UINT32_MAX : room(stream);
		int64_t result;

		if (free > rings[stream].bytes)
			return done ? (int64_t)done : -LX_EIO;
		if (output_closed(stream))
			return done ? (int64_t)done : -LX_EPIPE;
		if (free == 0)
			return done ? (int64_t)done : -LX_EAGAIN;
		result =
		    put(stream, (const uint8_t *)from + done, bytes - done < free ? (uint32_t)(bytes - done) : free);
		if (result < 0)
			return result;
		done += (uint64_t)result;
	}
	return (int64_t)done;
}

uint32_t ceno_stdio_poll(int stream)
{
	if (stream == CENO_STREAM_IN)
		return (ceno_stdio_pending() ? LX_POLLIN : 0u) | (input_ended() ? LX_POLLHUP : 0u);
	if (output_closed(stream))
		return LX_POLLOUT | LX_POLLERR;
	return room(stream) ? LX_POLLOUT : 0;
}

uint32_t ceno_stdio_request_seq(void)
{
	return is_lost() ? 0 : __atomic_load_n(&host()->request_seq, __ATOMIC_ACQUIRE);
}

enum ceno_shutdown ceno_stdio_shutdown(void)
{
	return is_lost() ? CENO_SHUTDOWN_AFTER : __atomic_load_n(&host()->shutdown, __ATOMIC_ACQUIRE);
}

uint32_t ceno_stdio_terminal(void)
{
	return is_lost() ? 0 : __atomic_load_n(&host()->terminal, __ATOMIC_ACQUIRE);
}

int64_t ceno_stdio_request(uint8_t *to)
{
	uint32_t bytes = is_lost() ? UINT32_MAX : __atomic_load_n(&host()->request_bytes, __ATOMIC_ACQUIRE);

	if (bytes > CENO_STDIO_REQUEST_MAX)
		return -LX_EIO;
	memcpy(to, (const void *)(uintptr_t)(CENO_STDIO_GVA + CENO_STDIO_REQUEST_OFFSET), bytes);
	return bytes;
}

void ceno_stdio_report_entry(uint64_t tsc)
{
	if (!is_lost())
		guest()->entry_tsc = tsc;
}

void ceno_stdio_report(uint32_t state, uint32_t refusal)
{
	volatile struct ceno_stdio_guest *page = guest();

	if (is_lost())
		return;
	/* The host reads when it likes: no state goes with what is half written. */
	__atomic_store_n(&page->state, CENO_PROGRAM_NONE, __ATOMIC_RELAXED);
	fence();
	page->seq = ceno_run.seq;
	page->exit_status = ceno_run.exit_status;
	page->signal = ceno_run.signal;
	page->refusal = refusal;
	page->detail = ceno_run.error;
	page->out_of_memory = ceno_run.out_of_memory;
	page->syscalls = ceno_run.syscalls;
	page->faults = ceno_run.faults;
	page->ram_peak_bytes = ceno_frames_peak() * CENO_PAGE;
	page->missing = ceno_run.missing;
	page->enosys_distinct = ceno_run.enosys_distinct;
	page->enosys_other = ceno_run.enosys_other;
	for (uint32_t i = 0; i < ceno_run.enosys_distinct; i++) {
		page->enosys[i].number = ceno_run.enosys[i].number;
		page->enosys[i].count = ceno_run.enosys[i].count;
		memcpy((void *)(uintptr_t)page->enosys_program[i], ceno_run.enosys[i].program, CENO_PROGRAM_NAME);
	}
	if (state == CENO_PROGRAM_RUNNING)
		page->entry_tsc = page->done_tsc = 0;
	else
		page->done_tsc = ceno_rdtsc();
	__atomic_store_n(&page->state, state, __ATOMIC_RELEASE);
	fence();
	ring_doorbell();
}
