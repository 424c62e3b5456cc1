/*
 * What membrane does to the processor runs natively in ring 3, so it is tested as
 * it is: a new program finds nothing of the one before in any vector or x87
 * register, nor in their control words.
 */
#include "test.h"

#include <cpuid.h>
#include <immintrin.h>

#include "guest-kernel/services/membrane/process.h"

struct seen {
	_Alignas(64) uint8_t fxsave[512], ymm[16][32], zmm[64], zmm31[64], mask[8];
};

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

__attribute__((noinline, target("avx"))) static void ymm_dirty(void)
{
	__asm__ volatile("vcmptrueps %%ymm0, %%ymm0, %%ymm0\n\t"
#define COPY(n) "vmovaps %%ymm0, %%ymm" #n "\n\t"
	                 EACH(COPY)
	                 :
	                 :
	                 : "memory");
#undef COPY
}

__attribute__((noinline, target("avx"))) static void ymm_look(struct seen *seen)
{
#define LOOK(n) __asm__ volatile("vmovups %%ymm" #n ", %0" : "=m"(seen->ymm[n]));
	EACH(LOOK)
#undef LOOK
}

__attribute__((noinline, target("avx512f"))) static void zmm_dirty(void)
{
	__asm__ volatile("vpternlogd $0xff, %%zmm31, %%zmm31, %%zmm31; kxnorw %%k3, %%k3, %%k3" : : : "memory");
}

__attribute__((noinline, target("avx512f"))) static void zmm_look(struct seen *seen)
{
	__asm__ volatile("vmovdqu64 %%zmm31, %0" : "=m"(seen->zmm31));
	__asm__ volatile("kmovw %%k3, %0" : "=m"(seen->mask));
}

static uint8_t initial[1 << 16] __attribute__((aligned(64))), saved[1 << 16] __attribute__((aligned(64)));

__attribute__((noinline)) static void look(struct seen *seen)
{
	static const uint32_t mxcsr = 0x1fa5; /* flags and a rounding mode that are not the first ones */
	static const uint16_t control = 0x0a7f;

	__asm__ volatile("fld1; fldpi; fldcw %0; ldmxcsr %1" : : "m"(control), "m"(mxcsr));
#define DIRTY(n) __asm__ volatile("pcmpeqd %%xmm" #n ", %%xmm" #n : : : "memory");
	EACH(DIRTY)
#undef DIRTY
	if (__builtin_cpu_supports("avx"))
		ymm_dirty();
	if (__builtin_cpu_supports("avx512f"))
		zmm_dirty();
	ceno_fpu_load(initial);
	__asm__ volatile("fxsave64 %0" : "=m"(seen->fxsave));
	if (__builtin_cpu_supports("avx"))
		ymm_look(seen);
	if (__builtin_cpu_supports("avx512f"))
		zmm_look(seen);
}

static void test_clean(void **state)
{
	static struct seen seen;
	static const uint8_t zero[sizeof(struct seen)];
	uint16_t control, status;
	uint32_t mxcsr;

	(void)state;
	assert_in_range(ceno_fpu_bytes(), 512, sizeof(initial));
	ceno_fpu_initial(initial);
	look(&seen);
	memcpy(&control, seen.fxsave, 2);
	memcpy(&status, seen.fxsave + 2, 2);
	memcpy(&mxcsr, seen.fxsave + 24, 4);
	assert_int_equal(control, 0x37f);
	assert_int_equal(status, 0);
	assert_int_equal(seen.fxsave[4], 0); /* no x87 register is in use */
	assert_int_equal(mxcsr, 0x1f80);
	assert_memory_equal(seen.fxsave + 160, zero, 256);
	assert_memory_equal(seen.ymm, zero, sizeof(seen.ymm));
	assert_memory_equal(seen.zmm31, zero, sizeof(seen.zmm31));
	assert_memory_equal(seen.mask, zero, sizeof(seen.mask));
}

/* Dirty registers, saved, cleaned and loaded again, are what they were. */
static void test_save(void **state)
{
	static struct seen after;
	static const uint8_t zero[64];

	(void)state;
	ceno_fpu_bytes();
	ceno_fpu_initial(initial);
	__asm__ volatile("fldpi" : :);
	if (__builtin_cpu_supports("avx"))
		ymm_dirty();
	if (__builtin_cpu_supports("avx512f"))
		zmm_dirty();
	ceno_fpu_save(saved);
	ceno_fpu_load(initial);
	ceno_fpu_load(saved);
	__asm__ volatile("fxsave64 %0" : "=m"(after.fxsave));
	if (__builtin_cpu_supports("avx"))
		ymm_look(&after);
	if (__builtin_cpu_supports("avx512f"))
		zmm_look(&after);
	ceno_fpu_load(initial);
	assert_int_equal(after.fxsave[4], 0x80);
	if (__builtin_cpu_supports("avx"))
		assert_memory_not_equal(after.ymm[15], zero, 32);
	if (__builtin_cpu_supports("avx512f"))
		assert_memory_not_equal(after.zmm31, zero, 64);
}

static void test_facts(void **state)
{
	unsigned a = 0, b = 0, c = 0, d = 0;
	uint64_t one = 0, two = 0;

	(void)state;
	assert_true(__get_cpuid(1, &a, &b, &c, &d));
	assert_int_equal(ceno_cpu_hwcap(), d);
	if (!(c & bit_RDRND)) {
		assert_int_equal(ceno_cpu_random(&one), 0);
		return;
	}
	assert_true(ceno_cpu_random(&one) && ceno_cpu_random(&two));
	assert_true(one != two);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_clean), cmocka_unit_test(test_save),
		                            cmocka_unit_test(test_facts) };

	return cmocka_run_group_tests_name("membrane cpu", tests, NULL, NULL);
}
