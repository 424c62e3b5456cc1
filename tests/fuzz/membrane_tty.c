/*
 * The session's terminal: keys of any bytes, in any mode, in any order with reads and requests.
 *
 *   each step: a byte that says what, then for it
 *     0-3  keys: a length and as many bytes      4  mode: 36 bytes of struct termios
 *     5    read: how much                        6  a request: its low byte, of 0x5400
 *     7    write: how much
 * A read gives no more than was asked for, nor more than was typed since the start.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/unit/membrane/fake.h"

#define MODE 36u /* bytes of the kernel's struct termios */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void type(const uint8_t *keys, size_t bytes)
{
	uint32_t at = fake_host()->index[CENO_STREAM_IN];

	for (size_t i = 0; i < bytes; i++)
		fake_window()[CENO_STDIN_OFFSET + ((at + i) & (CENO_STDIN_BYTES - 1))] = keys[i];
	fake_host()->index[CENO_STREAM_IN] = at + (uint32_t)bytes;
}

/* The call and its result; 0: the program ended, by a signal that it typed. */
static int call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, int64_t *result)
{
	return fake_call(number, (const uint64_t[6]){ a, b, c }, result) == FAKE_RETURNED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t page, typed = 0, got = 0;
	int64_t result = 0;

	fake_on_wait = NULL;
	fake_terminal = 24u << 16 | 80;
	fake_start();
	fake_terminal = 0;
	page = fake_page();
	if (!call(SYS_fcntl, 0, 4, 04002, &result)) /* F_SETFL, O_RDWR | O_NONBLOCK */
		abort();
	while (size >= 2) {
		uint8_t what = data[0] % 8;
		size_t bytes = data[1];

		data += 2, size -= 2;
		if (what < 4 || what == 4)
			bytes = what == 4 ? MODE : bytes;
		if (what <= 4 && bytes > size)
			return 0;
		if (what < 4) {
			type(data, bytes);
			typed += bytes;
		} else if (what == 4) {
			fake_poke(page, data, MODE);
			if (!call(SYS_ioctl, 0, 0x5402, page, &result) || result)
				return 0;
		} else if (what == 5) {
			if (!call(SYS_read, 0, page, bytes, &result))
				return 0;
			got += result > 0 ? (uint64_t)result : 0;
			if (result > (int64_t)bytes || got > typed)
				abort();
		} else if (!call(what == 6 ? SYS_ioctl : SYS_write, what == 6 ? 0 : 1,
		                 what == 6 ? 0x5400 | bytes : page, what == 6 ? page : bytes, &result)) {
			return 0;
		}
		fake_host()->index[CENO_STREAM_OUT] = fake_guest()->index[CENO_STREAM_OUT];
		if (what <= 4)
			data += bytes, size -= bytes;
	}
	return 0;
}
