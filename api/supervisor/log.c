/* cenod's log: see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int copy_fd = -1;

void ceno_supervisor_log_copy(int fd)
{
	copy_fd = fd;
}

void ceno_supervisor_log(const char *format, ...)
{
	char line[1024];
	int used = snprintf(line, sizeof line, "cenod: ");
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	vsnprintf(line + used, sizeof line - (size_t)used - 1, format, arguments);
	va_end(arguments);
	length = strlen(line);
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0 && copy_fd < 0)
		return;
	if (copy_fd >= 0 && write(copy_fd, line, length) < 0)
		copy_fd = -1;
}
