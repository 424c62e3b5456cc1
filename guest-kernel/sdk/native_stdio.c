/*
 * The guest's ends of the stdio window (abi/window.h). The order of publishing is
 * data, index, fence, then a look at the other side's index: of two sides that move at
 * once, one at least sees the other's move. What the host writes is not trusted: an
 * index that claims too much is a crash.
 */
#include <stdarg.h>
#include "lib/mem.h"
#include "native_internal.h"

#define WINDOW     ((uint8_t *)(CENO_GVA_WINDOW + CENO_PLEDGE_STDIO * CENO_LARGE_PAGE))
#define SLOT_STDIO (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO)
#define RING_BYTES CENO_STDIN_BYTES /* all three are as large */
#define LINE_BYTES 256u

_Static_assert(CENO_STDOUT_BYTES == RING_BYTES && CENO_STDERR_BYTES == RING_BYTES, "rings");

static uint32_t own[CENO_STREAMS]; /* our indices; the shared copies are only written */
static char line[LINE_BYTES];
static uint32_t line_bytes;

static volatile struct ceno_stdio_host *host(void)
{
	return (volatile struct ceno_stdio_host *)(void *)(WINDOW + CENO_STDIO_HOST_OFFSET);
}

static volatile struct ceno_stdio_guest *guest(void)
{
	return (volatile struct ceno_stdio_guest *)(void *)(WINDOW + CENO_STDIO_GUEST_OFFSET);
}

/* Whether the host takes the window, or has (abi/boot.h): it is not touched any more. */
static int is_lost(void)
{
	const struct ceno_boot *boot = (const void *)CENO_GVA_BOOT_PAGE;

	return __atomic_load_n(&boot->dropped, __ATOMIC_RELAXED) >> CENO_PLEDGE_STDIO & 1;
}

static void ring_doorbell(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*(volatile uint32_t *)(void *)(WINDOW + CENO_LARGE_PAGE - CENO_PAGE) = 1;
}

static void wait(void)
{
	int64_t rc = ceno_recv_signal(SLOT_STDIO, 0);

	if (rc != CENO_E_PLEDGE) /* lost meanwhile: whoever waits looks again */
		ceno_native_must(rc);
}

void ceno_native_streams(void)
{
	ceno_native_must(ceno_map(CENO_SLOT_SELF, SLOT_STDIO, (uint64_t)WINDOW, 0, CENO_STDIO_BYTES,
	                          CENO_RIGHT_READ | CENO_RIGHT_WRITE));
	guest()->magic = CENO_STDIO_MAGIC;
	guest()->abi_version = CENO_ABI_VERSION;
	for (int i = 0; i < CENO_STREAMS; i++)
		own[i] = guest()->index[i];
}

void ceno_native_report(uint32_t state, uint32_t status, uint32_t refusal)
{
	if (is_lost())
		return;
	guest()->seq = 1;
	guest()->exit_status = status & 255;
	guest()->refusal = refusal;
	if (state == CENO_PROGRAM_RUNNING)
		guest()->entry_tsc = ceno_rdtsc();
	else
		guest()->done_tsc = ceno_rdtsc();
	__atomic_store_n(&guest()->state, state, __ATOMIC_RELEASE);
	ring_doorbell();
}

void ceno_native_wait_shutdown(void)
{
	while (!is_lost() && !__atomic_load_n(&host()->shutdown, __ATOMIC_ACQUIRE))
		wait();
}

/* ---- rings ---- */

static uint8_t *ring_at(int stream, uint32_t index, uint32_t *bytes)
{
	static const uint32_t offset[CENO_STREAMS] = { CENO_STDIN_OFFSET, CENO_STDOUT_OFFSET, CENO_STDERR_OFFSET };
	uint32_t at = index & (RING_BYTES - 1);

	if (*bytes > RING_BYTES - at)
		*bytes = RING_BYTES - at;
	return WINDOW + offset[stream] + at;
}

/* What of a ring is free to be written, or there to be read. */
static uint32_t in_ring(int stream)
{
	uint32_t index = __atomic_load_n(&host()->index[stream], __ATOMIC_ACQUIRE);
	uint32_t bytes = stream == CENO_STREAM_IN ? index - own[stream] : RING_BYTES - (own[stream] - index);

	if (bytes > RING_BYTES)
		__builtin_trap();
	return bytes;
}

static int is_closed(int stream)
{
	return __atomic_load_n(&host()->closed, __ATOMIC_ACQUIRE) >> stream & 1;
}

static uint32_t move(int stream, uint8_t *memory, size_t want, uint32_t there)
{
	uint32_t before = own[stream], bytes = want < there ? (uint32_t)want : there;
	uint8_t *ring = ring_at(stream, before, &bytes);

	if (stream == CENO_STREAM_IN)
		memcpy(memory, ring, bytes);
	else
		memcpy(ring, memory, bytes);
	own[stream] += bytes;
	__atomic_store_n(&guest()->index[stream], own[stream], __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (host()->index[stream] - before == (stream == CENO_STREAM_IN ? RING_BYTES : 0))
		ring_doorbell(); /* it was full, or empty: the host may be asleep */
	return bytes;
}

size_t ceno_write(int stream, const void *from, size_t bytes)
{
	size_t done = 0;

	while (done < bytes && !is_lost() && !is_closed(stream)) {
		uint32_t room = in_ring(stream);

		if (room)
			done += move(stream, (uint8_t *)(uintptr_t)from + done, bytes - done, room);
		else
			wait();
	}
	return done;
}

size_t ceno_read(void *to, size_t bytes)
{
	uint32_t there = 0;

	while (bytes && !is_lost() && (there = in_ring(CENO_STREAM_IN)) == 0) {
		if (is_closed(CENO_STREAM_IN)) {
			if (in_ring(CENO_STREAM_IN) == 0)
				return 0;
			continue;
		}
		guest()->wants_in = 1;
		ring_doorbell();
		wait();
		if (!is_lost())
			guest()->wants_in = 0;
	}
	return bytes && !is_lost() ? move(CENO_STREAM_IN, to, bytes, there) : 0;
}

/* ---- print ---- */

void ceno_native_flush(void)
{
	ceno_write(CENO_STREAM_OUT, line, line_bytes);
	line_bytes = 0;
}

static void put(char c)
{
	line[line_bytes++] = c;
	if (c == '\n' || line_bytes == LINE_BYTES)
		ceno_native_flush();
}

static void put_number(uint64_t value, uint32_t base)
{
	char digits[20];
	uint32_t n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (n)
		put(digits[--n]);
}

static void put_string(const char *text)
{
	for (text = text ? text : "(null)"; *text; text++)
		put(*text);
}

static uint64_t take_number(va_list *list, char conversion, int is_long)
{
	if (is_long)
		return va_arg(*list, uint64_t);
	return conversion == 'd' ? (uint64_t)(int64_t)va_arg(*list, int) : va_arg(*list, unsigned);
}

static void put_conversion(char conversion, int is_long, va_list *list)
{
	uint64_t value = 0;

	if (conversion == 'd' || conversion == 'u' || conversion == 'x')
		value = take_number(list, conversion, is_long);
	switch (conversion) {
	case 's':
		put_string(va_arg(*list, const char *));
		break;
	case 'c':
		put((char)va_arg(*list, int));
		break;
	case 'd':
		if ((int64_t)value < 0)
			put('-');
		put_number((int64_t)value < 0 ? 0 - value : value, 10);
		break;
	case 'u':
	case 'x':
		put_number(value, conversion == 'x' ? 16 : 10);
		break;
	default: /* %% */
		put(conversion);
	}
}

void ceno_print(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	for (; *format; format++) {
		int is_long = 0;

		if (*format != '%') {
			put(*format);
			continue;
		}
		for (format++; *format == 'l'; format++)
			is_long = 1;
		if (!*format)
			break;
		put_conversion(*format, is_long, &list);
	}
	va_end(list);
}
