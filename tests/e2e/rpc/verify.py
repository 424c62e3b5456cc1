#!/usr/bin/env python3
"""proof.verify against ceno verify: verify.py SOCKET CENO PROOF PINS. Prints one line a check."""
import json
import os
import socket
import subprocess
import sys

PATH, CENO, PROOF, PINS = sys.argv[1:5]
AS_OF = 1900000000
failures = 0


def check(what, good, detail=""):
    global failures
    failures += not good
    print(f"{'ok   ' if good else 'FAIL '} {what}{'' if good else f': {detail}'}", flush=True)


def call(params, method="proof.verify"):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(20)
        s.connect(PATH)
        s.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
        return json.loads(s.recv(1 << 18))


def says(params):
    return call(params).get("result", {}).get("submods", {}).get("cdp", {}).get("exit_status")


def cli(*options):
    run = subprocess.run([CENO, "verify", "--json", "--mem", "none", "--as-of", str(AS_OF), *options, PROOF],
                         stdout=subprocess.PIPE, check=False)
    return json.loads(run.stdout)


def error(params, method="proof.verify"):
    return call(params, method).get("error", {}).get("code")


def other_user():
    """Another account, with limits of its own."""
    os.setgroups([])
    os.setgid(65531)
    os.setuid(65531)
    sys.exit(0 if says({"proof": ""}) == 1 else 1)


text = open(PROOF).read()
pins = open(PINS).read()
check("the answer is that of ceno verify --json", call({"proof": text, "pins": pins, "as_of": AS_OF}).get("result") ==
      cli("--pin-file", PINS), "they differ")
check("... with a policy", call({"proof": text, "pins": pins, "policy": "ceno-policy 1\npasses 7\n", "as_of": AS_OF}).get("result", {})
      .get("submods", {}).get("cdp", {}).get("exit_status") == 4)
check("a good proof of a pinned node", says({"proof": text, "pins": pins}) == 0)
check("... without pins nobody made it", says({"proof": text}) == 4)
check("... with another nonce", says({"proof": text, "pins": pins, "nonce": "ab" * 32}) == 5)
check("a byte of it changed", says({"proof": text.replace('"seal"', '"sea1"', 1), "pins": pins}) == 1)
check("no proof at all", says({"proof": "x"}) == 1 and says({"proof": ""}) == 1)
check("as long as a request can be", says({"proof": "A" * 60000}) == 1)
check("memory that the policy asks for is not recomputed", call({"proof": text, "policy": "ceno-policy 1\nmemory full\n"})
      .get("result", {}).get("submods", {}).get("cdp", {}).get("memory") == "none")
check("malformed pins", error({"proof": text, "pins": "ceno-pins 2\n"}) == -32602)
check("a malformed policy", error({"proof": text, "policy": "ceno-policy 1\nfrob\n"}) == -32602)
for bad in ({}, {"proof": 1}, {"proof": text, "more": 1}, {"proof": text, "nonce": "00"}, {"proof": text, "as_of": -1}):
    check(f"wrong parameters {str(bad)[:40]}", error(bad) == -32602)
check("sixty a minute, whatever the tier", [error({"proof": ""}) for _ in range(62)][-1] == -32001)
check("... and no other method is held up", error({}, "node.version") is None)
pid = os.fork()
if not pid:
    other_user()
check("... nor another account", os.waitpid(pid, 0)[1] == 0)
sys.exit(failures != 0)
