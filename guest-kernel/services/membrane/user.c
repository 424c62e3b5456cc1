/*
 * Copies from and to the memory of the current vm. See vm.h. Addresses and lengths
 * come from the program; each page is looked up, none is trusted.
 */
#include "process.h"
#include "vm.h"

/* A page that has the right but no RAM left to back it ends a program. */
static void *reach(uint64_t gva, int access, uint64_t *bytes)
{
	void *at;
	int error;

	do {
		error = 0;
		at = ceno_pages_reach(ceno_vm_current(), gva, access, bytes, &error);
	} while (error == -LX_ENOMEM && ceno_process_make_room());
	return at;
}

void *ceno_user_span(uint64_t gva, uint64_t bytes, int access, uint64_t *got)
{
	void *at = reach(gva, access, got);

	if (*got > bytes)
		*got = bytes;
	return at;
}

int ceno_user_check_write(uint64_t gva, uint64_t bytes)
{
	uint64_t got;

	if (bytes > CENO_USER_END || gva > CENO_USER_END - bytes)
		return -LX_EFAULT;
	for (; bytes; gva += got, bytes -= got)
		if (!ceno_user_span(gva, bytes, LX_PROT_WRITE, &got))
			return -LX_EFAULT;
	return 0;
}

int ceno_user_read(void *to, uint64_t gva, uint64_t bytes)
{
	uint8_t *out = to;
	uint64_t got;

	if (bytes > CENO_USER_END || gva > CENO_USER_END - bytes)
		return -LX_EFAULT;
	for (; bytes; gva += got, bytes -= got, out += got) {
		const void *from = ceno_user_span(gva, bytes, LX_PROT_READ, &got);

		if (!from)
			return -LX_EFAULT;
		memcpy(out, from, got);
	}
	return 0;
}

int ceno_user_write(uint64_t gva, const void *from, uint64_t bytes)
{
	const uint8_t *in = from;
	uint64_t got;
	int error = ceno_user_check_write(gva, bytes);

	if (error)
		return error;
	for (; bytes; gva += got, bytes -= got, in += got) {
		void *to = ceno_user_span(gva, bytes, LX_PROT_WRITE, &got);

		if (!to)
			return -LX_EFAULT;
		memcpy(to, in, got);
	}
	return 0;
}

int64_t ceno_user_string(char *to, uint64_t gva, uint64_t capacity)
{
	uint64_t length = 0, got;

	while (length < capacity) {
		const char *from = ceno_user_span(gva + length, capacity - length, LX_PROT_READ, &got);

		if (!from)
			return -LX_EFAULT;
		for (uint64_t i = 0; i < got; i++, length++) {
			to[length] = from[i];
			if (!from[i])
				return (int64_t)length;
		}
	}
	return -LX_ENAMETOOLONG;
}

int ceno_user_futex(uint64_t gva, int shared, const void **object, uint64_t *offset)
{
	struct ceno_vm *vm = ceno_vm_current();
	const struct ceno_area *area = gva < CENO_USER_END ? ceno_areas_find(vm, gva) : NULL;

	if (!area || !area->prot)
		return -LX_EFAULT;
	*object = vm;
	*offset = gva;
	if (shared && (area->flags & CENO_AREA_SHARED)) {
		*object = area->file;
		*offset = area->offset + (gva - area->start);
	}
	return 0;
}
