/*
 * Claim: a return to an impossible place is a fault of the guest's, before or after
 * the privilege changes, never a state that the host must deal with.
 *
 * iretq to an address that no CPU can have, with a stack selector of ring 0 for ring
 * 3, with a code selector behind the table's end, as a nested task (NT), and to a data
 * segment: bugs of both CPUs and emulators had this form.
 */
#include "kit.h"
#include "guests.h"

#define NOT_CANONICAL 0x0000800000000000ull
#define NT            (1ull << 14)

struct frame {
	uint64_t rip, cs, flags, rsp, ss;
};

static uint64_t return_to(uint64_t at)
{
	const struct frame *f = (const struct frame *)at;

	if (f->flags & NT)
		__asm__ volatile("pushfq\n\torq $0x4000, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	__asm__ volatile("push %0\n\tpush %1\n\tpush %2\n\tpush %3\n\tpush %4\n\tiretq"
	                 :
	                 : "r"(f->ss), "r"(f->rsp), "r"(f->flags & ~NT), "r"(f->cs), "r"(f->rip)
	                 : "memory");
	return 0;
}

uint32_t guest_bad_return(unsigned form)
{
	struct frame f = { kit_user(kit.user_data), CENO_SEL_USER_CS, 2, kit_user(kit.user_stack), CENO_SEL_USER_SS };

	if (form == 0)
		f.rip = NOT_CANONICAL;
	else if (form == 1)
		f.ss = CENO_SEL_KERNEL_SS;
	else if (form == 2)
		f.cs = 0x7ff3;
	else if (form == 3)
		f.flags |= NT;
	else
		f.cs = CENO_SEL_USER_SS;
	uint64_t vector = kit_try(return_to, (uint64_t)&f);

	/* The CPU may enter ring 3 before it finds that it cannot fetch there: also a fault, and ours. */
	if (form == 0 && vector == KIT_PF)
		return KIT_HELD;
	return vector == KIT_GP ? KIT_HELD : KIT_SAW(vector);
}
