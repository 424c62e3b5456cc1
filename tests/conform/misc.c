/* Devices and /proc. */
#include "conform.h"

#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <termios.h>

void subject_devices(void)
{
	char b[16];
	struct stat st;
	struct termios t;
	int fd = open("/dev/null", O_RDWR);
	OK(fd >= 0 && read(fd, b, 16) == 0 && write(fd, b, 16) == 16 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode));
	FAILS(tcgetattr(fd, &t), ENOTTY);
	OK(!isatty(fd));
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	memset(b, 1, sizeof(b));
	OK(read(fd, b, 16) == 16 && b[0] == 0 && b[15] == 0 && write(fd, b, 4) == 4);
	close(fd);
	fd = open("/dev/full", O_RDWR);
	OK(fd >= 0 && read(fd, b, 4) == 4);
	FAILS(write(fd, b, 4), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	char c[16] = { 0 };
	OK(read(fd, b, 16) == 16 && read(fd, c, 16) == 16 && memcmp(b, c, 16) != 0);
	close(fd);
	conform_file("f", "x", 1);
	fd = open("f", O_RDWR);
	FAILS(tcgetattr(fd, &t), ENOTTY);
	FAILS(ioctl(fd, 0xdead), ENOTTY);
	int n;
	OK(ioctl(fd, FIONREAD, &n) == 0 && n == 1);
	close(fd);
	fd = open("/dev/shm/conform", O_RDWR | O_CREAT, 0600);
	OK(fd >= 0 && write(fd, "s", 1) == 1 && unlink("/dev/shm/conform") == 0);
}

static char text[65536];

static const char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : text;
}

void subject_proc_files(void)
{
	char b[256], path[64];
	struct sysinfo info;
	OK(readlink("/proc/self/exe", b, sizeof(b)) > 0 && b[0] == '/');
	OK(read_text("/proc/self/maps") && strstr(text, "[stack]") && strstr(text, "r-xp"));
	OK(read_text("/proc/self/status") && strstr(text, "\nPid:\t") && strstr(text, "\nVmRSS:"));
	snprintf(b, sizeof(b), "%d (", getpid());
	OK(read_text("/proc/self/stat") && strncmp(text, b, strlen(b)) == 0);
	OK(read_text("/proc/self/cmdline") && text[0] != '\0');
	OK(read_text("/proc/self/comm") && text[strlen(text) - 1] == '\n');
	OK(read_text("/proc/meminfo") && strncmp(text, "MemTotal:", 9) == 0 && strstr(text, "MemFree:"));
	OK(read_text("/proc/mounts") && strstr(text, " / "));
	OK(read_text("/proc/filesystems") && strstr(text, "tmpfs"));
	OK(read_text("/proc/cpuinfo") && strstr(text, "processor\t: 0"));
	OK(read_text("/proc/uptime") && atof(text) >= 0);
	OK(read_text("/proc/loadavg") && strchr(text, '/'));
	OK(read_text("/sys/devices/system/cpu/online") && text[0] == '0');
	int fd = open("/proc/self/exe", O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(readlink(path, b, sizeof(b)) > 0);
	snprintf(path, sizeof(path), "/proc/%d/status", getpid());
	OK(access(path, R_OK) == 0);
	FAILS(open("/proc/999999/status", O_RDONLY), ENOENT);
	FAILS(open("/proc/self/absent", O_RDONLY), ENOENT);
	FAILS(mkdir("/proc/x", 0700) == 0
	          ? 0
	          : (errno = errno == EACCES || errno == EPERM || errno == EROFS ? ENOENT : errno, -1),
	      ENOENT);
	OK(sysinfo(&info) == 0 && info.totalram * info.mem_unit > 1 << 20 && info.procs >= 1);
}
