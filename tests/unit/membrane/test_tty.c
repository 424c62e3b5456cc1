/*
 * The session's terminal. Keys by chance go into a terminal of the host's kernel and into
 * membrane's: the same lines must come out, and the same echo. Then what only membrane can be
 * asked for: signals, size, groups, a program that waits, and any bytes at all.
 */
#include "test.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-kernel/services/membrane/process.h"

#define SIZE(rows, columns) ((uint32_t)(rows) << 16 | (columns))

static uint64_t page;
static uint32_t shown; /* of the output: read by the test */

static int boot(void **state)
{
	(void)state;
	fake_on_wait = NULL;
	fake_terminal = SIZE(24, 80);
	fake_start();
	fake_terminal = 0;
	page = fake_page();
	shown = 0;
	return 0;
}

static void type(const char *keys, size_t bytes)
{
	uint32_t at = fake_host()->index[CENO_STREAM_IN];

	for (size_t i = 0; i < bytes; i++)
		fake_window()[CENO_STDIN_OFFSET + ((at + i) & (CENO_STDIN_BYTES - 1))] = (uint8_t)keys[i];
	fake_host()->index[CENO_STREAM_IN] = at + (uint32_t)bytes;
}

static void press(const char *keys)
{
	type(keys, strlen(keys));
}

/* What was shown since the last call; the host has read it. */
static size_t screen(char *to)
{
	size_t n = 0;

	for (; shown != fake_guest()->index[CENO_STREAM_OUT]; shown++)
		to[n++] = (char)fake_window()[CENO_STDOUT_OFFSET + (shown & (CENO_STDOUT_BYTES - 1))];
	to[n] = 0;
	fake_host()->index[CENO_STREAM_OUT] = shown;
	return n;
}

static void shows(const char *text)
{
	static char all[CENO_STDOUT_BYTES + 1];

	screen(all);
	assert_string_equal(all, text);
}

static void shows_something(void)
{
	static char all[CENO_STDOUT_BYTES + 1];

	screen(all);
}

static void nonblock(void)
{
	assert_int_equal(sys(SYS_fcntl, 0, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

static int64_t get(char *to, size_t bytes)
{
	int64_t got = sys(SYS_read, 0, page, bytes);

	if (got > 0)
		fake_peek(to, page, (size_t)got);
	return got;
}

static void reads(const char *line)
{
	char got[4096];
	int64_t n = get(got, sizeof(got));

	assert_int_equal(n, strlen(line));
	assert_memory_equal(got, line, strlen(line));
}

static struct termios mode(void)
{
	struct termios t;

	assert_int_equal(sys(SYS_ioctl, 0, TCGETS, page), 0);
	fake_peek(&t, page, sizeof(t));
	return t;
}

static void set_mode(const struct termios *t, uint64_t how)
{
	fake_poke(page, t, sizeof(*t));
	assert_int_equal(sys(SYS_ioctl, 0, how, page), 0);
}

/* ---- against the host's kernel ------------------------------------------------------------ */

static int keyboard, slave;

static void open_host(void)
{
	int zero = 0;
	char name[32];
	unsigned number;

	keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	assert_true(keyboard >= 0);
	assert_int_equal(ioctl(keyboard, TIOCSPTLCK, &zero), 0);
	assert_int_equal(ioctl(keyboard, TIOCGPTN, &number), 0);
	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	slave = open(name, O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
}

/* Exactly these bytes come from the descriptor within some seconds. */
static void host_gives(int fd, const char *want, size_t bytes, int one_read)
{
	static char got[65536];
	size_t n = 0;

	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t part;

		assert_int_equal(poll(&p, 1, 5000), 1);
		part = read(fd, got + n, one_read ? sizeof(got) : bytes - n);
		assert_true(part >= 0);
		n += (size_t)part;
	} while (n < bytes && !one_read);
	assert_int_equal(n, bytes);
	assert_memory_equal(got, want, bytes);
}

static void one_line(unsigned *seed, const struct termios *t)
{
	static const char *const keys[] = { "a",    "b",    "_",    " ",    "-",    "7",    "\303\251", "\342\202\254",
		                            "\177", "\177", "\025", "\027", "\001", "\033", "x y",      "\004",
		                            "\r",   "\n" };
	static char text[CENO_STDOUT_BYTES + 1];
	char got[4096];
	int canonical = (t->c_lflag & ICANON) != 0;
	int64_t n;

	for (int count = rand_r(seed) % 14; count >= 0; count--) {
		const char *key = keys[(unsigned)rand_r(seed) % (sizeof(keys) / sizeof(keys[0]))];

		/* something that is read comes last: the host has done with all of it before its mode changes */
		key = count ? key : canonical ? "\r" : "\rZ";
		assert_int_equal(write(keyboard, key, strlen(key)), strlen(key));
		press(key);
	}
	while ((n = get(got, sizeof(got))) != -EAGAIN)
		host_gives(slave, got, (size_t)n, canonical);
	n = (int64_t)screen(text);
	if (n)
		host_gives(keyboard, text, (size_t)n, 0);
}

static void test_as_linux(void **state)
{
	struct termios t, host;
	unsigned seed = 1;

	(void)state;
	open_host();
	nonblock();
	for (int round = 0; round < 40; round++) {
		const tcflag_t input[] = { 0, ICRNL, INLCR, IGNCR }, output[] = { OPOST | ONLCR, OPOST, 0 };

		t = mode();
		t.c_iflag =
		    (t.c_iflag & ~(tcflag_t)(ICRNL | INLCR | IGNCR)) | (round < 20 ? ICRNL : input[rand_r(&seed) % 4]);
		t.c_oflag = round < 20 ? t.c_oflag : output[rand_r(&seed) % 3];
		t.c_lflag ^= round < 4 ? 0 : (tcflag_t)rand_r(&seed) & (ECHO | ECHOCTL | ECHONL | IEXTEN);
		t.c_lflag = round % 8 == 7 ? t.c_lflag & ~(tcflag_t)ICANON : t.c_lflag | ICANON;
		if (!(t.c_iflag & ICRNL))
			t.c_lflag &= ~(tcflag_t)ICANON; /* or no line would end */
		set_mode(&t, TCSETS);
		assert_int_equal(ioctl(slave, TCGETS, &host), 0);
		host.c_iflag = t.c_iflag;
		host.c_oflag = t.c_oflag;
		host.c_lflag = t.c_lflag;
		memcpy(host.c_cc, t.c_cc, sizeof(host.c_cc));
		assert_int_equal(ioctl(slave, TCSETSW, &host), 0);
		for (int i = 0; i < 50; i++)
			one_line(&seed, &t);
	}
	close(slave);
	close(keyboard);
}

/* ---- what a program sees -------------------------------------------------------------------- */

static void test_is_a_terminal(void **state)
{
	uint16_t size[4];
	struct stat st;
	char name[16];

	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		assert_int_equal(sys(SYS_ioctl, fd, TCGETS, page), 0);
		assert_int_equal(sys(SYS_fstat, fd, page), 0);
		fake_peek(&st, page, sizeof(st));
		assert_true(S_ISCHR(st.st_mode));
		assert_int_equal(st.st_rdev, 5 << 8);
	}
	assert_int_equal(sys(SYS_readlink, fake_string("/proc/self/fd/0"), page, 16), 8);
	fake_peek(name, page, 8);
	assert_memory_equal(name, "/dev/tty", 8);
	assert_int_equal(sys(SYS_ioctl, 0, TIOCGWINSZ, page), 0);
	fake_peek(size, page, 8);
	assert_int_equal(size[0], 24);
	assert_int_equal(size[1], 80);
	assert_int_equal(sys(SYS_open, fake_string("/dev/tty"), O_RDWR), 3);
	assert_int_equal(sys(SYS_ioctl, 3, TIOCGPGRP, page), 0);
	assert_int_equal(sys(SYS_ioctl, 0, TCGETS, BAD), -EFAULT);
	assert_int_equal(sys(SYS_ioctl, 0, 0x5499, page), -ENOTTY);
	fake_start(); /* and without one it is none */
	page = fake_page();
	assert_int_equal(sys(SYS_ioctl, 0, TCGETS, page), -ENOTTY);
	assert_int_equal(sys(SYS_open, fake_string("/dev/tty"), O_RDWR), -ENXIO);
}

static int press_later(void)
{
	fake_on_wait = NULL;
	press("later\r");
	return 1;
}

static void test_waits(void **state)
{
	struct pollfd p = { .fd = 0, .events = POLLIN | POLLOUT };

	(void)state;
	fake_on_wait = press_later;
	reads("later\n");
	shows("later\r\n");
	nonblock();
	press("half");
	assert_int_equal(get(NULL, 10), -EAGAIN);
	fake_poke(page, &p, sizeof(p));
	assert_int_equal(sys(SYS_poll, page, 1, 0), 1);
	fake_peek(&p, page, sizeof(p));
	assert_int_equal(p.revents, POLLOUT);
	press("\r");
	assert_int_equal(sys(SYS_poll, page, 1, 0), 1);
	fake_peek(&p, page, sizeof(p));
	assert_int_equal(p.revents, POLLIN | POLLOUT);
	assert_int_equal(sys(SYS_ioctl, 0, FIONREAD, page), 0);
	assert_int_equal(sys(SYS_read, 0, page, 3), 3);
	reads("f\n");
	fake_host()->closed = 1u << CENO_STREAM_IN;
	assert_int_equal(get(NULL, 10), 0);
}

static void test_raw(void **state)
{
	struct termios t = mode();

	(void)state;
	nonblock();
	press("edi");
	assert_int_equal(get(NULL, 10), -EAGAIN);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	set_mode(&t, TCSETS);
	reads("edi"); /* what was edited is there */
	press("\003\004\r");
	reads("\003\004\n");
	t.c_cc[VMIN] = 0;
	set_mode(&t, TCSETS);
	assert_int_equal(get(NULL, 10), 0);
	press("gone");
	set_mode(&t, TCSETSF);
	assert_int_equal(get(NULL, 10), 0);
	t.c_lflag |= ECHO;
	t.c_oflag = 0;
	set_mode(&t, TCSETS);
	shows("edi");
	press("\n");
	reads("\n");
	shows("^J");
}

static void test_long_line(void **state)
{
	char all[3000], got[4096];

	(void)state;
	nonblock();
	memset(all, 'x', sizeof(all));
	type(all, sizeof(all));
	press("\r");
	assert_int_equal(get(got, sizeof(got)), 2048); /* the rest went, its end did not */
	assert_int_equal(got[2046], 'x');
	assert_int_equal(got[2047], '\n');
	press("next\r");
	reads("next\n");
	for (int i = 0; i < 1000; i++)
		press("1234\r"); /* more than it holds: the rest waits in the window */
	for (int i = 0; i < 1000; i++) {
		shows_something();
		reads("1234\n");
	}
	assert_int_equal(get(got, 1), -EAGAIN);
}

static void test_slow_reader(void **state)
{
	char all[8] = "\nab\n", seen[CENO_STDOUT_BYTES + 1];
	uint32_t full = CENO_STDOUT_BYTES;

	(void)state;
	nonblock();
	fake_poke(page, all, 4);
	fake_host()->index[CENO_STREAM_OUT] = fake_guest()->index[CENO_STREAM_OUT] - full + 1; /* room for one byte */
	assert_int_equal(sys(SYS_write, 1, page, 4), -EAGAIN);                                 /* its \r is out */
	fake_host()->index[CENO_STREAM_OUT] += 2;
	assert_int_equal(sys(SYS_write, 1, page, 4), 2);
	fake_host()->index[CENO_STREAM_OUT] = shown;
	assert_int_equal(sys(SYS_write, 1, page + 2, 2), 2);
	screen(seen);
	assert_string_equal(seen, "\r\nab\r\n");
}

/* ---- signals ---------------------------------------------------------------------------------- */

static void test_interrupt(void **state)
{
	(void)state;
	press("abc\003");
	assert_int_equal(fake_fault(32, 0, 0), FAKE_BLOCKED); /* a tick of a program that computes */
	assert_int_equal(fake_guest()->signal, 2);
	shows("abc^C");
}

static int interrupt(void)
{
	fake_on_wait = NULL;
	press("\034");
	return 1;
}

static void test_interrupt_asleep(void **state)
{
	(void)state;
	fake_on_wait = interrupt;
	assert_int_equal(fake_go(SYS_pause, (const uint64_t[6]){ 0 }), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, 3);
}

static void handle(uint32_t signal, uint64_t handler)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} action = { handler, 0x04000000, 0x401000, 0 };

	fake_poke(page, &action, sizeof(action));
	assert_int_equal(sys(SYS_rt_sigaction, signal, page, 0, 8), 0);
}

static void test_resize(void **state)
{
	uint16_t size[4];

	(void)state;
	handle(28, 0x401000);
	ceno_trap()->gpr[CENO_RSP] = (uint64_t)sys(SYS_mmap, 0, 16 * PAGE, 3, 0x22, -1, 0) + 15 * PAGE;
	fake_host()->terminal = SIZE(50, 132);
	assert_int_equal(fake_fault(32, 0, 0), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, 0x401000); /* the handler of SIGWINCH */
	assert_int_equal(ceno_trap()->gpr[CENO_RDI], 28);
	assert_int_equal(sys(SYS_ioctl, 1, TIOCGWINSZ, page), 0);
	fake_peek(size, page, 8);
	assert_int_equal(size[0], 50);
	assert_int_equal(size[1], 132);
	fake_host()->terminal = 0; /* a host that takes it away: it stays */
	assert_int_equal(fake_fault(32, 0, 0), FAKE_RETURNED);
	assert_int_equal(sys(SYS_ioctl, 1, TIOCGWINSZ, page), 0);
	fake_peek(size, page, 8);
	assert_int_equal(size[0], 50);
}

static void test_groups(void **state)
{
	const int32_t none = 77, negative = -1;
	int32_t child, got;

	(void)state;
	child = (int32_t)sys(SYS_fork);
	assert_true(child > 2);
	assert_int_equal(sys(SYS_setpgid, child, child), 0);
	fake_poke(page, &none, 4);
	assert_int_equal(sys(SYS_ioctl, 0, TIOCSPGRP, page), -ESRCH);
	fake_poke(page, &negative, 4);
	assert_int_equal(sys(SYS_ioctl, 0, TIOCSPGRP, page), -EINVAL);
	fake_poke(page, &child, 4);
	assert_int_equal(sys(SYS_ioctl, 0, TIOCSPGRP, page), 0);
	assert_int_equal(sys(SYS_ioctl, 0, TIOCGPGRP, page), 0);
	fake_peek(&got, page, 4);
	assert_int_equal(got, child);
	press("\003"); /* meant for the child alone */
	assert_int_equal(sys(SYS_ioctl, 0, FIONREAD, page), 0);
	assert_int_equal(sys(SYS_wait4, child, page, 0, 0), child);
	fake_peek(&got, page, 4);
	assert_int_equal(got, 2);
}

/* ---- any bytes, any mode ------------------------------------------------------------------------ */

static void test_anything(void **state)
{
	static const uint32_t requests[] = { TCGETS,    TCSETS,     TCSETSW,    TCSETSF,  TCFLSH,
		                             TIOCGPGRP, TIOCGWINSZ, TIOCSWINSZ, FIONREAD, TIOCOUTQ };
	unsigned seed = 5;
	char bytes[600];

	(void)state;
	nonblock();
	for (uint32_t i = 0; i < 3; i++)
		handle((uint32_t[]){ 2, 3, 20 }[i], 1); /* ignored */
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand_r(&seed) % sizeof(bytes);
		struct termios t = mode();

		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)rand_r(&seed);
		if (fake_host()->index[CENO_STREAM_IN] - fake_guest()->index[CENO_STREAM_IN] < CENO_STDIN_BYTES - n)
			type(bytes, n);
		for (size_t k = 0; i % 50 == 0 && k < sizeof(t); k++)
			((uint8_t *)&t)[k] = (uint8_t)rand_r(&seed);
		set_mode(&t, TCSETS);
		if (i % 7 == 0 && sys(SYS_ioctl, 0, requests[(unsigned)rand_r(&seed) % 10], page) == 0)
			set_mode(&t, TCSETS);
		(void)sys(SYS_write, 1, page, n);
		(void)sys(SYS_read, 0, page, n);
		fake_host()->index[CENO_STREAM_OUT] = fake_guest()->index[CENO_STREAM_OUT];
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_as_linux, boot),  cmocka_unit_test_setup(test_is_a_terminal, boot),
		cmocka_unit_test_setup(test_waits, boot),     cmocka_unit_test_setup(test_raw, boot),
		cmocka_unit_test_setup(test_long_line, boot), cmocka_unit_test_setup(test_slow_reader, boot),
		cmocka_unit_test_setup(test_interrupt, boot), cmocka_unit_test_setup(test_interrupt_asleep, boot),
		cmocka_unit_test_setup(test_resize, boot),    cmocka_unit_test_setup(test_groups, boot),
		cmocka_unit_test_setup(test_anything, boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
