/*
 * Building and installing the filter. See filter.h.
 *
 *   wrong architecture  -> kill
 *   for each rule:      number differs -> next rule
 *                       each condition: low or high half differs, or out of range -> next rule
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

#include "vmm/core/launch.h"
#include "vmm/sandbox/filter_table.h"

#define AT(field) ((uint32_t)offsetof(struct seccomp_data, field))

/* Initialisers out of the table: EQ(a, v) and WITHIN(a, first, last) are one condition each, NONE none. */
#define EQ(argument_, value_)            { .argument = (argument_), .first = (uint64_t)(value_), .last = (uint64_t)(value_) },
#define WITHIN(argument_, first_, last_) { .argument = (argument_), .within = 1, .first = (first_), .last = (last_) },
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

static int holds(const struct ceno_filter_rule *rule, const uint64_t argument[6])
{
	for (uint32_t i = 0; i < rule->condition_count; i++) {
		const struct ceno_filter_condition *c = &rule->conditions[i];
		if (argument[c->argument] < c->first || argument[c->argument] > c->last)
			return 0;
	}
	return 1;
}

int ceno_filter_admits(uint64_t number, const uint64_t argument[6])
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].number == number && holds(&rules[i], argument))
			return 1;
	return 0;
}

struct emitter {
	struct sock_filter *out;
	size_t count;
};

static void emit(struct emitter *e, uint16_t code, uint32_t k, size_t jump_true, size_t jump_false)
{
	if (e->count < CENO_FILTER_MAX)
		e->out[e->count] =
		    (struct sock_filter){ .code = code, .jt = (uint8_t)jump_true, .jf = (uint8_t)jump_false, .k = k };
	e->count++;
}

static void load(struct emitter *e, uint32_t offset)
{
	emit(e, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* Unless the loaded word equals `value`, jump over `skip` instructions. */
static void require(struct emitter *e, uint32_t value, size_t skip)
{
	emit(e, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

/* How many instructions emit_condition makes. */
static size_t length(const struct ceno_filter_condition *condition)
{
	return condition->within ? 5 : 4;
}

/* Jumps to `end` instructions after its own last one if it does not hold. */
static void emit_condition(struct emitter *e, const struct ceno_filter_condition *condition, size_t end)
{
	uint32_t low = AT(args) + condition->argument * 8u;
	load(e, low);
	if (condition->within) {
		emit(e, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)condition->first, 0, end + 3);
		emit(e, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)condition->last, end + 2, 0);
	} else {
		require(e, (uint32_t)condition->first, end + 2);
	}
	load(e, low + 4);
	require(e, (uint32_t)(condition->first >> 32), end);
}

static void emit_rule(struct emitter *e, const struct ceno_filter_rule *rule)
{
	size_t left = 1; /* the instruction that allows, and the conditions before it */
	for (uint32_t i = 0; i < rule->condition_count; i++)
		left += length(&rule->conditions[i]);
	load(e, AT(nr));
	require(e, rule->number, left);
	for (uint32_t i = 0; i < rule->condition_count; i++) {
		left -= length(&rule->conditions[i]);
		emit_condition(e, &rule->conditions[i], left);
	}
	emit(e, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

size_t ceno_filter_build(struct sock_filter *out)
{
	struct emitter e = { .out = out };
	load(&e, AT(arch));
	/* Equal: jump over the kill. */
	emit(&e, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	emit(&e, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		emit_rule(&e, &rules[i]);
	emit(&e, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
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
