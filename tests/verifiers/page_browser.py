#!/usr/bin/env python3
"""The offline page in a browser: page_browser.py PAGE CORPUS-DIR

Opens the page from file:// in a headless Chromium, gives it proofs of the corpus
as a person would, and holds that it shows the expected verdict, asks the network
for nothing, and could not if it wanted to. Prints the page's own time per proof.
"""
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
WANTED = ["honest-plain-1", "honest-counter-7", "asked-code-1", "asked-compare-9", "asked-host-1", "forged-root", "forged-second_tpm", "forged-no_pins",
          "forged-empty", "forged-too_long", "forged-quote_signature", "forged-space", "forged-fork_longer", "asked-pcr-8"]


class Browser:
    """Chromium behind its debugging pipe: messages of JSON, each ended by a zero byte."""

    def __init__(self, program, profile):
        there, self.write = os.pipe()
        self.read, back = os.pipe()

        def descriptors():
            copies = [os.dup(there), os.dup(back)]
            os.dup2(copies[0], 3)
            os.dup2(copies[1], 4)

        self.process = subprocess.Popen([program, *ARGUMENTS, "--user-data-dir=" + profile, "about:blank"], pass_fds=(3, 4),
                                        preexec_fn=descriptors, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(there)
        os.close(back)
        self.buffer, self.id, self.events, self.session = b"", 0, [], None

    def receive(self):
        while b"\0" not in self.buffer:
            more = os.read(self.read, 1 << 20)
            if not more:
                raise EOFError("the browser ended")
            self.buffer += more
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.id += 1
        message = {"id": self.id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.id:
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, text):
        result = self.call("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)
        return result["result"].get("value")

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Page", "Runtime", "DOM", "Log"):
            self.call(domain + ".enable")
        self.call("Page.navigate", url=url)
        while self.evaluate("document.readyState") != "complete" or self.evaluate("location.href") != url:
            time.sleep(0.05)

    def give(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[path])

    def requests(self):
        """Addresses asked for, without those that the page's policy stopped."""
        self.evaluate("0")
        stopped = {e["params"]["requestId"] for e in self.events
                   if e.get("method") == "Network.loadingFailed" and e["params"].get("blockedReason") == "csp"}
        sent = [e["params"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [p["request"]["url"] for p in sent if p["requestId"] not in stopped]

    def end(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def show(browser, folder, case):
    """The verdict that the page shows for a case, and its milliseconds."""
    browser.evaluate("delete document.getElementById('result').dataset.verdict; given.pins = { pins: [], revoked: [] };"
                     "given.proof = given.nonce = given.rules = given.compare = undefined; given.references = []")
    if case["pins"]:
        browser.give("#pins", write(folder, case["name"] + ".pins", case["pins"].encode()))
        while not browser.evaluate("given.pins.pins.length + given.pins.revoked.length"):
            time.sleep(0.02)
    texts = [("policy", case["policy"], "given.rules"), ("compare", case["compare"], "given.compare"),
             ("references", (case["references"] or [None])[0], "given.references.length")]
    for name, text, taken in texts:
        if text is not None:
            browser.give("#" + name, write(folder, case["name"] + "." + name, text.encode("latin-1")))
            while not browser.evaluate("Boolean(%s)" % taken):
                time.sleep(0.02)
    browser.give("#proof", write(folder, case["name"] + ".json", base64.b64decode(case["proof"])))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        verdict = browser.evaluate("document.getElementById('result').dataset.verdict")
        if verdict is not None:
            return int(verdict), float(browser.evaluate("document.getElementById('result').dataset.milliseconds"))
        time.sleep(0.02)
    raise TimeoutError(case["name"])


# What cannot be read: selector, bytes, a part of what the page then says.
UNREADABLE = [("policy", b"ceno-policy 1\nfrob\n", "policy: not of the form: frob"), ("policy", b"", "empty"), ("pins", b"ceno-pins 2\n", "ceno-pins 1"),
              ("pins", b"ceno-pins 1\n" + b"x" * (1 << 18), "has more than"), ("references", b"junk", "references: no signature"),
              ("compare", b"x" * 65537, "has more than"), ("eventLog", b"\0" * ((4 << 20) + 1), "has more than")]


def until(browser, text, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if browser.evaluate(text):
            return True
        time.sleep(0.02)
    return False


def stale(browser, folder, case):
    """A verdict stays only while it is of all that was given: what is wrong otherwise."""
    wrong, verified = [], "document.getElementById('result').dataset.verdict === '0' && !document.getElementById('result').hidden"
    gone = "document.getElementById('result').hidden && document.getElementById('result').textContent === '' && " \
           "document.getElementById('result').dataset.verdict === undefined && document.getElementById('progress').textContent.includes(%s)"

    def without(selector):
        browser.evaluate("{ const e = document.getElementById('%s'); e.value = ''; e.dispatchEvent(new Event('change')); }" % selector)

    nobody = show(browser, folder, dict(case, name="nobody", pins=None, policy="ceno-policy 1\nkey none\n"))[0]
    if nobody or "nothing says who made this proof" not in browser.evaluate("document.getElementById('verdict').textContent"):
        wrong.append("under a policy that does not ask who made it, the page says who")
    without("policy")
    if show(browser, folder, case)[0]:
        return ["the honest proof is not verified"]
    for selector, data, says in UNREADABLE:
        browser.give("#" + selector, write(folder, "unreadable", data))
        if not until(browser, gone % json.dumps(says)):
            wrong.append("a verdict beside %s that cannot be read (%s)" % (selector, says))
        if selector == "pins":
            browser.give("#pins", os.path.join(folder, case["name"] + ".pins"))
        else:
            without(selector)
        if not until(browser, verified):
            wrong.append("no verdict after %s were taken back" % selector)
    browser.evaluate("{ const e = document.getElementById('nonce'); e.value = 'zz'; e.dispatchEvent(new Event('change')); }")
    if not until(browser, gone % json.dumps("64 hex digits")):
        wrong.append("a verdict beside a nonce that is none")
    without("nonce")
    if not until(browser, verified):
        wrong.append("no verdict without a nonce")
    browser.evaluate("globalThis.kept = verify; verify = (schema, bytes, policy, progress) => new Promise(() => { globalThis.late = progress; }); 0")
    without("nonce")
    browser.evaluate("{ const e = document.getElementById('nonce'); e.value = 'zz'; e.dispatchEvent(new Event('change')); }")
    if not until(browser, "globalThis.late && " + gone % json.dumps("64 hex digits")) or not browser.evaluate("late(0, 0.5), " + gone % json.dumps("64 hex digits")):
        wrong.append("a check that is of no more use speaks over why nothing is checked")
    browser.evaluate("verify = globalThis.kept; 0")
    without("nonce")
    if not until(browser, verified):
        wrong.append("no verdict after a check that never ended")
    if not browser.call("Page.printToPDF")["data"] or browser.evaluate("document.querySelectorAll('details:not([open])').length"):
        wrong.append("on paper there is not all of the evidence")
    browser.evaluate("judge = () => Promise.reject(new Error('an accident')); 0")
    without("nonce")
    if not until(browser, gone % json.dumps("an accident")):
        wrong.append("a verdict after a check that did not end")
    return wrong


def main():
    page, corpus = os.path.abspath(sys.argv[1]), sys.argv[2]
    program, folder, wrong = shutil.which("chromium"), tempfile.mkdtemp(), []
    if not program:
        print("no chromium here")
        return 77
    browser = Browser(program, os.path.join(folder, "profile"))
    try:
        browser.open("file://" + page)
        for name in WANTED:
            with open(os.path.join(corpus, name + ".json"), encoding="ascii") as file:
                case = json.load(file)
            verdict, spent = show(browser, folder, case)
            shown = browser.evaluate("document.getElementById('verdict').textContent")
            print("%-18s %5d %8.1f ms  %s" % (name, verdict, spent, shown[:70]))
            if verdict != case["verdict"]["code"] or shown.startswith("Verified") != (verdict == 0):
                wrong.append("%s: %d, expected %d" % (name, verdict, case["verdict"]["code"]))
        with open(os.path.join(corpus, WANTED[0] + ".json"), encoding="ascii") as file:
            wrong += stale(browser, folder, json.load(file))
        if browser.requests() != ["file://" + page]:
            wrong.append("requests: %s" % browser.requests())
        for attempt in ("fetch('http://127.0.0.1:9/')", "new Promise((y, n) => { const i = new Image(); i.onload = y; i.onerror = n;"
                        "i.src = 'http://127.0.0.1:9/x.png'; })", "import('data:text/javascript,0')"):
            if browser.evaluate("(%s).then(() => 'reached', () => 'refused')" % attempt) != "refused":
                wrong.append("not refused: " + attempt)
        if not any("Content Security Policy" in json.dumps(e) for e in browser.events):
            wrong.append("no violation of the policy was reported: is there one?")
        if browser.requests() != ["file://" + page]:
            wrong.append("the policy let something out: %s" % browser.requests())
    finally:
        browser.end()
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(wrong) or "page: %d proofs, each as expected; no request but for the page itself" % len(WANTED))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
