"""A client of cenod's socket, as small as the protocol allows: one session with
one static program, and the times at which things happened (time.monotonic_ns)."""
import array
import json
import os
import socket
import struct
import time



def node_socket():
    return os.environ.get("CENO_SOCKET", "/run/cenotaph/cenod.sock")


class Session:
    """One session. After finish(): times (ns), program (report), ended (with the proof), output."""

    def __init__(self, program, args, memory_bytes=None):
        self.times, self.program, self.ended, self.output, self.name = {}, None, None, b"", None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(node_socket())
        guest = "/bin/" + os.path.basename(program)
        words = [guest, os.path.basename(program), *args, "/"]
        block = struct.pack("<II", 1 + len(args), 0) + b"".join(w.encode() + b"\0" for w in words)
        argsfd = os.memfd_create("args")
        os.write(argsfd, block)
        child_in, self.stdin = os.pipe()
        self.stdout, child_out = os.pipe()
        binary = os.open(program, os.O_RDONLY)
        params = {"args_bytes": len(block), "files": [
            {"path": guest, "bytes": os.stat(program).st_size, "mode": 0o755, "program": True}]}
        if memory_bytes:
            params["memory_bytes"] = memory_bytes
        fds = [child_in, child_out, child_out, argsfd, binary]
        self.times["sent"] = time.monotonic_ns()
        self.send("session.run", params, fds)
        for fd in (child_in, child_out, argsfd, binary):
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

    def first_instruction_ms(self, tsc_hz):
        """RPC sent to the program's ELF entry, at most: the news of the program's end, minus the time the
        program ran by the guest's own clock. What the news took to travel counts against us."""
        ran_ns = (self.program["done_tsc"] - self.program["entry_tsc"]) * 1_000_000_000 / tsc_hz
        return (self.times["program"] - self.times["sent"] - ran_ns) / 1e6

    def proof(self):
        proof = self.ended["proof"]
        return json.loads(proof) if isinstance(proof, str) else proof
