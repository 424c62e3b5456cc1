/*
 * Claim: what the guest writes into the host's page of its window changes nothing on
 * the host.
 *
 * The page is the host's by agreement only; the guest can write all of the window. The
 * guest sets every index, the marks of closed streams, the number of programs asked
 * for, and puts its magic and version to zero. The vmm keeps its own copies: output
 * still arrives as it was said, and the program ends once.
 */
#include "kit.h"
#include "guests.h"

#define NONSENSE 0x7fffff00u

uint32_t guest_host_page(unsigned form)
{
	volatile struct ceno_stdio_host *host = kit_host_page();

	kit_say("before\n", 7);
	for (unsigned stream = 0; stream < CENO_STREAMS; stream++)
		host->index[stream] = NONSENSE + stream + form;
	host->magic = 0;
	host->abi_version = 0;
	host->closed = UINT32_MAX;
	host->request_seq = UINT32_MAX;
	host->request_bytes = UINT32_MAX;
	host->terminal = UINT32_MAX;
	kit_bell();
	kit_say("after\n", 6);
	return KIT_HELD;
}
