/*
 * ceno-attest when things die: itself by kill -9 between append and answer, swtpm,
 * the disk; and a state directory that somebody damaged.
 */
#include "tests/e2e/attest/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>

static uint8_t file[CENO_CDP_FILE_MAX];

/* ---- swtpm ------------------------------------------------------------------- */

static void wait_state(pid_t pid, char want)
{
	char path[64], line[256], *at;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 500; i++) {
		FILE *f = fopen(path, "r");
		bool there = f && fgets(line, sizeof(line), f);
		if (f)
			fclose(f);
		if ((!there && want == 'X') ||
		    (there && (at = strrchr(line, ')')) && (at[2] == want || (want == 'X' && at[2] == 'Z'))))
			return;
		usleep(2000);
	}
	fail_msg("process %d is not in state %c", pid, want);
}

static void swtpm_killed_before_the_quote_resumes(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	assert_int_equal(session_payload(s), 0);
	pid_t old = node_swtpm(n);
	kill(old, SIGKILL);
	session_step8(n, s);
	size_t bytes = api_file(n, s, file);
	assert_int_equal(verdict(file, bytes, s), CENO_VERIFY_CODE_COUNT);
	assert_int_not_equal(node_swtpm(n), old);
	session_free(s);
	node_works(n);
}

static void swtpm_killed_again_and_again_under_load(void **state)
{
	enum { COUNT = 60 };
	struct node *n = *state;
	for (int i = 0; i < COUNT; i++) {
		struct session *s = session_new();
		session_run(n, s);
		if (i % 10 == 5) {
			usleep(randombytes_uniform(1500)); /* inside the quote, some of the time */
			kill(node_swtpm(n), SIGKILL);
		}
		assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
		session_free(s);
	}
	node_works(n);
}

static void stopped_tpm_delays_seals_and_nothing_else(void **state)
{
	struct node *n = *state;
	pid_t swtpm = node_swtpm(n);
	struct session *s = session_new(), *later = session_new();
	struct ceno_attest_random random = { .type = CENO_ATTEST_RANDOM };
	struct timespec begin, end;
	kill(swtpm, SIGSTOP);
	wait_state(swtpm, 'T');
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	send_record(s->warden, &random, sizeof(random));
	assert_int_equal(receive(s->warden, &random, sizeof(random)), sizeof(random));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(random.error, CENO_ATTEST_ERROR_TPM);
	long ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
	print_message("random bytes given up after %ld ms\n", ms);
	assert_in_range(ms, 45, 5000);
	assert_int_equal(session_payload(s), 0);
	session_step8(n, s);
	session_run(n, later);
	struct pollfd p = { .fd = n->api, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 200), 0);
	kill(swtpm, SIGCONT);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	assert_int_equal(verdict(file, api_file(n, later, file), later), CENO_VERIFY_CODE_COUNT);
	session_free(s);
	session_free(later);
	node_works(n);
}

static void swtpm_and_keeper_end_with_attest(void **state)
{
	struct node *n = *state;
	pid_t swtpm = node_swtpm(n);
	node_kill(n);
	wait_state(swtpm, 'X');
	node_start(n);
	swtpm = node_swtpm(n);
	assert_int_equal(node_stop(n), 0);
	wait_state(swtpm, 'X');
}

/* attest, its swtpm, and both, killed at every stage of a session: one TPM all the way, nothing reset. */
static void a_kept_tpm_seals_what_another_attest_launched(void **state)
{
	struct node *n = *state;
	node_stop(n);
	node_keep_tpm(n);
	node_start(n);
	for (int round = 0; round < 9; round++) {
		struct session *s = session_new();
		pid_t swtpm = node_swtpm(n);
		int stage = round % 3, who = round / 3 + 1;
		session_channel(n, s);
		assert_int_equal(session_launch(s), 0);
		if (stage > 0)
			assert_int_equal(session_payload(s), 0);
		if (stage > 1)
			session_step8(n, s);
		if (who & 2)
			kill(swtpm, SIGKILL);
		if (who & 1) {
			node_kill(n);
			node_start(n);
			assert_true((node_swtpm(n) == swtpm) == !(who & 2));
		}
		if (stage == 0)
			pass_channel(n, CENO_ATTEST_CHANNEL_SPOOL, s->f.statement.core.session_id,
			             session_spool_file(s, 0));
		session_step8(n, s);
		assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
		session_free(s);
	}
	/* In the middle of a command: the next attest must not take its response for one of its own. */
	for (int i = 0; i < 12; i++) {
		struct session *s = session_new();
		session_run(n, s);
		usleep(randombytes_uniform(3000));
		node_kill(n);
		node_start(n);
		session_step8(n, s); /* as the supervisor does when attest is back */
		assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
		session_free(s);
	}
	node_works(n);
	/* A keeper that ends takes its TPM along: attest cannot go on. */
	kill(n->keeper, SIGKILL);
	waitpid(n->keeper, NULL, 0);
	struct session *s = session_new();
	session_run(n, s);
	assert_int_equal(node_wait(n), 3);
	node_keep_tpm(n);
	node_start(n);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_RESET);
	session_free(s);
	node_works(n);
}

static void a_cleared_tpm_ends_attest_and_opens_a_new_epoch(void **state)
{
	struct node *n = *state;
	char command[128];
	struct session *s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	assert_int_equal(session_payload(s), 0);
	/* Its state is gone when it is started again: other seeds, other keys. */
	snprintf(command, sizeof(command), "rm -f %s/tpm/tpm2-00.*", n->dir);
	assert_int_equal(system(command), 0);
	kill(node_swtpm(n), SIGKILL);
	session_step8(n, s);
	assert_int_equal(node_wait(n), 3);
	node_start(n);
	/* Nothing was lost; that the key is another one is for the verifier's pins to notice. */
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_FILE);
	assert_memory_equal(head.session_id, s->f.statement.core.session_id, 16);
	api_acknowledge(n, head.session_id);
	session_free(s);
	node_works(n);
}

/* ---- a TPM that is not ours: by a TCTI of tpm2-tss ----------------------------------- */

static pid_t start_foreign_tpm(const char *dir, char *tcti, size_t size)
{
	char state[96], data[96], control[96];
	struct stat st;
	snprintf(state, sizeof(state), "dir=%s", dir);
	snprintf(data, sizeof(data), "type=unixio,path=%s/t", dir);
	snprintf(control, sizeof(control), "type=unixio,path=%s/t.ctrl", dir);
	snprintf(tcti, size, "swtpm:path=%s/t", dir);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", data, "--ctrl", control,
		       "--flags", "not-need-init,startup-clear", (char *)NULL);
		_exit(99);
	}
	snprintf(data, sizeof(data), "%s/t", dir);
	for (int i = 0; i < 500 && stat(data, &st); i++)
		usleep(10000);
	assert_int_equal(stat(data, &st), 0);
	return pid;
}

static void a_foreign_tpm_outlives_attest(void **state)
{
	struct node *n = *state;
	char dir[] = "/tmp/ceno-tpm-XXXXXX", tcti[96], command[128];
	node_stop(n);
	assert_non_null(mkdtemp(dir));
	pid_t tpm = start_foreign_tpm(dir, tcti, sizeof(tcti));
	n->tcti = tcti;
	node_start(n);
	node_works(n);
	/* Killed in the middle: nothing was flushed, and the next one must make do with three object slots. */
	for (int i = 0; i < 3; i++) {
		struct session *s = session_new();
		session_channel(n, s);
		assert_int_equal(session_launch(s), 0);
		assert_int_equal(session_payload(s), 0);
		node_kill(n);
		node_start(n);
		session_step8(n, s);
		/* The TPM was not reset meanwhile: the proof is as good as any. */
		assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
		session_free(s);
	}
	/* It goes away under a running attest and comes back at the same place. */
	struct session *s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	assert_int_equal(session_payload(s), 0);
	kill(tpm, SIGKILL);
	waitpid(tpm, NULL, 0);
	session_step8(n, s);
	usleep(100000);
	snprintf(command, sizeof(command), "rm -f %s/t %s/t.ctrl", dir, dir);
	assert_int_equal(system(command), 0);
	tpm = start_foreign_tpm(dir, tcti, sizeof(tcti));
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_RESET);
	session_free(s);
	node_works(n);
	/* The same while attest asks nothing of it: no connection breaks, the keys are gone all the same. */
	kill(tpm, SIGKILL);
	waitpid(tpm, NULL, 0);
	assert_int_equal(system(command), 0);
	tpm = start_foreign_tpm(dir, tcti, sizeof(tcti));
	s = session_new();
	session_run(n, s); /* its launch was noted under the count that attest knew */
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_RESET);
	session_free(s);
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	kill(tpm, SIGKILL);
	waitpid(tpm, NULL, 0);
	assert_int_equal(node_start_fails(n), 3);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* ---- kill -9 --------------------------------------------------------------------- */

struct answered {
	uint8_t id[16];
	uint64_t index;
};
static struct answered answered[20000];

/* Launches, one after the other, until attest is gone; how many of them were answered in all. */
static size_t launch_until_it_dies(struct node *n, size_t count)
{
	for (;;) {
		struct ceno_attest_launch launch = { .type = CENO_ATTEST_LAUNCH };
		struct ceno_attest_launched answer;
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		randombytes_buf(launch.session_id, 16);
		send_record(pair[0], &launch, sizeof(launch));
		bool passed = try_pass_channel(n, CENO_ATTEST_CHANNEL_WARDEN, launch.session_id, pair[1]);
		ssize_t got = passed ? recv(pair[0], &answer, sizeof(answer), 0) : 0;
		close(pair[0]);
		if (got != (ssize_t)sizeof(answer))
			return count;
		assert_int_equal(answer.error, 0);
		assert_true(count < sizeof(answered) / sizeof(answered[0]));
		memcpy(answered[count].id, launch.session_id, 16);
		answered[count++].index = answer.launch_index;
	}
}

/* How many of the answered launches the log has, each at the index it was told. */
static size_t count_in_log(const struct node *n, size_t count)
{
	char command[160], line[128], hex[33];
	size_t found = 0;
	snprintf(command, sizeof(command), CENO_BIN "/ceno-attest --state %s --orphans 2>/dev/null | sort -k2n",
	         n->dir);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (found < count && !strncmp(line, sodium_bin2hex(hex, sizeof(hex), answered[found].id, 16), 32) &&
		    strtoull(line + 33, NULL, 10) == answered[found].index)
			found++;
	pclose(f);
	return found;
}

static void no_answered_index_is_ever_lost(void **state)
{
	enum { ROUNDS = 25 };
	struct node *n = *state;
	size_t count = 0;
	for (int round = 0; round < ROUNDS; round++) {
		/* A second process kills it at a random moment while launches run. */
		pid_t killer = fork();
		if (killer == 0) {
			usleep(randombytes_uniform(12000));
			kill(n->pid, SIGKILL);
			_exit(0);
		}
		count = launch_until_it_dies(n, count);
		waitpid(killer, NULL, 0);
		node_wait(n);
		node_start(n);
	}
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	size_t found = count_in_log(n, count);
	print_message("%zu launches answered in %d lives, %zu found\n", count, ROUNDS, found);
	assert_true(count >= 5);
	assert_int_equal(found, count);
	node_start(n);
}

static void killed_between_payload_and_seal(void **state)
{
	struct node *n = *state;
	struct session *before = session_new(), *after = session_new();
	/* One with step 8 given, its TPM stopped so that it cannot be sealed; one without. */
	session_channel(n, before);
	session_channel(n, after);
	assert_int_equal(session_launch(before), 0);
	assert_int_equal(session_launch(after), 0);
	kill(node_swtpm(n), SIGSTOP);
	assert_int_equal(session_payload(before), 0);
	assert_int_equal(session_payload(after), 0);
	session_step8(n, before);
	char path[128], name[33];
	struct stat st;
	sodium_bin2hex(name, sizeof(name), before->f.statement.core.session_id, 16);
	snprintf(path, sizeof(path), "%s/pending/%s.step8", n->dir, name);
	for (int i = 0; i < 500 && stat(path, &st); i++)
		usleep(2000);
	assert_int_equal(stat(path, &st), 0);
	node_kill(n);
	node_start(n);
	assert_int_equal(verdict(file, api_file(n, before, file), before), CENO_VERIFY_RESET);
	session_step8(n, after);
	assert_int_equal(verdict(file, api_file(n, after, file), after), CENO_VERIFY_RESET);
	assert_false(node_orphan(n, after->f.statement.core.session_id, after->launch_index));
	session_free(before);
	session_free(after);
	node_works(n);
}

static void stopping_in_order_finishes_what_was_begun(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	session_run(n, s);
	assert_int_equal(node_stop(n), 0);
	node_start(n);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
	node_works(n);
}

/* ---- the disk ---------------------------------------------------------------------- */

static void a_full_disk_refuses_launches_and_loses_none(void **state)
{
	struct node *n = *state;
	assert_int_equal(node_stop(n), 0);
	n->file_limit = 8192;
	node_start(n);
	struct answered last[64];
	size_t count = 0;
	uint32_t error = 0;
	while (!error && count < 64) {
		struct session *s = session_new();
		session_channel(n, s);
		error = session_launch(s);
		if (!error) {
			memcpy(last[count].id, s->f.statement.core.session_id, 16);
			last[count++].index = s->launch_index;
		} else {
			assert_ended(s->warden);
		}
		session_free(s);
	}
	assert_int_equal(error, CENO_ATTEST_ERROR_LOG);
	assert_true(count > 5);
	node_kill(n);
	n->file_limit = 0;
	node_start(n);
	for (size_t i = 0; i < count; i++)
		assert_true(node_orphan(n, last[i].id, last[i].index));
	node_works(n);
}

static void path_of(const struct node *n, const char *name, char *path)
{
	snprintf(path, 128, "%s/%s", n->dir, name);
}

/* Change one byte of a file, or cut or lengthen it. */
static void damage(const struct node *n, const char *name, off_t at, off_t resize)
{
	char path[128];
	uint8_t byte;
	struct stat st;
	path_of(n, name, path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	if (at >= 0) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 4;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	if (resize)
		assert_int_equal(ftruncate(fd, st.st_size + resize), 0);
	close(fd);
}

static void a_cut_off_last_write_is_taken_off(void **state)
{
	struct node *n = *state;
	char path[128];
	struct stat st;
	struct session *s = session_new();
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	node_kill(n);
	static const char half[] = "CLF1\1\0\0\0\2\0\0\0\0\0\0\0\xc8\0\0\0\0\0\0\0half a record";
	path_of(n, "log/leaves", path);
	for (size_t length = 1; length < sizeof(half); length += 7) {
		FILE *f = fopen(path, "a");
		assert_int_equal(fwrite(half, 1, length, f), length);
		fclose(f);
		node_start(n);
		path_of(n, "log/torn", path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, length);
		path_of(n, "log/leaves", path);
		assert_true(node_orphan(n, s->f.statement.core.session_id, s->launch_index));
		assert_int_equal(node_stop(n), 0);
	}
	/* Space that the file system gave and never filled. */
	damage(n, "log/leaves", -1, 300);
	node_start(n);
	session_free(s);
	node_works(n);
}

static void an_altered_log_is_refused_untouched(void **state)
{
	struct node *n = *state;
	char path[128];
	struct stat before, after;
	node_works(n);
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	path_of(n, "log/leaves", path);
	assert_int_equal(stat(path, &before), 0);
	/* A byte anywhere but in the last frame; in the checkpoint; in the key. */
	for (off_t at = 0; at < before.st_size - 700; at += 97) {
		damage(n, "log/leaves", at, 0);
		assert_int_equal(node_start_fails(n), 1);
		damage(n, "log/leaves", at, 0);
	}
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	for (off_t at = 0; at < 190; at += 19) {
		damage(n, "log/checkpoint", at, 0);
		assert_int_equal(node_start_fails(n), 1);
		damage(n, "log/checkpoint", at, 0);
	}
	damage(n, "keys/log", 3, 0);
	assert_int_equal(node_start_fails(n), 1);
	damage(n, "keys/log", 3, 0);
	/* A frame in the middle that claims to reach past the end is not a cut-off write. */
	damage(n, "log/leaves", before.st_size - 500, 0);
	assert_int_equal(node_start_fails(n), 1);
	damage(n, "log/leaves", before.st_size - 500, 0);
	damage(n, "log/leaves", 17, 0);
	assert_int_equal(node_start_fails(n), 1);
	damage(n, "log/leaves", 17, 0);
	/* Leaves lost from the end, though a checkpoint was signed over them: refused, and left for somebody to look at. */
	damage(n, "log/leaves", -1, -10);
	assert_int_equal(node_start_fails(n), 1);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size - 10, after.st_size);
}

static void one_state_directory_serves_one_attest(void **state)
{
	struct node *n = *state, second = { .control = -1, .api = -1 };
	strcpy(second.dir, n->dir);
	assert_int_equal(node_start_fails(&second), 1);
	close(second.control);
	node_works(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, node_setup, node_teardown)
		TEST(swtpm_killed_before_the_quote_resumes),
		TEST(swtpm_killed_again_and_again_under_load),
		TEST(stopped_tpm_delays_seals_and_nothing_else),
		TEST(swtpm_and_keeper_end_with_attest),
		TEST(a_kept_tpm_seals_what_another_attest_launched),
		TEST(a_cleared_tpm_ends_attest_and_opens_a_new_epoch),
		TEST(a_foreign_tpm_outlives_attest),
		TEST(no_answered_index_is_ever_lost),
		TEST(killed_between_payload_and_seal),
		TEST(stopping_in_order_finishes_what_was_begun),
		TEST(a_full_disk_refuses_launches_and_loses_none),
		TEST(a_cut_off_last_write_is_taken_off),
		TEST(an_altered_log_is_refused_untouched),
		TEST(one_state_directory_serves_one_attest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
