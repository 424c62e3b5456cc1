/*
 * The filter program, executed here instruction by instruction: it admits exactly
 * its table, and its built-in hash is that of its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <openssl/sha.h>
#include <string.h>

#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/filter_digest.h"

static struct sock_filter program[CENO_FILTER_MAX];
static size_t count;

/* The three instructions that the program consists of. */
static uint32_t execute(const struct seccomp_data *call)
{
	uint32_t a = 0;
	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *i = &program[pc];
		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(i->k % 4 == 0 && i->k + 4 <= sizeof(*call));
			memcpy(&a, (const uint8_t *)call + i->k, sizeof(a));
		} else if (i->code == (BPF_JMP | BPF_JEQ | BPF_K)) {
			pc += a == i->k ? i->jt : i->jf;
		} else {
			assert_int_equal(i->code, BPF_RET | BPF_K);
			return i->k;
		}
	}
	fail_msg("the program runs off its end");
	return 0;
}

static int in_table(const struct seccomp_data *call)
{
	size_t rule_count;
	const struct ceno_filter_rule *rules = ceno_filter_rules(&rule_count);
	for (size_t i = 0; i < rule_count; i++) {
		int match = (int)rules[i].number == call->nr;
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			match = match && call->args[rules[i].conditions[j].argument] == rules[i].conditions[j].value;
		if (match)
			return 1;
	}
	return 0;
}

static void check(const struct seccomp_data *call)
{
	assert_int_equal(execute(call), in_table(call) ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
}

static void admits_its_table_only(void **state)
{
	(void)state;
	size_t rule_count;
	const struct ceno_filter_rule *rules = ceno_filter_rules(&rule_count);
	assert_true(rule_count > 0 && count <= CENO_FILTER_MAX);
	for (int number = -1; number < 2000; number++) {
		struct seccomp_data call = { .nr = number, .arch = AUDIT_ARCH_X86_64 };
		check(&call);
		call.arch = AUDIT_ARCH_I386;
		assert_int_equal(execute(&call), SECCOMP_RET_KILL_PROCESS);
		call = (struct seccomp_data){ .nr = number | 0x40000000, .arch = AUDIT_ARCH_X86_64 };
		assert_int_equal(execute(&call), SECCOMP_RET_KILL_PROCESS);
	}
	for (size_t i = 0; i < rule_count; i++) {
		struct seccomp_data call = { .nr = (int)rules[i].number, .arch = AUDIT_ARCH_X86_64 };
		assert_true(rules[i].reason[0] && rules[i].threads[0]);
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			call.args[rules[i].conditions[j].argument] = rules[i].conditions[j].value;
		assert_int_equal(execute(&call), SECCOMP_RET_ALLOW);
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			for (unsigned bit = 0; bit < 64; bit++) {
				struct seccomp_data off = call;
				off.args[rules[i].conditions[j].argument] ^= 1ull << bit;
				check(&off);
			}
	}
}

static void hash_is_of_its_bytes(void **state)
{
	(void)state;
	uint8_t built[32], computed[32];
	assert_int_equal(ceno_filter_digest(built), 0);
	SHA256((const uint8_t *)program, count * sizeof(program[0]), computed);
	assert_memory_equal(built, computed, sizeof(built));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admits_its_table_only),
		cmocka_unit_test(hash_is_of_its_bytes),
	};
	count = ceno_filter_build(program);
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
