/* Sockets of AF_UNIX: what socket.c (bytes), unix.c (names, connections) and message.c (messages with
 * what comes along) share. */
#ifndef CENO_MEMBRANE_SOCKET_H
#define CENO_MEMBRANE_SOCKET_H

#include "fd.h"

/* Open files, and who sent them, that come with the bytes from `at` to `end` of a ring (positions of its
 * head). They are on their way: each counts in its file's refs. */
struct ceno_rights {
	struct ceno_rights *next;
	struct ceno_inode *sender; /* counted in its uses; NULL: it has no name */
	uint32_t at, end, count;
	struct ceno_file *file[];
};

/* All that were not closed, by ->another. */
extern struct ceno_socket *ceno_sockets;

/* A socket without a name and peer; NULL: no RAM. */
struct ceno_inode *ceno_socket_new(uint32_t type);
/* The socket of a descriptor; NULL with *error -LX_EBADF or -LX_ENOTSOCK. */
struct ceno_inode *ceno_socket_find(uint64_t fd, int64_t *error);
/* What it writes to, or NULL: nothing, or that was closed. */
struct ceno_inode *ceno_socket_peer(const struct ceno_inode *inode);
/* Gives a socket another peer or none. */
void ceno_socket_connect(struct ceno_inode *inode, struct ceno_inode *peer);

/* Rights that the last reading of the socket reached; NULL. The caller has them then. */
struct ceno_rights *ceno_rights_take(struct ceno_socket *socket);
/* Puts rights at the end of those of the socket. */
void ceno_rights_add(struct ceno_socket *socket, struct ceno_rights *rights);
/* Room for so many files, of which there are none yet; NULL: no RAM, or too many are on their way. */
struct ceno_rights *ceno_rights_new(uint32_t count);
/* Drops what is left of them; NULL is allowed. */
void ceno_rights_drop(struct ceno_rights *rights);

/* The socket that an address of the program names, of this type. NULL with *error -LX_EINVAL, -LX_EFAULT,
 * -LX_ECONNREFUSED, -LX_EPROTOTYPE, -LX_EACCES, -LX_ENOENT or another of the walk. (unix.c) */
struct ceno_inode *ceno_unix_target(uint64_t gva, uint64_t bytes, uint32_t type, int64_t *error);
/* Writes a socket's name (NULL: an empty address) as calls do: at most *length bytes, *length set. (unix.c) */
int64_t ceno_unix_name(const struct ceno_socket *socket, uint64_t gva, uint64_t length_gva);

#endif
