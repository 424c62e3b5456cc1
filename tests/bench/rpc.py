"""A client of cenod's socket, as small as the protocol allows: one session with one
static program or a program of an image, and the times at which things happened
(time.monotonic_ns)."""
import array
import json
import os
import socket
import struct
import time

TTL_MS = 60_000  # of a session with a program of an image: one that hangs is an error


def node_socket():
    return os.environ.get("CENO_SOCKET", "/run/cenotaph/cenod.sock")


class Session:
    """One session. After finish(): times (ns), program (report), ended (with the proof), output."""

    def __init__(self, program, args, memory_bytes=None, image=None, inputs=(), env=()):
        """program: a static file of the host, at /bin/NAME in the guest; with an image, a path in it.
        inputs: files of the host, at /in/NAME."""
        self.times, self.program, self.ended, self.output, self.name = {}, None, None, b"", None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(node_socket())
        guest = program if image else "/bin/" + os.path.basename(program)
        words = [guest, os.path.basename(program), *args, *env, "/"]
        block = struct.pack("<II", 1 + len(args), len(env)) + b"".join(w.encode() + b"\0" for w in words)
        argsfd = os.memfd_create("args")
        os.write(argsfd, block)
        child_in, self.stdin = os.pipe()
        self.stdout, child_out = os.pipe()
        binary = [] if image else [(program, guest, 0o755)]
        files = binary + [(name, "/in/" + os.path.basename(name), 0o644) for name in map(str, inputs)]
        params = {"args_bytes": len(block), "files": [
            {"path": path, "bytes": os.stat(name).st_size, "mode": mode, "program": mode == 0o755}
            for name, path, mode in files]}
        if image:
            params["ttl_ms"] = TTL_MS
        if memory_bytes:
            params["memory_bytes"] = memory_bytes
        if image:
            params["image"] = image
        fds = [child_in, child_out, argsfd, *(os.open(name, os.O_RDONLY) for name, _path, _mode in files)]
        self.times["sent"] = time.monotonic_ns()
        self.send("session.run", params, [child_in, child_out, *fds[1:]])
        for fd in fds:
            os.close(fd)

    def send(self, method, params, fds=()):
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([text], extra)

    def receive(self):
        """One reply or notification; remembers what it tells and when it came."""
        text, ancillary, _flags, _address = self.socket.recvmsg(1 << 18, 4096)
        now = time.monotonic_ns()
        if not text:
            raise RuntimeError("cenod closed the connection")
        for _level, _kind, data in ancillary:
            for fd in array.array("i", data[:len(data) - len(data) % 4]):
                os.close(fd)
        message = json.loads(text)
        if "error" in message:
            raise RuntimeError(f"session.run: {message['error']}")
        if message.get("method") == "session.program":
            self.program, self.times["program"] = message["params"], now
        elif message.get("method") == "session.ended":
            self.ended, self.times["ended"] = message["params"], now
        else:
            self.name, self.times["launched"] = message["result"]["session"], now
            self.times["accepted"] = message["result"]["accepted_us"] * 1000

    def wait_output(self, word):
        while word not in self.output:
            chunk = os.read(self.stdout, 65536)
            if not chunk:
                raise RuntimeError(f"ended before {word!r}: {self.output!r}")
            self.output += chunk
        self.times.setdefault("output", time.monotonic_ns())

    def finish(self):
        os.close(self.stdin)
        while self.ended is None:
            self.receive()
        while chunk := os.read(self.stdout, 65536):
            self.output += chunk
        os.close(self.stdout)
        self.socket.close()
        if self.program is None or self.program["exit_status"] or self.program["signal"]:
            raise RuntimeError(f"the program did not exit with 0: {self.program} {self.ended.get('failure')}")
        return self

    def ended_ms(self):
        """RPC sent to the news of the program's end."""
        return (self.times["program"] - self.times["sent"]) / 1e6

    def ran_ms(self, tsc_hz):
        """The program's ELF entry to its end, by the guest's own clock."""
        return (self.program["done_tsc"] - self.program["entry_tsc"]) * 1000 / tsc_hz

    def entry_ns(self, tsc, monotonic_ns, tsc_hz):
        """When the program was entered, by our clock: the guest counts the host's TSC, and tsc and monotonic_ns
        are one instant after its end."""
        entry = monotonic_ns - (tsc - self.program["entry_tsc"]) * 1_000_000_000 / tsc_hz
        if not self.times["sent"] <= self.times["accepted"] <= entry <= self.times["program"]:
            raise RuntimeError(f"the program was entered at {entry}: {self.times}")
        return entry

    def proof(self):
        proof = self.ended["proof"]
        return json.loads(proof) if isinstance(proof, str) else proof
