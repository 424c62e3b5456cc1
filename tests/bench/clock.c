/*
 * Prints one instant by two clocks: the TSC, which the guest counts too (abi/boot.h,
 * start_tsc), and CLOCK_MONOTONIC in nanoseconds. So a time of the guest's finds its place
 * among the host's. Of several looks the one counts whose two halves lie closest together.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define LOOKS 50

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(void)
{
	uint64_t tsc = 0, ns = 0, least = UINT64_MAX;

	for (int i = 0; i < LOOKS; i++) {
		uint64_t before = __rdtsc(), between = now_ns(), took = __rdtsc() - before;

		if (took >= least)
			continue;
		least = took;
		tsc = before + took / 2;
		ns = between;
	}
	printf("%llu %llu\n", (unsigned long long)tsc, (unsigned long long)ns);
	return 0;
}
