/*
 * Tasks of a program that make system calls, memory accesses and host moves, against membrane on
 * the fake nucleus (tests/unit/membrane/fake.h). Broken properties abort: a MAP
 * that the nucleus would refuse, a changed register, a fault handler without
 * progress, a result that is neither a value nor an error, fresh memory not zero.
 *
 *   op < 0xf0   call number op % COUNT, then one selector byte for each argument
 *   op < 0xf8   touch: selector of an address, access, page offset
 *   else        the host: input bytes, consumer index, closed, an index as it likes
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/membrane/fake.h"

#include "guest-kernel/services/membrane/calls.h"

static const uint16_t numbers[] = {
#define NUMBER(number, name) number,
	CENO_CALLS(NUMBER)
#undef NUMBER
};
#define COUNT (sizeof(numbers) / sizeof(numbers[0]))
_Static_assert(COUNT <= 0xf0, "an operation for each call");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	const uint8_t *at, *end;
	uint64_t results[32], page, paths[4];
	unsigned next;
};

static uint8_t take(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static uint64_t value(struct script *s)
{
	static const uint64_t edges[] = { 0,
		                          1,
		                          2,
		                          3,
		                          0x22,
		                          0x32,
		                          0x1000,
		                          0x2000,
		                          0x200000,
		                          0x400000,
		                          0x7fffffff,
		                          0xffffffff,
		                          0x7ffff000,
		                          0x7fffffffefff,
		                          0x800000000000,
		                          1ull << 63,
		                          UINT64_MAX,
		                          0xffffffffffffff9c,
		                          0x241,
		                          0x442,
		                          0x10000,
		                          0x401000,
		                          0x402000,
		                          UINT64_MAX - 4095 };
	uint8_t selector = take(s);

	if (selector < 64)
		return selector;
	if (selector < 96)
		return edges[(selector - 64u) % (sizeof(edges) / sizeof(edges[0]))];
	if (selector < 128)
		return s->results[selector & 31];
	if (selector < 160)
		return s->results[selector & 31] + take(s) * 4096ull;
	if (selector < 192)
		return s->page + take(s) * 16ull;
	if (selector < 224)
		return s->paths[selector & 3];
	return (uint64_t)take(s) << (selector & 31);
}

static int call(struct script *s, uint8_t op)
{
	uint64_t a[6];
	int64_t result;
	enum fake_outcome outcome;

	for (unsigned i = 0; i < 6; i++)
		a[i] = value(s);
	outcome = fake_call(numbers[op % COUNT], a, &result);
	if (outcome == FAKE_ENTERED) /* another task's turn: it makes the next call */
		return 1;
	if (outcome != FAKE_RETURNED)
		return 0;
	if (result < -133 && numbers[op % COUNT] != 9)
		abort();
	if (result > 0)
		s->results[s->next++ & 31] = (uint64_t)result;
	return 1;
}

static int touch(struct script *s)
{
	uint64_t at = value(s);
	uint8_t access = take(s) % 3;
	enum fake_outcome outcome;
	uint8_t *byte = fake_touch(at,
	                           access == 0       ? CENO_RIGHT_READ
	                               : access == 1 ? CENO_RIGHT_WRITE
	                                             : CENO_RIGHT_EXECUTE,
	                           &outcome);

	if (byte && access == 1)
		*byte = take(s);
	return outcome == FAKE_RETURNED || outcome == FAKE_ENTERED;
}

static void host(struct script *s)
{
	switch (take(s) % 4) {
	case 0:
		fake_host()->index[CENO_STREAM_IN] += take(s);
		break;
	case 1:
		fake_host()->index[CENO_STREAM_OUT] = fake_guest()->index[CENO_STREAM_OUT];
		break;
	case 2:
		fake_host()->closed = take(s) & 7;
		break;
	default:
		fake_host()->index[take(s) % 3] = (uint32_t)take(s) << 12;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[4] = { "/tmp/x", "/bin/../tmp/y", "z/", "/proc/self/fd/1" };
	struct script s = { .at = data, .end = data + size };
	int alive = 1;

	fake_start();
	s.page = fake_page();
	for (int i = 0; i < 4; i++)
		s.paths[i] = fake_string(paths[i]);
	for (int i = 0; i < 200 && alive && s.at < s.end; i++) {
		uint8_t op = take(&s);

		if (op < 0xf0)
			alive = call(&s, op);
		else if (op < 0xf8)
			alive = touch(&s);
		else
			host(&s);
	}
	return 0;
}
