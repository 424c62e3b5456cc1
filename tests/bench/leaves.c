/*
 * bench_leaves FOLDER [RATE [SECONDS [SLOW_MS]]]: how soon is a cdp leaf sealed?
 *
 * Leaves come at RATE a second (20,000) for SECONDS (10) to attest's own disk queue, log, sealer
 * and TPM queue, over a swtpm whose every signature (Quote, NV_Certify) takes SLOW_MS (200)
 * longer. A leaf's time runs from its submission until the checkpoint over it is quoted
 * and durable. FOLDER is made, used and left for its owner to remove. One line of JSON; exit
 * status 1 if a leaf was not sealed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/sealer.h"
#include "tests/lib/tpm_proxy.h"

#define TICK_MS 5u

struct bench {
	uv_loop_t loop;
	uv_timer_t tick;
	struct ceno_store store;
	struct ceno_disk disk;
	struct ceno_log tree;
	struct ceno_tpmq tpm;
	struct ceno_sealer sealer;
	struct ceno_proof_node node;
	uint8_t secret[64];
	uint64_t rate, total, begin_ns, end_ns;
	uint64_t submitted, logged, sealed;
	/* The first checkpoint, and the last while leaves still came: the rate is of what was sealed between them. */
	uint64_t first_ns, first_size, last_ns, last_size;
	uint64_t *born_ns; /* by order of submission, which is the order of indexes */
	double *ms;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_leaves: %s\n", what);
	exit(2);
}

static void leaf_logged(struct ceno_disk_job *job)
{
	struct bench *b = job->context;
	uint8_t hash[32];
	uint64_t index;
	if (job->error)
		die("a leaf could not be written");
	ceno_merkle_leaf(job->leaf.body, job->leaf.record.body_bytes, hash);
	if (ceno_log_append(&b->tree, hash, &index) || index != job->index || index != b->logged)
		die("out of order");
	b->logged++;
	ceno_sealer_want(&b->sealer);
}

static void submit(struct bench *b)
{
	struct ceno_disk_job *job = ceno_disk_job_new(CENO_DISK_LEAF, leaf_logged, b);
	uint8_t id[16], c0[32], c8[32];
	if (!job)
		die("out of memory");
	randombytes_buf(id, sizeof(id));
	randombytes_buf(c0, sizeof(c0));
	randombytes_buf(c8, sizeof(c8));
	job->leaf.record = (struct ceno_store_record){ .kind = CENO_STORE_CDP };
	memcpy(job->leaf.record.session_id, id, sizeof(id));
	job->leaf.record.body_bytes = (uint32_t)ceno_proof_leaf_cdp(id, b->submitted, c0, c8, job->leaf.body);
	b->born_ns[b->submitted++] = uv_hrtime();
	ceno_disk_submit(&b->disk, job);
}

/* As many as are due by the clock, however late the tick. */
static void on_tick(uv_timer_t *timer)
{
	struct bench *b = timer->data;
	uint64_t due = (uv_hrtime() - b->begin_ns) * b->rate / 1000000000;
	while (b->submitted < due && b->submitted < b->total)
		submit(b);
	if (b->submitted == b->total)
		uv_timer_stop(timer);
}

static void sealed(void *arg, struct ceno_proof_seal *seal, uint64_t size, int error)
{
	struct bench *b = arg;
	(void)seal;
	if (error)
		die("a checkpoint could not be written");
	b->end_ns = uv_hrtime();
	if (!b->first_ns) {
		b->first_ns = b->end_ns;
		b->first_size = size;
	}
	if (b->submitted < b->total) {
		b->last_ns = b->end_ns;
		b->last_size = size;
	}
	for (; b->sealed < size; b->sealed++)
		b->ms[b->sealed] = (double)(b->end_ns - b->born_ns[b->sealed]) / 1e6;
	if (b->sealed == b->total)
		uv_stop(&b->loop);
}

static void lost(void *arg, const char *why)
{
	(void)arg;
	die(why);
}

static void open_all(struct bench *b, const char *folder)
{
	uint8_t seed[32] = { 1 };
	if (mkdir(folder, 0700))
		die("the folder could not be made");
	int log = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log < 0 || ceno_store_open(&b->store, log, false, NULL, NULL) ||
	    ceno_tpmq_open(&b->tpm, NULL, folder, NULL, NULL))
		die("log or TPM could not be opened");
	ceno_log_init(&b->tree);
	crypto_sign_seed_keypair(b->node.log_pub, b->secret, seed);
	strcpy(b->node.origin, "bench");
	const struct ceno_tpm_ak *ak = &b->tpm.ak[CENO_TPM_KEY_SEAL];
	memcpy(b->node.ak_public, ak->public_area, ak->public_bytes);
	b->node.ak_public_bytes = (uint32_t)ak->public_bytes;
	uv_loop_init(&b->loop);
	ceno_disk_init(&b->disk, &b->loop, &b->store);
	ceno_tpmq_start(&b->tpm, &b->loop);
	b->tpm.lost = lost;
	b->sealer = (struct ceno_sealer){ .tree = &b->tree,
		                          .node = &b->node,
		                          .log_secret = b->secret,
		                          .tpm = &b->tpm,
		                          .disk = &b->disk,
		                          .log_folder = log,
		                          .sealed = sealed,
		                          .arg = b };
	ceno_sealer_start(&b->sealer, &b->loop);
	uv_timer_init(&b->loop, &b->tick);
	b->tick.data = b;
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static void report(struct bench *b, uint32_t slow_ms)
{
	qsort(b->ms, b->total, sizeof(*b->ms), by_size);
	/* A run that ends before its second checkpoint has no rate. */
	double seconds = b->last_ns > b->first_ns ? (double)(b->last_ns - b->first_ns) / 1e9 : 1;
	printf(
	    "{\"rate_asked\":%llu,\"slow_ms\":%u,\"quote_ms_measured\":%u,\"batch_leaves\":%llu,\"batch_wait_ms\":%u,"
	    "\"leaves\":%llu,\"quotes\":%llu,\"leaves_per_s\":%.0f,\"sealed_ms_p50\":%.1f,\"sealed_ms_p99\":%.1f,"
	    "\"sealed_ms_max\":%.1f}\n",
	    (unsigned long long)b->rate, slow_ms, b->tpm.quote_ms, (unsigned long long)b->sealer.policy.leaves,
	    b->sealer.policy.wait_ms, (unsigned long long)b->total, (unsigned long long)b->sealer.quotes,
	    (double)(b->last_size > b->first_size ? b->last_size - b->first_size : 0) / seconds, b->ms[b->total / 2],
	    b->ms[b->total * 99 / 100], b->ms[b->total - 1]);
}

int main(int argc, char **argv)
{
	static struct bench b;
	char tpm_folder[4096];
	unsigned long long seconds = argc > 3 ? strtoull(argv[3], NULL, 10) : 10;
	if (argc < 2 || argc > 5 || sodium_init() < 0)
		die("usage: bench_leaves FOLDER [RATE [SECONDS [SLOW_MS]]]");
	b.rate = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
	b.total = b.rate * seconds;
	if (!b.total || b.total > 100000000)
		die("RATE times SECONDS is 1 to 100,000,000");
	setenv("TSS2_LOG", "all+none", 1);
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	snprintf(tpm_folder, sizeof(tpm_folder), "%s.tpm", argv[1]);
	struct tpm_proxy proxy = tpm_proxy_start(tpm_folder);
	proxy.rules->slow_ms = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 200;
	if (dup2(proxy.socket, CENO_KEEPER_FD) < 0)
		die("no descriptor 4");
	b.born_ns = calloc(b.total, sizeof(*b.born_ns));
	b.ms = calloc(b.total, sizeof(*b.ms));
	if (!b.born_ns || !b.ms)
		die("out of memory");
	open_all(&b, argv[1]);
	b.begin_ns = uv_hrtime();
	uv_timer_start(&b.tick, on_tick, 0, TICK_MS);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	report(&b, proxy.rules->slow_ms);
	ceno_tpmq_close(&b.tpm);
	close(CENO_KEEPER_FD);
	tpm_proxy_stop(&proxy);
	return b.sealed == b.total ? 0 : 1;
}
