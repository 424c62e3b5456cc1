/*
 * A certificate for people, of a proof that verified and of no other: one page of
 * text with the fields of NIST SP 800-88r2's certificate of sanitization, and the
 * same as PDF (ISO 32000-1, one page, a standard font, no compression).
 */
#include "verify.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/proof/out.h"

static const char *const key_names[] = { "none", "software", "vtpm", "ftpm", "dtpm" };
static const char *const code_names[] = { "none", "boot", "runtime" };
static const char *const cause_names[] = { "", "exit", "request", "ttl", "oom", "violation", "crash" };
static const char *const class_names[] = { "not declared", "general", "PHI", "PII", "financial", "credentials" };
static const char *const land_names[] = { "not declared", "US", "EU", "UK", "CA", "AU", "IN", "OTHER" };

static const char *when(uint64_t seconds, char text[32])
{
	time_t at = (time_t)seconds;
	struct tm tm;
	if (seconds > 253402300799u || gmtime_r(&at, &tm) == NULL ||
	    strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(text, 32, "unknown");
	return text;
}

static void put_media(struct out *o, const struct ceno_verify_result *r)
{
	const struct ceno_proof_statement *s = &r->statement;
	char text[80];
	put(o, "MEDIA\n");
	put(o, "  Type                 memory of one micro-VM session, windows and inputs (volatile)\n");
	put(o, "  Manufacturer, model  not applicable: a range of a host's memory\n");
	put(o, "  Serial               session %s\n", hex(s->core.session_id, 16, text));
	put(o, "  Host                 %s\n", r->seal.node.origin);
	put(o, "  Size                 %llu bytes, of which %llu ever held data\n",
	    (unsigned long long)s->core.mem_total, (unsigned long long)s->overwrite.bytes);
	put(o, "  Classification       %s; jurisdiction: %s (declared by the customer)\n",
	    class_names[s->core.classification], land_names[s->core.jurisdiction]);
	put(o, "\n");
}

static void put_sanitization(struct out *o, const struct ceno_verify_result *r, const struct ceno_verify_policy *policy)
{
	const struct ceno_proof_statement *s = &r->statement;
	char text[80];
	put(o, "SANITIZATION (NIST SP 800-88r2)\n");
	put(o, "  Category             Clear\n");
	put(o, "  Technique            keyed overwrite, read-back, zero, compare; %u keyed pass%s\n",
	    s->overwrite.passes, s->overwrite.passes == 1 ? "" : "es");
	put(o, "  Keys                 %u zeroized, %u tokens incinerated\n", s->keys.key_count, s->tokens.token_count);
	put(o, "  Tool                 Cenotaph %s, platform sha256:\n", s->core.version);
	put(o, "                       %s\n", hex(r->platform, 32, text));
	put(o, "  Verification         %llu bytes compared with zero, %llu mismatches\n",
	    (unsigned long long)s->forensic.compared_bytes, (unsigned long long)s->forensic.mismatches);
	if (policy->memory == CENO_MEMORY_NONE)
		put(o, "                       read-back not recomputed for this certificate\n");
	else
		put(o, "                       read-back of %u of %u passes recomputed for this certificate\n",
		    r->passes_checked, s->overwrite.passes);
	put(o, "  Session ended by     %s\n", cause_names[s->isolation.cause]);
	put(o, "  Date                 %s (the host's clock, declared)\n",
	    when(s->timing.started_unix_ms / 1000, text));
	put(o, "  Performed by         the session's warden; no person\n");
	put(o, "\n");
}

static void put_evidence(struct out *o, const struct ceno_verify_result *r, const struct ceno_verify_policy *policy)
{
	char text[80];
	put(o, "EVIDENCE\n");
	put(o, "  c8                   %s\n", hex(r->chain[8], 32, text));
	put(o, "  TPM key              %s\n", hex(r->ak, 32, text));
	put(o, "  Log                  launch %llu, proof %llu, of %llu\n",
	    (unsigned long long)r->seal.launch.inclusion.index, (unsigned long long)r->seal.batch.index,
	    (unsigned long long)r->log_size);
	put(o, "  Assurance            key %s, code %s; fork %s\n", key_names[r->key], code_names[r->code],
	    r->fork_checked ? "compared" : "not checked");
	if (policy->as_of != CENO_VERIFY_NO_TIME)
		put(o, "  Verified as of       %s\n", when(policy->as_of, text));
	put(o, "\n");
}

static const char limits[] =
    "WHAT THIS DOES NOT SAY\n"
    "  It does not say that no copy exists. Trusted and unproven: root and the kernel of the\n"
    "  host and all beneath it. Outside the overwrite: memory the kernel freed, the caller's own\n"
    "  file, outputs given out, what the workload sent, leaks through shared caches. Exit status,\n"
    "  outputs and record are the guest's and the vmm's word. Times and declared fields are\n"
    "  declared. With a software TPM whoever runs the node can write any proof.\n"
    "  Structural facts, not a compliance verdict.\n";

size_t ceno_verify_render_certificate(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy,
                                      char *text, size_t capacity)
{
	struct out o = { text, 0, capacity };
	/* Under `key none` a proof verifies whoever made it; a paper with a heading on it is of a maker that is known. */
	if (result->exit_status != 0 || result->verdict != CENO_VERIFY_CODE_COUNT || !result->read ||
	    result->key == CENO_KEY_NONE)
		return 0;
	put(&o,
	    "CERTIFICATE OF SANITIZATION\nrendered from a verified proof of destruction; the proof is the evidence, "
	    "this page is not\n\n");
	put_media(&o, result);
	put_sanitization(&o, result, policy);
	put_evidence(&o, result, policy);
	put(&o, "%s", limits);
	return o.length;
}

/* ---- PDF ----------------------------------------------------------------------------------- */

#define OBJECTS 5

/* One line as a PDF string: what the format gives is printable ASCII; parentheses and backslash are escaped. */
static void put_line(struct out *o, const char *line, size_t length)
{
	put(o, "(");
	for (size_t i = 0; i < length; i++)
		put(o, line[i] == '(' || line[i] == ')' || line[i] == '\\' ? "\\%c" : "%c",
		    line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?');
	put(o, ") Tj T*\n");
}

/* Lines of 9 points from the top of an A4 page (595 x 842). */
static void put_content(struct out *o, const char *text)
{
	put(o, "BT /F1 9 Tf 12 TL 56 786 Td\n");
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
		put_line(o, text, (size_t)(end - text));
	put(o, "ET\n");
}

size_t ceno_verify_render_pdf(const char *certificate, char *pdf, size_t capacity)
{
	struct out o = { pdf, 0, capacity }, measured = { NULL, 0, 0 };
	size_t at[OBJECTS + 1];
	put_content(&measured, certificate);
	put(&o, "%%PDF-1.4\n");
	at[1] = o.length;
	put(&o, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
	at[2] = o.length;
	put(&o, "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n");
	at[3] = o.length;
	put(&o,
	    "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
	    "/Resources << /Font << /F1 4 0 R >> >> >>\nendobj\n");
	at[4] = o.length;
	put(&o, "4 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>\nendobj\n");
	at[5] = o.length;
	put(&o, "5 0 obj\n<< /Length %zu >>\nstream\n", measured.length);
	put_content(&o, certificate);
	put(&o, "endstream\nendobj\n");
	size_t table = o.length;
	put(&o, "xref\n0 %d\n0000000000 65535 f \n", OBJECTS + 1);
	for (int i = 1; i <= OBJECTS; i++)
		put(&o, "%010zu 00000 n \n", at[i]);
	put(&o, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", OBJECTS + 1, table);
	return o.length;
}
