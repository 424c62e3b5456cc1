/*
 * cenod: the supervisor. Root, tiny, one loop. It holds descriptors and children;
 * it never parses client input, never maps guest memory, never speaks to a TPM.
 *
 * Without --foreground it goes to the background and the command returns once
 * the node is up, or prints why it is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "host.h"
#include "log.h"
#include "node.h"

/* Relays the node's lines until it says it is up (an empty line): 0, or 1 if it ended first. */
static int wait_until_up(int fd)
{
	char c, last = '\n';

	while (read(fd, &c, 1) == 1) {
		if (c == '\n' && last == '\n')
			return 0;
		if (write(STDERR_FILENO, &c, 1) < 0)
			return 1;
		last = c;
	}
	return 1;
}

/* In the child: 0 with node->ready_fd set. In the parent: never returns. -1 on failure. */
static int go_to_background(const struct ceno_config *config, struct ceno_node *node)
{
	char path[4096];
	int up[2], log, null;
	pid_t pid;

	snprintf(path, sizeof path, "%s/cenod.log", config->state);
	if (ceno_host_directory(config->state, 0711, 0) ||
	    (log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0 ||
	    (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 || pipe2(up, O_CLOEXEC)) {
		ceno_supervisor_log("%s: %s; run cenod as root", path, strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0) {
		close(up[1]);
		_exit(wait_until_up(up[0]));
	}
	close(up[0]);
	setsid();
	if (chdir("/") || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return -1;
	node->ready_fd = up[1];
	ceno_supervisor_log_copy(up[1]);
	return 0;
}

int main(int argc, char **argv)
{
	static struct ceno_node node = { .ready_fd = -1 };
	struct ceno_config config;
	int status = ceno_config_parse(argc, argv, &config);

	if (status >= 0)
		return status;
	if (!config.foreground && go_to_background(&config, &node))
		return 1;
	if (ceno_node_start(&node, &config))
		return 1;
	return ceno_node_run(&node);
}
