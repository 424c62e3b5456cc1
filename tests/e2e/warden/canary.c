/*
 * A guest program that spreads a canary as far as a program can: heap, stack,
 * general and vector registers; it says so and then keeps them there until it is
 * destroyed.
 *
 *   canary HEX(32 digits) MIB
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t canary[16];

static void fill(uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i + sizeof canary <= bytes; i += sizeof canary)
		memcpy(at + i, canary, sizeof canary);
}

__attribute__((noinline)) static void hold(void)
{
	volatile uint8_t stack[65536];
	fill((uint8_t *)stack, sizeof stack);
	puts("held");
	fflush(stdout);
	__asm__ volatile("movdqu (%0), %%xmm0\n\tmovdqa %%xmm0, %%xmm7\n\tmovdqa %%xmm0, %%xmm15\n\t"
	                 "mov (%0), %%r8\n\tmov 8(%0), %%r9\n\tmov (%0), %%r14\n\tmov 8(%0), %%r15\n"
	                 "1:\tjmp 1b"
	                 :
	                 : "r"(canary)
	                 : "r8", "r9", "r14", "r15", "xmm0", "xmm7", "xmm15", "memory");
}

int main(int argc, char **argv)
{
	if (argc != 3 || strlen(argv[1]) != 2 * sizeof canary)
		return 2;
	for (size_t i = 0; i < sizeof canary; i++) {
		char digits[3] = { argv[1][2 * i], argv[1][2 * i + 1], 0 };
		canary[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	size_t bytes = strtoul(argv[2], NULL, 10) << 20;
	uint8_t *heap = malloc(bytes);
	if (!heap)
		return 3;
	fill(heap, bytes);
	hold();
	return 0;
}
