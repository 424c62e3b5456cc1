/* Logs of measured boot: the host's event log (TCG PC Client, crypto agile) and IMA's list. Readers give undefined
 * for what is malformed. */
'use strict';

const NO_ACTION = 3, SHA256_ID = 11, IMA_PCR = 10;

/* Little-endian fields from the front of bytes; throws a RangeError where there are too few. */
class Cut {
	constructor(data) {
		this.data = data;
		this.at = 0;
	}

	get left() {
		return this.data.length - this.at;
	}

	take(n) {
		demand(n <= this.left);
		this.at += n;
		return this.data.subarray(this.at - n, this.at);
	}

	number(bytes) {
		return this.take(bytes).reduceRight((sum, b) => sum * 256 + b, 0);
	}

	part() {
		return this.take(this.number(4));
	}
}

function demand(condition) {
	if (!condition)
		throw new RangeError('malformed');
}

function readMeasured(read, log) {
	try {
		return read(new Cut(log));
	} catch (error) {
		if (error instanceof RangeError)
			return undefined;
		throw error;
	}
}

function begins(bytes, text) {
	return same(bytes.subarray(0, text.length), ascii(text));
}

/* Map of algorithm -> bytes of its digest. */
function algorithmsOf(data) {
	const cut = new Cut(data), out = new Map();
	demand(begins(cut.take(24), 'Spec ID Event03\0'));
	const count = cut.number(4);
	demand(count <= 8);
	for (let i = 0; i < count; i++) {
		const id = cut.number(2), size = cut.number(2);
		demand(!out.has(id) && size > 0 && size <= 64 && (id !== SHA256_ID || size === 32));
		out.set(id, size);
	}
	cut.take(cut.number(1));
	demand(out.has(SHA256_ID) && cut.left === 0);
	return out;
}

/* PCRs 0 to 15 after the log's events. */
function replayEvents(cut) {
	const pcrs = Array.from({ length: 16 }, () => new Uint8Array(32));
	let extended = false;
	demand(cut.number(4) === 0 && cut.number(4) === NO_ACTION && cut.take(20).every(b => b === 0));
	const known = algorithmsOf(cut.part());
	while (cut.left) {
		const pcr = cut.number(4), type = cut.number(4), digests = new Map();
		demand(cut.number(4) === known.size);
		for (let i = 0; i < known.size; i++) {
			const id = cut.number(2);
			demand(known.has(id) && !digests.has(id));
			digests.set(id, cut.take(known.get(id)));
		}
		const data = cut.part();
		if (type === NO_ACTION) {
			if (pcr === 0 && begins(data, 'StartupLocality\0')) {
				demand(data.length === 17 && !extended && data[16] <= 4);
				pcrs[0][31] = data[16];
			}
			continue;
		}
		demand(pcr <= 23);
		extended = extended || pcr === 0;
		if (pcr < 16)
			pcrs[pcr] = sha(pcrs[pcr], digests.get(SHA256_ID));
	}
	return pcrs;
}

/* The SHA-256 that an entry's first field names, or undefined. */
function fileDigest(field) {
	const zero = field.indexOf(0), name = String.fromCharCode(...field.subarray(0, Math.min(Math.max(zero, 0), 64)));
	return field.length - zero === 33 && (name === 'sha256:' || name.endsWith(':sha256:')) ? field.subarray(zero + 1) : undefined;
}

/* [{ digest, extend }] */
function readIma(cut) {
	const out = [];
	while (cut.left) {
		demand(cut.number(4) === IMA_PCR);
		const violation = cut.take(20).every(b => b === 0), name = cut.part(), data = cut.part(), inner = new Cut(data), fields = [];
		demand(name.length >= 5 && name.length <= 32 && begins(name, 'ima-') && data.length);
		while (inner.left)
			demand(fields.push(inner.part()) <= 16);
		out.push(violation ? { extend: new Uint8Array(32).fill(255) } : { digest: fileDigest(fields[0]), extend: sha(data) });
	}
	return out;
}

/* The entries that make the quoted PCR 10; none if no beginning of the list does. */
function quotedPart(entries, quoted) {
	let pcr = new Uint8Array(32), most = 0;
	entries.forEach((entry, i) => {
		pcr = sha(pcr, entry.extend);
		if (same(pcr, quoted))
			most = i + 1;
	});
	return entries.slice(0, most);
}

function allListed(entries, pcrs, executables) {
	const known = new Set(executables.map(toHex)), first = toHex(sha(...pcrs.slice(0, IMA_PCR)));
	return entries.every((e, i) => e.digest && (known.has(toHex(e.digest)) || (i === 0 && toHex(e.digest) === first)));
}
