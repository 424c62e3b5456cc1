#!/usr/bin/env python3
"""terminal.py CENO: ceno run --tty in a terminal of the test's own, as a user types.

Says each thing that is not as it should be; exit status 1 then.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

ceno = sys.argv[1]
failures = 0


class Session:
    """A command whose controlling terminal is ours."""

    def __init__(self, *command, rows=33, columns=101):
        self.keyboard, self.screen = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.screen)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.keyboard)
            os.login_tty(self.screen) if hasattr(os, "login_tty") else self.login()
            os.execv(command[0], command)

    def login(self):
        os.setsid()
        fcntl.ioctl(self.screen, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(self.screen, fd)

    def resize(self, rows, columns):
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.keyboard, keys)

    def until(self, what, seconds=30):
        """Reads the screen until `what` is on it; forgets what came up to there."""
        end = time.monotonic() + seconds
        while what not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.keyboard], [], [], left)[0]:
                return False
            try:
                self.seen += os.read(self.keyboard, 4096)
            except OSError:
                return what in self.seen
        self.seen = self.seen[self.seen.index(what) + len(what):]
        return True

    def end(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if select.select([self.keyboard], [], [], 0.05)[0]:
                self.seen += os.read(self.keyboard, 4096)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def check(what, good, session=None):
    global failures
    if not good:
        failures += 1
        print(f"      {what}" + (f"; on the screen: {session.seen[-300:]!r}" if session else ""))


s = Session(ceno, "run", "--tty", "--quiet", "--no-proof", "--", "busybox", "sh")
check("the shell's prompt", s.until(b"$ "), s)
check("the user's terminal is raw", not termios.tcgetattr(s.screen)[3] & (termios.ICANON | termios.ECHO | termios.ISIG))
s.press(b"tty; test -t 0 && test -t 1 && test -t 2 && echo is$((6*7))tty\r")
check("isatty", s.until(b"/dev/tty\r\n") and s.until(b"is42tty\r\n"), s)
s.press(b"stty size\r")
check("its size", s.until(b"33 101\r\n"), s)
s.press(b"trap 'echo chan''ged' WINCH; echo set''up\r")
check("a trap", s.until(b"setup\r\n"), s)
s.resize(20, 50)
os.kill(s.pid, signal.SIGWINCH)  # what the kernel sends the front group of a terminal that we do not change ourselves
s.press(b"sleep 1; stty size\r")
check("the new size", s.until(b"20 50\r\n"), s)
s.press(b"cat\r")
s.until(b"cat\r\n")
time.sleep(0.5)  # until the shell has left its own line editing
s.press(b"liney\x7f\r")
check("a line is edited and echoed", s.until(b"liney\b \b\r\nline\r\n"), s)
s.press(b"\x04")
s.press(b"echo after$((1+1))\r")
check("ctrl-D ends the input of cat, not the shell", s.until(b"after2\r\n"), s)
s.press(b"sleep 1000\r")
s.until(b"sleep 1000\r\n")
time.sleep(0.5)
s.press(b"\x03")
s.press(b"echo $?alive\r")
check("ctrl-C ends the program in front, not the shell", s.until(b"130alive\r\n"), s)
s.press(b"while :; do :; done\r")
s.until(b"done\r\n")
time.sleep(0.5)
s.press(b"\x03")
s.press(b"echo still$((1+1))\r")
check("... also one that computes", s.until(b"still2\r\n"), s)
s.press(b"exit 5\r")
check("the status", s.end() == 5, s)
check("the terminal is as it was", termios.tcgetattr(s.screen) == s.before)

s = Session(ceno, "run", "--tty", "--quiet", "--no-proof", "--", "busybox", "sleep", "1000")
time.sleep(2)
s.press(b"\x03")
check("ctrl-C ends a lone program: 130", s.end() == 130, s)
check("... and the terminal is as it was", termios.tcgetattr(s.screen) == s.before)

s = Session(ceno, "run", "--tty", "--quiet", "--no-proof", "--", "busybox", "sleep", "1000")
time.sleep(2)
os.kill(s.pid, signal.SIGTERM)
check("SIGTERM destroys the session", s.end() == 143, s)
check("... and the terminal is as it was", termios.tcgetattr(s.screen) == s.before)
sys.exit(failures != 0)
