/*
 * The stdio window's host side, driven by a guest played in this process: output in
 * order, end of input, a reader that goes away, reports, and every lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/windows/stdio.h"

struct bench {
	uv_loop_t loop;
	struct ceno_stdio stdio;
	uint8_t *window;
	struct ceno_stdio_guest *guest;
	struct ceno_stdio_host *host;
	int to_guest, from_guest, irq; /* our ends */
	int fd[CENO_STREAMS];
	unsigned programs, lies, drained;
	struct ceno_program_report report;
};

static void on_program(void *owner, const struct ceno_program_report *report)
{
	struct bench *bench = owner;
	bench->programs++;
	bench->report = *report;
}

static void on_lie(void *owner)
{
	((struct bench *)owner)->lies++;
}

static void on_drained(void *owner)
{
	((struct bench *)owner)->drained++;
}

static int setup(void **state)
{
	static const struct ceno_stdio_events events = { on_program, on_lie, on_drained };
	struct bench *bench = calloc(1, sizeof(*bench));
	int in[2], out[2];
	assert_non_null(bench);
	bench->window = aligned_alloc(4096, CENO_STDIO_BYTES);
	memset(bench->window, 0, CENO_STDIO_BYTES);
	bench->guest = (void *)(bench->window + CENO_STDIO_GUEST_OFFSET);
	bench->host = (void *)(bench->window + CENO_STDIO_HOST_OFFSET);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	bench->to_guest = in[1];
	bench->from_guest = out[0];
	bench->fd[0] = in[0];
	bench->fd[1] = out[1];
	bench->fd[2] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bench->irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(uv_loop_init(&bench->loop), 0);
	assert_int_equal(ceno_stdio_init(&bench->stdio, &bench->loop, bench->window, bench->fd, bench->irq, &events,
	                                 bench),
	                 0);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	ceno_stdio_close(&bench->stdio);
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&bench->loop), 0);
	for (int i = 0; i < CENO_STREAMS; i++)
		close(bench->fd[i]);
	close(bench->to_guest);
	close(bench->from_guest);
	close(bench->irq);
	free(bench->window);
	free(bench);
	return 0;
}

static void init_names_the_window(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(bench->host->magic, CENO_STDIO_MAGIC);
	assert_int_equal(bench->host->abi_version, CENO_ABI_VERSION);
}

/* More than ring and pipe hold, with a slow reader: every byte, in order. */
static void carries_output(void **state)
{
	struct bench *bench = *state;
	uint8_t *ring = bench->window + CENO_STDOUT_OFFSET, buffer[5000], expected = 0, next = 0;
	const uint32_t total = 1u << 20;
	uint32_t produced = 0, taken = 0;
	while (taken < total) {
		uint32_t room = CENO_STDOUT_BYTES - (produced - bench->host->index[CENO_STREAM_OUT]);
		for (; room && produced < total; room--)
			ring[produced++ & (CENO_STDOUT_BYTES - 1)] = next++;
		bench->guest->index[CENO_STREAM_OUT] = produced;
		ceno_stdio_pump(&bench->stdio);
		ssize_t n = read(bench->from_guest, buffer, sizeof(buffer));
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buffer[i], expected++);
		taken += (uint32_t)n;
		uv_run(&bench->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(bench->lies, 0);
	assert_true(bench->drained > 0);
}

static void carries_input_and_its_end(void **state)
{
	struct bench *bench = *state;
	uint64_t count;
	assert_int_equal(write(bench->to_guest, "abc", 3), 3);
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->host->index[CENO_STREAM_IN], 3);
	assert_memory_equal(bench->window + CENO_STDIN_OFFSET, "abc", 3);
	assert_int_equal(read(bench->irq, &count, sizeof(count)), sizeof(count)); /* the guest was told */
	assert_int_equal(bench->host->closed, 0);
	close(bench->to_guest);
	bench->to_guest = -1;
	uv_run(&bench->loop, UV_RUN_NOWAIT);
	assert_int_equal(bench->host->closed, 1u << CENO_STREAM_IN);
	assert_int_equal(read(bench->irq, &count, sizeof(count)), sizeof(count));
}

/* Nobody reads: the guest is told, its output is taken and discarded. */
static void survives_a_gone_reader(void **state)
{
	struct bench *bench = *state;
	signal(SIGPIPE, SIG_IGN);
	close(bench->from_guest);
	bench->from_guest = -1;
	bench->guest->index[CENO_STREAM_OUT] = CENO_STDOUT_BYTES;
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->host->closed & 1u << CENO_STREAM_OUT, 1u << CENO_STREAM_OUT);
	assert_int_equal(bench->host->index[CENO_STREAM_OUT], CENO_STDOUT_BYTES);
	assert_int_equal(bench->lies, 0);
}

static void reports_each_program_once(void **state)
{
	struct bench *bench = *state;
	bench->guest->seq = 1;
	bench->guest->state = CENO_PROGRAM_RUNNING;
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->programs, 0);
	bench->guest->exit_status = 3;
	bench->guest->enosys_distinct = 1;
	bench->guest->enosys[0].number = 321;
	memcpy(bench->guest->enosys_program[0], "evil\x1b[2J\n\xff.....", CENO_PROGRAM_NAME);
	bench->guest->state = CENO_PROGRAM_DONE;
	ceno_stdio_pump(&bench->stdio);
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->programs, 1);
	assert_int_equal(bench->report.exit_status, 3);
	assert_int_equal(bench->report.enosys[0].number, 321);
	assert_string_equal(bench->report.enosys[0].program, "evil?[2J??.....");
	ceno_stdio_request(&bench->stdio);
	bench->guest->seq = 2;
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->programs, 2);
	bench->guest->seq = 4; /* never asked for */
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->programs, 2);
	assert_int_equal(bench->lies, 1);
}

/* The warden wrote a request into the window, and the guest did it, before the warden's word came. */
static void a_report_may_be_early(void **state)
{
	struct bench *bench = *state;
	bench->guest->seq = 2;
	bench->guest->exit_status = 7;
	bench->guest->state = CENO_PROGRAM_DONE;
	ceno_stdio_pump(&bench->stdio);
	assert_int_equal(bench->programs, 0);
	assert_int_equal(bench->lies, 0);
	ceno_stdio_request(&bench->stdio);
	assert_int_equal(bench->programs, 1);
	assert_int_equal(bench->report.exit_status, 7);
	assert_int_equal(bench->lies, 0);
}

/* Each lie alone ends the session, once. */
static void catches_lies(void **state)
{
	struct {
		size_t offset;
		uint32_t value;
	} lies[] = {
		{ offsetof(struct ceno_stdio_guest, index[CENO_STREAM_IN]), 1 },
		{ offsetof(struct ceno_stdio_guest, index[CENO_STREAM_OUT]), CENO_STDOUT_BYTES + 1 },
		{ offsetof(struct ceno_stdio_guest, index[CENO_STREAM_ERR]), 0x80000000u },
		{ offsetof(struct ceno_stdio_guest, state), CENO_PROGRAM_REFUSED + 1 },
		{ offsetof(struct ceno_stdio_guest, exit_status), 256 },
		{ offsetof(struct ceno_stdio_guest, signal), 65 },
		{ offsetof(struct ceno_stdio_guest, refusal), CENO_REFUSAL_WORKDIR + 1 },
		{ offsetof(struct ceno_stdio_guest, end), CENO_END_STRUCK + 1 },
		{ offsetof(struct ceno_stdio_guest, detail), 256 },
		{ offsetof(struct ceno_stdio_guest, restarts), 65536 },
		{ offsetof(struct ceno_stdio_guest, enosys_distinct), CENO_ENOSYS_SLOTS + 1 },
		{ offsetof(struct ceno_stdio_guest, missing), 1u << CENO_PLEDGE_COUNT },
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct bench *bench = *state;
		memcpy((uint8_t *)bench->guest + lies[i].offset, &lies[i].value, sizeof(uint32_t));
		ceno_stdio_pump(&bench->stdio);
		ceno_stdio_pump(&bench->stdio);
		assert_int_equal(bench->lies, 1);
		teardown(state);
		setup(state);
	}
}

/* The window is as good as gone: who still touches it does not survive this test. */
static void lets_go_for_good(void **state)
{
	struct bench *bench = *state;
	bench->guest->index[CENO_STREAM_OUT] = 100;
	assert_int_equal(write(bench->to_guest, "late", 4), 4);
	ceno_stdio_let_go(&bench->stdio);
	assert_int_equal(mprotect(bench->window, CENO_STDIO_BYTES, PROT_NONE), 0);
	for (int i = 0; i < 2; i++) {
		ceno_stdio_pump(&bench->stdio);
		ceno_stdio_request(&bench->stdio);
		ceno_stdio_signal(&bench->stdio);
		uv_run(&bench->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(mprotect(bench->window, CENO_STDIO_BYTES, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(bench->host->index[CENO_STREAM_OUT], 0);
	assert_int_equal(bench->host->index[CENO_STREAM_IN], 0);
	assert_int_equal(bench->programs + bench->lies + bench->drained, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(init_names_the_window),     TEST(carries_output),
		TEST(carries_input_and_its_end), TEST(survives_a_gone_reader),
		TEST(reports_each_program_once), TEST(catches_lies),
		TEST(a_report_may_be_early),     TEST(lets_go_for_good),
	};
	return cmocka_run_group_tests_name("stdio window", tests, NULL, NULL);
}
