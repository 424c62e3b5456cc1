/* Hashes, signatures, TPM structures and trees. AES, HMAC and ECDSA are the
 * browser's; SHA-256 too where it is many bytes. Ed25519 is written out, because
 * the browsers do not agree on the lax cases (RFC 8032; keys of prime order, one
 * spelling of everything). */
'use strict';

/* ---- SHA-256 and SHA-512 (FIPS 180-4), by the constants they are defined by ---- */

function primes(count) {
	const out = [];
	for (let n = 2; out.length < count; n++)
		if (out.every(p => n % p))
			out.push(n);
	return out;
}

/* The first `bits` bits after the point of the k-th root of n. */
function rootFraction(n, k, bits) {
	const target = BigInt(n) << BigInt(k * bits);
	let low = 0n, high = target;
	while (low < high) {
		const mid = (low + high + 1n) >> 1n;
		if (mid ** BigInt(k) <= target)
			low = mid;
		else
			high = mid - 1n;
	}
	return low & (1n << BigInt(bits)) - 1n;
}

const K256 = Uint32Array.from(primes(64), p => Number(rootFraction(p, 3, 32)));
const H256 = Uint32Array.from(primes(8), p => Number(rootFraction(p, 2, 32)));

function padded(message, block, lengthBytes) {
	const out = new Uint8Array(Math.ceil((message.length + 1 + lengthBytes) / block) * block);
	out.set(message);
	out[message.length] = 0x80;
	out.set(bigEndian(8 * message.length, 8), out.length - 8);
	return out;
}

function sha256Block(state, view, at, w) {
	const turn = (x, n) => x >>> n | x << 32 - n;
	for (let i = 0; i < 16; i++)
		w[i] = view.getUint32(at + 4 * i);
	for (let i = 16; i < 64; i++) {
		const x = w[i - 15], y = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ x >>> 3) + (turn(y, 17) ^ turn(y, 19) ^ y >>> 10);
	}
	let [a, b, c, d, e, f, g, h] = state;
	for (let i = 0; i < 64; i++) {
		const t = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & f ^ ~e & g) + K256[i] + w[i];
		const u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & b ^ a & c ^ b & c);
		[h, g, f, e, d, c, b, a] = [g, f, e, d + t | 0, c, b, a, t + u | 0];
	}
	[a, b, c, d, e, f, g, h].forEach((x, i) => {
		state[i] += x;
	});
}

/* SHA-256 of the parts one after another (strings are ASCII). */
function sha(...parts) {
	const bytes = padded(join(...parts), 64, 8), view = new DataView(bytes.buffer);
	const state = H256.slice(), w = new Uint32Array(64), out = new Uint8Array(32);
	for (let at = 0; at < bytes.length; at += 64)
		sha256Block(state, view, at, w);
	state.forEach((x, i) => new DataView(out.buffer).setUint32(4 * i, x));
	return out;
}

async function sha512(message) {
	return new Uint8Array(await crypto.subtle.digest('SHA-512', message));
}

async function hmac(key, message) {
	const k = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
	return new Uint8Array(await crypto.subtle.sign('HMAC', k, message));
}

/* HKDF-SHA256 with a salt of zeros and one block of output. */
async function hkdf(key, info) {
	return hmac(await hmac(new Uint8Array(32), key), join(info, [1]));
}

/* ---- Ed25519 ---- */

const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;

function mod(x) {
	const r = x % P;
	return r < 0n ? r + P : r;
}

function power(x, n) {
	let r = 1n;
	for (let b = mod(x); n; n >>= 1n, b = b * b % P)
		if (n & 1n)
			r = r * b % P;
	return r;
}

const D = mod(-121665n * power(121666n, P - 2n));
const SQRT_M1 = power(2n, (P - 1n) / 4n);

function addPoints(p, q) {
	const a = mod((p[1] - p[0]) * (q[1] - q[0])), b = mod((p[1] + p[0]) * (q[1] + q[0]));
	const c = mod(2n * p[3] * q[3] * D), d = mod(2n * p[2] * q[2]);
	const e = b - a, f = d - c, g = d + c, h = b + a;
	return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function multiply(n, p) {
	let q = [0n, 1n, 1n, 0n];
	for (let b = p; n; n >>= 1n, b = addPoints(b, b))
		if (n & 1n)
			q = addPoints(q, b);
	return q;
}

function isZero(p) {
	return p[0] === 0n && p[1] === p[2];
}

function littleEndian(bytes) {
	return bytes.reduceRight((n, b) => n << 8n | BigInt(b), 0n);
}

/* The point of 32 bytes, or undefined if they are not its one encoding. */
function decodePoint(bytes) {
	const n = littleEndian(bytes), y = n & (1n << 255n) - 1n, sign = n >> 255n;
	if (y >= P)
		return undefined;
	const square = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n));
	let x = power(square, (P + 3n) / 8n);
	if (x * x % P !== square)
		x = x * SQRT_M1 % P;
	if (x * x % P !== square || (x === 0n && sign))
		return undefined;
	if ((x & 1n) !== sign)
		x = P - x;
	return [x, y, 1n, x * y % P];
}

function encodePoint(p) {
	const z = power(p[2], P - 2n), x = mod(p[0] * z), y = mod(p[1] * z);
	return bigEndian(y | (x & 1n) << 255n, 32).reverse();
}

const BASE = decodePoint(bigEndian(mod(4n * power(5n, P - 2n)), 32).reverse());

function isKey(bytes) {
	const point = decodePoint(bytes);
	return point !== undefined && !isZero(multiply(8n, point)) && isZero(multiply(L, point));
}

async function ed25519(pub, message, signature) {
	const a = decodePoint(pub), r = decodePoint(signature.subarray(0, 32)), s = littleEndian(signature.subarray(32));
	if (!a || !r || s >= L || isZero(multiply(8n, a)) || isZero(multiply(8n, r)))
		return false;
	const h = littleEndian(await sha512(join(signature.subarray(0, 32), pub, message))) % L;
	return same(encodePoint(addPoints(multiply(s, BASE), multiply(L - h, a))), signature.subarray(0, 32));
}

/* ---- TPM structures (TPM 2.0 Library part 2, 12.2.4 and 10.12) ---- */

class Cursor {
	constructor(bytes) {
		this.bytes = bytes;
		this.at = 0;
	}

	take(n) {
		if (this.at + n > this.bytes.length)
			throw new RangeError('short');
		this.at += n;
		return this.bytes.subarray(this.at - n, this.at);
	}

	number(n) {
		return this.take(n).reduce((x, b) => x * 256 + b, 0);
	}

	big(n) {
		return this.take(n).reduce((x, b) => x << 8n | BigInt(b), 0n);
	}

	sized() {
		return this.take(this.number(2));
	}

	require(ok) {
		if (!ok)
			throw new RangeError('form');
	}

	end() {
		this.require(this.at === this.bytes.length);
	}
}

/* TPMT_PUBLIC of an ECC key. */
function readPublic(bytes) {
	const c = new Cursor(bytes), out = {};
	c.require(c.number(2) === 0x23);
	out.nameAlg = c.number(2);
	out.attributes = c.number(4);
	c.sized();
	c.require(c.number(2) === 0x10);
	out.scheme = c.number(2);
	out.hash = out.scheme === 0x10 ? 0 : c.number(2);
	out.curve = c.number(2);
	c.require(c.number(2) === 0x10);
	out.x = c.sized();
	out.y = c.sized();
	c.end();
	c.require(out.x.length === 32 && out.y.length === 32);
	return out;
}

/* TPMS_ATTEST of a quote or of an NV certification; others up to their attested part. */
function readAttest(bytes, kind) {
	const c = new Cursor(bytes), out = {};
	out.magic = c.number(4);
	out.type = c.number(2);
	out.signer = c.sized();
	out.extra = c.sized();
	out.clock = c.big(8);
	out.resets = c.number(4);
	out.restarts = c.number(4);
	const safe = c.number(1);
	out.firmware = c.big(8);
	c.require(safe <= 1);
	if (kind === 0x8018) {
		c.require(c.number(4) === 1);
		out.hash = c.number(2);
		out.select = c.take(c.number(1));
		c.require(out.select.length <= 8);
		out.digest = c.sized();
		c.end();
	} else {
		c.sized();
		out.offset = c.number(2);
		out.contents = c.sized();
		c.end();
	}
	return out;
}

function parse(reader, ...given) {
	try {
		return reader(...given);
	} catch (error) {
		return undefined;
	}
}

/* Half of P-256's order: of s and n - s, which sign alike, a proof holds the lower. */
const HALF_N = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;

async function ecdsa(pub, message, signature) {
	if (BigInt('0x' + toHex(signature.subarray(32))) > HALF_N)
		return false;
	const scheme = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
	try {
		const key = await crypto.subtle.importKey('raw', join([4], pub.x, pub.y), scheme, false, ['verify']);
		return await crypto.subtle.verify(scheme, key, signature, message);
	} catch (error) {
		return false;
	}
}

/* ---- trees (RFC 6962, RFC 9162 2.1.3.2) ---- */

function treeRoot(leaves) {
	if (leaves.length < 2)
		return leaves.length ? leaves[0] : sha();
	let split = 1;
	while (2 * split < leaves.length)
		split *= 2;
	return sha([1], treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

/* index: BigInt or number; size: BigInt. */
function included(leaf, index, size, path, root) {
	let fn = BigInt(index), sn = size - 1n, r = leaf;
	if (fn >= size)
		return false;
	for (const p of path) {
		if (sn === 0n)
			return false;
		if (fn & 1n || fn === sn) {
			r = sha([1], p, r);
			for (; fn && !(fn & 1n); fn >>= 1n)
				sn >>= 1n;
		} else {
			r = sha([1], r, p);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	return sn === 0n && same(r, root);
}
