/* The page: takes files, shows what the ladder found. All text of a proof goes in
 * as text nodes, never as markup. */
'use strict';

const STEPS = ['Isolation torn down', 'Windows, rings and inputs destroyed', 'Memory overwritten', 'Keys zeroized',
	'Credentials incinerated', 'Memory verified', 'Chain sealed', 'Lifecycle completed'];
const STAGES = { 1: 'Bytes', 2: 'Version and schema', 3: 'Subject', 4: 'Evidence', 5: 'Session signature', 6: 'Completion',
	7: 'Memory roots', 8: 'Log', 9: 'Quote and counter', 10: 'Reference values', 11: 'Attestation key', 12: 'Pins', 13: 'Policy' };

function element(name, properties, ...children) {
	const e = Object.assign(document.createElement(name), properties);
	e.append(...children);
	return e;
}

function section(title, ...children) {
	return element('section', {}, element('h2', {}, title), ...children);
}

function table(rows) {
	return element('table', {}, element('tbody', {}, ...rows.map(([key, value, className]) =>
	    element('tr', {}, element('th', { scope: 'row' }, key), element('td', { className: className || 'mono' }, String(value))))));
}

/* The leaves of a value as [path, text]. */
function leavesOf(value, path) {
	if (typeof value !== 'object')
		return [[path, value]];
	return Object.keys(value).flatMap(key => leavesOf(value[key], path ? path + '.' + key : key));
}

function bytesText(n) {
	return n + ' bytes (' + (n / 1048576).toFixed(2) + ' MiB)';
}

/* ---- parts of the result ---- */

function verdictOf(ladder) {
	const info = CODES[ladder.verdict];
	const words = ladder.verdict ? 'Not verified: ' + info.text + '. Reason ' + ladder.verdict + ' ' + info.name + ', stage ' + info.stage + '.'
		: 'Verified: ' + (ladder.key === 'none' ? 'every check that was run holds, but nothing says who made this proof: the policy does not ask.'
		    : 'a node that you pinned or enrolled made this proof, and every check that was run holds.');
	const extra = ladder.verdict === 1103 ? ' Give the pin file of the node to say more.' : '';
	return element('p', { id: 'verdict', className: ladder.verdict ? '' : 'good' }, words + extra);
}

function sessionPart(ladder) {
	const core = ladder.core, one = ladder.steps[1];
	return section('Session', table([
		['Session', core.session_id], ['Ended by', one.cause], ['Memory', bytesText(core.mem_total)],
		['Overwritten', bytesText(ladder.steps[3].bytes)], ['Started (the host\'s clock)', new Date(ladder.timing.started_unix_ms).toISOString()],
		['Declared classification', core.classification], ['Declared jurisdiction', core.jurisdiction],
		['Signed by', core.platform.test_key ? core.platform.trust_name + ' (a test key)' : core.platform.trust_name],
		['Version', core.version], ['Sanitization', ladder.sanitization.standard + ', ' + ladder.sanitization.category + ': ' +
		    ladder.sanitization.technique + ', ' + ladder.sanitization.passes + ' pass(es); keys: ' + ladder.sanitization.keys],
	]));
}

function spanOf(ladder, i) {
	const t = ladder.timing, from = t.launched_us, ms = us => ((us - from) / 1000).toFixed(3) + ' ms';
	if (i < 6)
		return 'from ' + ms(t.steps[i].begin_us) + ' to ' + ms(t.steps[i].end_us) + ' after launch';
	return i === 6 ? 'at ' + ms(ladder.steps[7].sealed_us) + ' after launch' : 'after the warden had ended; by supervisor and attest';
}

function stepsPart(ladder) {
	const evidence = [...ladder.steps.slice(1), ladder.seal.step8];
	return section('The eight steps', element('ol', { className: 'steps' }, ...evidence.map((e, i) => element('li', {},
	    element('h3', {}, (i + 1) + '. ' + STEPS[i]), element('div', {}, spanOf(ladder, i)),
	    element('details', {}, element('summary', {}, 'evidence'), table(leavesOf(e, '')))))));
}

function chainPart(ladder) {
	return section('Chain', table(ladder.chain.map((c, i) => ['c' + i, toHex(c)])));
}

function sealPart(ladder) {
	const q = ladder.attest, node = ladder.seal.node;
	if (!q)
		return '';
	return section('Log and quote', table([
		['Node', node.origin], ['Log size', ladder.size], ['Launch and proof', 'leaves ' + ladder.seal.launch.index + ' and ' + ladder.seal.batch.index],
		['Attestation key', 'sha256:' + toHex(ladder.ak)], ['TPM clock', q.clock + ' ms, reset ' + q.resets + ', restart ' + q.restarts],
		['Counter', ladder.seal.nv.kind === 'none' ? 'none' : ladder.seal.nv.value], ['Key axis', ladder.key], ['Code axis', ladder.code],
		['Fork', ladder.status.get(1204) === undefined ? 'not checked' : ladder.status.get(1204) ? 'compared, one log' : 'found'],
		...ladder.seal.quote.pcrs.map((p, i) => ['PCR ' + i, p]),
	]));
}

function checksPart(ladder) {
	const rows = Object.keys(CODES).map(code => {
		const passed = ladder.status.get(Number(code)), word = passed === undefined ? 'not run' : passed ? 'pass' : 'fail';
		return element('tr', {}, element('td', {}, code), element('td', { className: passed === undefined ? 'open' : word }, word),
		    element('td', {}, STAGES[CODES[code].stage]), element('td', {}, CODES[code].name), element('td', {}, 'fails if ' + CODES[code].text));
	});
	return section('Every check', element('table', {}, element('tbody', {}, ...rows)));
}

/* ---- what the user gives ---- */

const given = { proof: undefined, pins: { pins: [], revoked: [] }, nonce: undefined, rules: undefined, references: [], compare: undefined, eventLog: undefined, ima: undefined };
const NOTHING = { ...given };
const unread = new Map(); /* what was given and could not be read: why */
const newest = {};
let turn = 0, reading = 0;

function say(text) {
	document.getElementById('progress').textContent = text;
}

/* A verdict is on the page only while it is of all that is given: it goes before anything else is done. */
function forget() {
	const result = document.getElementById('result');
	result.hidden = true;
	result.replaceChildren();
	delete result.dataset.verdict;
	return ++turn;
}

function judge(mine) {
	return verify(SCHEMA, given.proof, { pins: given.pins, nonce: given.nonce, seen: [], rules: given.rules,
	    references: given.references, compare: given.compare, eventLog: given.eventLog, ima: given.ima, asOf: BigInt(Math.floor(Date.now() / 1000)) }, (pass, part) =>
	    mine === turn && say('memory root of pass ' + pass + ': ' + Math.round(100 * part) + ' %'));
}

function show(ladder, begin) {
	const result = document.getElementById('result'), read = ladder.core !== undefined;
	result.replaceChildren(verdictOf(ladder), ...(read ? [sessionPart(ladder), stepsPart(ladder), chainPart(ladder), sealPart(ladder)] : []),
	    checksPart(ladder));
	result.hidden = false;
	result.dataset.verdict = ladder.verdict;
	result.dataset.milliseconds = (performance.now() - begin).toFixed(1);
	say('checked in ' + result.dataset.milliseconds + ' ms');
}

async function check() {
	const mine = forget(), begin = performance.now();
	say(unread.size ? 'Nothing is checked: ' + [...unread.values()].join('; ') : '');
	if (unread.size || !given.proof)
		return;
	try {
		const ladder = await judge(mine);
		if (mine === turn) /* else something else was given meanwhile */
			show(ladder, begin);
	} catch (error) {
		if (mine === turn)
			say('Nothing is checked: ' + error.message);
	}
}

/* Take what read() gives for this name, or note why it could not be read. Of two choices the later counts, whichever is read first. */
async function take(name, read) {
	const mine = newest[name] = forget();
	let value, why;
	reading++;
	try {
		value = await read();
	} catch (error) {
		why = error.message;
	}
	reading--;
	if (newest[name] === mine) {
		given[name] = value;
		unread.delete(name);
		if (why)
			unread.set(name, (name === 'rules' ? 'policy' : name) + ': ' + why.slice(0, 200));
	}
	if (!reading)
		await check();
}

async function bytesOf(file, most) {
	if (file.size > most)
		throw new Error(file.name + ' has more than ' + most + ' bytes');
	return new Uint8Array(await file.arrayBuffer());
}

async function textOf(file, most) {
	return Array.from(await bytesOf(file, most), byte => String.fromCharCode(byte)).join('');
}

/* At most a byte more than a proof can have is ever read. */
function takeProof(file) {
	return take('proof', async () => new Uint8Array(await file.slice(0, FILE_MAX + 1).arrayBuffer()));
}

/* Texts that a verifier is given, and logs of the node's host; none any more if the choice was taken back. */
function takeText(name, files, [most, read]) {
	return take(name, async () => files.length ? read(await Promise.all(files.map(f => textOf(f, most)))) : NOTHING[name]);
}

function takeLog(name, files) {
	return take(name, async () => files.length ? bytesOf(files[0], LOGS[name]) : undefined);
}

const TEXTS = { /* bytes at most, and what reads them */
	pins: [1 << 18, texts => readPins(texts[0])], policy: [1 << 18, texts => readRules(texts[0])], compare: [1 << 16, texts => texts[0]],
	references: [1 << 16, texts => Promise.all(texts.map(readReference))],
};
const LOGS = { eventLog: 1 << 22, ima: 1 << 26 };

function takeNonce(text) {
	return take('nonce', async () => {
		if (text && !/^[0-9a-f]{64}$/.test(text))
			throw new Error('a nonce has 64 hex digits, in lower case');
		return text ? fromHex(text) : undefined;
	});
}

function start() {
	const form = document.getElementById('inputs'), over = on => event => {
		event.preventDefault();
		form.classList.toggle('over', on);
	};
	document.getElementById('proof').addEventListener('change', event => event.target.files[0] && takeProof(event.target.files[0]));
	for (const [id, read] of Object.entries(TEXTS))
		document.getElementById(id).addEventListener('change', event => takeText(id === 'policy' ? 'rules' : id, [...event.target.files], read));
	for (const id of Object.keys(LOGS))
		document.getElementById(id).addEventListener('change', event => takeLog(id, [...event.target.files]));
	document.getElementById('nonce').addEventListener('change', event => takeNonce(event.target.value.trim()));
	form.addEventListener('submit', event => event.preventDefault());
	document.addEventListener('dragover', over(true));
	document.addEventListener('dragleave', over(false));
	document.addEventListener('drop', event => {
		over(false)(event);
		const file = event.dataTransfer.files[0];
		if (file)
			takeProof(file);
	});
	window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => {
		d.open = true;
	}));
}

if (typeof document !== 'undefined')
	start();
