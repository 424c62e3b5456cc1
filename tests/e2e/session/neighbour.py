"""neighbour.py CANARY_HEX SESSION SOCKET ROOT PID...: a user of the host with no rights tries what a user can against
the processes of a node: signals, ptrace, memory, descriptors, /proc, scheduling, namespaces, sockets, files.

Prints a line for each kind of attempt, "ok KIND: N attempts" or "FAIL KIND: WHAT"; exit status 1 if anything went through.
"""
import ctypes
import errno
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
SYS = {"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "move_pages": 279, "migrate_pages": 256,
       "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438, "process_madvise": 440, "ioprio_set": 251, "setns": 308,
       "perf_event_open": 298, "prlimit64": 302, "sched_setaffinity": 203, "sched_setscheduler": 144, "setpriority": 141}
ATTACH, SEIZE = 16, 0x4206
failed = False


def call(name, *args):
    """errno, or 0."""
    ctypes.set_errno(0)
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return ctypes.get_errno() if libc.syscall(SYS[name], *plain) < 0 else 0


def said(kind, count, wrong):
    global failed
    failed |= bool(wrong)
    print(f"FAIL {kind}: {'; '.join(wrong[:5])}" if wrong else f"ok {kind}: {count} attempts")


def refused(kind, attempts, allowed=(errno.EPERM, errno.EACCES)):
    """attempts: (what, thunk that returns an errno)."""
    wrong, count = [], 0
    for what, attempt in attempts:
        count += 1
        number = attempt()
        if number not in allowed:
            wrong.append(f"{what}: {errno.errorcode.get(number, number)}")
    said(kind, count, wrong if count else ["nothing was tried"])


def kill(pid, number):
    try:
        os.kill(pid, number)
    except OSError as error:
        return error.errno
    return 0


def opened(path, flags):
    """Opened, and used: some of /proc opens for everybody and refuses the rest."""
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return error.errno
    try:
        if flags & os.O_WRONLY:
            os.write(fd, b"1")
        else:
            os.read(fd, 1)
        return 0
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)


def signals(pids):
    refused("signals", ((f"signal {n} to {pid}", lambda p=pid, n=n: kill(p, n)) for pid in pids for n in range(1, signal.NSIG)))
    refused("signals by pidfd", ((f"pidfd of {pid}", lambda p=pid: by_pidfd(p, "pidfd_send_signal", signal.SIGTERM, None, 0)) for pid in pids))


def by_pidfd(pid, name, *args):
    fd = os.pidfd_open(pid)
    number = call(name, fd, *args)
    os.close(fd)
    return number


def memory(pids):
    buffer = ctypes.create_string_buffer(64)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 64)
    theirs = (ctypes.c_size_t * 2)(0x400000, 64)
    zero = ctypes.c_long(0)
    tries = []
    for pid in pids:
        tries += [(f"attach to {pid}", lambda p=pid: call("ptrace", ATTACH, p, 0, 0)),
                  (f"seize {pid}", lambda p=pid: call("ptrace", SEIZE, p, 0, 0)),
                  (f"read {pid}", lambda p=pid: call("process_vm_readv", p, vector, 1, theirs, 1, 0)),
                  (f"write {pid}", lambda p=pid: call("process_vm_writev", p, vector, 1, theirs, 1, 0)),
                  (f"compare with {pid}", lambda p=pid: call("kcmp", os.getpid(), p, 1, 0, 0)),
                  (f"move pages of {pid}", lambda p=pid: call("move_pages", p, 1, vector, ctypes.byref(ctypes.c_int(0)), ctypes.byref(zero), 2)),
                  (f"advise {pid}", lambda p=pid: by_pidfd(p, "process_madvise", theirs, 1, 21, 0)),
                  (f"enter the namespaces of {pid}", lambda p=pid: by_pidfd(p, "setns", 0x20000000))]
        tries += [(f"descriptor {n} of {pid}", lambda p=pid, n=n: by_pidfd(p, "pidfd_getfd", n, 0)) for n in (0, 3, 4, 9, 64, 66)]
    refused("memory, ptrace, descriptors", tries)


def scheduling(pids):
    mask = ctypes.byref(ctypes.c_ulong(1))
    limit = (ctypes.c_ulong * 2)(0, 0)
    tries = []
    for pid in pids:
        tries += [(f"affinity of {pid}", lambda p=pid: call("sched_setaffinity", p, 8, mask)),
                  (f"policy of {pid}", lambda p=pid: call("sched_setscheduler", p, 5, ctypes.byref(ctypes.c_int(0)))),
                  (f"nice of {pid}", lambda p=pid: call("setpriority", 0, p, 19)),
                  (f"input and output priority of {pid}", lambda p=pid: call("ioprio_set", 1, p, 3 << 13)),
                  (f"limits of {pid}", lambda p=pid: call("prlimit64", p, resource.RLIMIT_CPU, limit, None))]
    refused("scheduling and limits", tries)


# What /proc shows of a process to everybody; all else must be refused.
SHOWN = {"arch_status", "autogroup", "cgroup", "cmdline", "comm", "coredump_filter", "cpu_resctrl_groups", "cpuset", "gid_map", "ksm_stat", "latency",
         "limits", "loginuid", "mounts", "mountinfo", "oom_adj", "oom_score", "oom_score_adj", "projid_map", "sched", "schedstat", "sessionid",
         "setgroups", "stat", "statm", "status", "timens_offsets", "timers", "uid_map", "wchan", "patch_state", "seccomp_cache", "ksm_merging_pages"}


def proc(pids, canary):
    tries, wrong, read = [], [], 0
    for pid in pids:
        for entry in sorted(Path(f"/proc/{pid}").iterdir()):
            link = entry.is_symlink()
            if not link and entry.is_dir():
                continue
            if entry.name not in SHOWN and not link:
                tries.append((str(entry), lambda e=entry: opened(e, os.O_RDONLY)))
            tries.append((f"{entry} for writing", lambda e=entry: opened(e, os.O_WRONLY)))
            try:
                data = entry.read_bytes()[:1 << 20]
                read += 1
                if canary in data or canary.hex().encode() in data:
                    wrong.append(f"{entry} shows the session's content")
            except OSError:
                pass
        for folder in ("fd", "map_files"):
            tries.append((f"/proc/{pid}/{folder}", lambda p=pid, f=folder: listed(f"/proc/{p}/{f}")))
        for link in ("exe", "root", "cwd", "ns/mnt", "ns/net", "ns/user"):
            tries.append((f"/proc/{pid}/{link}", lambda p=pid, n=link: followed(f"/proc/{p}/{n}")))
    refused("/proc", tries, (errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOENT, errno.ENXIO))
    said("what /proc shows", read, wrong)


def listed(path):
    try:
        os.listdir(path)
    except OSError as error:
        return error.errno
    return 0


def followed(path):
    try:
        os.readlink(path)
    except OSError as error:
        return error.errno
    return 0


def connected(family_kind, name):
    s = socket.socket(socket.AF_UNIX, family_kind)
    try:
        s.settimeout(1)
        s.connect(name)
    except OSError as error:
        return error.errno
    finally:
        s.close()
    return 0


def sockets(control, root):
    """Every named Unix socket of the node but the one for clients; and its folders."""
    names = {line.split(maxsplit=7)[7].strip() for line in Path("/proc/net/unix").read_text().splitlines()[1:] if len(line.split(maxsplit=7)) == 8}
    mine = [n for n in names if "ceno" in n and n.startswith(root) and n != control]
    tries = [(f"{n}", lambda n=n, k=k: connected(k, n)) for n in mine for k in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)]
    tries += [(f"{root}/{name}", lambda name=name: listed(f"{root}/{name}")) for name in ("state", "state/spool", "state/attest")]
    tries += [(f"a file in {root}/{name}", lambda name=name: opened(f"{root}/{name}/neighbour", os.O_WRONLY | os.O_CREAT)) for name in ("run", "state", "state/spool")]
    tries += [("the socket replaced", lambda: unlinked(control)), ("the log", lambda: opened(f"{root}/state/cenod.log", os.O_RDONLY))]
    refused("sockets and files", tries, (errno.EPERM, errno.EACCES, errno.ENOENT, errno.EPROTOTYPE, errno.ECONNREFUSED))


def unlinked(path):
    try:
        os.unlink(path)
    except OSError as error:
        return error.errno
    return 0


def client(ceno, session):
    """As a client of the node: another's session is not there for it."""
    wrong = []
    for args in (["exec", session, "--", "busybox", "true"], ["destroy", session], ["audit", session]):
        done = subprocess.run([ceno, *args], capture_output=True, text=True, check=False, timeout=30)
        if done.returncode == 0:
            wrong.append(f"ceno {args[0]} of another's session went through")
    done = subprocess.run([ceno, "ls", "--json"], capture_output=True, text=True, check=False, timeout=30)
    if session in done.stdout:
        wrong.append("ceno ls shows another's session")
    said("as a client", 4, wrong)


def flood(control):
    """As many connections as one may have open, all at once, and bytes that are nothing on each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held = []
    for _ in range(min(hard, 4096) - 64):
        s = socket.socket(socket.AF_UNIX, stat.S_IFSOCK and socket.SOCK_STREAM)
        s.setblocking(False)
        try:
            s.connect(control)
            s.send(b"\xff" * 64)
        except OSError:
            pass
        held.append(s)
    print(f"ok a flood of connections: {len(held)} attempts", flush=True)
    sys.stdin.readline() # until told
    for s in held:
        s.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main():
    canary, session, control, root, ceno = bytes.fromhex(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5]
    pids = [int(x) for x in sys.argv[6:]]
    if os.geteuid() == 0 or len(pids) < 5:
        sys.exit("needs to be nobody, and a node's processes")
    signals(pids)
    memory(pids)
    scheduling(pids)
    proc(pids, canary)
    sockets(control, root)
    client(ceno, session)
    flood(control)
    sys.exit(failed)


main()
