/*
 * Claim: nothing can be executed behind the end of RAM.
 *
 * The KVM interface has no execute right of its own: an instruction fetch is held to
 * the slots as a read is. Form 0 jumps there from ring 0, form 1 from ring 3. KVM may
 * say that nothing is there, or that it cannot run the instruction that it could not
 * fetch, or hand on the fault that becomes three: all end the session by a violation.
 * Where ring 3's fetch reaches KVM's emulator, it may also be an invalid opcode in the
 * guest (SVM): then nothing was executed either, and the guest says so.
 */
#include "kit.h"
#include "guests.h"

static uint64_t jump(uint64_t to)
{
	__asm__ volatile("call *%0" : : "r"(to) : "memory");
	return 0;
}

uint32_t guest_execute_outside(unsigned form)
{
	uint64_t end = CENO_GPA_RAM + kit.handoff->ram_bytes, vector = KIT_NO_TRAP;

	/* One instruction that fits before the end, so that the last fetch crosses it. */
	kit_put(end - 8, 0x9090909090909090ull);
	kit_at(end);
	if (form == 0) {
		jump(KIT_VIEW + end - 4);
	} else {
		kit_user(end);
		vector = kit_ring3(jump, kit_user(end - 8) + 4);
	}
	return vector == KIT_UD ? KIT_HELD : KIT_SAW(vector);
}
