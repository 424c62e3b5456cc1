#!/usr/bin/env python3
"""How long one proof takes to check: a session of 256 MiB, all of it touched, by `ceno verify` and by the page in
Chromium, with its memory roots and without. verify.py [SAMPLES]; CENO_BUILD says where the build is.

The CLI is timed from fork to exit, with what a program that does nothing costs beside it; the page by its own clock,
the first proof after it was opened left out. Exit 1 if a target is missed."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "verifiers"))
from page_browser import Browser # noqa: E402

root = os.path.join(here, "..", "..")
build = os.path.join(root, os.environ.get("CENO_BUILD", "build"))
TARGETS = {"CLI, no roots": 3, "CLI, roots of 256 MiB": 300, "page, no roots": 25, "page, roots of 256 MiB": 3000}


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def command(samples, *argv):
    """Milliseconds of each run; RuntimeError if one does not verify."""
    times = []
    for _ in range(samples):
        begin = time.perf_counter()
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        _, status = os.waitpid(pid, 0)
        times.append((time.perf_counter() - begin) * 1000)
        if os.waitstatus_to_exitcode(status):
            raise RuntimeError("%s ended with %d" % (argv[0], os.waitstatus_to_exitcode(status)))
    return times


def page(browser, proof, samples):
    """Milliseconds of each check by the page's clock, and how often it said how far it was."""
    times, said = [], 0
    for _ in range(samples + 1):
        browser.evaluate("delete document.getElementById('result').dataset.verdict; window.said = 0;"
                         "new MutationObserver(() => window.said++).observe(document.getElementById('progress'), {childList: true});"
                         "given.proof = undefined; document.getElementById('proof').value = ''") # else it is no change
        browser.give("#proof", proof)
        while (verdict := browser.evaluate("document.getElementById('result').dataset.verdict")) is None:
            time.sleep(0.01)
        if verdict != "0":
            raise RuntimeError("the page's verdict is " + verdict)
        times.append(float(browser.evaluate("document.getElementById('result').dataset.milliseconds")))
        said = browser.evaluate("window.said")
    return times[1:], said


def pages(folder, proof, samples):
    browser = Browser(shutil.which("chromium"), os.path.join(folder, "profile"))
    try:
        browser.open("file://" + os.path.join(os.path.abspath(build), "web", "cenotaph-verify.html"))
        browser.give("#pins", os.path.join(folder, "pins"))
        while not browser.evaluate("given.pins.pins.length"):
            time.sleep(0.02)
        full, said = page(browser, proof, samples)
        browser.give("#policy", os.path.join(folder, "policy"))
        while not browser.evaluate("Boolean(given.rules)"):
            time.sleep(0.02)
        return page(browser, proof, samples)[0], full, said
    finally:
        browser.end()


def main():
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    folder, missed = tempfile.mkdtemp(), 0
    try:
        subprocess.run([os.path.join(build, "test-bin", "proof-corpus"), "--large", folder], check=True)
        proof, pins = os.path.join(folder, "large.cdp.json"), os.path.join(folder, "pins")
        with open(os.path.join(folder, "policy"), "w", encoding="ascii") as file:
            file.write("ceno-policy 1\nmemory none\n")
        ceno = (os.path.join(build, "bin", "ceno"), "verify", "--pin-file", pins)
        times = {"CLI, no roots": command(samples, *ceno, "--mem", "none", proof),
                 "CLI, roots of 256 MiB": command(max(3, samples // 4), *ceno, proof)}
        floor = command(samples, "/bin/true")
        times["page, no roots"], times["page, roots of 256 MiB"], said = pages(folder, proof, max(3, samples // 7))
        for name, target in TARGETS.items():
            p50 = median(times[name])
            missed += p50 > target
            print("%-24s %9.2f ms p50 (best %.2f, %d samples), target %d%s" %
                  (name, p50, min(times[name]), len(times[name]), target, ": MISSED" if p50 > target else ""))
        print("a program that does nothing %.2f ms; the page said %d times how far it was" % (median(floor), said))
        missed += said < 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
