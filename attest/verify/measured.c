/* Measured-boot logs: see measured.h. */
#include "measured.h"
#include "../proof/hash.h"

#include <sodium.h>
#include <string.h>

#define EV_NO_ACTION   3u
#define ALG_SHA256     0x000bu
#define ALGORITHMS_MAX 8u
#define PCR_LAST       23u /* of the platform */
#define FIELDS_MAX     16u

struct reader {
	const uint8_t *at;
	size_t left;
};

/* The next n bytes, or NULL if there are fewer. */
static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *from = r->at;
	if (n > r->left)
		return NULL;
	r->at += n;
	r->left -= n;
	return from;
}

static bool take16(struct reader *r, uint16_t *out)
{
	const uint8_t *b = take(r, 2);
	if (b != NULL)
		*out = (uint16_t)(b[0] | b[1] << 8);
	return b != NULL;
}

static bool take32(struct reader *r, uint32_t *out)
{
	const uint8_t *b = take(r, 4);
	if (b != NULL)
		*out = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	return b != NULL;
}

/* A length, and that many bytes of their own. */
static bool take_part(struct reader *r, struct reader *part)
{
	uint32_t length;
	if (!take32(r, &length))
		return false;
	part->at = take(r, length);
	part->left = length;
	return part->at != NULL;
}

void ceno_pcr_extend(uint8_t pcr[32], const uint8_t value[32])
{
	crypto_hash_sha256_state s;
	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, pcr, 32);
	crypto_hash_sha256_update(&s, value, 32);
	crypto_hash_sha256_final(&s, pcr);
}

/* ---- the host's event log --------------------------------------------------------------- */

struct algorithms {
	uint32_t count;
	uint16_t id[ALGORITHMS_MAX], bytes[ALGORITHMS_MAX];
};

static bool known_before(const struct algorithms *a, uint16_t id)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (a->id[i] == id)
			return true;
	return false;
}

/* The list of algorithms (TCG_EfiSpecIDEvent), all of its event's data. */
static bool read_specification(struct reader data, struct algorithms *a)
{
	static const char signature[16] = "Spec ID Event03";
	const uint8_t *head = take(&data, sizeof(signature) + 8), *vendor;
	uint32_t count;
	a->count = 0;
	if (head == NULL || memcmp(head, signature, sizeof(signature)) != 0 || !take32(&data, &count) ||
	    count > ALGORITHMS_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t id, bytes;
		if (!take16(&data, &id) || !take16(&data, &bytes) || known_before(a, id) || bytes == 0 || bytes > 64 ||
		    (id == ALG_SHA256 && bytes != 32))
			return false;
		a->id[a->count] = id;
		a->bytes[a->count++] = bytes;
	}
	vendor = take(&data, 1);
	return known_before(a, ALG_SHA256) && vendor != NULL && take(&data, *vendor) != NULL && data.left == 0;
}

/* The first event, in the form that every parser of such logs understands (TCG_PCClientPCREvent). */
static bool read_first(struct reader *r, struct algorithms *a)
{
	static const uint8_t zeros[20];
	uint32_t pcr, type;
	struct reader data;
	const uint8_t *digest;
	return take32(r, &pcr) && pcr == 0 && take32(r, &type) && type == EV_NO_ACTION &&
	    (digest = take(r, 20)) != NULL && memcmp(digest, zeros, 20) == 0 && take_part(r, &data) &&
	    read_specification(data, a);
}

/* One digest of each algorithm, in any order; *sha256 is borrowed. */
static bool read_digests(struct reader *r, const struct algorithms *a, const uint8_t **sha256)
{
	uint32_t count, seen = 0;
	if (!take32(r, &count) || count != a->count)
		return false;
	while (count-- > 0) {
		const uint8_t *digest;
		uint32_t i = 0;
		uint16_t id;
		if (!take16(r, &id))
			return false;
		while (i < a->count && a->id[i] != id)
			i++;
		if (i == a->count || (seen & 1u << i) != 0 || (digest = take(r, a->bytes[i])) == NULL)
			return false;
		seen |= 1u << i;
		if (id == ALG_SHA256)
			*sha256 = digest;
	}
	return true;
}

/* Where the TPM was started from: PCR 0 begins with it (locality 3), or with the one of an H-CRTM (4). */
static bool startup_locality(const struct reader *data, uint8_t pcr[32], bool extended)
{
	static const char signature[16] = "StartupLocality";
	if (data->left < sizeof(signature) || memcmp(data->at, signature, sizeof(signature)) != 0)
		return true;
	if (data->left != sizeof(signature) + 1 || extended || data->at[sizeof(signature)] > 4)
		return false;
	pcr[31] = data->at[sizeof(signature)];
	return true;
}

bool ceno_event_log_replay(const uint8_t *log, size_t bytes, uint8_t pcrs[CENO_PROOF_PCRS][32])
{
	struct reader r = { log, bytes };
	struct algorithms a;
	bool extended = false; /* PCR 0 */
	memset(pcrs, 0, CENO_PROOF_PCRS * sizeof(pcrs[0]));
	if (!read_first(&r, &a))
		return false;
	while (r.left > 0) {
		const uint8_t *digest = NULL;
		uint32_t pcr, type;
		struct reader data;
		if (!take32(&r, &pcr) || !take32(&r, &type) || !read_digests(&r, &a, &digest) || !take_part(&r, &data))
			return false;
		if (type == EV_NO_ACTION) {
			if (pcr == 0 && !startup_locality(&data, pcrs[0], extended))
				return false;
			continue;
		}
		if (pcr > PCR_LAST)
			return false;
		if (pcr < CENO_PROOF_PCRS)
			ceno_pcr_extend(pcrs[pcr], digest);
		extended |= pcr == 0;
	}
	return true;
}

/* ---- IMA's list ----------------------------------------------------------------------------- */

/* The digest's field: "sha256:" or "TYPE:sha256:", a zero byte, 32 bytes. */
static void read_file_digest(const struct reader *field, struct ceno_ima_entry *entry)
{
	static const char name[] = "sha256:"; /* with its zero byte */
	size_t text = field->left < 32 ? 0 : field->left - 32;
	if (text < sizeof(name) || memchr(field->at, '\0', text) != field->at + text - 1 ||
	    memcmp(field->at + text - sizeof(name), name, sizeof(name)) != 0 ||
	    (text > sizeof(name) && field->at[text - sizeof(name) - 1] != ':'))
		return;
	entry->has_digest = true;
	memcpy(entry->digest, field->at + text, 32);
}

static bool read_fields(struct reader data, struct ceno_ima_entry *entry)
{
	struct reader field;
	for (uint32_t i = 0; data.left > 0; i++) {
		if (i == FIELDS_MAX || !take_part(&data, &field))
			return false;
		if (i == 0)
			read_file_digest(&field, entry);
	}
	return true;
}

int ceno_ima_next(const uint8_t *log, size_t bytes, size_t *at, struct ceno_ima_entry *entry)
{
	static const uint8_t zeros[20];
	struct reader r = { log + *at, bytes - *at }, name, data;
	const uint8_t *digest;
	uint32_t pcr;
	memset(entry, 0, sizeof(*entry));
	if (r.left == 0)
		return 0;
	if (!take32(&r, &pcr) || pcr != CENO_IMA_PCR || (digest = take(&r, 20)) == NULL || !take_part(&r, &name) ||
	    name.left < 5 || name.left > 32 || memcmp(name.at, "ima-", 4) != 0 || !take_part(&r, &data) ||
	    data.left == 0 || !read_fields(data, entry))
		return -1;
	*at = (size_t)(r.at - log);
	if (memcmp(digest, zeros, 20) == 0) { /* a violation: a file that was written while it was measured */
		entry->has_digest = false;
		memset(entry->extend, 0xff, 32);
	} else {
		crypto_hash_sha256(entry->extend, data.at, data.left);
	}
	return 1;
}
