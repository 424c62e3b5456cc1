/*
 * A program file and an argument block of any bytes: membrane starts it or refuses
 * it, and says which in the report; nothing else may happen.
 *
 *   first byte: how many bytes of a valid program are kept before the input's own;
 *   second byte: length / 4 of the argument block at the input's end, 0: a valid one
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/membrane/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "\2\0\0\0\1\0\0\0/bin/p\0p\0x\0A=b\0/tmp/w";
	static uint8_t image[3 * 4096];
	struct fake_file file = fake_program("/bin/p");
	const void *args = good;
	size_t args_bytes = sizeof(good), keep;
	enum fake_outcome outcome;

	if (size < 2)
		return 0;
	memcpy(image, file.data, file.bytes);
	keep = data[0] < 233 ? data[0] : 0;
	if (data[1] && size - 2 >= data[1] * 4u) {
		args_bytes = data[1] * 4u;
		args = data + size - args_bytes;
		size -= args_bytes;
	}
	size = size - 2 < sizeof(image) - keep ? size - 2 : sizeof(image) - keep;
	memcpy(image + keep, data + 2, size);
	file.data = image;
	fake_on_wait = NULL;
	outcome = fake_boot_args(&file, 1, args, args_bytes);
	if (outcome != FAKE_ENTERED && outcome != FAKE_BLOCKED)
		abort();
	if (fake_guest()->state != (outcome == FAKE_ENTERED ? CENO_PROGRAM_RUNNING : CENO_PROGRAM_REFUSED))
		abort();
	return 0;
}
