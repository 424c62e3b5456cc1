/*
 * A conformance suite of Linux's system calls, as assertions. Each must first hold
 * on the host's kernel, else it asserts something that Linux does not do; then in
 * the guest. Assertions do not depend on who runs them (root or not), on what else
 * the machine does, or on each other's leftovers: every subject runs in a process
 * and an empty folder of its own.
 */
#ifndef CENO_CONFORM_H
#define CENO_CONFORM_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Holds, or says where and with which errno it does not. */
void conform_check(int holds, const char *text, const char *file, int line);

#define OK(x) conform_check(!!(x), #x, __FILE__, __LINE__)
/* The call fails with exactly this error. */
#define FAILS(call, error) \
	conform_check((errno = 0, (long)(call) == -1 && errno == (error)), #call " fails with " #error, __FILE__, \
	              __LINE__)

/* A file of this content; aborts the subject if it cannot be made. */
void conform_file(const char *path, const void *bytes, size_t n);

/* Runs fn in a child; its exit status, or 128 + signal. */
int conform_child(void (*fn)(void));

/* clang-format off */
#define SUBJECTS(X) \
	X(files) X(positions) X(holes) X(vectors) X(directories) X(listing) X(links) X(renames) X(attributes) X(paths) \
	X(descriptors) X(locks) X(memory) X(middling) X(protection) X(mappings) X(break_) X(processes) X(waiting) X(vforks) X(execs) \
	X(scripts) X(groups) X(limits) X(pipes) X(pipe_ends) X(sockets) X(connections) X(datagrams) X(rights) X(polls) X(epolls) X(event_fds) X(signals) \
	X(signal_info) X(signal_stack) X(restarts) X(queues) X(timers) X(clocks) X(threads) X(futexes) X(identity) X(devices) \
	X(proc_files) X(transfers) X(anonymous_files) X(registers) X(vector_state) X(formalities) X(vectors_at) X(seals) X(signal_fds)
/* clang-format on */

#define CONFORM_DECLARE(name) void subject_##name(void);
SUBJECTS(CONFORM_DECLARE)
#undef CONFORM_DECLARE

#endif
