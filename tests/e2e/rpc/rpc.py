#!/usr/bin/env python3
"""Speaks to cenod's socket directly: rpc.py SOCKET. Prints one line a check."""
import array
import json
import os
import shutil
import socket
import struct
import sys
import time

PATH = sys.argv[1]
BUSYBOX = shutil.which("busybox")
failures = 0


def check(what, good, detail=""):
    global failures
    failures += not good
    print(f"{'ok   ' if good else 'FAIL '} {what}{'' if good else f': {detail}'}", flush=True)


class Client:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(PATH)

    def raw(self, data, fds=()):
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([data], extra)

    def send(self, method, params=None, fds=(), number=1):
        request = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None:
            request["params"] = params
        self.raw(json.dumps(request).encode(), fds)

    def receive(self):
        text, ancillary, _, _ = self.socket.recvmsg(1 << 18, 4096)
        for _, _, data in ancillary:
            for fd in array.array("i", data):
                os.close(fd)
        return json.loads(text) if text else None

    def call(self, method, params=None, fds=()):
        self.send(method, params, fds)
        return self.receive()

    def code(self, data, fds=()):
        self.raw(data, fds)
        reply = self.receive()
        return reply and reply.get("error", {}).get("code")

    def close(self):
        self.socket.close()


def args_block(*argv):
    words = ["/bin/busybox", *argv, "/"]
    return struct.pack("<II", len(argv), 0) + b"".join(w.encode() + b"\0" for w in words)


class Run:
    """Descriptors and parameters of one session.run."""

    def __init__(self, *argv):
        block = args_block("busybox", *argv)
        self.args = os.memfd_create("args")
        os.write(self.args, block)
        self.null = os.open("/dev/null", os.O_RDWR)
        self.out, self.out_end = os.pipe()
        self.program = os.open(BUSYBOX, os.O_RDONLY)
        self.fds = [self.null, self.out_end, self.out_end, self.args, self.program]
        self.params = {"args_bytes": len(block), "memory_bytes": 64 << 20, "files": [
            {"path": "/bin/busybox", "bytes": os.stat(BUSYBOX).st_size, "mode": 0o755, "program": True}]}

    def close(self):
        for fd in (self.args, self.null, self.out, self.out_end, self.program):
            os.close(fd)


def malformed():
    cases = [
        (b"x", -32700), (b"{", -32700), (b'{"a":1,"a":2}', -32700), (b"\xff\xfe", -32700), (b"{}" * 2, -32700),
        (b"[" * 5000, -32700), (b"[]", -32600), (b"{}", -32600), (b"null", -32700),
        (b'{"jsonrpc":"1.0","id":1,"method":"node.version"}', -32600),
        (b'{"jsonrpc":"2.0","method":"node.version"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"node.version"}', -32600),
        (b'{"jsonrpc":"2.0","id":-1,"method":"node.version"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"node.version"}', -32600),
        (b'{"jsonrpc":"2.0","id":"","method":"node.version"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"node.version","params":[]}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"node.version","extra":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"node.shell"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"node.version","params":{"a":1}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"session.destroy","params":{"session":"ZZ"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"session.destroy","params":{"session":"' + b"0" * 32 + b'"}}', -32006),
        (b'{"jsonrpc":"2.0","id":1,"method":"session.proof","params":{"session":"' + b"0" * 32 + b'"}}', -32006),
        (b'{"jsonrpc":"2.0","id":1,"method":"session.list","params":{"limit":1000}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"node.attest","params":{"nonce":"00"}}', -32602),
    ]
    for data, want in cases:
        client = Client()
        got = client.code(data)
        check(f"malformed {data[:60]!r} is {want}", got == want, got)
        client.close()
    client = Client()
    try:
        client.raw(b" " * 70000)
        check("an oversized request disconnects", client.receive() is None)
    except OSError as error:
        check("an oversized request disconnects", error.errno in (32, 90, 104), error)
    client.close()


def wrong_run():
    def with_change(change, fds=lambda fds: fds):
        run, client = Run("true"), Client()
        change(run.params)
        reply = client.call("session.run", run.params, fds(run.fds))
        run.close()
        client.close()
        return reply.get("error", {}).get("code")

    def file_of(params):
        return params["files"][0]

    cases = [
        ("no files", lambda p: p.update(files=[]), -32602),
        ("no program", lambda p: file_of(p).update(program=False), -32602),
        ("a relative path", lambda p: file_of(p).update(path="bin/x"), -32602),
        ("a path that climbs", lambda p: file_of(p).update(path="/in/../x"), -32602),
        ("a path that is too long", lambda p: file_of(p).update(path="/" + "x" * 200), -32602),
        ("set-uid bits", lambda p: file_of(p).update(mode=0o4755), -32602),
        ("an unknown member", lambda p: p.update(imagine="x"), -32602),
        ("an image that is not there", lambda p: p.update(image="nowhere"), -32011),
        ("an image that is a path", lambda p: p.update(image="../x"), -32602),
        ("an image of no name", lambda p: p.update(image=""), -32602),
        ("an image for a native program", lambda p: p.update(image="x", native=True), -32602),
        ("sharing with the world", lambda p: p.update(image="x", share="world"), -32602),
        ("two programs", lambda p: p["files"].append(dict(file_of(p), path="/bin/x")), -32602),
        ("memory as text", lambda p: p.update(memory_bytes="64M"), -32602),
        ("negative memory", lambda p: p.update(memory_bytes=-1), -32602),
        ("odd memory", lambda p: p.update(memory_bytes=(64 << 20) + 4096), -32004),
        ("too much memory", lambda p: p.update(memory_bytes=65 << 30), -32004),
        ("an endless lifetime", lambda p: p.update(ttl_ms=10 ** 12), -32004),
        ("an unknown pledge", lambda p: p.update(pledge="wifi"), -32602),
        ("a pledge without device", lambda p: p.update(pledge="stdio,gpu"), -32004),
        ("rows without columns", lambda p: p.update(rows=24), -32602),
        ("too many columns", lambda p: p.update(rows=24, columns=65536), -32602),
        ("a terminal for a native program", lambda p: p.update(rows=24, columns=80, native=True), -32602),
        ("errors for a native program", lambda p: p.update(pledge="stdio,error", native=True), -32602),
        ("arguments too long", lambda p: p.update(args_bytes=1 << 20), -32602),
        ("an unknown classification", lambda p: p.update(classification="top"), -32602),
    ]
    for what, change, want in cases:
        got = with_change(change)
        check(f"session.run with {what} is {want}", got == want, got)
    check("missing descriptors", with_change(lambda p: None, lambda fds: fds[:-1]) == -32005)
    check("too many descriptors", with_change(lambda p: None, lambda fds: fds + fds) == -32005)
    check("no descriptors", with_change(lambda p: None, lambda fds: []) == -32005)
    check("a length that is not the file's", with_change(lambda p: file_of(p).update(bytes=5)) == -32009)
    pipe_in, pipe_out = os.pipe()
    got = with_change(lambda p: None, lambda fds: fds[:4] + [pipe_in])
    check("a pipe in place of the program", got == -32009, got)
    got = with_change(lambda p: None, lambda fds: fds[:3] + [pipe_in] + fds[4:])
    check("a pipe in place of the arguments", got == -32009, got)
    os.close(pipe_in)
    os.close(pipe_out)


def settled():
    """True once no session is open."""
    client = Client()
    for _ in range(100):
        rows = client.call("session.list", {"limit": 20})["result"]["sessions"]
        if all(row["state"] in ("destroyed", "expired") for row in rows):
            client.close()
            return True
        time.sleep(0.1)
    client.close()
    return False


def vanishing():
    for delay in (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3):
        run, client = Run("sleep", "30"), Client()
        client.send("session.run", run.params, run.fds)
        run.close()
        time.sleep(delay)
        client.close()
    check("clients that vanish at any point: every session destroyed", settled())
    run, client = Run("sleep", "30"), Client()
    started = client.call("session.run", run.params, run.fds)
    run.close()
    client.send("session.destroy", {"session": started["result"]["session"]}, number=2)
    client.close()
    check("a client that leaves while its session is destroyed", settled())


def whole():
    run, client = Run("echo", "hello"), Client()
    sent = time.monotonic_ns() // 1000
    started = client.call("session.run", run.params, run.fds)
    accepted = started["result"]["accepted_us"]
    check("accepted after it was sent, before it ran", sent <= accepted < time.monotonic_ns() // 1000, (sent, accepted))
    os.close(run.out_end)
    run.out_end = os.dup(run.null)
    messages = {}
    while "session.ended" not in messages:
        message = client.receive()
        messages[message["method"]] = message["params"]
    name = started["result"]["session"]
    check("a session without the command line", os.read(run.out, 100) == b"hello\n" and
          messages["session.program"]["exit_status"] == 0 and messages["session.ended"]["state"] == "destroyed", messages)
    run.close()
    proof = json.loads(messages["session.ended"]["proof"])
    kept = client.call("session.proof", {"session": name})["result"]
    check("the node keeps the proof", json.loads(kept["file"]) == proof)
    check("the node keeps the session's key", len(client.call("keys.get", {"session": name})["result"]["signer"]) == 64)
    check("an ended session cannot be destroyed again",
          client.call("session.destroy", {"session": name})["error"]["code"] == -32006)
    client.close()


def free_tier():
    """As another user: three sessions at once, sixty requests a minute, its own sessions only."""
    if os.fork():
        _, status = os.wait()
        check("the free tier (as another user)", status == 0)
        return
    os.setgroups([])
    os.setresgid(65533, 65533, 65533)
    os.setresuid(65533, 65533, 65533)
    client = Client()
    check("sees no sessions of others", client.call("session.list")["result"]["sessions"] == [])
    running = []
    for _ in range(3):
        run, one = Run("sleep", "30"), Client()
        check("one of three sessions", "result" in one.call("session.run", run.params, run.fds))
        run.close()
        running.append(one)
    run = Run("true")
    check("a fourth session is refused", client.call("session.run", run.params, run.fds)["error"]["code"] == -32002)
    run.params["memory_bytes"] = 512 << 20
    check("512 MiB are refused", client.call("session.run", run.params, run.fds)["error"]["code"] == -32004)
    run.close()
    for one in running:
        one.close()
    refused = 0
    for _ in range(80):
        refused += client.call("node.version").get("error", {}).get("code") == -32001
    check("more than sixty requests in a minute are refused", 10 <= refused <= 40, refused)
    sys.stdout.flush()
    os._exit(failures != 0)


def many_clients():
    clients = [Client() for _ in range(100)]
    good = all("result" in c.call("node.version") for c in clients)
    for client in clients:
        client.close()
    check("a hundred clients at once", good)


malformed()
wrong_run()
whole()
vanishing()
many_clients()
free_tier()
check("all sessions destroyed", settled())
sys.exit(failures != 0)
