#!/usr/bin/env node
/* The offline page's verifier over a corpus, in Node: page_corpus.js PAGE DIR [--prove].
 * PAGE is the built page; the script inside it is what runs. Exit 0 if every
 * verdict is the expected one; PAGE --mutate PROOF PINS: the codes of a proof with each
 * byte changed. With --prove each case runs with the check that it
 * is for left out (put into the script as it is loaded), and must not get its
 * verdict then. */
'use strict';
const fs = require('fs'), path = require('path'), vm = require('vm'), { webcrypto } = require('crypto');

/* Checks that nothing can go on without: what they let through is not there to be read. */
const PARSERS = [102, 203, 801, 901, 904, 913, 1006, 1008];

function load(page) {
	const html = fs.readFileSync(page, 'utf8'), match = /<script>([^]*?)<\/script>/.exec(html);
	const world = { crypto: webcrypto, atob, console, without: 0 };
	const hooked = match[1].replace('check(code, passed) {', 'check(code, passed) {\n\t\tif (code === without)\n\t\t\tpassed = true;');
	if (hooked === match[1])
		throw new Error('no check to leave out in ' + page);
	vm.runInNewContext(hooked + '\nthis.cenotaph = { verify, readPins, readRules, readReference, fromHex, fromBase64, SCHEMA, EXITS, isKey, ed25519, ecdsa };', world);
	return [world, world.cenotaph];
}

async function policyOf(c, kase) {
	return {
		pins: kase.pins ? c.readPins(kase.pins) : { pins: [], revoked: [] },
		nonce: kase.nonce ? c.fromHex(kase.nonce) : undefined,
		request: kase.request ? c.fromHex(kase.request) : undefined,
		rules: kase.policy ? c.readRules(kase.policy) : undefined,
		references: await Promise.all(kase.references.map(c.readReference)),
		compare: kase.compare === null ? undefined : kase.compare,
		eventLog: kase.event_log === null ? undefined : c.fromBase64(kase.event_log),
		ima: kase.ima === null ? undefined : c.fromBase64(kase.ima),
		asOf: kase.as_of === null ? undefined : BigInt(kase.as_of),
		key: kase.key,
		code: kase.code,
		refuseTestKey: kase.refuse_test_key,
		seen: kase.seen.map(s => ({ ak: c.fromHex(s.ak), session: c.fromHex(s.session_id), launch: s.launch_index,
		    c8: c.fromHex(s.c8) })),
	};
}

async function verdictOf(c, kase) {
	const result = await c.verify(c.SCHEMA, c.fromBase64(kase.proof), await policyOf(c, kase));
	return { code: result.verdict, exit: c.EXITS[result.verdict] || (result.verdict ? 1 : 0) };
}

/* Every byte of a proof changed in two ways (tests/vectors/mutate.c); a line each. */
async function mutate(c, proof, pins) {
	const text = new Uint8Array(fs.readFileSync(proof)), policy = { pins: c.readPins(fs.readFileSync(pins, 'latin1')), seen: [] }, out = [];
	const neighbour = b => b >= 48 && b <= 57 ? (b === 57 ? 48 : b + 1) : (b >= 97 && b < 122) || (b >= 65 && b < 90) ? b + 1 :
	    b === 122 ? 97 : b === 90 ? 65 : b ^ 0x15;
	if ((await c.verify(c.SCHEMA, text, policy)).verdict)
		throw new Error(proof + ' does not verify');
	for (let i = 0; i < text.length; i++) {
		const old = text[i];
		for (const [k, changed] of [old ^ 1 << i % 8, neighbour(old)].entries()) {
			if (k !== i % 2 && !process.env.CENO_MUTATE_ALL)
				continue;
			text[i] = changed;
			out.push(i + ' ' + k + ' ' + (await c.verify(c.SCHEMA, text, policy)).verdict);
		}
		text[i] = old;
	}
	console.log(out.join('\n'));
}

/* Answers to [kind, key, message, signature] in hex, from standard input. */
async function signatures(c) {
	const out = [];
	for (const [kind, ...given] of JSON.parse(fs.readFileSync(0, 'utf8'))) {
		const [key, message, signature] = given.map(c.fromHex);
		out.push(kind === 'ed25519' ? c.isKey(key) && await c.ed25519(key, message, signature) :
		    await c.ecdsa({ x: key.subarray(0, 32), y: key.subarray(32) }, message, signature));
	}
	console.log(JSON.stringify(out));
}

async function main() {
	const given = process.argv.slice(2), prove = given.includes('--prove'), [page, folder] = given.filter(g => g !== '--prove');
	const [world, c] = load(page);
	if (given[1] === '--signatures')
		return signatures(c);
	if (given[1] === '--mutate')
		return mutate(c, given[2], given[3]);
	const names = fs.readdirSync(folder).sort();
	let wrong = 0, asked = 0;
	for (const name of names) {
		const kase = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')), want = kase.verdict;
		if (prove && (!want.code || PARSERS.includes(want.code)))
			continue;
		asked++;
		world.without = prove ? want.code : 0;
		/* What nothing can be made of without its check is an error of the script: then it is not the verdict either. */
		const got = await verdictOf(c, kase).catch(error => {
			if (!prove)
				throw error;
			return { code: -1 };
		});
		if ((got.code === want.code && got.exit === want.exit) === Boolean(prove)) {
			console.log(name + ': ' + got.code + (prove ? ' without its check' : ', expected ' + want.code));
			wrong++;
		}
	}
	console.log('corpus: ' + asked + ' cases, ' + wrong + (prove ? ' do not notice that their check is gone' : ' disagree'));
	process.exit(asked && !wrong ? 0 : 1);
}

main().catch(error => {
	console.error(error);
	process.exit(2);
});
