/*
 * The TCTI over a descriptor: short reads, a peer that dies, responses that lie
 * about their length. The test is the TPM at the other end of the socketpair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/tpm/tpm_internal.h"

struct pair {
	TSS2_TCTI_CONTEXT *tcti;
	int peer;
};

/* GetRandom(0): any ten bytes with a right length would do. */
static const uint8_t command[12] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 0 };
static const uint8_t reply[12] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0 };

static int setup(void **state)
{
	static struct pair p;
	int fd[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -1;
	p.tcti = ceno_tpm_stream_new(fd[0]);
	p.peer = fd[1];
	*state = &p;
	return p.tcti ? 0 : -1;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	ceno_tpm_stream_free(p->tcti);
	if (p->peer >= 0)
		close(p->peer);
	return 0;
}

static void send_command(struct pair *p)
{
	uint8_t seen[sizeof(command)];
	assert_int_equal(Tss2_Tcti_Transmit(p->tcti, sizeof(command), command), TSS2_RC_SUCCESS);
	assert_int_equal(read(p->peer, seen, sizeof(seen)), sizeof(seen));
	assert_memory_equal(seen, command, sizeof(command));
}

static void dead_from_now_on(struct pair *p)
{
	uint8_t out[4096];
	size_t size = sizeof(out);
	assert_int_equal(Tss2_Tcti_Transmit(p->tcti, sizeof(command), command), TSS2_TCTI_RC_IO_ERROR);
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 0), TSS2_TCTI_RC_IO_ERROR);
}

static void one_byte_at_a_time(void **state)
{
	struct pair *p = *state;
	uint8_t out[4096];
	size_t size = sizeof(out);
	send_command(p);
	for (size_t i = 0; i < sizeof(reply); i++) {
		assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 0), TSS2_TCTI_RC_TRY_AGAIN);
		assert_int_equal(write(p->peer, reply + i, 1), 1);
	}
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 1000), TSS2_RC_SUCCESS);
	assert_int_equal(size, sizeof(reply));
	assert_memory_equal(out, reply, sizeof(reply));
	send_command(p); /* and it is ready for the next one */
}

static void next_response_stays_in_the_socket(void **state)
{
	struct pair *p = *state;
	uint8_t out[4096];
	size_t size = sizeof(out);
	send_command(p);
	assert_int_equal(write(p->peer, reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(write(p->peer, reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 1000), TSS2_RC_SUCCESS);
	assert_int_equal(size, sizeof(reply));
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 0), TSS2_TCTI_RC_BAD_SEQUENCE);
}

static void size_is_told_before_the_buffer(void **state)
{
	struct pair *p = *state;
	uint8_t out[4096];
	size_t size = 0;
	send_command(p);
	assert_int_equal(write(p->peer, reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, NULL, 1000), TSS2_RC_SUCCESS);
	assert_int_equal(size, sizeof(reply));
	size = 11;
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 1000), TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
	assert_int_equal(size, sizeof(reply));
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 1000), TSS2_RC_SUCCESS);
}

static void oversize_and_undersize_kill_the_stream(void **state)
{
	static const uint32_t lies[] = { 4097, 0xffffffff, 0x80000000, 0, 9 };
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		void *fresh;
		uint8_t out[4096], lie[12];
		size_t size = sizeof(out);
		assert_int_equal(setup(&fresh), 0);
		struct pair *p = fresh;
		memcpy(lie, reply, sizeof(lie));
		lie[2] = (uint8_t)(lies[i] >> 24);
		lie[3] = (uint8_t)(lies[i] >> 16);
		lie[4] = (uint8_t)(lies[i] >> 8);
		lie[5] = (uint8_t)lies[i];
		send_command(p);
		assert_int_equal(write(p->peer, lie, sizeof(lie)), sizeof(lie));
		assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 1000), TSS2_TCTI_RC_MALFORMED_RESPONSE);
		dead_from_now_on(p);
		teardown(&fresh);
	}
}

static void largest_response_is_taken(void **state)
{
	struct pair *p = *state;
	uint8_t big[4096] = { 0x80, 1, 0, 0, 0x10, 0 }, out[4096];
	size_t size = sizeof(out);
	send_command(p);
	assert_int_equal(write(p->peer, big, sizeof(big)), sizeof(big));
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 1000), TSS2_RC_SUCCESS);
	assert_int_equal(size, 4096);
}

static void peer_dies_before_and_inside_a_response(void **state)
{
	struct pair *p = *state;
	uint8_t out[4096];
	size_t size = sizeof(out);
	send_command(p);
	assert_int_equal(write(p->peer, reply, 7), 7);
	close(p->peer);
	p->peer = -1;
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, -1), TSS2_TCTI_RC_IO_ERROR);
	dead_from_now_on(p);
}

static void transmit_to_a_dead_peer_is_an_error_not_a_signal(void **state)
{
	struct pair *p = *state;
	close(p->peer);
	p->peer = -1;
	assert_int_equal(Tss2_Tcti_Transmit(p->tcti, sizeof(command), command), TSS2_TCTI_RC_IO_ERROR);
	dead_from_now_on(p);
}

static void order_is_enforced(void **state)
{
	struct pair *p = *state;
	uint8_t out[4096];
	size_t size = sizeof(out);
	assert_int_equal(Tss2_Tcti_Receive(p->tcti, &size, out, 0), TSS2_TCTI_RC_BAD_SEQUENCE);
	send_command(p);
	assert_int_equal(Tss2_Tcti_Transmit(p->tcti, sizeof(command), command), TSS2_TCTI_RC_BAD_SEQUENCE);
	assert_int_equal(Tss2_Tcti_Transmit(p->tcti, 9, command), TSS2_TCTI_RC_BAD_VALUE);
}

static void poll_handle_is_the_socket(void **state)
{
	struct pair *p = *state;
	size_t count = 0;
	struct pollfd h;
	assert_int_equal(Tss2_Tcti_GetPollHandles(p->tcti, NULL, &count), TSS2_RC_SUCCESS);
	assert_int_equal(count, 1);
	assert_int_equal(Tss2_Tcti_GetPollHandles(p->tcti, &h, &count), TSS2_RC_SUCCESS);
	assert_int_equal(write(p->peer, reply, 1), 1);
	assert_int_equal(poll(&h, 1, 1000), 1);
	assert_int_not_equal(Tss2_Tcti_SetLocality(p->tcti, 3), TSS2_RC_SUCCESS);
	assert_int_equal(Tss2_Tcti_SetLocality(p->tcti, 0), TSS2_RC_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_byte_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(next_response_stays_in_the_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(size_is_told_before_the_buffer, setup, teardown),
		cmocka_unit_test(oversize_and_undersize_kill_the_stream),
		cmocka_unit_test_setup_teardown(largest_response_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_dies_before_and_inside_a_response, setup, teardown),
		cmocka_unit_test_setup_teardown(transmit_to_a_dead_peer_is_an_error_not_a_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(order_is_enforced, setup, teardown),
		cmocka_unit_test_setup_teardown(poll_handle_is_the_socket, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
