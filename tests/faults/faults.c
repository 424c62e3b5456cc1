/*
 * Fault injection: a real session (real warden, vmm, guest), again and again, each time with one fault. Whatever it was,
 * afterwards no process of it is left, no canary in memory that goes back to the kernel, and no proof says
 * what was not done.
 *
 *   faults SITES [--count N] [--first F] [--seed S] [--jobs J]   faults F to F + N - 1; 1 if one of those three was
 *                                                    violated, or SITES is stale
 *   faults SITES --number K [--seed S]               fault K alone, with all it says
 *   faults --list [RUNS]                             prints the sites of RUNS sessions without a fault (20)
 *   faults SITES --one KIND SITE-OR-ROLE NTH [ERROR | SET]   one, with all it says
 *
 * SITES is the list of the sites (tracer.h) that a session passes through, kept in the tree; what is injected: plan.h.
 * This program plays supervisor, api and attest. Warden and supervisor gone together is counted as unproven.
 */
#include <dirent.h>
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

#include "plan.h"
#include "tests/lib/rig.h"
#include "vmm/warden/pack.h"
#include "vmm/warden/record.h"

#define NEVER_MS        20000 /* of time that it was let run */
#define NEVER_EVER_MS   300000
#define PATIENCE_MS     3000 /* for a program that may never speak, since a fault hit it */
#define PATIENCE_MAX_MS 12000
#define JOBS_MAX        16
#define RECOVERIES      3
#define REFERENCES      3
#define TRIES           8u /* for a moment that came too late */
#define LEARN_TRIES     5
#define RECOVERY_US     12000 /* a recovery's usual length */

static struct ceno_rig_options real;
static struct ceno_rig rig, recovery;
static uint8_t canary[16];
static char canary_hex[33];
static struct shared *here; /* of the session of this process */
static int verbose, supervisor_gone;
static pid_t tracers[2];
static int tracer_count;

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

/* How long the threads of a process were ready to run and were not let, in us: on a busy host that is no fault of theirs. */
static uint64_t kept_waiting(pid_t pid)
{
	char path[64];
	uint64_t sum = 0;
	unsigned long long ran, waited;
	struct dirent *entry;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = pid > 0 ? opendir(path) : NULL;
	while (tasks && (entry = readdir(tasks))) {
		snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", (int)pid, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (file && fscanf(file, "%llu %llu", &ran, &waited) == 2)
			sum += waited / 1000;
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

/* Whether a session that began then should be over by now: of all that time, what it was let. */
static int is_overdue(uint64_t began, pid_t warden, pid_t vmm)
{
	uint64_t gone = now_us() - began;
	if (gone < NEVER_MS * 1000ull)
		return 0;
	uint64_t waited = kept_waiting(getpid()) + kept_waiting(warden) + kept_waiting(vmm);
	for (int i = 0; i < tracer_count; i++)
		waited += kept_waiting(tracers[i]);
	return gone > waited + NEVER_MS * 1000ull || gone > NEVER_EVER_MS * 1000ull;
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

/* Any byte of it that is not zero. */
static int holds_anything(int fd)
{
	static uint8_t page[4096];
	static const uint8_t zeros[4096];
	ssize_t n;
	for (off_t at = 0, stop; fd >= 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0; at = stop)
		for (stop = lseek(fd, at, SEEK_HOLE); at < stop && (n = pread(fd, page, sizeof page, at)) > 0; at += n)
			if (memcmp(page, zeros, (size_t)n) != 0)
				return 1;
	return 0;
}

static int is_left(const struct ceno_rig *r)
{
	int left = holds_anything(r->ram);
	for (unsigned i = 0; i < r->area_count; i++)
		left |= holds_anything(r->areas[i]);
	return left;
}

/* The moment a proof is there, all it says must have been done: by what the memfds hold now, and by what the tracer
 * saw in them when it stopped the warden before each state. */
static void on_payload(struct ceno_rig *r)
{
	const struct traced *t = &here->traced;
	const uint32_t before = (1u << CENO_DESTROY_DELIVERED) - 1;
	if (is_alive(r->vmm))
		end(BAD_PROOF, "a payload while the vmm lives");
	if (is_left(r))
		end(BAD_PROOF, "a payload while something is left in RAM or an area");
	if (!(fcntl(r->ram, F_GET_SEALS) & F_SEAL_WRITE))
		end(BAD_PROOF, "a payload while RAM could be written");
	if (t->disordered || (t->entered & before) != before || t->seen != SEEN_ALL) {
		char why[96];
		snprintf(why, sizeof why, "a payload after states %#x, disordered %d, seen %#x", t->entered,
		         t->disordered, t->seen);
		end(BAD_PROOF, why);
	}
	here->verdict = BAD_PROOF; /* should the verifier's assertion fail */
	ceno_rig_verify_payload(r);
	here->verdict = BAD;
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
	if (set & CLOSE_SUPERVISOR && recovery.warden > 0)
		hang_up(&recovery.supervisor);
	if (set & KILL_RECOVERY && recovery.warden > 0 && !recovery.exited)
		kill(recovery.warden, SIGKILL);
}

struct ceno_tracer {
	int tell, gate; /* it learns whom to trace; that one waits */
};

/* Before there is anything of the session that it could hold open. */
static struct ceno_tracer start_tracer(enum role role)
{
	int gate[2], pids[2];
	if (pipe2(gate, O_CLOEXEC) < 0 || pipe2(pids, O_CLOEXEC) < 0)
		end(BAD, "no pipes");
	pid_t tracer = fork();
	if (tracer < 0)
		end(BAD, "no tracer");
	tracers[tracer_count++] = tracer;
	if (tracer == 0) {
		pid_t warden;
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* and with it whom it traces */
		close(pids[1]);
		if (read(pids[0], &warden, sizeof warden) == sizeof warden)
			fault_trace(&here->traced, role, warden, gate[1]);
		_exit(0);
	}
	return (struct ceno_tracer){ pids[1], gate[0] };
}

static void let_trace(const struct ceno_tracer *tracer, pid_t warden)
{
	if (write(tracer->tell, &warden, sizeof warden) != sizeof warden)
		end(BAD, "no tracer");
}

/* A first program that ends at once (it misses its arguments), with an input, in a session that is held. */
static void send_session(const int streams[3])
{
	const char *const argv[] = { "canary", NULL };
	ceno_rig_send_open(&rig, streams, CENO_SESSION_HOLD);
	ceno_rig_send_host_file(&rig, "/bin/canary", CANARY_PROGRAM, 0555 | CENO_PACK_PROGRAM);
	ceno_rig_send_host_file(&rig, "/in/data", CANARY_PROGRAM, 0444 | CENO_PACK_INPUT);
	ceno_rig_send_args(&rig, "/bin/canary", argv);
	ceno_rig_send(&rig, CENO_SESSION_START);
}

/* The second one holds the canaries everywhere; and a copy of the trail is asked for. */
static void send_second(void)
{
	static uint8_t block[CENO_ARGS_MAX];
	const char *const argv[] = { "canary", canary_hex, "4", NULL }, *const env[] = { NULL };
	int64_t bytes = ceno_pack_args_format(block, sizeof block, "/bin/canary", argv, env, "/");
	int fd = memfd_create("args", MFD_CLOEXEC);
	if (fd < 0 || bytes <= 0 || write(fd, block, (size_t)bytes) != bytes)
		end(BAD, "no arguments");
	ceno_rig_send_exec(&rig, fd, (uint64_t)bytes);
	close(fd);
	ceno_rig_send(&rig, CENO_SESSION_TRAIL);
}

/* The tracer holds its warden before a state: now they die there. */
static void strike_if_held(void)
{
	if (__atomic_load_n(&here->traced.held, __ATOMIC_ACQUIRE) != HELD_HERE)
		return;
	strike(here->traced.fault.set);
	__atomic_store_n(&here->traced.held, HELD_LET_GO, __ATOMIC_RELEASE);
}

/* Until the warden is gone: when the program holds its canaries everywhere the session is ended. */
static void live(int out, uint64_t began)
{
	const struct fault *f = &here->traced.fault;
	int asked = 0, second = 0, struck = f->kind != FAULT_TIME;
	char text[8];
	while (!rig.exited && !is_overdue(began, rig.warden, rig.vmm)) {
		ceno_rig_for(&rig, struck && f->kind != FAULT_STEP ? 5 : 1);
		strike_if_held();
		if (!second && rig.programs) {
			send_second();
			second = 1;
		}
		/* Output may be lost to the fault; the end must not be. */
		const uint64_t patience = here->traced.done ? PATIENCE_MS : PATIENCE_MAX_MS;
		if (!asked && (read(out, text, sizeof text) > 0 || now_us() - began > patience * 1000)) {
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

/* As the supervisor does when a warden ended before it was done. 1: wiped. The first one is traced. */
static int recover(const struct ceno_tracer *tracer)
{
	struct ceno_rig_options options = real;
	const struct fault *f = &here->traced.fault;
	int wiped = 0;
	options.faulty = 1;
	for (int i = 0; i < RECOVERIES && !wiped && !supervisor_gone; i++) {
		options.gate = i == 0 ? tracer->gate : 0;
		ceno_rig_open_recovery(&recovery, &options, rig.ram, rig.areas, rig.area_count, rig.vmm);
		if (i == 0)
			let_trace(tracer, recovery.warden);
		if (i == 0 && f->kind == FAULT_TIME && f->set & KILL_RECOVERY) {
			usleep(draw(RECOVERY_US));
			kill(recovery.warden, SIGKILL);
		}
		for (uint64_t began = now_us(); !recovery.exited && !is_overdue(began, recovery.warden, 0);) {
			ceno_rig_for(&recovery, 1);
			strike_if_held();
		}
		if (!recovery.exited)
			end(BAD_RUNNING, "the recovery warden did not end");
		wiped = recovery.wiped == 1 && !supervisor_gone;
		ceno_rig_close(&recovery);
		recovery.warden = 0;
	}
	return wiped;
}

/* The vmm of a dead warden may need a moment to die, and the rest is ours to reap. */
static void expect_nobody(void)
{
	for (int i = 0; i < 1500 && (is_alive(rig.vmm) || is_alive(rig.warden)); i++)
		usleep(10000);
	if (is_alive(rig.warden) || is_alive(rig.vmm))
		end(BAD_RUNNING, is_alive(rig.vmm) ? "the vmm is left running" : "the warden is left running");
}

static _Noreturn void judge(const struct ceno_tracer *tracer)
{
	int own = rig.done; /* killed after it: step 8 says so */
	if (!rig.exited) {
		char why[sizeof here->why];
		snprintf(why, sizeof why,
		         "the session did not end: parked %d ready %d launched %d destroying %d payload %d done %d",
		         rig.parked, rig.ready, rig.launched, rig.destroying, rig.have_payload, rig.done);
		kill(rig.warden, SIGKILL);
		end(BAD_RUNNING, why);
	}
	if (supervisor_gone) /* who would have heard DONE */
		own = rig.exit_status == 0;
	int wiped = own || supervisor_gone ? 0 : recover(tracer);
	expect_nobody();
	look_into_spool();
	unsigned left = canaries_left();
	if (own || wiped ? left != 0 : !supervisor_gone)
		end(left ? BAD_CANARY : BAD,
		    left ? "a canary is left in memory that was returned" : "nobody could say that it was wiped");
	if (own && rig.launched && !rig.have_payload && !supervisor_gone)
		end(BAD, "done, launched, and no payload");

	if (here->traced.blind)
		end(BAD, "the warden has no symbols: no boundary could be set");
	end(!here->traced.done && here->traced.fault.kind != FAULT_NONE ? MISSED
	        : wiped                                                 ? RECOVERED
	        : !own                                                  ? UNPROVEN
	        : rig.have_payload                                      ? PROVEN
	                                                                : REFUSED,
	    "");
}

/* In a process of its own, with the tracers as others. */
static _Noreturn void session(void)
{
	struct ceno_rig_options options = real;
	int out[2];
	if (!verbose) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 1);
		dup2(null, 2);
	}
	here->verdict = BAD;
	snprintf(here->why, sizeof here->why, "an assertion of the rig (--one shows it)");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (getrandom(canary, sizeof canary, 0) != sizeof canary || pipe2(out, O_CLOEXEC) < 0 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		end(BAD, "no pipes");
	for (size_t i = 0; i < sizeof canary; i++)
		snprintf(canary_hex + 2 * i, 3, "%02x", canary[i]);
	const struct ceno_tracer first = start_tracer(ROLE_WARDEN), later = start_tracer(ROLE_RECOVERY);
	options.faulty = 1;
	options.gate = first.gate;
	options.on_payload = on_payload;
	const int streams[3] = { open("/dev/null", O_RDWR | O_CLOEXEC), out[1], open("/dev/null", O_RDWR | O_CLOEXEC) };
	uint64_t began = now_us();
	ceno_rig_open(&rig, &options);
	let_trace(&first, rig.warden);
	send_session(streams);
	live(out[0], began);
	judge(&later);
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

static struct plan plan;

static int read_sites(const char *path)
{
	char line[256];
	struct traced *known = &plan.known;
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof line, file) && known->site_count < SITES_MAX) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] && line[0] != '#')
			snprintf(known->site[known->site_count++], SITE_TEXT, "%.47s", line);
	}
	fclose(file);
	plan.listed = known->site_count;
	return known->site_count ? 0 : -1;
}

/* One session with this fault, its counts added to what is known: the most that one session had. */
static int learn(struct shared *s, const struct fault *fault, enum verdict expected)
{
	struct traced *known = &plan.known;
	for (int i = 0; i < LEARN_TRIES; i++) { /* on a busy host a deadline refuses one now and then */
		memset(s, 0, sizeof *s);
		memcpy(s->traced.site, known->site, sizeof known->site);
		s->traced.site_count = known->site_count;
		s->traced.fault = *fault;
		waitpid(start(s), NULL, 0);
		if (s->verdict == expected || s->verdict >= BAD_RUNNING)
			break;
	}
	if (s->verdict != expected) {
		printf("a session to learn from: ");
		say_fault(s);
		return -1;
	}
	known->site_count = s->traced.site_count;
	memcpy(known->site, s->traced.site, sizeof known->site);
	for (uint32_t k = 0; k < SITES_MAX; k++)
		if (s->traced.calls[k] > known->calls[k])
			known->calls[k] = s->traced.calls[k];
	for (int role = 0; role < ROLES; role++)
		if (s->traced.allocations[role] > known->allocations[role])
			known->allocations[role] = s->traced.allocations[role];
	return 0;
}

/* Sessions without a fault, some whose warden is killed once its vmm is gone, and one that is not slowed down by
 * its allocations: how often each site is passed, and how long it takes. */
static int measure(int runs)
{
	struct shared *s = share();
	struct fault none = { .kind = FAULT_NONE }, never = { .kind = FAULT_TIME, .at_us = ~0u };
	struct fault fell = { .kind = FAULT_NONE, .role = ROLE_RECOVERY };
	for (int i = 0; i < runs; i++) {
		fell.fell = (uint32_t)i * 5 % (CENO_DESTROY_STATE_COUNT - 1);
		if (learn(s, &none, PROVEN) < 0 || learn(s, &fell, RECOVERED) < 0)
			return -1;
	}
	if (learn(s, &never, MISSED) < 0)
		return -1;
	plan.usual_us = s->took_us;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(int runs)
{
	struct traced *known = &plan.known;
	if (measure(runs) < 0)
		return 1;
	qsort(known->site, known->site_count, SITE_TEXT, by_text);
	for (uint32_t i = 0; i < known->site_count; i++)
		puts(known->site[i]);
	return 0;
}

/* ---- the faults ---------------------------------------------------------------------------- */

static void prepare(struct shared *s, uint32_t number, unsigned try)
{
	memset(s, 0, sizeof *s);
	memcpy(s->traced.site, plan.known.site, sizeof plan.known.site);
	s->traced.site_count = plan.known.site_count;
	s->traced.fault = plan_fault(&plan, number, try);
	s->number = number;
	s->tries = try;
}

static void inject(uint32_t first, uint32_t wanted, int jobs, struct tally *t)
{
	struct shared *s[JOBS_MAX];
	pid_t pid[JOBS_MAX] = { 0 };
	uint32_t number = first, last = first + wanted;
	int running = 0;
	for (int i = 0; i < jobs; i++)
		s[i] = share();
	while (number < last || running) {
		for (int i = 0; i < jobs; i++)
			if (!pid[i] && number < last) {
				prepare(s[i], number++, 0);
				pid[i] = start(s[i]);
				running++;
			}
		pid_t done = wait(NULL);
		for (int i = 0; i < jobs; i++) {
			if (pid[i] != done)
				continue;
			tally_count(t, s[i]);
			pid[i] = 0, running--;
			if (s[i]->verdict != MISSED)
				continue;
			if (s[i]->tries < TRIES) {
				prepare(s[i], s[i]->number, s[i]->tries + 1);
				pid[i] = start(s[i]);
				running++;
			} else if (last < first + 2 * wanted) {
				last++; /* another in its place */
			}
		}
	}
}

static int run(uint32_t first, uint32_t wanted, int jobs)
{
	static struct tally t;
	const struct traced *known = &plan.known;
	uint32_t unseen = 0;
	if (measure(REFERENCES) < 0)
		return 1;
	/* The list has what its sessions passed, by chance or always, so one more is the product's: that is a failure below. One
	 * less may be chance (a vCPU that had to be kicked) or the host (one CPU has no lanes): said only. */
	for (uint32_t i = plan.listed; i < known->site_count; i++)
		printf("a site that the list has not: %s\n", known->site[i]);
	for (uint32_t i = 0; i < plan.listed; i++)
		if (!known->calls[i] && ++unseen)
			printf("a site of the list that these sessions did not pass: %s\n", known->site[i]);
	printf("%u sites (%u of the list not passed by these sessions); %u, %u and %u allocations of warden, vmm and "
	       "recovery warden; %u ms a session; seed %u, faults %u to %u\n",
	       known->site_count, unseen, known->allocations[ROLE_WARDEN], known->allocations[ROLE_VMM],
	       known->allocations[ROLE_RECOVERY], plan.usual_us / 1000, plan.seed, first, first + wanted - 1);
	fflush(stdout);
	inject(first, wanted, jobs, &t);
	const uint32_t unlisted = known->site_count - plan.listed;
	if (unlisted)
		printf("%u sites are not in the list: faults --list 40 makes it anew\n", unlisted);
	return tally_print(&t, &plan) || unlisted;
}

static int show(struct shared *s)
{
	verbose = 1;
	waitpid(start(s), NULL, 0);
	say_fault(s);
	return s->verdict >= BAD_RUNNING;
}

static int one(char **words, int count_of_words)
{
	struct shared *s = share();
	struct fault f = { .kind = FAULT_NONE };
	if (count_of_words < 3)
		return 2;
	const uint32_t given = (uint32_t)atoi(words[2]), more = count_of_words > 3 ? (uint32_t)atoi(words[3]) : EIO;
	s->traced = plan.known;
	while (f.site < plan.known.site_count && strcmp(plan.known.site[f.site], words[1]) != 0)
		f.site++;
	f.kind = words[0][0] == 'c' ? FAULT_CALL
	    : words[0][0] == 'k'    ? FAULT_KILL
	    : words[0][0] == 'a'    ? FAULT_ALLOC
	    : words[0][0] == 's'    ? FAULT_STEP
				    : FAULT_TIME;
	f.role = strncmp(words[1], "recovery", 8) == 0 ? ROLE_RECOVERY
	    : strcmp(words[1], "vmm") == 0             ? ROLE_VMM
						       : ROLE_WARDEN;
	f.nth = f.step = given;
	f.error = (int32_t)more;
	f.set = f.kind == FAULT_STEP ? more : (uint32_t)atoi(words[1]);
	f.at_us = given;
	s->traced.fault = f;
	return show(s);
}

static int number(uint32_t which)
{
	struct shared *s = share();
	if (measure(REFERENCES) < 0)
		return 1;
	prepare(s, which, 0);
	return show(s);
}

static int usage(void)
{
	fprintf(
	    stderr,
	    "usage: faults SITES [--count N] [--first F] [--seed S] [--jobs J] | faults SITES --number K [--seed S]\n"
	    "       faults SITES --one KIND SITE-OR-ROLE NTH [ERROR | SET] | faults --list [RUNS]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint32_t wanted = 1000, first = 0, alone = ~0u;
	int jobs = 6; /* most of a fault is waiting */
	plan.seed = (unsigned)now_us() & 0xffffff;
	if (geteuid() != 0 || ceno_rig_real(&real, "trust.bin", "bundle.bin") < 0) {
		printf("skipped: needs root, KVM and the signed bundle\n");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "--list") == 0)
		return list(argc > 2 ? atoi(argv[2]) : 20);
	if (argc < 2 || read_sites(argv[1]) < 0)
		return usage();
	for (int i = 2; i < argc; i += 2) {
		if (strcmp(argv[i], "--one") == 0)
			return one(argv + i + 1, argc - i - 1);
		if (i + 1 >= argc)
			return usage();
		uint32_t value = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--count") == 0)
			wanted = value;
		else if (strcmp(argv[i], "--first") == 0)
			first = value;
		else if (strcmp(argv[i], "--seed") == 0)
			plan.seed = value;
		else if (strcmp(argv[i], "--jobs") == 0)
			jobs = (int)value;
		else if (strcmp(argv[i], "--number") == 0)
			alone = value;
		else
			return usage();
	}
	if (alone != ~0u)
		return number(alone);
	return run(first, wanted, jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs);
}
