#!/usr/bin/env node
/* The offline page's verifier over a corpus, in Node: page_corpus.js PAGE DIR.
 * PAGE is the built page; the script inside it is what runs. Exit 0 if every
 * verdict is the expected one. */
'use strict';
const fs = require('fs'), path = require('path'), vm = require('vm'), { webcrypto } = require('crypto');

function load(page) {
	const html = fs.readFileSync(page, 'utf8'), match = /<script>([^]*?)<\/script>/.exec(html);
	const world = { crypto: webcrypto, atob, console };
	vm.runInNewContext(match[1] + '\nthis.cenotaph = { verify, readPins, fromHex, fromBase64, SCHEMA, EXITS };', world);
	return world.cenotaph;
}

function policyOf(c, kase) {
	return {
		pins: kase.pins ? c.readPins(kase.pins) : { pins: [], revoked: [] },
		nonce: kase.nonce ? c.fromHex(kase.nonce) : undefined,
		key: kase.key,
		code: kase.code,
		refuseTestKey: kase.refuse_test_key,
		seen: kase.seen.map(s => ({ ak: c.fromHex(s.ak), session: c.fromHex(s.session_id), launch: s.launch_index,
		    c8: c.fromHex(s.c8) })),
	};
}

async function main() {
	const [page, folder] = process.argv.slice(2), c = load(page), names = fs.readdirSync(folder).sort();
	let wrong = 0;
	for (const name of names) {
		const kase = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
		const result = await c.verify(c.SCHEMA, c.fromBase64(kase.proof), policyOf(c, kase));
		const exit = c.EXITS[result.verdict] || (result.verdict ? 1 : 0);
		if (result.verdict !== kase.verdict.code || exit !== kase.verdict.exit) {
			console.log(name + ': ' + result.verdict + ', expected ' + kase.verdict.code);
			wrong++;
		}
	}
	console.log('corpus: ' + names.length + ' cases, ' + wrong + ' disagree');
	process.exit(names.length && !wrong ? 0 : 1);
}

main();
