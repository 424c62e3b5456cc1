/*
 * Threads on the host and in the guest: mutexes, conditions, thread-local storage, robust
 * mutexes, vector registers that stay one thread's own, turns taken from a spinning thread.
 * Prints what it found, the same everywhere.
 */
#include <errno.h>
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/programs/vectors.h"

#define THREADS 4
#define ROUNDS  500

static int failures;

#define CHECK(x) \
	do { \
		if (!(x)) { \
			printf("threads.c:%d: " #x " (errno %d)\n", __LINE__, errno); \
			failures++; \
		} \
	} while (0)

/* ---- a queue under one mutex and two conditions ------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static int queue[8], count, produced, consumed;
static long sum;
static _Thread_local int own;

static void *produce(void *arg)
{
	own = (int)(intptr_t)arg;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		while (count == 8)
			pthread_cond_wait(&emptied, &mutex);
		queue[count++] = i;
		produced++;
		pthread_cond_signal(&filled);
		pthread_mutex_unlock(&mutex);
	}
	return (void *)(intptr_t)own;
}

static void *consume(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_mutex_lock(&mutex);
		while (count == 0 && consumed < THREADS * ROUNDS)
			pthread_cond_wait(&filled, &mutex);
		if (consumed == THREADS * ROUNDS) {
			pthread_cond_broadcast(&filled);
			pthread_mutex_unlock(&mutex);
			return NULL;
		}
		sum += queue[--count];
		if (++consumed == THREADS * ROUNDS)
			pthread_cond_broadcast(&filled);
		pthread_cond_signal(&emptied);
		pthread_mutex_unlock(&mutex);
	}
}

static void test_queue(void)
{
	pthread_t makers[THREADS], takers[THREADS];
	void *result;

	for (intptr_t i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&makers[i], NULL, produce, (void *)(i + 1)) == 0);
		CHECK(pthread_create(&takers[i], NULL, consume, NULL) == 0);
	}
	for (intptr_t i = 0; i < THREADS; i++) {
		CHECK(pthread_join(makers[i], &result) == 0);
		CHECK((intptr_t)result == i + 1);
		CHECK(pthread_join(takers[i], NULL) == 0);
	}
	CHECK(own == 0);
	printf("queue: %d in, %d out, sum %ld\n", produced, consumed, sum);
}

/* ---- vector registers ------------------------------------------------------------------ */

static atomic_int running;

static void *vectors(void *arg)
{
	uint8_t fill = (uint8_t)(intptr_t)arg;
	intptr_t good;

	running++;
	while (running < THREADS)
		sched_yield();
	good = vectors_stay(fill);
	return (void *)good;
}

static void test_vectors(void)
{
	pthread_t threads[THREADS];
	void *good;
	int all = 0;

	for (intptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, vectors, (void *)(i * 37 + 11)) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(threads[i], &good) == 0);
		all += good != NULL;
	}
	printf("vectors: %d of %d threads kept theirs\n", all, THREADS);
}

/* ---- a thread that never calls ------------------------------------------------------------ */

static volatile int stop;
static volatile unsigned long spins;

static void *spin(void *arg)
{
	(void)arg;
	while (!stop)
		spins++;
	return NULL;
}

static void test_preemption(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, spin, NULL) == 0);
	while (spins < 1000)
		sched_yield();
	stop = 1;
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	printf("spinning threads were interrupted\n");
}

/* ---- the rest --------------------------------------------------------------------------------- */

static pthread_mutex_t robust;

static void *die_holding(void *arg)
{
	(void)arg;
	CHECK(pthread_mutex_lock(&robust) == 0);
	return NULL;
}

static void test_robust(void)
{
	pthread_mutexattr_t attr;
	pthread_t thread;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	CHECK(pthread_create(&thread, NULL, die_holding, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
	CHECK(pthread_mutex_consistent(&robust) == 0);
	CHECK(pthread_mutex_unlock(&robust) == 0);
	printf("robust mutex: the owner's death was told\n");
}

static void *wait_for_good(void *arg)
{
	sigset_t none;

	sigemptyset(&none);
	*(volatile int *)arg = 1;
	for (;;)
		pause();
	return NULL;
}

static void test_timed(void)
{
	struct timespec until, before, after;
	pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	pthread_t thread;
	volatile int there = 0;

	CHECK(pthread_create(&thread, NULL, wait_for_good, (void *)&there) == 0);
	while (!there)
		sched_yield();
	clock_gettime(CLOCK_REALTIME, &until);
	clock_gettime(CLOCK_MONOTONIC, &before);
	until.tv_nsec += 20000000;
	if (until.tv_nsec >= 1000000000)
		until.tv_sec++, until.tv_nsec -= 1000000000;
	pthread_mutex_lock(&own_mutex);
	CHECK(pthread_cond_timedwait(&never, &own_mutex, &until) == ETIMEDOUT);
	pthread_mutex_unlock(&own_mutex);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 15000000);
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	printf("timed wait ended, a waiting thread was cancelled\n");
}

static void *leave(void *arg)
{
	(void)arg;
	usleep(20000);
	printf("%d failures\n", failures);
	fflush(stdout);
	_exit(failures != 0);
}

int main(void)
{
	pthread_t thread;

	setvbuf(stdout, NULL, _IOLBF, 0);
	test_queue();
	test_vectors();
	test_preemption();
	test_robust();
	test_timed();
	CHECK(syscall(SYS_gettid) == getpid());
	CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
	for (;;) /* ends with the other thread's exit_group */
		pause();
}
