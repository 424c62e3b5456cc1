"""Processes of a node and their memory, seen by root from outside (Linux, /proc, pidfd_getfd)."""
import ctypes
import os
import subprocess
import time
from pathlib import Path

SYS_PIDFD_GETFD = 438
libc = ctypes.CDLL(None, use_errno=True)


def children(root):
    """All processes below root, root first; zombies too."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def links(pid, folder):
    """What the links in /proc/PID/fd or /proc/PID/ns point to."""
    try:
        return [os.readlink(entry) for entry in Path(f"/proc/{pid}/{folder}").iterdir()]
    except OSError:
        return []


def memfds(pid, prefix):
    """(name, our duplicate) of every memfd of pid whose name begins so."""
    found = []
    try:
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
        pidfd = os.pidfd_open(pid)
    except OSError:
        return found
    for entry in entries:
        try:
            name = os.readlink(entry)
        except OSError:
            continue
        if name.startswith("/memfd:" + prefix):
            fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(entry.name), 0)
            if fd >= 0:
                found.append((name[7:], fd))
    os.close(pidfd)
    return found


def pieces(fd):
    """The data of a memfd, in overlapping pieces; holes are not read (that would back them)."""
    at = 0
    while True:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
            end = os.lseek(fd, at, os.SEEK_HOLE)
        except OSError:
            return
        while at < end:
            yield os.pread(fd, min((4 << 20) + 128, end - at), at)
            at = min(at + (4 << 20), end)


def start_node(build, folder):
    """A node in this folder, which may have been one before; returns cenod's pid."""
    state, run, pidfile = folder / "state", folder / "run", folder / "cenod.pid"
    state.mkdir(exist_ok=True)
    run.mkdir(exist_ok=True)
    pidfile.unlink(missing_ok=True)
    subprocess.run([build / "bin/cenod", "--state", state, "--run", run, "--pidfile", pidfile], stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True, timeout=60)
    for _ in range(400):
        if pidfile.exists() and pidfile.read_text() and (run / "cenod.sock").exists():
            return int(pidfile.read_text())
        time.sleep(0.05)
    raise RuntimeError("the node did not come up")
