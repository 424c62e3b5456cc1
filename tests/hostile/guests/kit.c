/*
 * The kernel under every hostile guest: see kit.h.
 */
#include "kit.h"

#include "abi/pack.h"
#include "guests.h"

#define POOL_SKIP    16u /* behind pool_used lie the windows' tables (boot.h) */
#define CANARY_PAGES 32u /* of user RAM, one MiB apart */
#define DATA_OFFSET  0x10000u
#define STACK_OFFSET 0x18000u
#define ADDRESS      0x000ffffffffff000ull
#define TRAP_STACK   4096u
#define SVR          0x80fu
#define LVT_TIMER    0x832u
#define TPR          0x808u

struct kit kit;
struct kit_trap kit_trap;
static uint8_t trap_stack[TRAP_STACK] __attribute__((aligned(16)));

#pragma GCC visibility push(hidden)
uint64_t kit_enter3(uint64_t where, uint64_t argument, uint64_t stack, uint64_t flags);
void kit_back3(void);
void kit_main(const struct ceno_handoff *h);
extern uint64_t kit_saved;
#pragma GCC visibility pop

uint64_t kit_saved; /* rsp of the call that a trap ends; 0: none */

static uint64_t *pool_at(uint64_t gpa)
{
	return (uint64_t *)(kit.handoff->pool_gva + (gpa - kit.handoff->pool_gpa));
}

uint64_t kit_page(void)
{
	return kit.handoff->pool_gpa + (kit.handoff->pool_used + POOL_SKIP + kit.tables++) * CENO_PAGE;
}

/* The table that entry `index` of the table at `gpa` points to, made if it is absent. */
static uint64_t descend(uint64_t gpa, uint64_t index)
{
	volatile uint64_t *entry = pool_at(gpa) + index;

	if (!(*entry & KIT_P))
		*entry = kit_page() | KIT_P | KIT_W | KIT_U;
	return *entry & ADDRESS;
}

void kit_map(uint64_t gva, uint64_t gpa, uint64_t flags)
{
	uint64_t table = descend(descend(kit_cr3() & ADDRESS, gva >> 39 & 511), gva >> 30 & 511);

	if (flags & KIT_LARGE) {
		*(volatile uint64_t *)(pool_at(table) + (gva >> 21 & 511)) = (gpa & ~(CENO_LARGE_PAGE - 1)) | flags;
		return;
	}
	table = descend(table, gva >> 21 & 511);
	*(volatile uint64_t *)(pool_at(table) + (gva >> 12 & 511)) = (gpa & ~(CENO_PAGE - 1)) | flags;
}

volatile void *kit_at(uint64_t gpa)
{
	kit_map(KIT_VIEW + gpa, gpa, KIT_P | KIT_W | KIT_LARGE);
	return (volatile void *)(KIT_VIEW + gpa);
}

uint64_t kit_user(uint64_t gpa)
{
	kit_map(KIT_USER + gpa, gpa, KIT_P | KIT_W | KIT_U | KIT_LARGE);
	return KIT_USER + gpa;
}

/* Where ring 3 sees this kernel's own text. */
static uint64_t user_text(const void *at)
{
	return kit_user(kit.text_gpa + ((uint64_t)at - kit.handoff->nucleus_gva));
}

uint64_t kit_ring3_flags(kit_function *f, uint64_t argument, uint64_t rflags)
{
	kit_put(kit.user_stack - 8, user_text((const void *)kit_back3));
	return kit_enter3(user_text((const void *)f), argument, kit_user(kit.user_stack - 8), rflags);
}

uint64_t kit_ring3(kit_function *f, uint64_t argument)
{
	return kit_ring3_flags(f, argument, 2);
}

/* ---- the stdio window ---- */

volatile struct ceno_stdio_guest *kit_guest_page(void)
{
	return kit_at(CENO_GPA_WINDOW + CENO_STDIO_GUEST_OFFSET);
}

volatile struct ceno_stdio_host *kit_host_page(void)
{
	return kit_at(CENO_GPA_WINDOW + CENO_STDIO_HOST_OFFSET);
}

void kit_bell(void)
{
	*(volatile uint32_t *)kit_at(CENO_GPA_DOORBELL) = 1;
}

void kit_say(const char *text, uint32_t bytes)
{
	volatile uint8_t *ring = kit_at(CENO_GPA_WINDOW + CENO_STDOUT_OFFSET);

	for (uint32_t i = 0; i < bytes; i++)
		ring[kit.said++ & (CENO_STDOUT_BYTES - 1)] = (uint8_t)text[i];
	__atomic_store_n(&kit_guest_page()->index[CENO_STREAM_OUT], kit.said, __ATOMIC_RELEASE);
	kit_bell();
}

void kit_stop(uint32_t code)
{
	for (;;)
		__asm__ volatile("outl %0, %1; hlt" : : "a"(code), "d"((uint16_t)CENO_PORT_STOP));
}

void kit_report(uint32_t status)
{
	volatile struct ceno_stdio_guest *page = kit_guest_page();

	page->exit_status = status;
	page->seq = 1;
	__atomic_store_n(&page->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	kit_bell();
	while (kit_host_page()->shutdown != CENO_SHUTDOWN_NOW)
		__asm__ volatile("pause");
}

void kit_apic_on(uint32_t vector)
{
	kit_wrmsr(SVR, 0x1ff);
	kit_wrmsr(TPR, 0);
	kit_wrmsr(LVT_TIMER, vector | 2u << 17); /* TSC deadline */
}

/* ---- start ---- */

/* The program's arguments: behind argc, envc and its path, NUL-terminated (pack.h). */
static const char *argument(unsigned which)
{
	uint64_t pack = (uint64_t)kit_at(CENO_GPA_PACK);
	const struct ceno_pack_entry *entry = (const void *)(pack + sizeof(struct ceno_pack_header));

	while (entry->path[0] != '.')
		entry++;
	(void)kit_at(CENO_GPA_PACK + entry->offset);
	const char *at = (const char *)(pack + entry->offset + 8);
	for (which++; which; which--)
		while (*at++)
			;
	return at;
}

static uint64_t number(const char *digits, unsigned base, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < count && digits[i]; i++)
		value = value * base + (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
	return value;
}

static uint64_t swap(uint64_t v)
{
	__asm__("bswap %0" : "+r"(v));
	return v;
}

static void leave_canary(void)
{
	uint64_t first = kit.handoff->user_gpa + (1u << 20), bytes = kit.handoff->user_bytes - (2u << 20);

	for (uint64_t at = 0; at < bytes && at < (uint64_t)CANARY_PAGES << 20; at += 1u << 20) {
		kit_put(first + at, kit.canary[0]);
		kit_put(first + at + 8, kit.canary[1]);
	}
}

static void find_text(void)
{
	const struct ceno_bundle_header *h = (const void *)kit_at(CENO_GPA_BUNDLE);

	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == CENO_MODULE_NUCLEUS && h->segments[i].kind == CENO_SEGMENT_TEXT)
			kit.text_gpa = CENO_GPA_BUNDLE + h->segments[i].offset;
}

static void take_over(void)
{
	const struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} idt = { CENO_VECTORS * 16 - 1, kit.handoff->idt_gva };

	__asm__ volatile("lidt %0" : : "m"(idt));
	*(volatile uint64_t *)(kit.handoff->tss_gva + 4) = (uint64_t)trap_stack + TRAP_STACK; /* rsp0 */
	kit.user_data = kit.handoff->user_gpa + DATA_OFFSET;
	kit.user_stack = kit.handoff->user_gpa + STACK_OFFSET;
}

static uint32_t run(unsigned which, unsigned form)
{
	unsigned n = 0;

#define RUN(name, forms, emulated, native, claim) \
	if (which == n++) \
		return guest_##name(form);
	HOSTILE_GUESTS(RUN)
#undef RUN
	return 99; /* no such guest: the driver takes it for a failure */
}

void kit_main(const struct ceno_handoff *h)
{
	kit.handoff = h;
	take_over();
	find_text();
	unsigned which = (unsigned)number(argument(1), 10, 3), form = (unsigned)number(argument(2), 10, 3);
	kit.canary[0] = swap(number(argument(3), 16, 16));
	kit.canary[1] = swap(number(argument(3) + 16, 16, 16));
	leave_canary();
	kit_say("ready\n", 6);
	while (kit_host_page()->index[CENO_STREAM_IN] == 0)
		__asm__ volatile("pause");
	kit_report(run(which, form));
	kit_stop(CENO_STOP_NO_FIBER);
}
