/*
 * An audit for people and for machines. Records are shown only if every one is well
 * formed (stage 2): then whatever is printed of them is a number, hexadecimal, or a
 * name of lowercase letters, digits and hyphens.
 */
#include "audit.h"

#include <stdio.h>
#include <string.h>
#include "attest/proof/out.h"
#include "guest-kernel/lib/content_id.h"

struct view {
	struct out out;
	const struct ceno_audit *audit;
	struct ceno_trail_boot boot;
	char name[CENO_TRAIL_FIBERS][40]; /* of the module in each fiber: "membrane(1)" or "3" */
};

#define put(o, ...) put(&(o)->out, __VA_ARGS__)

static const char *const pledge_names[CENO_PLEDGE_COUNT] = { "stdio", "rw",    "net",   "storage",
	                                                     "spawn", "audio", "video", "gpu" };
static const char *const object_names[] = {
	"null", "fiber", "process", "frames", "channel", "window", "clock", "region"
};
static const char *const right_names[] = { "read", "write", "execute", "grant", "revoke", "map", "spawn" };
static const char *const spectrum_names[] = { "photon", "matter", "gravity", "void" };
static const char *const cause_names[] = { "", "fault", "strikes" };
static const char *const loss_names[] = { "", "full", "uncounted", "refused" };
static const char *const status_names[] = { "not_run", "pass", "fail" };

static const char *type_name(uint32_t type)
{
	switch (type) {
#define NAME(name, number, payload, text) \
	case number: \
		return text;
		CENO_TRAIL_TYPES(NAME)
#undef NAME
	default:
		return "";
	}
}

/* The words of the bits that are set, joined; "none" without any. `text` holds them all. */
static const char *words(uint32_t bits, const char *const *names, size_t count, char text[128])
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (bits >> i & 1)
			used += (size_t)snprintf(text + used, 128 - used, "%s%s", used ? "," : "", names[i]);
	return used ? text : "none";
}

static const char *pledge(uint32_t bits, char text[128])
{
	return words(bits, pledge_names, CENO_PLEDGE_COUNT, text);
}

static uint64_t microseconds(const struct view *o, uint64_t at)
{
	uint64_t since = at > o->boot.start_tsc ? at - o->boot.start_tsc : 0, hz = o->boot.tsc_hz;

	return since / hz * 1000000 + (uint64_t)((double)(since % hz) * 1e6 / (double)hz);
}

static bool has_passed(const struct ceno_audit *a, uint32_t stage)
{
	return a->verdict == CENO_AUDIT_CODE_COUNT || ceno_audit_code_info(a->verdict)->stage > stage;
}

static bool is_readable(const struct ceno_audit *a)
{
	return a->records && has_passed(a, 2);
}

static void open_out(struct view *o, const void *file, const struct ceno_audit *a, char *text, size_t capacity)
{
	struct ceno_trail_record r;

	memset(o, 0, sizeof *o);
	o->out = (struct out){ text, 0, capacity };
	o->audit = a;
	o->boot.tsc_hz = 1;
	for (unsigned i = 0; i < CENO_TRAIL_FIBERS; i++)
		snprintf(o->name[i], sizeof o->name[i], "%u", i);
	if (!is_readable(a))
		return;
	ceno_audit_record(file, a, 0, &r);
	if (r.head.type == CENO_TRAIL_BOOT)
		o->boot = r.boot;
}

static void name_fiber(struct view *o, const struct ceno_trail_record *r)
{
	if (r->head.type == CENO_TRAIL_MODULE)
		snprintf(o->name[r->module.fiber], sizeof o->name[0], "%.23s(%u)", r->module.name, r->module.fiber);
	if (r->head.type == CENO_TRAIL_SPAWN)
		snprintf(o->name[r->spawn.child], sizeof o->name[0], "%u", r->spawn.child);
}

/* ---- text ---- */

static void text_boot(struct view *o, const struct ceno_trail_boot *b)
{
	char text[129];

	put(o, "session %s", hex(b->session_id, 16, text));
	put(o, ", pledge %s\n", pledge(b->pledge, text));
	put(o, "%22shardware   %s\n", "", hex(b->hardware, 32, text));
	put(o, "%22strust page sha512:%s\n", "", hex(b->trust, 64, text));
	put(o, "%22sbundle     sha512:%s\n", "", hex(b->bundle, 64, text));
	put(o, "%22sboot page  sha512:%s\n", "", hex(b->constant, 64, text));
	put(o, "%22sguest key  ed25519:%s", "", hex(b->public_key, 32, text));
}

static void text_module(struct view *o, const struct ceno_trail_module *m)
{
	char id[CENO_CONTENT_ID_TEXT_LENGTH + 1], text[128];
	struct ceno_content_id content;

	memcpy(&content, m->content_id, sizeof content);
	ceno_content_id_format(&content, id);
	put(o, "%s, pledge %s, slots %llx, onward %llx\n%22s%s", o->name[m->fiber], pledge(m->pledge, text),
	    (unsigned long long)m->slots, (unsigned long long)m->onward, "", id);
}

static void text_fate(struct view *o, const struct ceno_trail_record *r)
{
	switch (r->head.type) {
	case CENO_TRAIL_STRIKE:
		put(o, "%s, number %u, now %s", o->name[r->strike.fiber], r->strike.count,
		    spectrum_names[r->strike.spectrum]);
		break;
	case CENO_TRAIL_FAULT:
		put(o, "%s, crash %u: ", o->name[r->fault.fiber], r->fault.count);
		if (r->fault.cause == CENO_TRAIL_KILLED)
			put(o, "killed by its strikes");
		else
			put(o, "vector %u, error %x, rip %llx", r->fault.vector, r->fault.error,
			    (unsigned long long)r->fault.rip);
		break;
	case CENO_TRAIL_RESTART:
		put(o, "%s, number %u, ", o->name[r->restart.fiber], r->restart.count);
		if (r->restart.checkpoint)
			put(o, "from checkpoint #%llu", (unsigned long long)r->restart.checkpoint);
		else
			put(o, "from nothing");
		break;
	default:
		put(o, "%s", o->name[r->exit.fiber]);
	}
}

static void text_ledger(struct view *o, const struct ceno_trail_record *r)
{
	char text[65];

	switch (r->head.type) {
	case CENO_TRAIL_CHECKPOINT:
		put(o, "%s, %s", o->name[r->checkpoint.fiber], hex(r->checkpoint.root, 32, text));
		break;
	case CENO_TRAIL_SEAL:
		put(o, "%s", r->seal.final ? "of all before, the last" : "of all before");
		break;
	case CENO_TRAIL_LOSS:
		put(o, "%llu, %s, types %x", (unsigned long long)r->loss.count, loss_names[r->loss.cause],
		    r->loss.types);
		break;
	default:
		put(o, "after %llu bytes", (unsigned long long)r->resume.bytes);
	}
}

static void text_record(struct view *o, const struct ceno_trail_record *r, uint32_t i)
{
	uint64_t us = microseconds(o, r->head.at);
	char text[128], other[128];

	name_fiber(o, r);
	put(o, "%5u %4llu.%06llu  %-10s ", i, (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
	    type_name(r->head.type));
	switch (r->head.type) {
	case CENO_TRAIL_BOOT:
		text_boot(o, &r->boot);
		break;
	case CENO_TRAIL_MODULE:
		text_module(o, &r->module);
		break;
	case CENO_TRAIL_GRANT:
		put(o, "%s to %s: %s, %s, depth %u", o->name[r->grant.from], o->name[r->grant.to],
		    object_names[r->grant.type], words(r->grant.rights, right_names, 7, text), r->grant.depth);
		break;
	case CENO_TRAIL_PLEDGE:
		put(o, "%s by %s: %s to %s", o->name[r->pledge.fiber], o->name[r->pledge.by],
		    pledge(r->pledge.old, text), pledge(r->pledge.now, other));
		break;
	case CENO_TRAIL_SPAWN:
		put(o, "%s makes %u, pledge %s, %u J", o->name[r->spawn.fiber], r->spawn.child,
		    pledge(r->spawn.pledge, text), r->spawn.budget);
		break;
	case CENO_TRAIL_STRIKE:
	case CENO_TRAIL_FAULT:
	case CENO_TRAIL_RESTART:
	case CENO_TRAIL_EXIT:
		text_fate(o, r);
		break;
	default:
		text_ledger(o, r);
	}
	put(o, "\n");
}

static void text_verdict(struct view *o)
{
	const struct ceno_audit *a = o->audit;
	const struct ceno_audit_code_info *info;

	put(o, "%s",
	    a->exit_status == 0       ? "VERIFIED"
	        : a->exit_status == 4 ? "BELOW ASKED ASSURANCE"
	        : a->exit_status == 5 ? "ANOTHER SESSION'S"
	                              : "INVALID");
	for (uint32_t code = 0; code < CENO_AUDIT_CODE_COUNT; code++) {
		if (a->status[code] != CENO_AUDIT_FAIL)
			continue;
		info = ceno_audit_code_info(code);
		put(o, "\n  stage %u, reason %u %s: %s", info->stage, info->number, info->name, info->text);
		if (code == a->verdict && a->record != UINT32_MAX)
			put(o, " (record %u)", a->record);
	}
	put(o, "\n");
}

static const char limits[] =
    "What it does not say\n"
    "  The seals say that a guest holding the key wrote this. The key comes from a seed that the warden\n"
    "  made and init and prov read: whoever controls the host, init or prov can write any trail. Capabilities\n"
    "  that move over a channel are not recorded, nor what happens inside a Linux program. Times are the guest's.\n";

size_t ceno_audit_render_text(const void *file, const struct ceno_audit *audit, char *text, size_t capacity)
{
	struct ceno_trail_record r;
	struct view o;
	char head[65];

	open_out(&o, file, audit, text, capacity);
	for (uint32_t i = 0; is_readable(audit) && i < audit->records; i++) {
		ceno_audit_record(file, audit, i, &r);
		text_record(&o, &r, i);
	}
	text_verdict(&o);
	if (has_passed(audit, 4))
		put(&o, "  %u records, %u of them sealed%s, up to blake3:%s\n", audit->records, audit->sealed,
		    audit->finished ? ", finished" : "", hex(audit->head, 32, head));
	if (audit->lost || audit->refused)
		put(&o, "  missing: %s%llu that did not fit, %llu messages without sense\n",
		    audit->lost_more ? "at least " : "", (unsigned long long)audit->lost,
		    (unsigned long long)audit->refused);
	put(&o, "%s", limits);
	return o.out.length;
}

/* ---- JSON ---- */

static void json_boot(struct view *o, const struct ceno_trail_boot *b)
{
	char hardware[65], trust[129], bundle[129], constant[129], session[33], nonce[65], key[65];

	put(o,
	    ",\"session_id\":\"%s\",\"nonce\":\"%s\",\"guest_key\":\"%s\",\"hardware\":\"%s\",\"trust_sha512\":\"%s\","
	    "\"bundle_sha512\":\"%s\",\"boot_sha512\":\"%s\",\"start_realtime_ns\":\"%llu\",\"start_tsc\":\"%llu\","
	    "\"tsc_hz\":\"%llu\",\"abi_version\":%u,\"pledge\":%u",
	    hex(b->session_id, 16, session), hex(b->nonce, 32, nonce), hex(b->public_key, 32, key),
	    hex(b->hardware, 32, hardware), hex(b->trust, 64, trust), hex(b->bundle, 64, bundle),
	    hex(b->constant, 64, constant), (unsigned long long)b->start_realtime_ns, (unsigned long long)b->start_tsc,
	    (unsigned long long)b->tsc_hz, b->abi_version, b->pledge);
}

static void json_module(struct view *o, const struct ceno_trail_module *m)
{
	char id[CENO_CONTENT_ID_TEXT_LENGTH + 1];
	struct ceno_content_id content;

	memcpy(&content, m->content_id, sizeof content);
	ceno_content_id_format(&content, id);
	put(o,
	    ",\"content_id\":\"%s\",\"name\":\"%.23s\",\"module\":%u,\"fiber\":%u,\"pledge\":%u,\"slots\":\"%llx\","
	    "\"onward\":\"%llx\"",
	    id, m->name, m->module, m->fiber, m->pledge, (unsigned long long)m->slots, (unsigned long long)m->onward);
}

static void json_fate(struct view *o, const struct ceno_trail_record *r)
{
	switch (r->head.type) {
	case CENO_TRAIL_STRIKE:
		put(o, ",\"fiber\":%u,\"count\":%u,\"spectrum\":\"%s\"", r->strike.fiber, r->strike.count,
		    spectrum_names[r->strike.spectrum]);
		break;
	case CENO_TRAIL_FAULT:
		put(o, ",\"fiber\":%u,\"cause\":\"%s\",\"vector\":%u,\"error\":%u,\"rip\":\"%llx\",\"count\":%u",
		    r->fault.fiber, cause_names[r->fault.cause], r->fault.vector, r->fault.error,
		    (unsigned long long)r->fault.rip, r->fault.count);
		break;
	case CENO_TRAIL_RESTART:
		put(o, ",\"fiber\":%u,\"count\":%u,\"checkpoint\":%llu", r->restart.fiber, r->restart.count,
		    (unsigned long long)r->restart.checkpoint);
		break;
	default:
		put(o, ",\"fiber\":%u", r->exit.fiber);
	}
}

static void json_ledger(struct view *o, const struct ceno_trail_record *r)
{
	char text[129];

	switch (r->head.type) {
	case CENO_TRAIL_CHECKPOINT:
		put(o, ",\"fiber\":%u,\"root\":\"%s\"", r->checkpoint.fiber, hex(r->checkpoint.root, 32, text));
		break;
	case CENO_TRAIL_SEAL:
		put(o, ",\"final\":%s,\"signature\":\"%s\"", r->seal.final ? "true" : "false",
		    hex(r->seal.signature, 64, text));
		break;
	case CENO_TRAIL_LOSS:
		put(o, ",\"cause\":\"%s\",\"count\":\"%llu\",\"types\":%u", loss_names[r->loss.cause],
		    (unsigned long long)r->loss.count, r->loss.types);
		break;
	default:
		put(o, ",\"bytes\":\"%llu\",\"sealed\":\"%llu\"", (unsigned long long)r->resume.bytes,
		    (unsigned long long)r->resume.sealed);
	}
}

static void json_record(struct view *o, const struct ceno_trail_record *r, uint32_t i)
{
	put(o, "%s{\"record\":%u,\"type\":\"%s\",\"tsc\":\"%llu\",\"at\":\"%llu\"", i ? "," : "", i,
	    type_name(r->head.type), (unsigned long long)r->head.tsc, (unsigned long long)r->head.at);
	switch (r->head.type) {
	case CENO_TRAIL_BOOT:
		json_boot(o, &r->boot);
		break;
	case CENO_TRAIL_MODULE:
		json_module(o, &r->module);
		break;
	case CENO_TRAIL_GRANT:
		put(o, ",\"from\":%u,\"to\":%u,\"object\":\"%s\",\"rights\":%u,\"depth\":%u", r->grant.from,
		    r->grant.to, object_names[r->grant.type], r->grant.rights, r->grant.depth);
		break;
	case CENO_TRAIL_PLEDGE:
		put(o, ",\"fiber\":%u,\"by\":%u,\"old\":%u,\"now\":%u", r->pledge.fiber, r->pledge.by, r->pledge.old,
		    r->pledge.now);
		break;
	case CENO_TRAIL_SPAWN:
		put(o, ",\"fiber\":%u,\"child\":%u,\"pledge\":%u,\"budget\":%u", r->spawn.fiber, r->spawn.child,
		    r->spawn.pledge, r->spawn.budget);
		break;
	case CENO_TRAIL_STRIKE:
	case CENO_TRAIL_FAULT:
	case CENO_TRAIL_RESTART:
	case CENO_TRAIL_EXIT:
		json_fate(o, r);
		break;
	default:
		json_ledger(o, r);
	}
	put(o, "}");
}

static void json_verdict(struct view *o)
{
	const struct ceno_audit *a = o->audit;
	const struct ceno_audit_code_info *info;

	put(o, "{\"exit_status\":%u,\"reason\":", a->exit_status);
	if (a->verdict == CENO_AUDIT_CODE_COUNT) {
		put(o, "null");
	} else {
		info = ceno_audit_code_info(a->verdict);
		put(o, "{\"code\":%u,\"name\":\"%s\",\"stage\":%u,\"text\":\"%s\"", info->number, info->name,
		    info->stage, info->text);
		if (a->record != UINT32_MAX)
			put(o, ",\"record\":%u", a->record);
		put(o, "}");
	}
	put(o, ",\"checks\":[");
	for (uint32_t code = 0; code < CENO_AUDIT_CODE_COUNT; code++) {
		info = ceno_audit_code_info(code);
		put(o, "%s{\"code\":%u,\"name\":\"%s\",\"stage\":%u,\"status\":\"%s\"}", code ? "," : "", info->number,
		    info->name, info->stage, status_names[a->status[code]]);
	}
	put(o, "]");
}

size_t ceno_audit_render_json(const void *file, const struct ceno_audit *audit, char *text, size_t capacity)
{
	struct ceno_trail_record r;
	struct view o;
	char head[65];

	open_out(&o, file, audit, text, capacity);
	json_verdict(&o);
	if (has_passed(audit, 4))
		put(&o,
		    ",\"sealed\":%u,\"unsealed\":%u,\"finished\":%s,\"head\":\"blake3:%s\",\"lost\":\"%llu\","
		    "\"lost_more\":%s,\"refused\":\"%llu\"",
		    audit->sealed, audit->unsealed, audit->finished ? "true" : "false", hex(audit->head, 32, head),
		    (unsigned long long)audit->lost, audit->lost_more ? "true" : "false",
		    (unsigned long long)audit->refused);
	put(&o, ",\"records\":[");
	for (uint32_t i = 0; is_readable(audit) && i < audit->records; i++) {
		ceno_audit_record(file, audit, i, &r);
		json_record(&o, &r, i);
	}
	put(&o, "]}\n");
	return o.out.length;
}
