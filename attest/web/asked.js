/* What this verifier is asked: the strict texts of docs/proof-format.md (pins, policy,
 * reference values, comparison). Readers throw a SyntaxError with the line that is
 * not of the form. */
'use strict';

const KEY_WORDS = ['none', 'software', 'vtpm', 'ftpm', 'dtpm'], CODE_WORDS = ['none', 'boot', 'runtime'];
const NO_TIME = (1n << 64n) - 1n, LIST_MAX = 32, PCR_MAX = 128, EXECUTABLES_MAX = 768;

const FORM = {
	name: '([A-Za-z0-9./_-]{1,64})', hash: 'sha256:([0-9a-f]{64})', number: '(0|[1-9][0-9]{0,19})',
	key: '([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)', signature: '([A-Za-z0-9+/]{85}[AQgw]==)',
	assurance: '(vtpm|ftpm|dtpm)', ek: '(none|sha256:[0-9a-f]{64})',
};

/* word -> regular expression of its line: fields by name from FORM, or as they are. */
function lineForms(table) {
	const out = Object.create(null);
	for (const [word, fields] of Object.entries(table))
		out[word] = new RegExp('^' + [word, ...fields.map(f => FORM[f] || '(' + f + ')')].join(' ') + '$');
	return out;
}

function linesOf(text, first) {
	const lines = text.split('\n');
	if (lines[0] !== first || lines[lines.length - 1] !== '' || lines.length < 3)
		throw new SyntaxError('not a file of the kind "' + first + '", or empty');
	return lines.slice(1, -1);
}

function matchLine(forms, line) {
	const word = line.split(' ')[0], match = forms[word] && forms[word].exec(line);
	if (!match)
		throw new SyntaxError('not of the form: ' + line);
	return [word, match];
}

function numberOf(text) {
	const n = BigInt(text);
	if (n > NO_TIME)
		throw new SyntaxError('too large: ' + text);
	return n;
}

function unhash(text) {
	return text === 'none' ? new Uint8Array(32) : fromHex(text.replace('sha256:', ''));
}

/* ---- pins ---- */

const PIN_LINES = lineForms({ pin: ['name', 'hash', 'key'], identity: ['name', 'key'], seen: ['name', 'number', 'hash', 'number', 'number', 'number'] });
const REVOKED_LINE = new RegExp('^revoked ' + FORM.hash + '(?: ([1-9][0-9]{0,19}))?$');

function readPins(text) {
	const out = { pins: [], revoked: [] };
	for (const line of linesOf(text, 'ceno-pins 1')) {
		const gone = REVOKED_LINE.exec(line);
		if (gone) {
			out.revoked.push({ ak: fromHex(gone[1]), since: numberOf(gone[2] || '0') });
			continue;
		}
		const [word, m] = matchLine(PIN_LINES, line), known = out.pins.findLast(p => p.origin === m[1]);
		if (word === 'pin' && (!known || same(known.ak, fromHex(m[2]))))
			out.pins.push({ origin: m[1], ak: fromHex(m[2]), log: fromBase64(m[3]), identity: known && known.identity });
		else if (word === 'identity' && known && !known.identity && fromBase64(m[2]).some(b => b))
			for (const p of out.pins.filter(p => p.origin === m[1]))
				p.identity = m[2];
		else if (word === 'seen' && known && !known.size && m[2] !== '0')
			Object.assign(known, { size: numberOf(m[2]), root: fromHex(m[3]), nv: numberOf(m[4]), clock: numberOf(m[5]),
			    resets: Number(m[6]) });
		else
			throw new SyntaxError('not of the form: ' + line);
	}
	return out;
}

/* ---- policy ---- */

const POLICY_LINES = lineForms({
	key: [KEY_WORDS.join('|')], code: [CODE_WORDS.join('|')], memory: ['full|none|sample:[1-7]'], refuse: ['test-key'], passes: ['[1-7]'],
	cause: ['exit|request|ttl|oom|violation|crash'], classification: ['general|PHI|PII|financial|credentials'],
	jurisdiction: ['US|EU|UK|CA|AU|IN|OTHER'],
	host: ['npt|swap|zswap|ksm|compact_unevictable|numa_balancing|init_on_free|dumpable|kdump|hibernation|huge_pages', 'on|off'],
	platform: ['hash'], signer: ['key'], authority: ['key', 'assurance'], enrolled: ['hash', 'assurance', 'ek', 'number'],
	vouched: ['hash', 'assurance', 'ek', 'number', 'key', 'signature'],
});
const ONCE = ['key', 'code', 'memory', 'refuse', 'passes', 'classification', 'jurisdiction'];

function noRules() {
	return Object.fromEntries(Object.keys(POLICY_LINES).map(word => [word, []]));
}

/* word -> the fields of each of its lines */
function readRules(text) {
	const rules = noRules();
	for (const line of linesOf(text, 'ceno-policy 1')) {
		const [word, m] = matchLine(POLICY_LINES, line), list = rules[word], many = word === 'enrolled' || word === 'vouched';
		if ((!many && list.some(r => r[0] === m[1])) || (ONCE.includes(word) && list.length) || list.length === LIST_MAX ||
		    (many && rules.enrolled.length + rules.vouched.length === LIST_MAX))
			throw new SyntaxError('twice, or too many: ' + line);
		list.push(m.slice(1));
	}
	return rules;
}

async function authorityHolds(rules, [ak, assurance, ek, until, key, signature]) {
	const level = KEY_WORDS.indexOf(assurance), known = rules.authority.find(a => a[0] === key), pub = fromBase64(key);
	const message = join('CDP/v1/vouch\0', [level], bigEndian(numberOf(until), 8), unhash(ak), unhash(ek));
	return Boolean(known) && level <= KEY_WORDS.indexOf(known[1]) && isKey(pub) && ed25519(pub, message, fromBase64(signature));
}

/* What is said of this attestation key: does all of it hold, and what is the most? */
async function enrolments(rules, ak, statedEk, asOf) {
	const none = new Uint8Array(32);
	let holds = true, most = 0;
	for (const line of [...rules.enrolled, ...rules.vouched]) {
		if (!same(fromHex(line[0]), ak))
			continue;
		const ek = unhash(line[2]);
		most = Math.max(most, KEY_WORDS.indexOf(line[1]));
		holds = holds && (same(ek, none) || same(statedEk, none) || same(ek, statedEk)) && asOf <= numberOf(line[3]) &&
		    (line.length === 4 || await authorityHolds(rules, line));
	}
	return { holds, most: holds ? most : 0 };
}

/* ---- reference values ---- */

const REFERENCE_LINES = lineForms({ valid: ['number', 'number'], runtime: [], platform: ['hash'], pcr: ['[0-9]|1[0-5]', 'hash'],
	'event-log': ['hash'], executable: ['hash'] });
const REFERENCE_END = new RegExp('^([^]*\n)signature ' + FORM.key + ' ' + FORM.signature + '\n$');

/* Resolves to what the file says; rejects also if its signature is wrong. */
async function readReference(text) {
	const end = REFERENCE_END.exec(text), out = { runtime: false, platform: [], pcr: [], 'event-log': [], executable: [] };
	if (!end)
		throw new SyntaxError('no signature');
	out.signer = fromBase64(end[2]);
	if (!isKey(out.signer) || !await ed25519(out.signer, join('CDP/v1/reference\0', end[1]), fromBase64(end[3])))
		throw new SyntaxError('the signature is wrong');
	linesOf(end[1], 'ceno-reference 1').forEach((line, at) => {
		const [word, m] = matchLine(REFERENCE_LINES, line);
		if ((word === 'valid') !== (at === 0) || (word === 'runtime' && out.runtime))
			throw new SyntaxError('not in its place: ' + line);
		if (word === 'valid')
			out.valid = [numberOf(m[1]), numberOf(m[2])];
		else if (word === 'runtime')
			out.runtime = true;
		else if (word === 'pcr')
			out.pcr.push([Number(m[1]), fromHex(m[2])]);
		else
			out[word].push(fromHex(m[1]));
	});
	if (!out.platform.length || !out.pcr.length || out.pcr.length > PCR_MAX || out.platform.length > LIST_MAX ||
	    out['event-log'].length > LIST_MAX || out.executable.length > EXECUTABLES_MAX)
		throw new SyntaxError('no platform, no PCR or too many');
	return out;
}

/* [platform listed, PCRs as listed, event log as listed] */
function judgeReference(reference, platform, pcrs, eventLog) {
	const met = new Set(reference.pcr.filter(([n, value]) => same(pcrs[n], value)).map(([n]) => n)), log = reference['event-log'];
	return [reference.platform.some(p => same(p, platform)), reference.pcr.every(([n]) => met.has(n)),
		log.length === 0 || log.some(h => same(h, eventLog))];
}

/* ---- checkpoints, and comparison with another one ---- */

const CHECKPOINT = (() => {
	const b64 = n => '([A-Za-z0-9+/]{' + n + '}[AEIMQUYcgkosw048]=)';
	return new RegExp('^(' + FORM.name + '\\n' + FORM.number + '\\n' + b64(42) + '\\n)\\n\xe2\x80\x94 ' + FORM.name + ' ' + b64(90) + '\\n$');
})();

/* A checkpoint's fields, or undefined if it is not in its one form. text: a character a byte. */
function readCheckpoint(text) {
	const m = CHECKPOINT.exec(text);
	if (!m || BigInt(m[3]) > NO_TIME || m[2] !== m[5])
		return undefined;
	return { body: m[1], origin: m[2], size: BigInt(m[3]), root: fromBase64(m[4]), blob: fromBase64(m[6]) };
}

async function checkpointSigned(c, log) {
	return same(c.blob.subarray(0, 4), sha(c.origin, '\n\x01', log).subarray(0, 4)) &&
	    ed25519(log, ascii(c.body), c.blob.subarray(4));
}

async function readComparison(text, origin, log) {
	const cut = text.indexOf('\n\n'), lines = text.slice(0, Math.max(cut, 0)).split('\n'), c = readCheckpoint(text.slice(cut + 2));
	const old = new RegExp('^old ' + FORM.number + ' ' + FORM.hash + '$').exec(lines[1] || '');
	const path = lines.slice(2).map(line => /^node sha256:([0-9a-f]{64})$/.exec(line));
	if (cut < 0 || lines[0] !== 'ceno-consistency 1' || path.length > 97 || !old || path.includes(null) || !c || c.size === 0n ||
	    c.origin !== origin || !await checkpointSigned(c, log))
		return undefined;
	return { path: path.map(m => fromHex(m[1])), size: c.size, root: c.root, old: { size: BigInt(old[1]), root: fromHex(old[2]) } };
}

/* RFC 9162, 2.1.4.2: the two roots that a path leads to, or undefined if it has other nodes than the sizes need. */
function rootsOf(path, first, firstRoot, second) {
	const nodes = (first & (first - 1n)) === 0n ? [firstRoot, ...path] : path;
	if (!nodes.length)
		return undefined;
	let fn = first - 1n, sn = second - 1n, older = nodes[0], newer = nodes[0];
	for (; fn & 1n; fn >>= 1n)
		sn >>= 1n;
	for (const node of nodes.slice(1)) {
		if (sn === 0n)
			return undefined;
		if (fn & 1n || fn === sn) {
			older = sha([1], node, older);
			newer = sha([1], node, newer);
			for (; fn && !(fn & 1n); fn >>= 1n)
				sn >>= 1n;
		} else {
			newer = sha([1], newer, node);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	return sn === 0n ? [older, newer] : undefined;
}

/* { compared, fork } */
async function compareLogs(text, origin, log, size, root) {
	const other = await readComparison(text, origin, log);
	if (!other)
		return { compared: false };
	if (other.size === size)
		return { compared: other.path.length === 0 && other.old.size === size, fork: !same(other.root, root) };
	const older = other.size < size ? other : { size, root }, newer = other.size < size ? { size, root } : other;
	const roots = rootsOf(other.path, older.size, other.old.root, newer.size);
	if (other.old.size !== older.size || !roots || !same(roots[0], other.old.root) || !same(roots[1], newer.root))
		return { compared: false };
	return { compared: true, fork: !same(other.old.root, older.root) };
}
