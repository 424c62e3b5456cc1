/*
 * What a captured vmm (captured.h) may try to keep the stdio window while the warden takes it
 * (vmm/warden/narrow.h). Each first puts a mark into the window and says there that it is ready.
 *
 *   X(name, what it tries, answer, answer without the filter)
 *
 * answer: DIES (SIGSYS), FAULTS (SIGBUS at the window), or REFUSED (an errno, or nothing of the mark). WORKS
 * without the filter: nothing else keeps the vmm from running while its window is wiped, so the warden may find that
 * it cannot take it, and end the session.
 */
#ifndef CENO_TESTS_TAKEN_H
#define CENO_TESTS_TAKEN_H

#include "captured.h"

#define TAKEN_ATTEMPTS(X) \
	X(keep_reading, "reads on, whatever it is told", FAULTS, FAULTS) \
	X(keep_writing, "writes on, whatever it is told", FAULTS, FAULTS) \
	X(read_after, "reads it afterwards", FAULTS, FAULTS) \
	X(write_after, "writes it afterwards", FAULTS, FAULTS) \
	X(kernel_reads, "has the kernel read it (write to an eventfd)", REFUSED, REFUSED) \
	X(kernel_writes, "has the kernel write it (read of an eventfd)", REFUSED, REFUSED) \
	X(grow_after, "grows what it has to the old length (ftruncate)", DIES, REFUSED) \
	X(fill_after, "allocates the old length again (fallocate)", DIES, REFUSED) \
	X(populate_after, "asks for its pages (MADV_POPULATE_WRITE)", DIES, REFUSED) \
	X(map_twice, "maps it a second time (mremap)", DIES, FAULTS) \
	X(pin_pages, "keeps its pages in a pipe (vmsplice)", DIES, REFUSED) \
	X(catch_fault, "handles the fault", DIES, REFUSED) \
	X(block_stop, "blocks every signal, then writes on", DIES, FAULTS) \
	X(undo_stop, "sends itself SIGCONT all the while", DIES, WORKS) \
	X(child_writes, "has a child write on", DIES, WORKS)

enum taken_attempt {
	TAKEN_FIRST = CAPTURED_COUNT - 1, /* both tables are one to the captured vmm */
#define TAKEN_ENUM(name, text, locked, open) TAKEN_##name,
	TAKEN_ATTEMPTS(TAKEN_ENUM)
#undef TAKEN_ENUM
	    TAKEN_END
};

#define TAKEN_DECLARE(name, text, locked, open) long taken_##name(const struct captured *c);
TAKEN_ATTEMPTS(TAKEN_DECLARE)
#undef TAKEN_DECLARE

/* In the output ring's data, of which neither loop nor guest moves a byte: 64-bit words from there on. */
#define TAKEN_PLACE (CENO_STDOUT_OFFSET + 0x800)
#define TAKEN_MARK  0x6b70656b2d746f6eull
#define TAKEN_READY 0x79646165722d2121ull
enum taken_word { TAKEN_WORD_MARK, TAKEN_WORD_READY, TAKEN_WORD_ZERO, TAKEN_WORD_OTHER };

#endif
