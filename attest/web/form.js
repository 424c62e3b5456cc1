/* The bytes of a proof: the narrowed JCS form, and the closed schema
 * (docs/proof-format.md, attest/proof/cdp.schema.json). Everything here reads
 * hostile text and answers undefined for what is not exactly of the form. */
'use strict';

const VALUES_MAX = 2048, DEPTH_MAX = 16, FILE_MAX = 24576;

/* ---- one spelling a document ---- */

const TOKEN = /"[ !#-[\]-~]*"|0(?![0-9])|[1-9][0-9]{0,15}(?![0-9])|true|false|[[\]{},:]/y;
const KEY = /^"[A-Za-z0-9_]{1,64}"$/;

class Reader {
	constructor(text) {
		this.text = text;
		this.at = 0;
		this.values = 0;
	}

	next() {
		TOKEN.lastIndex = this.at;
		const match = TOKEN.exec(this.text);
		if (!match)
			throw new SyntaxError('byte ' + this.at);
		this.at = TOKEN.lastIndex;
		return match[0];
	}

	value(depth) {
		if (++this.values > VALUES_MAX)
			throw new SyntaxError('too many values');
		const token = this.next();
		if ((token === '{' || token === '[') && depth === DEPTH_MAX)
			throw new SyntaxError('too deep');
		if (token === '{')
			return this.object(depth + 1);
		if (token === '[')
			return this.array(depth + 1);
		if (token.startsWith('"'))
			return token.slice(1, -1);
		if (token === 'true' || token === 'false')
			return token === 'true';
		if (!/^[0-9]/.test(token) || Number(token) > Number.MAX_SAFE_INTEGER)
			throw new SyntaxError('byte ' + this.at);
		return Number(token);
	}

	array(depth) {
		const out = [];
		while (this.text[this.at] !== ']') {
			if (out.length && this.next() !== ',')
				throw new SyntaxError('byte ' + this.at);
			out.push(this.value(depth));
		}
		this.next();
		return out;
	}

	/* Objects have no prototype: a key is never anything but a key. */
	object(depth) {
		const out = Object.create(null);
		let last = '';
		while (this.text[this.at] !== '}') {
			if (last && this.next() !== ',')
				throw new SyntaxError('byte ' + this.at);
			const token = this.next(), key = token.slice(1, -1);
			if (!KEY.test(token) || key <= last || this.next() !== ':')
				throw new SyntaxError('key at byte ' + this.at);
			last = key;
			out[key] = this.value(depth);
		}
		this.next();
		return out;
	}
}

/* The value of a whole document, or undefined. bytes: Uint8Array. */
function readDocument(bytes) {
	let text = '';
	for (let i = 0; i < bytes.length; i += 4096)
		text += String.fromCharCode(...bytes.subarray(i, i + 4096));
	try {
		const reader = new Reader(text), value = reader.value(0);
		return reader.at === text.length ? value : undefined;
	} catch (error) {
		return undefined;
	}
}

/* The canonical text of a value that was read. */
function jcs(value) {
	if (Array.isArray(value))
		return '[' + value.map(jcs).join(',') + ']';
	if (typeof value === 'object')
		return '{' + Object.keys(value).sort().map(key => '"' + key + '":' + jcs(value[key])).join(',') + '}';
	return typeof value === 'string' ? '"' + value + '"' : String(value);
}

/* ---- text and bytes ---- */

function ascii(text) {
	return Uint8Array.from(text, c => c.charCodeAt(0));
}

function fromBase64(text) {
	return ascii(atob(text));
}

function fromHex(hex) {
	const out = new Uint8Array(hex.length / 2);
	for (let i = 0; i < out.length; i++)
		out[i] = parseInt(hex.substr(2 * i, 2), 16);
	return out;
}

function toHex(bytes) {
	return Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');
}

/* "sha256:..." or "none" as 32 bytes. */
function fromDigest(text) {
	return text === 'none' ? new Uint8Array(32) : fromHex(text.slice(7));
}

function join(...parts) {
	const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	let at = 0;
	for (const p of parts) {
		out.set(typeof p === 'string' ? ascii(p) : p, at);
		at += p.length;
	}
	return out;
}

function bigEndian(number, bytes) {
	const out = new Uint8Array(bytes);
	let n = BigInt(number);
	for (let i = bytes - 1; i >= 0; i--, n >>= 8n)
		out[i] = Number(n & 255n);
	return out;
}

function same(a, b) {
	return a.length === b.length && a.every((x, i) => x === b[i]);
}

/* ---- schema: the words of JSON Schema that the published one uses ---- */

function fitsString(rule, value) {
	if (!new RegExp(rule.pattern).test(value))
		return false;
	if (rule.bytes) {
		const n = atob(value).length;
		return n >= rule.bytes[0] && n <= rule.bytes[1];
	}
	/* A decimal string holds a number of 64 bits. */
	return !rule.pattern.startsWith('^(?:0|[1-9]') || BigInt(value) < 1n << 64n;
}

function fitsArray(rule, value) {
	if (!Array.isArray(value) || value.length < rule.minItems || value.length > rule.maxItems)
		return false;
	return value.every((x, i) => fits(rule.prefixItems ? rule.prefixItems[i] : rule.items, x));
}

function fitsObject(rule, value) {
	if (typeof value !== 'object' || Array.isArray(value))
		return false;
	const keys = Object.keys(value);
	return keys.length === rule.required.length &&
	    rule.required.every(key => key in value && fits(rule.properties[key], value[key]));
}

function fits(rule, value) {
	if ('const' in rule)
		return value === rule.const;
	if (rule.enum)
		return rule.enum.includes(value);
	switch (rule.type) {
	case 'object':
		return fitsObject(rule, value);
	case 'array':
		return fitsArray(rule, value);
	case 'integer':
		return typeof value === 'number' && value >= rule.minimum && value <= rule.maximum;
	case 'string':
		return typeof value === 'string' && fitsString(rule, value);
	default:
		return typeof value === rule.type;
	}
}
