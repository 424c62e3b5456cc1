/*
 * The keeper of the node's own swtpm (attest/daemon/keeper.h): a child of cenod, so
 * that the TPM of a session's launch still runs when another ceno-attest seals its
 * proof. cenod passes a socket on and never speaks on it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "node.h"

static void keeper_exited(struct ceno_child *child)
{
	struct ceno_node *node = child->owner;
	int status = child->wait_status;

	node->keeper.running = false;
	if (node->keeper.socket >= 0) {
		close(node->keeper.socket);
		node->keeper.socket = -1;
		ceno_supervisor_log("the keeper of swtpm ended (%s %d)", WIFSIGNALED(status) ? "signal" : "status",
		                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	ceno_node_keeper_ended(node);
}

int ceno_node_keeper_start(struct ceno_node *node)
{
	static char state[4096];
	const char *argv[] = { "ceno-attest", "--state", state, "--keeper", NULL };
	struct ceno_child_spec spec = { .fd_count = 1, .executable = node->attest_exe, .argv = argv };
	int pair[2], rc;

	if (node->config->tcti || node->keeper.running)
		return 0;
	snprintf(state, sizeof state, "%s/attest", node->config->state);
	/* Blocking, unlike our own channels: attest asks from a worker thread and waits for the answer. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	spec.fds = &pair[1];
	rc = ceno_child_start(&node->loop, &node->keeper.child, &spec, keeper_exited, node);
	close(pair[1]);
	if (rc) {
		close(pair[0]);
		return rc;
	}
	node->keeper.socket = pair[0];
	node->keeper.running = true;
	return 0;
}

void ceno_node_keeper_release(struct ceno_node *node)
{
	if (node->keeper.socket >= 0)
		close(node->keeper.socket);
	node->keeper.socket = -1;
}
