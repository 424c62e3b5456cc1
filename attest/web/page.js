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

const LOG_MAX = 1 << 26;

/* ---- parts of the result ---- */

function verdictOf(ladder) {
	const info = CODES[ladder.verdict];
	const words = ladder.verdict ? 'Not verified: ' + info.text + '. Reason ' + ladder.verdict + ' ' + info.name + ', stage ' + info.stage + '.'
		: 'Verified: a node that you pinned or enrolled made this proof, and every check that was run holds.';
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

function say(text) {
	document.getElementById('progress').textContent = text;
}

async function check() {
	if (!given.proof)
		return;
	const begin = performance.now(), bytes = given.proof;
	const ladder = await verify(SCHEMA, bytes, { pins: given.pins, nonce: given.nonce, seen: [], rules: given.rules,
	    references: given.references, compare: given.compare, eventLog: given.eventLog, ima: given.ima, asOf: BigInt(Math.floor(Date.now() / 1000)) }, (pass, part) =>
	    say('memory root of pass ' + pass + ': ' + Math.round(100 * part) + ' %'));
	if (bytes !== given.proof)
		return; /* another one was dropped meanwhile */
	const result = document.getElementById('result'), read = ladder.core !== undefined;
	result.replaceChildren(verdictOf(ladder), ...(read ? [sessionPart(ladder), stepsPart(ladder), chainPart(ladder), sealPart(ladder)] : []),
	    checksPart(ladder));
	result.hidden = false;
	result.dataset.verdict = ladder.verdict;
	result.dataset.milliseconds = (performance.now() - begin).toFixed(1);
	say('checked in ' + result.dataset.milliseconds + ' ms');
}

/* At most a byte more than a proof can have is ever read. */
async function takeProof(file) {
	given.proof = new Uint8Array(await file.slice(0, FILE_MAX + 1).arrayBuffer());
	await check();
}

/* One of the texts that a verifier is given; what is malformed is said, and nothing is checked. */
async function takeText(name, files, read) {
	try {
		given[name] = await read(await Promise.all(files.map(async f => String.fromCharCode(...new Uint8Array(
		    await f.slice(0, 1 << 16).arrayBuffer())))));
	} catch (error) {
		say(String(error.message));
		return;
	}
	await check();
}

async function takeLog(name, file) {
	given[name] = new Uint8Array(await file.slice(0, LOG_MAX).arrayBuffer());
	await check();
}

const TEXTS = {
	pins: texts => readPins(texts[0]), policy: texts => readRules(texts[0]), compare: texts => texts[0],
	references: texts => Promise.all(texts.map(readReference)),
};

function takeNonce(text) {
	given.nonce = /^[0-9a-f]{64}$/.test(text) ? fromHex(text) : undefined;
	if (text && !given.nonce) {
		say('a nonce has 64 hex digits, in lower case');
		return;
	}
	check();
}

function start() {
	const form = document.getElementById('inputs'), over = on => event => {
		event.preventDefault();
		form.classList.toggle('over', on);
	};
	document.getElementById('proof').addEventListener('change', event => event.target.files[0] && takeProof(event.target.files[0]));
	for (const [id, read] of Object.entries(TEXTS))
		document.getElementById(id).addEventListener('change', event => takeText(id === 'policy' ? 'rules' : id, [...event.target.files], read));
	for (const id of ['eventLog', 'ima'])
		document.getElementById(id).addEventListener('change', event => event.target.files[0] && takeLog(id, event.target.files[0]));
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
