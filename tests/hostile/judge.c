/*
 * Runs each hostile guest (guests/guests.h) in a session of a real node and judges it.
 *
 *   judge [--list] [--first] [--not NAME[:FORM]]... --bin DIR --node PID --uid-base N --blobs DIR [NAME[:FORM]...]
 *
 * For each form: `ceno run` starts it; the guest leaves a canary in RAM and says "ready";
 * its memory is opened from outside and the canary seen; then it is let go. The session must end as
 * the table says, the proof verify and say so (cause, violation, slots, pledge, bytes), no canary be left in
 * that memory, the node's own blobs be unchanged, and the node hold what it held before.
 *
 * --first: one form of each guest. --not: leave that out, and say so. Needs root, and a node with
 * bundle-hostile-guests.bin and trust-hostile.bin.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attest/verify/verify.h"
#include "guest-kernel/abi/window.h"
#include "guests/guests.h"
#include "observer.h"
#include "vmm/core/launch.h"

#define RAM_BYTES    (32ull << 20)
#define KERNEL_BYTES (4ull << 20) /* pool and boot granule (boot.h) */
#define CANARIES     20u          /* in RAM before the guest is let go, at least */
#define TTL_MS       1500u        /* of a guest that only its lifetime ends */
#define PATIENCE_MS  30000u
#define SETTLE_MS    10000u
#define STDOUT_MAX   (2u << 20)
#define REFUSED      125 /* exit status of ceno run */
#define NOT_MAX      8
#define ATTEMPTS     3u
#define SHOWN_MAX    4096u

/* ---- ends ---- */

#define VIOLATION(code) (1u << (CENO_VMM_STOP_##code - CENO_VMM_STOP_UNBACKED))
enum {
	END_UNBACKED = VIOLATION(UNBACKED),
	END_READ_ONLY = VIOLATION(READ_ONLY),
	END_PORT = VIOLATION(PORT),
	END_SHUTDOWN = VIOLATION(SHUTDOWN),
	END_RING_LIE = VIOLATION(RING_LIE),
	END_EMULATION = VIOLATION(EMULATION),
	END_MSR = VIOLATION(MSR),
	END_HELD = 1u << 30,
	END_TTL = 1u << 29,
	END_STOPPED = 1u << 28, /* by a stop code, without a report */
	/* What KVM may call one and the same thing. */
	END_OUTSIDE = END_UNBACKED | END_EMULATION | END_SHUTDOWN,
	END_INIT = END_OUTSIDE | END_TTL,
	END_NO_FETCH = END_OUTSIDE | END_HELD, /* held: ring 3 has an invalid opcode instead */
	END_NO_WALK = END_OUTSIDE | END_TTL,   /* or the CPU faults on the walk for ever */
	END_NO_RUN = END_EMULATION | END_HELD,
	END_STRING = END_PORT | END_STOPPED, /* KVM may take a string apart: its first value is one */
};

static const struct guest {
	const char *name, *claim;
	unsigned forms;
	uint32_t emulated, native;
} guests[] = {
#define GUEST(name, forms, emulated, native, claim) { #name, claim, forms, END_##emulated, END_##native },
	HOSTILE_GUESTS(GUEST)
#undef GUEST
};
#define GUESTS (sizeof guests / sizeof guests[0])

static struct {
	const char *bin, *blobs;
	struct observer observer;
	struct observed before;
	char folder[64];
	bool first;
	const char * not [NOT_MAX];
	int not_count;
} run;

/* One session. */
struct session {
	const struct guest *guest;
	unsigned which, form;
	pid_t ceno;
	int in, out; /* of ceno run */
	uint8_t canary[16];
	char hex[33];
	size_t said; /* bytes of output, kept up to the buffer's end */
	bool ready;  /* the guest ran */
	int status;
	uint64_t ms; /* from the guest being let go to the end of ceno */
	struct memories memories;
	struct ceno_verify_result result;
};

static char output[STDOUT_MAX];

static bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool wrong(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("      ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	return false;
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", run.folder, name);
	return path;
}

/* ---- one session ---- */

static bool may_live_on(const struct session *s)
{
	return (s->guest->native | s->guest->emulated) & END_TTL;
}

static void be_ceno(const struct session *s, int in, int out)
{
	char program[512], which[8], form[8], ttl[16], proof[128];
	int errors = open(path_of("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	snprintf(program, sizeof program, "%s/ceno", run.bin);
	snprintf(which, sizeof which, "%u", s->which);
	snprintf(form, sizeof form, "%u", s->form);
	snprintf(ttl, sizeof ttl, "%ums", may_live_on(s) ? TTL_MS : PATIENCE_MS);
	snprintf(proof, sizeof proof, "%s", path_of("proof"));
	if (errors < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0)
		_exit(99);
	execl(program, "ceno", "run", "--memory", "32M", "--ttl", ttl, "--pledge", "stdio", "--proof", proof, "--",
	      "busybox", which, form, s->hex, (char *)NULL);
	_exit(98);
}

static bool start(struct session *s)
{
	int in[2], out[2];
	unlink(path_of("proof"));
	randombytes_buf(s->canary, sizeof s->canary);
	sodium_bin2hex(s->hex, sizeof s->hex, s->canary, sizeof s->canary);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return wrong("no pipes: %s", strerror(errno));
	fflush(stdout);
	s->ceno = fork();
	if (s->ceno == 0)
		be_ceno(s, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	s->in = in[1];
	s->out = out[0];
	return s->ceno > 0;
}

/* Takes output until `enough` bytes came, its end, or timeout_ms. True unless time ran out. */
static bool take(struct session *s, size_t enough, uint64_t timeout_ms)
{
	uint64_t end = now_ms() + timeout_ms;
	while (s->said < enough) {
		struct pollfd wait = { .fd = s->out, .events = POLLIN };
		uint64_t now = now_ms();
		if (now >= end || poll(&wait, 1, (int)(end - now)) <= 0)
			return false;
		size_t room = sizeof output - s->said;
		ssize_t n = read(s->out, room ? output + s->said : output, room ? room : sizeof output);
		if (n <= 0)
			return n == 0;
		s->said += room ? (size_t)n : 0;
	}
	return true;
}

static bool reap(struct session *s, uint64_t timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	for (uint64_t end = now_ms() + timeout_ms; s->ceno > 0;) {
		if (waitpid(s->ceno, &s->status, WNOHANG) == s->ceno) {
			s->ceno = 0;
			return true;
		}
		if (now_ms() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* The node answers others, whatever this session does. */
static bool node_answers(void)
{
	char program[512];
	int status = -1;
	uint64_t begin = now_ms();
	snprintf(program, sizeof program, "%s/ceno", run.bin);
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		execl(program, "ceno", "ls", (char *)NULL);
		_exit(98);
	}
	struct session ls = { .ceno = pid };
	bool ended = reap(&ls, SETTLE_MS);
	status = ls.status;
	if (!ended)
		kill(pid, SIGKILL);
	if (!ended || status != 0)
		return wrong("the node did not list its sessions (status %d, %lu ms)", status,
		             (unsigned long)(now_ms() - begin));
	return true;
}

static bool look_before(struct session *s)
{
	if (!memories_open(&run.observer, &s->memories))
		return wrong("no warden of the node has a session");
	uint64_t raw = memories_search(&s->memories, s->canary, sizeof s->canary);
	uint64_t text = memories_search(&s->memories, s->hex, 32);
	if (raw < CANARIES || text < 1)
		return wrong("the canary is in memory %lu times, its text %lu times: the observer is blind",
		             (unsigned long)raw, (unsigned long)text);
	return true;
}

static bool look_after(const struct session *s)
{
	uint64_t raw = memories_search(&s->memories, s->canary, sizeof s->canary);
	uint64_t text = memories_search(&s->memories, s->hex, 32);
	bool good = memories_match(&s->memories, run.blobs);
	if (raw || text)
		good =
		    wrong("the canary is left %lu times, its text %lu times", (unsigned long)raw, (unsigned long)text);
	for (unsigned i = 0; i < s->memories.count; i++)
		if (strstr(s->memories.of[i].name, "ram") && !(fcntl(s->memories.of[i].fd, F_GET_SEALS) & F_SEAL_WRITE))
			good = wrong("RAM is not sealed against writing");
	return good;
}

static bool is_flood(const struct session *s)
{
	return !strcmp(s->guest->name, "flood");
}

/* From "ready" to the end. A flood's output is not taken until its lifetime is over. */
static bool drive(struct session *s)
{
	uint64_t begin;
	if (!take(s, 6, PATIENCE_MS) || s->said < 6 || memcmp(output, "ready\n", 6) != 0)
		return wrong("the guest never said that it is ready");
	s->ready = true;
	if (!look_before(s))
		return false;
	begin = now_ms();
	if (write(s->in, "g", 1) != 1)
		return wrong("ceno takes no input");
	bool good = node_answers();
	if (is_flood(s)) {
		const struct timespec pause = { .tv_sec = 3 };
		nanosleep(&pause, NULL);
		good &= node_answers();
	}
	if (!take(s, SIZE_MAX, PATIENCE_MS) || !reap(s, PATIENCE_MS))
		return wrong("ceno did not end");
	s->ms = now_ms() - begin;
	return good;
}

static void end(struct session *s)
{
	if (s->ceno > 0) {
		kill(s->ceno, SIGKILL);
		reap(s, PATIENCE_MS);
	}
	close(s->in);
	close(s->out);
	memories_close(&s->memories);
}

/* ---- evidence ---- */

static bool read_proof(struct session *s)
{
	static char file[32768];
	struct ceno_verify_policy policy;
	FILE *from = fopen(path_of("proof"), "re");
	if (!from)
		return wrong("no proof");
	size_t bytes = fread(file, 1, sizeof file, from);
	fclose(from);
	ceno_verify_policy_init(&policy);
	if (ceno_verify(file, bytes, &policy, &s->result) < 0 || !s->result.read)
		return wrong("the proof cannot be read");
	/* Nobody pinned this node: that, and nothing else, may be missing. */
	if (s->result.exit_status != 0 && s->result.verdict != CENO_VERIFY_AK_UNPINNED)
		return wrong("the proof does not verify: code %u, %s", s->result.verdict, s->result.detail);
	return true;
}

static uint32_t end_of(const struct ceno_proof_isolation *isolation)
{
	if (isolation->cause == CENO_CAUSE_VIOLATION && isolation->violation >= CENO_VMM_STOP_UNBACKED &&
	    isolation->violation < CENO_VMM_STOP_UNBACKED + 16)
		return 1u << (isolation->violation - CENO_VMM_STOP_UNBACKED);
	if (isolation->violation)
		return 0;
	return isolation->cause == CENO_CAUSE_EXIT ? END_HELD : isolation->cause == CENO_CAUSE_TTL ? END_TTL : 0;
}

static bool check_end(const struct session *s)
{
	const struct ceno_proof_statement *p = &s->result.statement;
	uint32_t was = end_of(&p->isolation);
	int status = WIFEXITED(s->status) ? WEXITSTATUS(s->status) : -1;
	if (was == END_HELD && status == REFUSED)
		was = END_STOPPED;
	uint32_t wanted = p->forensic.host.kvm == CENO_PROOF_KVM_PAGING ? s->guest->emulated : s->guest->native;
	bool good = true;
	if (!(was & wanted))
		good =
		    wrong("ended with cause %u, violation %u (%s), status %d", p->isolation.cause,
		          p->isolation.violation,
		          p->forensic.host.kvm == CENO_PROOF_KVM_PAGING ? "ring 0 emulated" : "ring 0 native", status);
	if (was == END_HELD && status != 0)
		good = wrong("the guest says %d", status);
	if (was != END_HELD && was != END_TTL && status != REFUSED)
		good = wrong("ceno run ended with status %d, not %d", status, REFUSED);
	return good;
}

/* Slots as they must be for this bundle: nothing more, nothing writable but windows and RAM. */
static bool check_slots(const struct ceno_proof_statement *p)
{
	static const uint32_t kinds[] = { CENO_PROOF_SLOT_FIRMWARE, CENO_PROOF_SLOT_TRUST,  CENO_PROOF_SLOT_BUNDLE,
		                          CENO_PROOF_SLOT_BOOT,     CENO_PROOF_SLOT_WINDOW, CENO_PROOF_SLOT_WINDOW,
		                          CENO_PROOF_SLOT_RAM,      CENO_PROOF_SLOT_PACK };
	const size_t count = sizeof kinds / sizeof kinds[0];
	if (p->isolation.slot_count != count)
		return wrong("%u slots, not %zu", p->isolation.slot_count, count);
	for (size_t i = 0; i < count; i++) {
		const struct ceno_proof_slot *slot = &p->isolation.slots[i];
		bool writable = slot->kind == CENO_PROOF_SLOT_WINDOW || slot->kind == CENO_PROOF_SLOT_RAM;
		if (slot->kind != kinds[i] || (slot->rights == CENO_PROOF_READ_WRITE) != writable)
			return wrong("slot %zu is of kind %u, rights %u", i, slot->kind, slot->rights);
	}
	return true;
}

static bool check_isolation(const struct ceno_proof_statement *p)
{
	const uint32_t stdio = 1u << CENO_PLEDGE_STDIO;
	bool good = check_slots(p);
	if (!p->core.platform.test_key || strncmp(p->core.platform.trust_name, "hostile test key", 16) != 0)
		good = wrong("the proof does not name the test key: '%s'", p->core.platform.trust_name);
	if (p->core.pledge_mask != stdio || p->isolation.pledge_mask != stdio)
		good = wrong("pledged %#x, enforced %#x", p->core.pledge_mask, p->isolation.pledge_mask);
	if (p->isolation.tasks_left || p->isolation.seccomp_mode != 2 || !p->isolation.no_new_privs ||
	    p->isolation.cap_eff)
		good = wrong("the vmm was not locked, or not alone");
	return good;
}

/* What the guest made resident is in the proof, and gone. */
static bool check_memory(const struct session *s)
{
	const struct ceno_proof_statement *p = &s->result.statement;
	uint64_t least = (uint64_t)CANARIES * 65536;
	bool good = true;
	if (!strcmp(s->guest->name, "page_touch") || !strcmp(s->guest->name, "fill_memory"))
		least =
		    RAM_BYTES - KERNEL_BYTES - (s->guest->name[0] == 'f' ? CENO_LARGE_PAGE : 0); /* fill_memory's own */
	if (p->core.mem_total != RAM_BYTES || p->overwrite.bytes < least || p->overwrite.bytes > RAM_BYTES)
		good = wrong("%lu of %lu bytes overwritten, at least %lu were touched",
		             (unsigned long)p->overwrite.bytes, (unsigned long)p->core.mem_total, (unsigned long)least);
	if (p->forensic.compared_bytes != p->overwrite.bytes || p->forensic.mismatches || !p->forensic.write_sealed)
		good = wrong("compared %lu bytes, %lu mismatches", (unsigned long)p->forensic.compared_bytes,
		             (unsigned long)p->forensic.mismatches);
	for (uint32_t i = 0; i < p->filesystem.area_count; i++) {
		const struct ceno_proof_area *area = &p->filesystem.areas[i];
		if (area->overwritten != area->bytes || area->read_back != area->bytes || area->mismatches ||
		    !area->unmapped)
			good = wrong("area %u of kind %u is not wiped", i, area->kind);
	}
	return good;
}

static bool check_trail(const struct session *s)
{
	static const uint32_t expected[] = {
		0, 4097, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES
	};
	uint32_t bytes = s->result.statement.isolation.trail_bytes;
	if (strcmp(s->guest->name, "trail_lie") != 0)
		return bytes == 0 || wrong("a trail of %u bytes that nobody wrote", bytes);
	if (s->form < sizeof expected / sizeof expected[0] ? bytes != expected[s->form] : bytes > CENO_TRAIL_BYTES)
		return wrong("the trail has %u bytes", bytes);
	return true;
}

/* Lives that are bounded by something else than the session's patience. */
static bool check_time(const struct session *s)
{
	const struct ceno_proof_timing *t = &s->result.statement.timing;
	uint64_t ms = (t->stopped_us - t->launched_us) / 1000;
	if (ms > PATIENCE_MS / 2)
		return wrong("it lived for %lu ms", (unsigned long)ms);
	return true;
}

/* ---- what the user sees ---- */

static bool check_output(const struct session *s)
{
	static const struct {
		const char *guest;
		unsigned form;
		const char *says;
	} expected[] = {
		{ "host_page", 0, "before\nafter\n" },
		{ "bell_storm", 0, "still here\n" },
		{ "escapes", 0,
		  "\x1b]0;owned\x07\x1b[2J\x1b[31mroot# \x9b"
		  "1m\r\n" },
	};
	const char *rest = "";
	if (is_flood(s))
		return s->said > 6 || wrong("no output of the flood came");
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		if (!strcmp(s->guest->name, expected[i].guest) && s->form == expected[i].form)
			rest = expected[i].says;
	if (s->said != 6 + strlen(rest) || memcmp(output + 6, rest, strlen(rest)) != 0)
		return wrong("%zu bytes of output, not the %zu that were said", s->said, 6 + strlen(rest));
	return true;
}

/* What ceno says has no control character but line ends, whatever the guest called itself. */
static bool check_said(void)
{
	FILE *file = fopen(path_of("stderr"), "re");
	bool good = true;
	int c, before = 0;
	while (file && good && (c = fgetc(file)) != EOF) {
		/* 0x80 to 0x9f are controls unless they continue a UTF-8 character */
		if ((c < ' ' && c != '\n') || c == 0x7f || (c >= 0x80 && c < 0xa0 && before < 0x80))
			good = wrong("ceno says a control character: %#x", (unsigned)c);
		before = c;
	}
	if (file)
		fclose(file);
	return good;
}

static void show_said(void)
{
	FILE *file = fopen(path_of("stderr"), "re");
	int c;
	for (unsigned shown = 0; file && shown < SHOWN_MAX && (c = fgetc(file)) != EOF; shown++)
		putchar(c < ' ' && c != '\n' ? '?' : c);
	putchar('\n');
	if (file)
		fclose(file);
}

/* attempts: how often a session may be refused before its guest ran. */
static bool judge(const struct guest *guest, unsigned form, unsigned attempts)
{
	static struct session s;
	s = (struct session){ .guest = guest, .which = (unsigned)(guest - guests), .form = form, .in = -1, .out = -1 };
	bool good = start(&s) && drive(&s) && read_proof(&s);
	if (!s.ready && attempts > 1) { /* a node that is too slow to launch says nothing about the guest */
		show_said();
		end(&s);
		printf("again %s %u\n", guest->name, form);
		return observe_same(&run.observer, &run.before, SETTLE_MS) && judge(guest, form, attempts - 1);
	}
	if (good) {
		good = check_end(&s);
		good &= check_isolation(&s.result.statement);
		good &= check_memory(&s);
		good &= check_trail(&s);
		good &= check_time(&s);
		good &= check_output(&s);
		good &= check_said();
		good &= look_after(&s);
	}
	end(&s);
	good &= observe_same(&run.observer, &run.before, SETTLE_MS);
	if (!good)
		show_said();
	printf("%s  %s %u: %s (%lu ms, violation %u)\n", good ? "ok  " : "FAIL", guest->name, form, guest->claim,
	       (unsigned long)s.ms, s.result.statement.isolation.violation);
	fflush(stdout);
	return good;
}

/* ---- all of them ---- */

/* Is it one of NAME or NAME:FORM? */
static bool is_one_of(const struct guest *guest, unsigned form, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		size_t length = strcspn(names[i], ":");
		if (strlen(guest->name) == length && !strncmp(guest->name, names[i], length) &&
		    (!names[i][length] || strtoul(names[i] + length + 1, NULL, 10) == form))
			return true;
	}
	return false;
}

static bool chosen(const struct guest *guest, unsigned form, const char *const *names, int count)
{
	if ((count && !is_one_of(guest, form, names, count)) || (run.first && form && !count))
		return false;
	if (!is_one_of(guest, form, run.not, run.not_count))
		return true;
	printf("left out: %s %u\n", guest->name, form);
	return false;
}

/* The first session of a node opens what later ones find: it is not judged by what the node held before. */
static void warm_up(void)
{
	static struct session s;
	s = (struct session){ .guest = &guests[0], .in = -1, .out = -1 };
	if (start(&s))
		(void)drive(&s);
	end(&s);
	const struct timespec pause = { .tv_sec = 1 };
	nanosleep(&pause, NULL);
	observe(&run.observer, &run.before);
	printf("the node holds %lu processes, %lu threads, %lu descriptors, %lu memfds, %lu groups, %lu mounts, %lu "
	       "keys\n",
	       (unsigned long)run.before.processes, (unsigned long)run.before.threads,
	       (unsigned long)run.before.descriptors, (unsigned long)run.before.memfds,
	       (unsigned long)run.before.groups, (unsigned long)run.before.mounts, (unsigned long)run.before.keys);
}

static int options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "bin", required_argument, NULL, 'b' },      { "node", required_argument, NULL, 'n' },
		{ "uid-base", required_argument, NULL, 'u' }, { "blobs", required_argument, NULL, 'B' },
		{ "first", no_argument, NULL, 'f' },          { "not", required_argument, NULL, 'x' },
		{ "list", no_argument, NULL, 'l' },           { NULL, 0, NULL, 0 },
	};
	for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) >= 0;) {
		if (option == 'b')
			run.bin = optarg;
		else if (option == 'B')
			run.blobs = optarg;
		else if (option == 'n')
			run.observer.node = (pid_t)strtol(optarg, NULL, 10);
		else if (option == 'u')
			run.observer.uid_base = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'f')
			run.first = true;
		else if (option == 'x' && run.not_count < NOT_MAX)
			run.not [run.not_count++] = optarg;
		else if (option == 'l')
			for (size_t i = 0; i < GUESTS; i++)
				printf("%s\t%u\t%s\n", guests[i].name, guests[i].forms, guests[i].claim);
		else
			return -1;
		if (option == 'l')
			exit(0);
	}
	return run.bin && run.blobs && run.observer.node > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	if (options(argc, argv) < 0 || sodium_init() < 0) {
		fprintf(stderr,
		        "usage: judge [--list] [--first] [--not NAME[:FORM]]... --bin DIR --node PID --uid-base N "
		        "--blobs DIR [NAME[:FORM]...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	snprintf(run.folder, sizeof run.folder, "/tmp/ceno-judge.XXXXXX");
	if (!mkdtemp(run.folder))
		return 2;
	warm_up();
	const char *const *names = (const char *const *)argv + optind;
	for (size_t i = 0; i < GUESTS; i++)
		for (unsigned form = 0; form < guests[i].forms; form++) {
			if (!chosen(&guests[i], form, names, argc - optind))
				continue;
			if (judge(&guests[i], form, ATTEMPTS))
				passed++;
			else
				failed++;
		}
	unlink(path_of("proof"));
	unlink(path_of("stderr"));
	rmdir(run.folder);
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
