/*
 * Threads of the warden: how many are of use, and what every one of them is like.
 */
#ifndef CENO_WARDEN_THREAD_H
#define CENO_WARDEN_THREAD_H

#include <pthread.h>

/* How many CPUs the process may use; at least 1. */
unsigned ceno_thread_cpus(void);

/* Makes a joinable thread with a small stack, which takes no signal: those are the loop's. It has the caller's
 * credentials, Landlock domain and filter as they are now.
 * thread: set on success. Returns 0, or -errno (-EAGAIN: the kernel refused a thread). */
int ceno_thread_start(pthread_t *thread, void *(*run)(void *), void *context);

#endif
