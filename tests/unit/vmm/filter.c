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
#include <sys/syscall.h>

#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/filter_digest.h"

static struct sock_filter program[CENO_FILTER_MAX];
static size_t count;

/* The five instructions that the program consists of. */
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
		} else if (i->code == (BPF_JMP | BPF_JGE | BPF_K)) {
			pc += a >= i->k ? i->jt : i->jf;
		} else if (i->code == (BPF_JMP | BPF_JGT | BPF_K)) {
			pc += a > i->k ? i->jt : i->jf;
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
	uint64_t argument[6];
	memcpy(argument, call->args, sizeof(argument));
	return ceno_filter_admits((uint32_t)call->nr, argument);
}

static void check(const struct seccomp_data *call)
{
	assert_int_equal(execute(call), in_table(call) ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
}

/* Every small number in place of one argument, and the ends of the range with a high half. */
static void check_around(struct seccomp_data call, const struct ceno_filter_condition *condition)
{
	uint64_t *argument = (uint64_t *)&call.args[condition->argument];
	assert_true(!condition->within || condition->last >> 32 == 0);
	for (*argument = 0; *argument < 256; ++*argument)
		check(&call);
	*argument = condition->first | 1ull << 32;
	check(&call);
	*argument = condition->last | 1ull << 63;
	check(&call);
	*argument = UINT64_MAX;
	check(&call);
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
			call.args[rules[i].conditions[j].argument] = rules[i].conditions[j].last;
		assert_int_equal(execute(&call), SECCOMP_RET_ALLOW);
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			for (unsigned bit = 0; bit < 64; bit++) {
				struct seccomp_data off = call;
				off.args[rules[i].conditions[j].argument] ^= 1ull << bit;
				check(&off);
			}
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			check_around(call, &rules[i].conditions[j]);
	}
}

/* What the table may not be: more than twelve calls, or one of those that make a locked process more than it is. */
static void table_is_small(void **state)
{
	static const uint32_t never[] = {
		SYS_mmap,
		SYS_mremap,
		SYS_munmap,
		SYS_mprotect,
		SYS_pkey_mprotect,
		SYS_madvise,
		SYS_brk,
		SYS_shmat,
		SYS_open,
		SYS_openat,
		SYS_openat2,
		SYS_creat,
		SYS_socket,
		SYS_accept,
		SYS_accept4,
		SYS_connect,
		SYS_memfd_create,
		SYS_dup,
		SYS_dup2,
		SYS_dup3,
		SYS_fcntl,
		SYS_recvmsg,
		SYS_recvmmsg,
		SYS_recvfrom,
		SYS_sendmsg,
		SYS_sendmmsg,
		SYS_clone,
		SYS_clone3,
		SYS_fork,
		SYS_vfork,
		SYS_execve,
		SYS_execveat,
		SYS_prctl,
		SYS_seccomp,
		SYS_ptrace,
		SYS_fallocate,
		SYS_ftruncate,
		SYS_io_uring_setup,
		SYS_io_uring_enter,
		SYS_pidfd_getfd,
		SYS_process_vm_readv,
	};
	size_t rule_count, distinct = 0;
	const struct ceno_filter_rule *rules = ceno_filter_rules(&rule_count);
	(void)state;
	for (size_t i = 0; i < rule_count; i++) {
		size_t before = 0;
		while (before < i && rules[before].number != rules[i].number)
			before++;
		distinct += before == i;
		for (size_t j = 0; j < sizeof(never) / sizeof(never[0]); j++)
			assert_int_not_equal(rules[i].number, never[j]);
		/* What works on a descriptor says on which. */
		if (rules[i].number == SYS_ioctl || rules[i].number == SYS_read || rules[i].number == SYS_write)
			assert_true(rules[i].condition_count > 0 && rules[i].conditions[0].argument == 0);
	}
	assert_in_range(distinct, 1, 12);
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
		cmocka_unit_test(table_is_small),
		cmocka_unit_test(hash_is_of_its_bytes),
	};
	count = ceno_filter_build(program);
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
