/*
 * Claim: a report that is outside of its ranges ends the session.
 *
 * Every field of the report is the guest's word and is passed on through vmm, warden
 * and api to the user's terminal, so each is held to its range where it is read: a
 * state, status, signal, refusal and end that do not exist, counts that their places
 * on the host do not hold, bits of classes that there are not, and a program that
 * nobody asked for.
 */
#include "kit.h"
#include "guests.h"

static void one_field(volatile struct ceno_stdio_guest *page, unsigned form)
{
	page->seq = 1;
	if (form == 0)
		page->state = CENO_PROGRAM_REFUSED + 1;
	else if (form == 1)
		page->exit_status = 256;
	else if (form == 2)
		page->signal = 65;
	else if (form == 3)
		page->refusal = CENO_REFUSAL_WORKDIR + 1;
	else if (form == 4)
		page->end = CENO_END_STRUCK + 1;
	else if (form == 5)
		page->detail = 256;
	else if (form == 6)
		page->restarts = 65536;
	else if (form == 7)
		page->enosys_distinct = CENO_ENOSYS_SLOTS + 1;
	else if (form == 8)
		page->enosys_distinct = UINT32_MAX;
	else if (form == 9)
		page->missing = 1u << CENO_PLEDGE_COUNT;
	else
		page->seq = form == 10 ? 3 : UINT32_MAX;
}

uint32_t guest_report_lie(unsigned form)
{
	volatile struct ceno_stdio_guest *page = kit_guest_page();

	one_field(page, form);
	if (form)
		__atomic_store_n(&page->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	kit_bell();
	for (;;)
		__asm__ volatile("pause");
}
