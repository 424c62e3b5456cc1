/*
 * Fault injection: a real session (real warden, vmm, guest), again and again, each time with one fault. Whatever it was,
 * afterwards no process of it is left, no canary in memory that goes back to the kernel, and no proof says what
 * was not done.
 *
 *   faults SITES [--count N] [--seed S] [--jobs J]   N faults; 1 if one of those three was violated, or SITES is stale
 *   faults --list [RUNS]                             prints the sites of RUNS sessions without a fault (20)
 *   faults SITES --one KIND SITE-OR-ROLE NTH [ERROR] one, with all it says
 *
 * SITES is the list of the sites (tracer.h) that a session passes through, kept in the tree. Half of the faults are system
 * calls that fail, drawn uniformly over the sites; the others are allocations that fail, SIGKILL at a system call,
 * and at random moments SIGKILL or a closed socket of one or two of warden, vmm, recovery warden, supervisor, api, attest.
 * This program plays supervisor, api and attest. Warden and supervisor gone together is counted as unproven.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/rig.h"
#include "tracer.h"
#include "vmm/warden/record.h"

#define NEVER_MS    20000
#define PATIENCE_MS 3000
#define JOBS_MAX    16
#define RECOVERIES  3
#define REFERENCES  3

/* Who dies, or hangs up, at a moment. */
enum victim {
	KILL_WARDEN = 1,
	KILL_VMM = 2,
	KILL_RECOVERY = 4,
	CLOSE_SUPERVISOR = 8,
	CLOSE_API = 16,
	CLOSE_ATTEST = 32
};

enum verdict {
	PROVEN,    /* with a payload */
	REFUSED,   /* before its launch, nothing left */
	RECOVERED, /* wiped by a recovery warden */
	UNPROVEN,  /* warden and supervisor both gone: said so */
	MISSED,    /* the fault's moment never came */
	BAD,
	VERDICTS
};
static const char *const verdict_names[] = { "proven", "refused", "recovered", "unproven", "missed", "BAD" };

struct shared {
	struct traced traced;
	enum verdict verdict;
	char why[160];
	uint32_t took_us;
};

static struct ceno_rig_options real;
static struct ceno_rig rig, recovery;
static uint8_t canary[16];
static char canary_hex[33];
static struct shared *here; /* of the session of this process */
static int verbose, supervisor_gone;

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

static uint32_t draw(uint32_t below)
{
	return below ? (uint32_t)random() % below : 0;
}

static _Noreturn void end(enum verdict verdict, const char *why)
{
	here->verdict = verdict;
	snprintf(here->why, sizeof here->why, "%s", why);
	_exit(0);
}

/* ---- what is left --------------------------------------------------------------------- */

static unsigned canaries(int fd)
{
	static uint8_t piece[(1 << 20) + sizeof canary_hex];
	unsigned found = 0;
	for (off_t at = 0, stop; fd >= 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0; at = stop) {
		stop = lseek(fd, at, SEEK_HOLE);
		for (off_t done = at; done < stop; done += 1 << 20) {
			ssize_t n = pread(fd, piece, sizeof piece, done);
			if (n <= 0)
				break;
			found += memmem(piece, (size_t)n, canary, sizeof canary) != NULL;
			found += memmem(piece, (size_t)n, canary_hex, sizeof canary_hex - 1) != NULL;
		}
	}
	return found;
}

static unsigned canaries_left(void)
{
	unsigned found = canaries(rig.ram);
	for (unsigned i = 0; i < rig.area_count; i++)
		found += canaries(rig.areas[i]);
	return found;
}

static int is_alive(pid_t pid)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = pid > 0 ? fopen(path, "re") : NULL;
	if (!file)
		return 0;
	if (!fgets(text, sizeof text, file))
		text[0] = 0;
	fclose(file);
	const char *state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

/* The moment a proof is there, all it says must have been done. */
static void on_payload(struct ceno_rig *r)
{
	if (is_alive(r->vmm))
		end(BAD, "a payload while the vmm lives");
	if (canaries_left())
		end(BAD, "a payload while a canary is left");
	if (!(fcntl(r->ram, F_GET_SEALS) & F_SEAL_WRITE))
		end(BAD, "a payload while RAM could be written");
	ceno_rig_verify_payload(r);
}

/* A payload in the spool is one, too. */
static void look_into_spool(void)
{
	struct ceno_attest_payload head = { 0 };
	if (rig.have_payload || pread(rig.spool, &head, sizeof head, 0) != sizeof head ||
	    head.type != CENO_ATTEST_PAYLOAD || head.payload_bytes > CENO_PAYLOAD_MAX)
		return;
	rig.payload.head = head;
	if (pread(rig.spool, rig.payload.bytes, head.payload_bytes, sizeof head) != (ssize_t)head.payload_bytes)
		return; /* torn: whoever takes it finds no signature */
	rig.payload.bytes[head.payload_bytes] = 0;
	rig.have_payload = rig.done; /* a torn one is claimed by nobody */
	if (rig.have_payload)
		on_payload(&rig);
}

/* ---- one session ------------------------------------------------------------------------ */

static void hang_up(int *fd)
{
	ceno_fd_close(fd);
}

static void strike(uint32_t set)
{
	if (set & CLOSE_SUPERVISOR)
		hang_up(&rig.supervisor), supervisor_gone = 1;
	if (set & CLOSE_API)
		hang_up(&rig.session);
	if (set & CLOSE_ATTEST)
		hang_up(&rig.attest);
	if (set & KILL_VMM && rig.vmm > 0)
		kill(rig.vmm, SIGKILL);
	if (set & KILL_WARDEN && rig.warden > 0 && !rig.exited)
		kill(rig.warden, SIGKILL);
}

static void send_session(const int streams[3])
{
	const char *const argv[] = { "canary", canary_hex, "4", NULL };
	ceno_rig_send_open(&rig, streams, 0);
	ceno_rig_send_host_file(&rig, "/bin/canary", CANARY_PROGRAM, 0555 | CENO_PACK_PROGRAM);
	ceno_rig_send_args(&rig, "/bin/canary", argv);
	ceno_rig_send(&rig, CENO_SESSION_START);
}

/* Until the warden is gone: when the program holds its canaries everywhere the session is ended. */
static void live(int out, uint64_t began)
{
	const struct fault *f = &here->traced.fault;
	int asked = 0, struck = f->kind != FAULT_TIME;
	char text[8];
	while (!rig.exited && now_us() - began < NEVER_MS * 1000ull) {
		ceno_rig_for(&rig, struck ? 5 : 1);
		/* Output may be lost to the fault; the end must not be. */
		if (!asked && (read(out, text, sizeof text) > 0 || now_us() - began > PATIENCE_MS * 1000ull)) {
			ceno_rig_send(&rig, CENO_SESSION_DESTROY);
			asked = 1;
		}
		if (!struck && now_us() - began >= f->at_us) {
			strike(f->set);
			struck = here->traced.done = 1;
		}
	}
	here->took_us = (uint32_t)(now_us() - began);
}

/* As the supervisor does when a warden ended before it was done. 1: wiped. */
static int recover(void)
{
	struct ceno_rig_options options = real;
	const struct fault *f = &here->traced.fault;
	int wiped = 0;
	options.faulty = 1;
	for (int i = 0; i < RECOVERIES && !wiped; i++) {
		ceno_rig_open_recovery(&recovery, &options, rig.ram, rig.areas, rig.area_count, rig.vmm);
		if (i == 0 && f->kind == FAULT_TIME && f->set & KILL_RECOVERY) {
			usleep(draw(12000));
			kill(recovery.warden, SIGKILL);
		}
		for (uint64_t began = now_us(); !recovery.exited && now_us() - began < NEVER_MS * 1000ull;)
			ceno_rig_for(&recovery, 5);
		wiped = recovery.wiped == 1;
		ceno_rig_close(&recovery);
	}
	return wiped;
}

/* The vmm of a dead warden may need a moment to die, and the rest is ours to reap. */
static void expect_nobody(void)
{
	for (int i = 0; i < 300 && (is_alive(rig.vmm) || is_alive(rig.warden)); i++)
		usleep(10000);
	if (is_alive(rig.warden) || is_alive(rig.vmm))
		end(BAD, is_alive(rig.vmm) ? "the vmm is left running" : "the warden is left running");
}

static _Noreturn void judge(void)
{
	int own = rig.done; /* killed after it: step 8 says so */
	if (!rig.exited) {
		char why[sizeof here->why];
		snprintf(why, sizeof why,
		         "the session did not end: parked %d ready %d launched %d destroying %d payload %d done %d",
		         rig.parked, rig.ready, rig.launched, rig.destroying, rig.have_payload, rig.done);
		kill(rig.warden, SIGKILL);
		end(BAD, why);
	}
	if (supervisor_gone) /* who would have heard DONE */
		own = rig.exit_status == 0;
	int wiped = own || supervisor_gone ? 0 : recover();
	expect_nobody();
	look_into_spool();
	unsigned left = canaries_left();
	if (own || wiped ? left != 0 : !supervisor_gone)
		end(BAD, left ? "a canary is left in memory that was returned" : "nobody could say that it was wiped");
	if (own && rig.launched && !rig.have_payload && !supervisor_gone)
		end(BAD, "done, launched, and no payload");

	end(!here->traced.done && here->traced.fault.kind != FAULT_NONE ? MISSED
	        : wiped                                                 ? RECOVERED
	        : !own                                                  ? UNPROVEN
	        : rig.have_payload                                      ? PROVEN
	                                                                : REFUSED,
	    "");
}

/* In a process of its own, with the tracer as another. */
static _Noreturn void session(void)
{
	struct ceno_rig_options options = real;
	int gate[2], out[2], pids[2];
	if (!verbose) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 1);
		dup2(null, 2);
	}
	here->verdict = BAD;
	snprintf(here->why, sizeof here->why, "an assertion of the rig (--one shows it)");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (getrandom(canary, sizeof canary, 0) != sizeof canary || pipe2(gate, O_CLOEXEC) < 0 ||
	    pipe2(pids, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		end(BAD, "no pipes");
	for (size_t i = 0; i < sizeof canary; i++)
		snprintf(canary_hex + 2 * i, 3, "%02x", canary[i]);
	pid_t tracer = fork();
	if (tracer == 0) {
		pid_t warden;
		close(pids[1]);
		if (read(pids[0], &warden, sizeof warden) == sizeof warden)
			fault_trace(&here->traced, warden, gate[1]);
		_exit(0);
	}
	options.faulty = 1;
	options.gate = gate[0];
	options.on_payload = on_payload;
	const int streams[3] = { open("/dev/null", O_RDWR | O_CLOEXEC), out[1], open("/dev/null", O_RDWR | O_CLOEXEC) };
	uint64_t began = now_us();
	ceno_rig_open(&rig, &options);
	if (write(pids[1], &rig.warden, sizeof rig.warden) != sizeof rig.warden)
		end(BAD, "no tracer");
	send_session(streams);
	live(out[0], began);
	judge();
}

static struct shared *share(void)
{
	void *map = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		abort();
	return map;
}

static pid_t start(struct shared *s)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	here = s;
	srandom((unsigned)now_us() ^ (unsigned)getpid());
	session();
}

/* ---- the list ----------------------------------------------------------------------------- */

static struct traced known; /* sites as listed; calls and allocations of a session without a fault */
static uint32_t usual_us;

static int read_sites(const char *path)
{
	char line[256];
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof line, file) && known.site_count < SITES_MAX) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] && line[0] != '#')
			snprintf(known.site[known.site_count++], SITE_TEXT, "%.47s", line);
	}
	fclose(file);
	return known.site_count ? 0 : -1;
}

/* Sessions without a fault: how often each site is passed. */
static int measure(int runs)
{
	struct shared *s = share();
	s->traced = known;
	for (int i = 0; i < runs; i++) {
		uint32_t calls[SITES_MAX], allocations[ROLES];
		memcpy(calls, s->traced.calls, sizeof calls);
		memset(s->traced.calls, 0, sizeof calls);
		memset(s->traced.allocations, 0, sizeof allocations);
		waitpid(start(s), NULL, 0);
		if (s->verdict != PROVEN) {
			printf("a session without a fault: %s: %s\n", verdict_names[s->verdict], s->why);
			return -1;
		}
		for (uint32_t k = 0; k < SITES_MAX; k++) /* the most that one session had */
			if (calls[k] > s->traced.calls[k])
				s->traced.calls[k] = calls[k];
	}
	known = s->traced;
	usual_us = s->took_us;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(int runs)
{
	if (measure(runs) < 0)
		return 1;
	qsort(known.site, known.site_count, SITE_TEXT, by_text);
	for (uint32_t i = 0; i < known.site_count; i++)
		puts(known.site[i]);
	return 0;
}

/* ---- the faults ---------------------------------------------------------------------------- */

static const int errors[] = { EIO, ENOMEM, EAGAIN, EINTR, EMFILE, ENOSPC, EPERM, EINVAL };
#define ERRORS (sizeof errors / sizeof errors[0])

/* What cannot fail: the end itself, the return from a signal. */
static int cannot_fail(uint32_t site)
{
	return strstr(known.site[site], " exit") || strstr(known.site[site], "rt_sigreturn") ||
	    strstr(known.site[site], "restart_syscall");
}

static uint32_t draw_site(int kill_at)
{
	for (;;) {
		uint32_t site = draw(known.site_count);
		if (known.calls[site] && (kill_at || !cannot_fail(site)) &&
		    (!kill_at || strstr(known.site[site], "warden end") || draw(4) == 0))
			return site; /* kills: mostly at the steps of destruction */
	}
}

static struct fault draw_fault(uint32_t number)
{
	static const uint32_t alone[] = { KILL_WARDEN, KILL_VMM, CLOSE_SUPERVISOR, CLOSE_API, CLOSE_ATTEST };
	struct fault f = { 0 };
	switch (number % 10) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		f.kind = FAULT_CALL;
		f.site = draw_site(0);
		f.nth = 1 + draw(known.calls[f.site]);
		f.error = errors[draw(ERRORS)];
		break;
	case 5:
	case 6:
		f.kind = FAULT_ALLOC;
		f.nth = 1 + draw(known.allocations[ROLE_WARDEN] + known.allocations[ROLE_VMM]);
		f.role = f.nth > known.allocations[ROLE_WARDEN] ? ROLE_VMM : ROLE_WARDEN;
		f.nth -= f.role == ROLE_VMM ? known.allocations[ROLE_WARDEN] : 0;
		break;
	case 7:
		f.kind = FAULT_KILL;
		f.site = draw_site(1);
		f.nth = 1 + draw(known.calls[f.site]);
		break;
	default:
		f.kind = FAULT_TIME;
		f.set = alone[draw(5)] | (draw(2) ? alone[draw(5)] : 0) | (draw(2) ? KILL_RECOVERY : 0);
		f.at_us = draw(usual_us);
	}
	return f;
}

static void say(const struct fault *f, const struct shared *s)
{
	static const char *const kinds[] = { "none", "call", "alloc", "kill", "time" };
	if (f->kind == FAULT_CALL || f->kind == FAULT_KILL)
		printf("%s \"%s\" %u %d", kinds[f->kind], s->traced.site[f->site], f->nth, f->error);
	else if (f->kind == FAULT_ALLOC)
		printf("alloc %s %u", f->role == ROLE_VMM ? "vmm" : "warden", f->nth);
	else
		printf("time %u %u", f->set, f->at_us);
	printf(": %s %s (%u ms)\n", verdict_names[s->verdict], s->why, s->took_us / 1000);
}

struct tally {
	uint32_t verdicts[VERDICTS], kinds[FAULT_TIME + 1], sites;
	uint8_t hit[SITES_MAX];
};

static void count(struct tally *t, const struct shared *s)
{
	const struct fault *f = &s->traced.fault;
	t->verdicts[s->verdict]++;
	if (s->verdict == BAD || getenv("CENO_SHOW"))
		say(f, s);
	if (s->verdict == MISSED)
		return;
	t->kinds[f->kind]++;
	if (f->kind == FAULT_CALL && !t->hit[f->site]++)
		t->sites++;
}

static void inject(uint32_t wanted, int jobs, struct tally *t)
{
	struct shared *s[JOBS_MAX];
	pid_t pid[JOBS_MAX] = { 0 };
	uint32_t started = 0, number = 0;
	int running = 0;
	for (int i = 0; i < jobs; i++)
		s[i] = share();
	while (started < wanted || running) {
		for (int i = 0; i < jobs; i++)
			if (!pid[i] && started < wanted) {
				memset(s[i], 0, sizeof *s[i]);
				memcpy(s[i]->traced.site, known.site, sizeof known.site);
				s[i]->traced.site_count = known.site_count;
				s[i]->traced.fault = draw_fault(number++);
				pid[i] = start(s[i]);
				started++, running++;
			}
		pid_t done = wait(NULL);
		for (int i = 0; i < jobs; i++)
			if (pid[i] == done) {
				count(t, s[i]);
				started -= s[i]->verdict == MISSED && number < 4 * wanted; /* another in its place */
				pid[i] = 0, running--;
			}
	}
}

static int run(uint32_t wanted, unsigned seed, int jobs)
{
	static struct tally t;
	const uint32_t listed = known.site_count;
	srandom(seed);
	if (measure(REFERENCES) < 0)
		return 1;
	for (uint32_t i = listed; i < known.site_count; i++)
		printf("a site that the list has not: %s\n", known.site[i]);
	printf("%u sites, %u and %u allocations of warden and vmm, %u ms a session; seed %u\n", known.site_count,
	       known.allocations[ROLE_WARDEN], known.allocations[ROLE_VMM], usual_us / 1000, seed);
	inject(wanted, jobs, &t);
	printf("%u faults: %u failed calls at %u sites, %u failed allocations, %u kills at a call, %u moments\n",
	       t.kinds[FAULT_CALL] + t.kinds[FAULT_ALLOC] + t.kinds[FAULT_KILL] + t.kinds[FAULT_TIME],
	       t.kinds[FAULT_CALL], t.sites, t.kinds[FAULT_ALLOC], t.kinds[FAULT_KILL], t.kinds[FAULT_TIME]);
	for (int i = 0; i < VERDICTS; i++)
		printf("%s %u%s", verdict_names[i], t.verdicts[i], i + 1 < VERDICTS ? ", " : "\n");
	return t.verdicts[BAD] || known.site_count > listed ? 1 : 0;
}

static int one(char **words, int count_of_words)
{
	struct shared *s = share();
	struct fault f = { .kind = FAULT_NONE };
	s->traced = known;
	if (count_of_words < 3)
		return 2;
	f.nth = (uint32_t)atoi(words[2]);
	f.error = count_of_words > 3 ? atoi(words[3]) : EIO;
	while (f.site < known.site_count && strcmp(known.site[f.site], words[1]) != 0)
		f.site++;
	f.kind = words[0][0] == 'c' ? FAULT_CALL
	    : words[0][0] == 'k'    ? FAULT_KILL
	    : words[0][0] == 'a'    ? FAULT_ALLOC
				    : FAULT_TIME;
	f.role = strcmp(words[1], "vmm") == 0 ? ROLE_VMM : ROLE_WARDEN;
	f.set = (uint32_t)atoi(words[1]);
	f.at_us = f.nth;
	s->traced.fault = f;
	verbose = 1;
	waitpid(start(s), NULL, 0);
	say(&f, s);
	return s->verdict == BAD;
}

int main(int argc, char **argv)
{
	uint32_t wanted = 1000;
	unsigned seed = (unsigned)now_us();
	int jobs = 6; /* most of a fault is waiting */
	if (geteuid() != 0 || ceno_rig_real(&real, "trust.bin", "bundle.bin") < 0) {
		printf("skipped: needs root, KVM and the signed bundle\n");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "--list") == 0)
		return list(argc > 2 ? atoi(argv[2]) : 20);
	if (argc < 2 || read_sites(argv[1]) < 0)
		return fprintf(stderr,
		               "usage: faults SITES [--count N] [--seed S] [--jobs J] | faults --list [RUNS]\n"),
		       2;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--one") == 0)
			return one(argv + i + 1, argc - i - 1);
		if (i + 1 >= argc)
			return 2;
		if (strcmp(argv[i], "--count") == 0)
			wanted = (uint32_t)atoi(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = (unsigned)atoi(argv[++i]);
		else if (strcmp(argv[i], "--jobs") == 0)
			jobs = atoi(argv[++i]);
		else
			return 2;
	}
	return run(wanted, seed, jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs);
}
