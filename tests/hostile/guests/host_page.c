/*
 * Claim: what the guest writes into the host's page of its window changes nothing on
 * the host.
 *
 * The page is the host's by agreement only; the guest can write all of the window. The
 * guest sets every index, the marks of closed streams, the number of programs asked
 * for, and puts its magic and version to zero; then the whole page, to zero, to ones
 * and to nonsense in turn, before and after each byte that it says. The vmm keeps its
 * own copies: output still arrives as it was said, and the program ends once.
 */
#include "kit.h"
#include "guests.h"

#define NONSENSE 0x7fffff00u
#define WORDS    (sizeof(struct ceno_stdio_host) / sizeof(uint32_t))

/* All of it but the word by which the guest itself is asked to stop (kit_report). */
static void fill(volatile struct ceno_stdio_host *host, uint32_t value)
{
	volatile uint32_t *word = (volatile uint32_t *)host;

	for (unsigned i = 0; i < WORDS; i++)
		if (&word[i] != &host->shutdown)
			word[i] = value;
}

uint32_t guest_host_page(unsigned form)
{
	static const char after[] = "after\n";
	const uint32_t values[] = { 0, UINT32_MAX, NONSENSE };
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
	for (unsigned i = 0; i < sizeof after - 1; i++) {
		fill(host, values[i % 3]);
		kit_say(after + i, 1);
		fill(host, values[(i + 1) % 3]);
	}
	return KIT_HELD;
}
