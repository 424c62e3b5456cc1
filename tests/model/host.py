"""nucleus-host at the other end of two pipes: its protocol is in README.md."""
import os
import subprocess

REGISTERS = range(5, 16)              # rax rdi rsi rdx r10 r8 r9 r12 r13 r14 r15 in an event line


class Broke(Exception):
    """The host ended, or answered what the protocol does not know."""


class Host:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.into, self.out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.rest = b""

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()

    def ask(self, line, last):
        """Sends a line; the lines of the answer, of which the last starts with one of `last`."""
        try:
            os.write(self.into, line.encode() + b"\n")
        except BrokenPipeError:
            raise Broke(f"the host is gone ({self.process.wait()})") from None
        data, self.rest = self.rest, b""
        while True:
            if data.endswith(b"\n") and data.rsplit(b"\n", 2)[-2].startswith(last):
                return data.decode().split("\n")[:-1]
            more = os.read(self.out, 1 << 16)    # larger ones would be mapped and unmapped each time
            if not more:
                raise Broke(f"the host ended ({self.process.wait()}) at: {line}")
            data += more

    def do(self, line):
        """(events, tail): (fiber, what, outcome, registers after) each, then the machine's state.
        tail is a dict, or None if the operation was not possible (unready, refused)."""
        lines = self.ask(line, (b"ok", b"unready", b"refused"))
        events = []
        for text in lines[:-1]:
            words = text.split(" ")
            if words[0] == "tick":
                events.append((int(words[1][7:]), "tick", None, None))
            else:
                events.append((int(words[1][7:]), int(words[2][5:], 16), words[3][8:],
                               tuple(int(words[i].partition("=")[2], 16) for i in REGISTERS)))
        words = lines[-1].split(" ")
        return events, dict(word.split("=") for word in words[1:]) if words[0] == "ok" else None

    def dump(self):
        """[(word, fields)] of every line."""
        out = []
        for line in self.ask("dump", (b"end",))[:-1]:
            word, *pairs = line.split(" ")
            out.append((word, dict(pair.split("=", 1) for pair in pairs)))
        return out
