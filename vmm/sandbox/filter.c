/*
 * Building and installing the filter. See filter.h.
 *
 *   wrong architecture  -> kill
 *   for each rule:      number differs -> next rule
 *                       each condition: low or high half differs -> next rule
 *                       allow
 *   end                 -> kill
 */
#include "vmm/sandbox/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/sandbox/filter_table.h"

#define AT(field) ((uint32_t)offsetof(struct seccomp_data, field))

/* Initialisers out of the table: EQ(a, v) is one condition, NONE none. */
#define EQ(argument_, value_) { .argument = (argument_), .value = (uint64_t)(value_) },
#define NONE
#define COUNT(...) \
	(sizeof((const struct ceno_filter_condition[]){ __VA_ARGS__{ 0 } }) / sizeof(struct ceno_filter_condition) - 1)
#define RULE(call, threads_, conditions_, reason_) \
	{ .number = SYS_##call, \
	  .name = #call, \
	  .threads = threads_, \
	  .condition_count = COUNT(conditions_), \
	  .conditions = { conditions_ }, \
	  .reason = reason_ },

static const struct ceno_filter_rule rules[] = { CENO_FILTER_CALLS(RULE) };

const struct ceno_filter_rule *ceno_filter_rules(size_t *count)
{
	*count = sizeof(rules) / sizeof(rules[0]);
	return rules;
}

struct emitter {
	struct sock_filter *out;
	size_t count;
};

static void emit(struct emitter *e, uint16_t code, uint32_t k, size_t jump_false)
{
	if (e->count < CENO_FILTER_MAX)
		e->out[e->count] = (struct sock_filter){ .code = code, .jf = (uint8_t)jump_false, .k = k };
	e->count++;
}

/* Load a word; unless it equals `value` jump over `skip` instructions. */
static void require(struct emitter *e, uint32_t offset, uint32_t value, size_t skip)
{
	emit(e, BPF_LD | BPF_W | BPF_ABS, offset, 0);
	emit(e, BPF_JMP | BPF_JEQ | BPF_K, value, skip);
}

static void emit_rule(struct emitter *e, const struct ceno_filter_rule *rule)
{
	/* After the number's test: four instructions a condition and one to allow. */
	size_t left = rule->condition_count * 4u + 1u;
	require(e, AT(nr), rule->number, left);
	for (uint32_t i = 0; i < rule->condition_count; i++) {
		uint32_t low = AT(args) + rule->conditions[i].argument * 8u;
		left -= 2;
		require(e, low, (uint32_t)rule->conditions[i].value, left);
		left -= 2;
		require(e, low + 4, (uint32_t)(rule->conditions[i].value >> 32), left);
	}
	emit(e, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0);
}

size_t ceno_filter_build(struct sock_filter *out)
{
	struct emitter e = { .out = out };
	require(&e, AT(arch), AUDIT_ARCH_X86_64, 0);
	/* Equal: jump over the kill. */
	e.out[1].jt = 1;
	emit(&e, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		emit_rule(&e, &rules[i]);
	emit(&e, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0);
	return e.count;
}

int ceno_filter_install(void)
{
	struct sock_filter program[CENO_FILTER_MAX];
	size_t count = ceno_filter_build(program);
	if (count > CENO_FILTER_MAX)
		return -E2BIG;
	struct sock_fprog description = { .len = (unsigned short)count, .filter = program };
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &description);
	if (result > 0)
		return -ESRCH; /* the thread that could not be synchronised */
	return result < 0 ? -errno : 0;
}
