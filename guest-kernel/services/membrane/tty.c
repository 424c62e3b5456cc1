/*
 * See tty.h. Linux's N_TTY as far as programs use it: canonical lines with erase, word erase,
 * kill and end of file, echo, signals, raw input with VMIN; no flow control, no VTIME.
 */
#include "tty.h"

#include "calls.h"
#include "process.h"
#include "stdio.h"
#include "vm.h"

/* Of struct termios (asm-generic/termbits.h). */
enum { ICRNL = 0400, INLCR = 0100, IGNCR = 0200, IUTF8 = 040000 };
enum { OPOST = 1, ONLCR = 4 };
enum {
	ISIG = 1,
	ICANON = 2,
	ECHO = 010,
	ECHOE = 020,
	ECHOK = 040,
	ECHONL = 0100,
	NOFLSH = 0200,
	ECHOCTL = 01000,
	ECHOKE = 04000,
	IEXTEN = 0100000
};
enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSUSP = 10, VEOL = 11, VWERASE = 14 };

struct termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
};

#define KEYS (CENO_POOL_MAX / 2) /* what was typed and not read, with what ends lines */
#define LAST 0x100u              /* of a key: it ends a line */
#define END  0x200u              /* no key: the end of the file, once */

static struct tty {
	struct termios mode;
	uint16_t *key;              /* KEYS of them */
	uint32_t first, whole, end; /* first <= whole <= end <= KEYS */
	uint32_t size;              /* as in the window */
	uint32_t group;             /* in front */
	uint32_t half;              /* of "\r\n" is out */
} tty;

static int has(uint32_t flag)
{
	return (tty.mode.lflag & flag) != 0;
}

static void signal_group(uint32_t signal)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *process = ceno_process_at(i);

		if (process && process->pgid == tty.group && !process->zombie)
			ceno_signal_kernel(process, signal);
	}
}

void ceno_tty_init(void)
{
	tty.key = NULL;
}

struct ceno_name *ceno_tty_start(void)
{
	static const struct termios sane = { .iflag = ICRNL | IUTF8,
		                             .oflag = OPOST | ONLCR,
		                             .cflag = 0277, /* B38400 CS8 CREAD */
		                             .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		                             .cc = { 3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22 } };
	uint16_t *key = tty.key;
	struct ceno_walk walk;

	if (!ceno_stdio_terminal() || ceno_path_walk(ceno_inode_root(), "/dev/tty", 0, &walk) || !walk.name)
		return NULL;
	if (!key)
		key = ceno_pool_take(CENO_POOL_MAX);
	if (!key)
		return NULL;
	walk.inode->kind = CENO_INODE_STREAM;
	walk.inode->device = CENO_STREAM_TTY;
	walk.inode->mode = LX_S_IFCHR | 0620;
	walk.inode->owned = 1;
	tty = (struct tty){ .mode = sane, .key = key, .size = ceno_stdio_terminal(), .group = ceno_self()->pgid };
	return walk.name;
}

/* ---- output ------------------------------------------------------------------------------ */

int64_t ceno_tty_write(const uint8_t *from, uint64_t bytes)
{
	const uint32_t both = OPOST | ONLCR;
	uint64_t done = 0, run;
	int64_t put;

	while (done < bytes) {
		if (from[done] == '\n' && (tty.mode.oflag & both) == both) {
			put = ceno_stdio_write(CENO_STREAM_OUT, &"\r\n"[tty.half], 2 - tty.half);
			if (put > 0)
				tty.half = (tty.half + (uint32_t)put) % 2;
			run = put > 0 && !tty.half;
			put = run || put < 0 ? put : -LX_EAGAIN;
		} else {
			for (run = 1; done + run < bytes && from[done + run] != '\n';)
				run++;
			put = ceno_stdio_write(CENO_STREAM_OUT, from + done, run);
			run = put > 0 ? (uint64_t)put : 0;
		}
		if (put < 0)
			return done ? (int64_t)done : put;
		done += run;
	}
	return (int64_t)done;
}

/* What does not fit is not seen. */
static void show(const char *text, uint64_t bytes)
{
	(void)ceno_tty_write((const uint8_t *)text, bytes);
}

static int is_control(uint32_t c)
{
	return c < 32 || c == 127;
}

static void echo(uint8_t c)
{
	char text[2] = { '^', (char)(c ^ 0x40) };

	if (!has(ECHO) && !(c == '\n' && has(ECHONL) && has(ICANON)))
		return;
	if (is_control(c) && c != '\t' && !(c == '\n' && has(ICANON)) && has(ECHOCTL))
		show(text, 2);
	else
		show((const char *)&c, 1);
}

/* ---- input ------------------------------------------------------------------------------- */

/* The last character of the line: in UTF-8 some bytes, a control character two columns wide. */
static void erase(void)
{
	uint16_t c;

	do
		c = tty.key[--tty.end];
	while ((tty.mode.iflag & IUTF8) && (c & 0xc0) == 0x80 && tty.end > tty.whole);
	if (has(ECHO) && is_control(c) && has(ECHOCTL))
		show("\b \b", 3);
	if (has(ECHO) && (!is_control(c) || has(ECHOCTL)))
		show("\b \b", 3);
}

/* Letters, digits, _, and what begins a character of more than one byte. */
static int is_of_word(void)
{
	uint32_t at = tty.end - 1;
	uint16_t c;

	while (at > tty.whole && (tty.key[at] & 0xc0) == 0x80)
		at--;
	c = tty.key[at];
	return c == '_' || (c >= '0' && c <= '9') || (uint16_t)((c | 32) - 'a') < 26 || c >= 0xc0;
}

/* Erases the line, or its last word and what is behind that. */
static void erase_many(int word)
{
	int seen = 0;

	while (tty.end > tty.whole) {
		if (word && is_of_word())
			seen = 1;
		else if (seen)
			break;
		erase();
	}
}

/* One place is kept for what ends a line. */
static void put(uint32_t key)
{
	if (tty.end < KEYS - 1 || (key & (LAST | END) && tty.end < KEYS))
		tty.key[tty.end++] = (uint16_t)key;
}

static int is_signal(uint8_t c)
{
	static const uint8_t key[] = { VINTR, VQUIT, VSUSP }, signal[] = { LX_SIGINT, LX_SIGQUIT, LX_SIGTSTP };

	for (unsigned i = 0; i < sizeof(key) && has(ISIG); i++) {
		if (c != tty.mode.cc[key[i]])
			continue;
		if (!has(NOFLSH))
			tty.first = tty.whole = tty.end = 0;
		echo(c);
		signal_group(signal[i]);
		return 1;
	}
	return 0;
}

/* One key of a line that is edited. */
static void edit(uint8_t c)
{
	const uint8_t *cc = tty.mode.cc;

	if (c && c == cc[VERASE]) {
		if (tty.end > tty.whole)
			erase();
	} else if (c && c == cc[VKILL]) {
		erase_many(0);
	} else if (c && c == cc[VWERASE] && has(IEXTEN)) {
		erase_many(1);
	} else {
		int last = c == '\n' || (c && c == cc[VEOL]), end = c && c == cc[VEOF];

		if (!end)
			echo(c);
		put(end ? END : last ? c | LAST : c);
		if (end || last)
			tty.whole = tty.end;
	}
}

static void take(uint8_t c)
{
	if (c == '\r' && tty.mode.iflag & IGNCR)
		return;
	if (c == '\r' && tty.mode.iflag & ICRNL)
		c = '\n';
	else if (c == '\n' && tty.mode.iflag & INLCR)
		c = '\r';
	if (c && is_signal(c))
		return;
	if (has(ICANON)) {
		edit(c);
		return;
	}
	echo(c);
	put(c);
	tty.whole = tty.end;
}

void ceno_tty_pump(void)
{
	uint32_t size = ceno_stdio_terminal();
	uint8_t c;

	if (!tty.key)
		return;
	if (size && size != tty.size) {
		tty.size = size;
		signal_group(LX_SIGWINCH);
	}
	if (tty.first && tty.first == tty.end)
		tty.first = tty.whole = tty.end = 0;
	/* A line that is too long can still be edited, and ended. */
	while ((tty.end < KEYS - 1 || (has(ICANON) && tty.first == tty.whole)) && ceno_stdio_pending() &&
	       ceno_stdio_read(&c, 1) == 1)
		take(c);
}

int64_t ceno_tty_read(uint8_t *to, uint64_t bytes)
{
	uint64_t done = 0;

	ceno_tty_pump();
	if (tty.first == tty.whole) {
		if (!has(ICANON) && !tty.mode.cc[VMIN])
			return 0;
		return ceno_stdio_poll(CENO_STREAM_IN) & LX_POLLHUP ? 0 : -LX_EAGAIN;
	}
	while (done < bytes && tty.first < tty.whole) {
		uint16_t key = tty.key[tty.first++];

		if (!(key & END))
			to[done++] = (uint8_t)key;
		if (has(ICANON) && key & (LAST | END))
			break;
	}
	memmove(tty.key, tty.key + tty.first, (tty.end - tty.first) * sizeof(*tty.key));
	tty.whole -= tty.first;
	tty.end -= tty.first;
	tty.first = 0;
	return (int64_t)done;
}

uint32_t ceno_tty_poll(void)
{
	ceno_tty_pump();
	return (tty.first < tty.whole ? LX_POLLIN : 0u) | (ceno_stdio_poll(CENO_STREAM_IN) & LX_POLLHUP) |
	    ceno_stdio_poll(CENO_STREAM_OUT);
}

/* ---- requests ------------------------------------------------------------------------------ */

static int64_t set_mode(uint64_t argument, int flush)
{
	struct termios mode;

	if (ceno_user_read(&mode, argument, sizeof(mode)))
		return -LX_EFAULT;
	ceno_tty_pump(); /* what was typed before is of the mode before */
	if (flush)
		tty.first = tty.whole = tty.end = 0;
	if ((mode.lflag ^ tty.mode.lflag) & ICANON)
		tty.whole = tty.end; /* the line as far as it was edited */
	tty.mode = mode;
	return 0;
}

static int64_t set_group(uint64_t argument)
{
	uint32_t group;

	if (ceno_user_read(&group, argument, sizeof(group)))
		return -LX_EFAULT;
	if ((int32_t)group < 0)
		return -LX_EINVAL;
	if (!ceno_group_exists(group, ceno_self()->sid))
		return ceno_group_exists(group, 0) ? -LX_EPERM : -LX_ESRCH;
	tty.group = group;
	return 0;
}

static int64_t set_size(uint64_t argument)
{
	uint16_t cells[4];

	if (ceno_user_read(cells, argument, sizeof(cells)))
		return -LX_EFAULT;
	tty.size = (uint32_t)cells[0] << 16 | cells[1];
	return 0;
}

int64_t ceno_tty_ioctl(uint32_t request, uint64_t argument)
{
	const uint16_t cells[4] = { (uint16_t)(tty.size >> 16), (uint16_t)tty.size };
	uint32_t value = 0;

	switch (request) {
	case 0x5401: /* TCGETS */
		return ceno_user_write(argument, &tty.mode, sizeof(tty.mode));
	case 0x5402: /* TCSETS, TCSETSW, TCSETSF */
	case 0x5403:
	case 0x5404:
		return set_mode(argument, request == 0x5404);
	case 0x540b: /* TCFLSH */
		if (argument != 1)
			return ceno_tty_pump(), tty.first = tty.whole = tty.end = 0;
		return 0;
	case 0x5409: /* TCSBRK, TCXONC, TIOCSCTTY, TIOCNOTTY, TCSBRKP */
	case 0x540a:
	case 0x540e:
	case 0x5422:
	case 0x5425:
		return 0;
	case 0x540f: /* TIOCGPGRP */
		return ceno_user_write(argument, &tty.group, sizeof(tty.group));
	case 0x5410: /* TIOCSPGRP */
		return set_group(argument);
	case 0x5429: /* TIOCGSID */
		return ceno_user_write(argument, &ceno_self()->sid, sizeof(ceno_self()->sid));
	case 0x5411: /* TIOCOUTQ */
		return ceno_user_write(argument, &value, sizeof(value));
	case 0x541b: /* FIONREAD */
		ceno_tty_pump();
		while (value < tty.whole - tty.first && !(has(ICANON) && tty.key[tty.first + value] & (LAST | END)))
			value++;
		value += value < tty.whole - tty.first && !(tty.key[tty.first + value] & END);
		return ceno_user_write(argument, &value, sizeof(value));
	case 0x5413: /* TIOCGWINSZ */
		return ceno_user_write(argument, cells, sizeof(cells));
	case 0x5414: /* TIOCSWINSZ */
		return set_size(argument);
	default:
		return -LX_ENOTTY;
	}
}
