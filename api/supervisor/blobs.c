/* Sealed blobs: see blobs.h. */
#include "blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int ceno_blob_hash(int fd, uint8_t sha256[32])
{
	static uint8_t buffer[65536];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	off_t at = 0;
	ssize_t n = 0;
	int rc = -ENOMEM;

	if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL))
		goto out;
	while ((n = pread(fd, buffer, sizeof buffer, at)) > 0) {
		if (!EVP_DigestUpdate(context, buffer, (size_t)n))
			goto out;
		at += n;
	}
	if (n < 0)
		rc = -errno;
	else
		rc = EVP_DigestFinal_ex(context, sha256, NULL) ? 0 : -ENOMEM;
out:
	EVP_MD_CTX_free(context);
	return rc;
}

static int copy(int from, int to, uint64_t bytes)
{
	static uint8_t buffer[65536];
	uint64_t done = 0;

	while (done < bytes) {
		ssize_t n = read(from, buffer, sizeof buffer);

		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* shrank while being read */
		for (ssize_t put = 0, w; put < n; put += w)
			if ((w = write(to, buffer + put, (size_t)(n - put))) < 0)
				return -errno;
		done += (uint64_t)n;
	}
	return done == bytes ? 0 : -EIO;
}

static int fill(int file, const char *name, uint64_t max, struct ceno_blob *blob)
{
	struct stat st;
	int rc;

	if (fstat(file, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size == 0)
		return -ENODATA;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	blob->bytes = (uint64_t)st.st_size;
	blob->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (blob->fd < 0)
		return -errno;
	rc = copy(file, blob->fd, blob->bytes);
	if (!rc && fcntl(blob->fd, F_ADD_SEALS, SEALS))
		rc = -errno;
	return rc ? rc : ceno_blob_hash(blob->fd, blob->sha256);
}

int ceno_blob_load(const char *directory, const char *name, uint64_t max, struct ceno_blob *blob)
{
	char path[4096];
	int file, rc;

	blob->fd = -1;
	if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
		return -ENAMETOOLONG;
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	rc = fill(file, name, max, blob);
	close(file);
	if (rc && blob->fd >= 0) {
		close(blob->fd);
		blob->fd = -1;
	}
	return rc;
}
