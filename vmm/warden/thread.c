/*
 * See thread.h.
 */
#include "thread.h"

#include <sched.h>
#include <signal.h>

#define STACK_BYTES (128u << 10) /* reserved; a few pages are touched */

unsigned ceno_thread_cpus(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int ceno_thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int rc = pthread_attr_init(&attributes);
	if (rc != 0)
		return -rc;
	sigfillset(&all);
	rc = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (rc == 0)
		rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc == 0) {
		rc = pthread_create(thread, &attributes, run, context);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attributes);
	return -rc;
}
