/* SEND and RECV with a whole message: eight words live in registers. */
#include "ceno.h"

int64_t ceno_send(uint32_t slot, int64_t cap_slot, const struct ceno_message *m)
{
	register uint64_t r10 __asm__("r10") = m->word[1];
	register uint64_t r8 __asm__("r8") = m->word[2];
	register uint64_t r9 __asm__("r9") = m->word[3];
	register uint64_t r12 __asm__("r12") = m->word[4];
	register uint64_t r13 __asm__("r13") = m->word[5];
	register uint64_t r14 __asm__("r14") = m->word[6];
	register uint64_t r15 __asm__("r15") = m->word[7];
	int64_t result = CENO_VERB_SEND;

	__asm__ volatile("mov %[gate], %%r11d\n\tcall *%%r11"
	                 : "+a"(result)
	                 : "D"((uint64_t)slot), "S"(cap_slot), "d"(m->word[0]), "r"(r10), "r"(r8), "r"(r9), "r"(r12),
	                   "r"(r13), "r"(r14), "r"(r15), [gate] "i"(CENO_GATE_VERB)
	                 : "r11", "memory", "cc");
	return result;
}

int64_t ceno_receive(uint32_t slot, int64_t cap_slot, int poll, struct ceno_message *m, int *cap_came, uint32_t *from)
{
	register uint64_t r10 __asm__("r10") = 0;
	register uint64_t r8 __asm__("r8") = 0;
	register uint64_t r9 __asm__("r9") = 0;
	register uint64_t r12 __asm__("r12") = 0;
	register uint64_t r13 __asm__("r13") = 0;
	register uint64_t r14 __asm__("r14") = 0;
	register uint64_t r15 __asm__("r15") = 0;
	uint64_t word0 = (uint64_t)poll;
	int64_t result = CENO_VERB_RECV;

	__asm__ volatile("mov %[gate], %%r11d\n\tcall *%%r11"
	                 : "+a"(result), "+S"(cap_slot), "+d"(word0), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r12),
	                   "+r"(r13), "+r"(r14), "+r"(r15)
	                 : "D"((uint64_t)slot), [gate] "i"(CENO_GATE_VERB)
	                 : "r11", "memory", "cc");
	*m = (struct ceno_message){ { word0, r10, r8, r9, r12, r13, r14, r15 } };
	if (cap_came)
		*cap_came = result == 0 && (cap_slot & 1);
	if (from)
		*from = result == 0 ? (uint32_t)cap_slot >> 8 : 0;
	return result;
}

int64_t ceno_recv(uint32_t slot, int64_t cap_slot, struct ceno_message *m, int *cap_came)
{
	return ceno_receive(slot, cap_slot, 0, m, cap_came, NULL);
}
