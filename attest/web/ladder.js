/* The ladder: every check of docs/proof-format.md in its order. verify() gives
 * each check's status; the verdict is the first that fails. What follows it is
 * checked too, as far as there is something to read.
 *
 * schema: "$defs" of cdp.schema.json. policy: { pins: { pins, revoked }, nonce,
 * memory, key, code, refuseTestKey, seen, rules, references, compare, request,
 * asOf, eventLog, ima }; all but pins may be missing. */
'use strict';

const PAGE = 4096, CHUNK = 65536, RAM = 0x100000000, WINDOWS = 0x40000000, STRIDE = 0x400000, CLASSES = 8;
const TRAIL = { gpa: 0x42000000, bytes: 262144, header: 4096 };
const EXITS = { 1001: 3, 1002: 4, 1003: 4, 1004: 4, 1005: 3, 1006: 3, 1007: 4, 1008: 3, 1009: 4, 1010: 4, 1101: 6, 1103: 4, 1104: 4, 1202: 5, 1203: 3, 1204: 5, 1301: 5, 1302: 5, 1303: 4,
	1304: 4, 1305: 4, 1306: 4, 1307: 4, 1308: 4, 1309: 4, 1310: 4, 1311: 4 };

/* Thrown when there is nothing left to check. */
class Stop extends Error {}

function granuleOf(total) {
	let granule = CHUNK;
	while (Math.ceil(total / granule) > 8192)
		granule *= 2;
	return granule;
}

/* Neighbours together, up to 1 MiB: the browser is asked less often. */
function runsOf(granules) {
	const out = [];
	for (const [start, length] of granules) {
		const last = out[out.length - 1];
		if (last && last[0] + last[1] === start && last[1] + length <= 1 << 20)
			last[1] += length;
		else
			out.push([start, length]);
	}
	return out;
}

function rising(numbers) {
	return numbers.every((n, i) => i === 0 || numbers[i - 1] <= n);
}

function bitsSet(value, ...bits) {
	return bits.every(b => BigInt(value) >> BigInt(b) & 1n);
}

class Ladder {
	constructor(schema, bytes, policy, progress) {
		this.schema = schema;
		this.bytes = bytes;
		this.policy = policy;
		this.progress = progress || (() => {});
		this.status = new Map(); /* code -> passed */
		this.verdict = 0;
		this.key = 'none';
		this.code = 'none';
		this.rules = policy.rules || noRules();
		this.asOf = policy.asOf === undefined ? NO_TIME : policy.asOf;
		this.floors = { key: this.asks('key', 'software'), code: this.asks('code', 'none') };
	}

	/* A floor, from the policy file if it has one. */
	asks(what, otherwise) {
		return this.rules[what].length ? this.rules[what][0][0] : this.policy[what] || otherwise;
	}

	check(code, passed) {
		this.status.set(code, Boolean(passed));
		if (!passed && !this.verdict)
			this.verdict = code;
		return Boolean(passed);
	}

	/* A check that nothing can go on without. */
	need(code, passed) {
		if (!this.check(code, passed))
			throw new Stop();
	}

	async run() {
		try {
			this.readFile();
			this.readPayload();
			this.isolation();
			this.destruction();
			this.remainder();
			this.chainEnds();
			this.machine();
			await this.signature();
			this.completion();
			await this.memory();
			await this.log();
			await this.quote();
			this.references();
			this.hostLogs();
			await this.maker();
			this.asked();
		} catch (error) {
			if (!(error instanceof Stop))
				throw error;
		}
		return this;
	}

	/* ---- stages 1 to 3 ---- */

	readFile() {
		this.need(101, this.bytes.length > 0 && this.bytes.length <= FILE_MAX);
		this.file = readDocument(this.bytes);
		this.need(102, this.file !== undefined);
		const first = typeof this.file === 'object' ? Object.keys(this.file)[0] : '';
		this.need(201, first === 'cdp' && !Array.isArray(this.file) && this.file.cdp === '1');
		this.need(202, fits(this.schema.file, this.file));
	}

	readPayload() {
		this.raw = fromBase64(this.file.dsse.payload);
		this.statement = readDocument(this.raw);
		this.need(203, this.statement !== undefined);
		this.need(204, fits(this.schema.payload, this.statement));
		const predicate = this.statement.predicate;
		this.core = predicate.core;
		this.seal = this.file.seal;
		this.timing = predicate.timing;
		this.sanitization = predicate.sanitization;
		this.steps = [undefined, ...predicate.steps.map(s => s.evidence)];
		this.session = fromHex(this.core.session_id);
		this.chain = [sha('CDP/v1/core\0', jcs(this.core))];
		for (let i = 1; i <= 7; i++)
			this.chain.push(sha('CDP/v1/step\0', [i], this.chain[i - 1], sha(jcs(this.steps[i]))));
		this.check(301, this.statement.subject[0].digest.sha256 === toHex(this.chain[0]));
	}

	/* ---- stage 4: the evidence agrees with itself ---- */

	static isTrail(s) {
		return s.kind === 'window' && s.gpa === TRAIL.gpa && s.bytes === TRAIL.bytes;
	}

	slotForm() {
		const slots = this.steps[1].slots;
		return slots.every((s, i) => s.gpa % PAGE === 0 && s.bytes % PAGE === 0 &&
		    (s.rights === 'read-write') === (s.kind === 'ram' || s.kind === 'window') &&
		    slots.slice(0, i).every(o => s.gpa >= o.gpa + o.bytes || o.gpa >= s.gpa + s.bytes));
	}

	slotPledge() {
		const pledged = this.core.pledge_mask;
		return (this.steps[1].pledge_mask & ~pledged) === 0 && this.steps[1].slots.every(s => {
			const number = Math.floor((s.gpa - WINDOWS) / STRIDE);
			return s.kind !== 'window' || Ladder.isTrail(s) || (number >= 0 && number < CLASSES && pledged >> number & 1);
		});
	}

	isolation() {
		const one = this.steps[1], ram = one.slots.filter(s => s.kind === 'ram');
		const violation = one.violation >= 16 && one.violation <= 63;
		this.check(401, ram.length === 1 && ram[0].bytes === this.core.mem_total && ram[0].gpa === RAM);
		this.check(402, this.slotForm());
		this.check(403, this.slotPledge());
		this.check(404, one.filter === this.core.platform.filter);
		this.check(405, one.tasks > 0 && one.seccomp_mode === 2 && one.no_new_privs && one.cap_eff === 0);
		this.check(406, one.cause === 'violation' ? violation : one.violation === 0);
		this.check(407, one.tasks_left === 0);
	}

	areasCover() {
		const areas = [...this.steps[2].areas];
		return this.steps[1].slots.filter(s => ['window', 'pack', 'boot'].includes(s.kind)).every(s => {
			const i = areas.findIndex(a => a.kind === s.kind && a.bytes === s.bytes &&
			    (a.kind !== 'window' || WINDOWS + a.pledge_class * STRIDE === s.gpa));
			return i >= 0 && areas.splice(i, 1);
		});
	}

	/* [offset, bytes] of what was overwritten. */
	granules() {
		const total = this.core.mem_total, size = granuleOf(total), bitmap = fromBase64(this.steps[3].bitmap), out = [];
		for (let i = 0; i * size < total; i++)
			if (bitmap[i >> 3] >> (i & 7) & 1)
				out.push([i * size, Math.min(size, total - i * size)]);
		return out;
	}

	bitmapFits() {
		const total = this.core.mem_total, count = Math.ceil(total / granuleOf(total));
		const bitmap = fromBase64(this.steps[3].bitmap);
		return total % CHUNK === 0 && bitmap.length === Math.ceil(count / 8) &&
		    (count % 8 === 0 || bitmap[bitmap.length - 1] >> count % 8 === 0);
	}

	destruction() {
		const [, , two, three, , , six] = this.steps;
		this.check(408, this.areasCover());
		this.check(409, two.areas.every(a => a.overwritten === a.bytes && a.read_back === a.bytes && a.mismatches === 0 &&
		    a.unmapped));
		this.check(410, two.mount_ns_gone);
		this.check(411, this.bitmapFits());
		this.check(412, three.bytes === this.granules().reduce((n, g) => n + g[1], 0));
		this.check(413, three.st_blocks * 512 === three.bytes);
		this.check(414, three.passes === this.sanitization.passes && three.passes === six.roots.length);
	}

	timesRise() {
		const t = this.timing, last = t.steps[5];
		return rising([t.launched_us, t.stopped_us, ...t.steps.flatMap(s => [s.begin_us, s.end_us]), this.steps[7].sealed_us]) &&
		    rising([last.begin_us, t.read_back_us, t.zeroed_us, t.compared_us, last.end_us]);
	}

	remainder() {
		const [, , , three, four, five, six] = this.steps, fill = this.timing.steps[2];
		this.check(415, new Set(four.keys.map(k => k.id)).size === four.keys.length && four.read_back);
		this.check(416, five.tokens === five.ids.length && five.zeroized);
		this.check(417, six.compared_bytes === three.bytes);
		this.check(418, six.mismatches === 0);
		this.check(419, six.write_sealed);
		this.check(420, this.timesRise());
		this.check(421, three.ms === Math.floor((fill.end_us - fill.begin_us) / 1000));
	}

	chainEnds() {
		const seven = this.steps[7];
		this.check(422, same(fromDigest(seven.timing), sha(jcs(this.timing))));
		this.check(423, same(fromDigest(seven.sanitization), sha(jcs(this.sanitization))));
		this.check(424, same(fromDigest(seven.c6), this.chain[6]));
	}

	machine() {
		const one = this.steps[1], cpu = one.cpu, empty = same(fromDigest(one.trail_sha256), sha());
		this.check(425, one.slots.filter(Ladder.isTrail).length === 1 && empty === (one.trail_bytes === 0) &&
		    (empty || one.trail_bytes > TRAIL.header));
		this.check(426, cpu.offered < 1 << 12 && bitsSet(cpu.cr0, 16, 31) && bitsSet(cpu.cr4, 20, 21) &&
		    bitsSet(cpu.efer, 10, 11) && (bitsSet(cpu.cr4, 11) || !bitsSet(cpu.offered, 3)));
	}

	/* ---- stages 5 to 7 ---- */

	async signature() {
		const box = this.file.dsse.signatures[0], type = this.file.dsse.payloadType;
		const message = join('DSSEv1 ' + type.length + ' ' + type + ' ' + this.raw.length + ' ', this.raw);
		this.signer = fromBase64(this.core.signer_pub);
		this.check(501, isKey(this.signer));
		this.check(502, same(fromDigest(box.keyid), sha(this.signer)));
		this.check(503, await ed25519(this.signer, message, fromBase64(box.sig)));
		this.check(504, ![fromBase64(this.seal.node.log_pub), ...this.policy.pins.pins.map(p => p.log)].some(
		    key => same(key, this.signer)));
	}

	completion() {
		const eight = this.seal.step8;
		this.check(601, same(fromDigest(eight.payload_sha256), sha(this.raw)));
		this.check(602, same(fromDigest(eight.signature_sha256), sha(fromBase64(this.file.dsse.signatures[0].sig))));
		this.check(603, eight.launch_index === this.seal.launch.index);
		this.check(604, eight.warden_status === 0);
		const later = eight.observer === 'next supervisor and attest';
		this.check(605, later === (eight.cgroup === 'unknown') && (!later || eight.peak_bytes === 0));
		this.chain.push(sha('CDP/v1/step\0', [8], this.chain[7], sha(jcs(eight))));
	}

	/* Leaves of [start, start + length), of whole granules: one key stream, one tag a chunk. */
	async runLeaves(fill, mac, pass, start, length) {
		const counter = bigEndian((RAM + start) / 16, 16), leaves = [];
		const stream = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CTR', counter, length: 64 }, fill,
		    new Uint8Array(length)));
		for (let at = 0; at < length; at += CHUNK) {
			const gpa = bigEndian(RAM + start + at, 8);
			leaves.push(crypto.subtle.encrypt({ name: 'AES-GCM', iv: join(bigEndian(pass, 4), gpa),
			    additionalData: stream.subarray(at, at + CHUNK) }, mac, new Uint8Array(0)).then(
			    tag => sha('\0CDP/v1/chunk\0', this.session, [pass], gpa, new Uint8Array(tag))));
		}
		return Promise.all(leaves);
	}

	async memoryRoot(challenge, pass, granules) {
		const aes = async (tag, name) => crypto.subtle.importKey('raw',
		    await hkdf(challenge, join('CDP/v1/' + tag + '\0', [pass])), name, false, ['encrypt']);
		const fill = await aes('fill', 'AES-CTR'), mac = await aes('gmac', 'AES-GCM'), leaves = [];
		const runs = runsOf(granules);
		for (let i = 0; i < runs.length; i += 4) {
			const batch = runs.slice(i, i + 4).map(r => this.runLeaves(fill, mac, pass, r[0], r[1]));
			leaves.push(...(await Promise.all(batch)).flat());
			this.progress(pass, (i + batch.length) / runs.length);
		}
		return treeRoot(leaves);
	}

	async memory() {
		const three = this.steps[3], roots = this.steps[6].roots, granules = this.granules();
		if (this.policy.memory === 'none' || this.rules.memory.some(m => m[0] === 'none') || [401, 411, 414].some(code => !this.status.get(code)))
			return;
		const challenge = sha('CDP/v1/challenge\0', this.session, fromBase64(this.core.rp_nonce),
		    fromBase64(three.destroy_nonce), this.chain[2], fromBase64(three.random));
		let agree = true;
		for (let i = 0; i < roots.length && agree; i++)
			agree = same(fromDigest(roots[i]), await this.memoryRoot(challenge, i + 1, granules));
		this.check(701, agree);
	}

	/* ---- stage 8 ---- */

	async log() {
		this.checkpoint = fromBase64(this.seal.batch.checkpoint);
		const c = readCheckpoint(String.fromCharCode(...this.checkpoint)), node = this.seal.node;
		this.need(801, c);
		this.size = c.size;
		this.root = c.root;
		this.check(802, c.origin === node.origin);
		this.check(803, await checkpointSigned(c, fromBase64(node.log_pub)));
		this.leaves();
	}

	leaves() {
		const { launch, batch } = this.seal, platform = this.platform = sha('CDP/v1/platform\0', jcs(this.core.platform));
		const first = sha('\0CDP/v1/launch\0', this.session, platform, fromDigest(this.core.request_commit),
		    sha(this.signer), fromBase64(this.core.rp_nonce));
		const last = sha('\0CDP/v1/cdp\0', this.session, bigEndian(this.seal.step8.launch_index, 8), this.chain[0],
		    this.chain[8]);
		this.check(804, included(first, launch.index, this.size, launch.proof.map(fromDigest), this.root));
		this.check(805, included(last, batch.index, this.size, batch.proof.map(fromDigest), this.root));
		this.check(806, launch.index < batch.index);
	}

	/* ---- stage 9 ---- */

	async quote() {
		const blob = fromBase64(this.seal.node.ak_public), pub = parse(readPublic, blob);
		const raw = fromBase64(this.seal.quote.attest), needed = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 18;
		this.ak = sha(blob);
		this.need(901, pub);
		this.check(902, (pub.attributes & needed) === needed && !(pub.attributes & 1 << 17));
		this.check(903, pub.nameAlg === 0xb && pub.scheme === 0x18 && pub.hash === 0xb && pub.curve === 3);
		const q = this.attest = parse(readAttest, raw, 0x8018);
		this.need(904, q);
		this.check(905, q.magic === 0xff544347);
		this.check(906, q.type === 0x8018);
		this.check(907, await ecdsa(pub, raw, fromBase64(this.seal.quote.signature)));
		await this.quoted(pub, q);
	}

	async quoted(pub, q) {
		const { launch, nv, node } = this.seal;
		this.name = join([0, 0xb], sha([0x40, 0, 0, 0xb, 0, 0xb], this.ak));
		this.check(908, same(q.signer, this.name));
		this.extra = sha('CDP/v1/quote\0', sha(this.checkpoint), sha(jcs(node)), bigEndian(nv.value, 8));
		this.check(909, same(q.extra, this.extra));
		this.check(910, q.hash === 0xb && q.select.length >= 2 && q.select.every((b, i) => b === (i < 2 ? 255 : 0)));
		this.check(911, same(q.digest, sha(...this.seal.quote.pcrs.map(fromDigest))));
		this.check(912, q.resets === launch.reset_count && q.restarts === launch.restart_count);
		await this.counter(pub, q);
	}

	async counter(pub, q) {
		const nv = this.seal.nv, raw = fromBase64(nv.attest), signature = fromBase64(nv.signature);
		if (nv.kind === 'none') {
			this.check(913, raw.length === 0 && nv.value === '0' && signature.every(b => b === 0));
			return;
		}
		const a = parse(readAttest, raw, 0x8014);
		if (!this.check(913, a && a.magic === 0xff544347 && a.type === 0x8014 && a.contents.length === 8 && a.offset === 0))
			return;
		this.check(914, await ecdsa(pub, raw, signature));
		this.check(915, same(a.extra, sha('CDP/v1/nv\0', this.extra)) && same(a.signer, this.name) &&
		    a.resets === q.resets && a.restarts === q.restarts);
		this.check(916, same(a.contents, bigEndian(nv.value, 8)));
	}

	/* ---- stages 10 to 13 ---- */

	rolledBack(pin) {
		if (!pin.size || this.size < pin.size)
			return false;
		if (this.size === pin.size && !same(this.root, pin.root))
			return true;
		return BigInt(this.seal.nv.value) < pin.nv || this.attest.resets < pin.resets ||
		    (this.attest.resets === pin.resets && this.attest.clock < pin.clock);
	}

	/* What the signers whom the policy names say of platform, PCRs and event log. */
	references() {
		const given = this.policy.references || [], signers = this.rules.signer.map(s => fromBase64(s[0]));
		if (!given.length && this.floors.code === 'none')
			return;
		const usable = given.filter(r => signers.some(s => same(s, r.signer)) && r.valid[0] <= this.asOf && this.asOf <= r.valid[1]);
		if (!this.check(1001, usable.length) || !usable.length)
			return;
		const pcrs = this.seal.quote.pcrs.map(fromDigest), eventLog = fromDigest(this.seal.node.epoch_log_sha256);
		const judged = usable.map(r => [r, judgeReference(r, this.platform, pcrs, eventLog)]);
		[1002, 1003, 1004].forEach((code, i) => this.check(code, judged.some(j => j[1][i])));
		this.judged = judged;
		for (const [r, j] of judged) /* one signer must stand for all of it */
			if (j.every(Boolean) && this.code !== 'runtime')
				this.code = r.runtime ? 'runtime' : 'boot';
	}

	/* What the host's own logs explain of the PCRs. */
	hostLogs() {
		const { eventLog, ima } = this.policy, pcrs = this.seal.quote.pcrs.map(fromDigest);
		const replayed = eventLog && readMeasured(replayEvents, eventLog);
		if (eventLog && this.check(1005, same(sha(eventLog), fromDigest(this.seal.node.epoch_log_sha256))) && this.check(1006, replayed))
			this.check(1007, replayed && replayed.slice(0, IMA_PCR).every((p, i) => same(p, pcrs[i])));
		const entries = ima && readMeasured(readIma, ima);
		if (!ima || !this.check(1008, entries) || !entries)
			return;
		const quoted = quotedPart(entries, pcrs[IMA_PCR]), asked = (this.judged || []).filter(([r]) => r.executable.length);
		if (!this.check(1009, quoted.length))
			return;
		const listed = asked.filter(([r]) => allListed(quoted, pcrs, r.executable));
		if (asked.length)
			this.check(1010, listed.length);
		if (listed.some(([, j]) => j.every(Boolean)))
			this.code = 'runtime';
	}

	async maker() {
		const { pins, revoked } = this.policy.pins, node = this.seal.node, log = fromBase64(node.log_pub);
		const mine = pins.filter(p => same(p.ak, this.ak)), pin = mine.find(p => same(p.log, log)) || mine[0];
		const enrolled = await enrolments(this.rules, this.ak, fromDigest(node.ak_binding), this.asOf);
		this.check(1101, !revoked.some(r => same(r.ak, this.ak) && r.since <= this.asOf));
		this.check(1102, pin || !pins.some(p => p.origin === node.origin || same(p.log, log)));
		this.key = enrolled.most ? KEY_WORDS[enrolled.most] : pin ? 'software' : 'none';
		if (this.floors.key !== 'none')
			this.check(1103, this.key !== 'none');
		this.check(1104, enrolled.holds);
		if (pin) {
			this.check(1201, pin.origin === node.origin && same(pin.log, log));
			this.check(1202, !this.rolledBack(pin));
		}
		if (this.policy.compare === undefined)
			return;
		const { compared, fork } = await compareLogs(this.policy.compare, node.origin, log, this.size, this.root);
		this.check(1203, compared);
		if (compared)
			this.check(1204, !fork);
	}

	replayed() {
		return this.policy.seen.some(s => !same(s.c8, this.chain[8]) && (same(s.session, this.session) ||
		    (s.launch === this.seal.step8.launch_index && same(s.ak, this.ak))));
	}

	asked() {
		const policy = this.policy;
		if (policy.nonce)
			this.check(1301, same(policy.nonce, fromBase64(this.core.rp_nonce)));
		if (policy.seen && policy.seen.length)
			this.check(1302, !this.replayed());
		if (policy.refuseTestKey || this.rules.refuse.length)
			this.check(1303, !this.core.platform.test_key);
		if (KEY_WORDS.indexOf(this.floors.key) > 1)
			this.check(1304, KEY_WORDS.indexOf(this.key) >= KEY_WORDS.indexOf(this.floors.key));
		if (this.floors.code !== 'none')
			this.check(1305, CODE_WORDS.indexOf(this.code) >= CODE_WORDS.indexOf(this.floors.code));
		this.ruled();
	}

	/* The policy file's rules, each only if the file has it. */
	ruled() {
		const rules = this.rules, has = (word, code, passed) => rules[word].length && this.check(code, passed());
		const host = this.steps[6].host, declared = [...rules.classification.map(r => [this.core.classification, r[0]]),
			...rules.jurisdiction.map(r => [this.core.jurisdiction, r[0]])];
		has('platform', 1306, () => rules.platform.some(r => r[0] === toHex(this.platform)));
		if (this.policy.request)
			this.check(1307, same(this.policy.request, fromDigest(this.core.request_commit)));
		has('cause', 1308, () => rules.cause.some(r => r[0] === this.steps[1].cause));
		has('host', 1309, () => rules.host.every(([name, value]) => host[name] === value));
		if (declared.length)
			this.check(1310, declared.every(([is, wanted]) => is === wanted));
		has('passes', 1311, () => this.steps[3].passes >= Number(rules.passes[0][0]));
	}
}

/* Resolves to the ladder when every check has run: verdict, status, what was read. */
function verify(schema, bytes, policy, progress) {
	return new Ladder(schema, bytes, policy, progress).run();
}
