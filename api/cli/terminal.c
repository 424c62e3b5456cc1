/* The user's terminal: see terminal.h. */
#include "terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool raw;

bool ceno_terminal_here(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

void ceno_terminal_size(uint16_t *rows, uint16_t *columns)
{
	struct winsize size;
	bool told = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col;

	*rows = told ? size.ws_row : 24;
	*columns = told ? size.ws_col : 80;
}

int ceno_terminal_raw(void)
{
	static bool registered;
	struct termios mode;

	if (raw)
		return 0;
	if (tcgetattr(STDIN_FILENO, &before))
		return -errno;
	mode = before;
	cfmakeraw(&mode);
	if (!registered)
		atexit(ceno_terminal_restore);
	registered = true;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode))
		return -errno;
	raw = true;
	return 0;
}

void ceno_terminal_restore(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	raw = false;
}
