/*
 * Claim: terminal escapes reach the program's own output and nothing else: never a
 * line that the node or ceno says about the session.
 *
 * A program may send anything to its own output, so form 0 sends escapes there and the
 * driver wants each byte. Form 1 puts them where ceno repeats the guest's words to the
 * user: into the names of programs whose system calls are missing. A name is not
 * trusted to be text (window.h). What ceno says must have no byte below a space but
 * its line ends.
 */
#include "kit.h"
#include "guests.h"

#define HOSTILE \
	"\x1b]0;owned\x07\x1b[2J\x1b[31mroot# \x9b" \
	"1m\r\n"

static void name_programs(volatile struct ceno_stdio_guest *page)
{
	static const char name[CENO_PROGRAM_NAME] = "\x1b[2J\x1b]0;x\x07\r\n\x9b";

	for (uint32_t i = 0; i < 4; i++) {
		page->enosys[i].number = i ? UINT32_MAX - i : 0;
		page->enosys[i].count = UINT32_MAX;
		for (unsigned c = 0; c < CENO_PROGRAM_NAME; c++) /* the last one without an end */
			page->enosys_program[i][c] = i == 3 ? '\x1b' : name[c];
	}
	page->enosys_distinct = 4;
	page->enosys_other = UINT32_MAX;
}

uint32_t guest_escapes(unsigned form)
{
	if (form == 0)
		kit_say(HOSTILE, sizeof HOSTILE - 1);
	else
		name_programs(kit_guest_page());
	return KIT_HELD;
}
