"""Pipelines by chance: each made of a source and some filters over the input files.

Every one is valid and ends; what it prints depends on nothing but the files."""
import random

SOURCES = ["cat {f}", "head -c {n} {f}", "tail -n {n} {f}", "grep -a {w} {f}", "sort {f}",
           "tac {f}", "cat {f} {g}", "sed -n '1,{n}p' {f}", "head -n {n} {f} {g}", "od -An -tx1 {f}", "base64 {f}"]
FILTERS = ["sort", "sort -r", "sort -u", "sort -n", "uniq", "uniq -c", "head -n {m}", "tail -n {m}", "tr a-z A-Z", "tr -d aeiou",
           "tr -s ' '", "cut -c1-{m}", "cut -d' ' -f1", "sed 's/a/[&]/g'", "sed '{m}q'", "sed '1!G;h;$!d'", "awk '{{ print NF, $1 }}'",
           "awk 'length > {m}'", "awk '{{ s += length }} END {{ print s, NR }}'", "grep -a -v {w}", "grep -a -c {w}", "grep -a -n {w}",
           "wc", "wc -l", "rev", "fold -w {m}", "nl", "tac", "gzip -c | gzip -dc", "xz -0c | xz -dc", "expand", "paste - -",
           "tee /tmp/copy", "xargs -d '\\n' -n 5 echo", "while read -r a b; do echo \"$b\"; done", "openssl dgst -sha256", "od -c",
           "perl -pe 's/(\\w+)/<$1>/'", "jq -R length", "cat -A", "sha256sum", "split -l {m} - /tmp/x. && cat /tmp/x.*", "tail -c {n}"]
WORDS = ["the", "a", "of", "x", "GNU", "0", "version", "^$", "[aeiou]{{2}}", "."]


def pipeline(chance):
    parts = [chance.choice(SOURCES)] + [chance.choice(FILTERS) for _ in range(chance.randint(1, 5))]
    tail = chance.choice(["", "", "; echo $?", " && echo yes || echo no", " >/tmp/out; wc /tmp/out; sha256sum </tmp/out"])
    text = " | ".join(parts) + tail
    return text.format(f="/in/1", g="/in/2", n=chance.choice([1, 3, 20, 500, 4095, 4096, 65537]), m=chance.choice([1, 2, 7, 40, 100]),
                       w=chance.choice(WORDS).format())


def pipelines(seed, count):
    chance = random.Random(seed)
    return [pipeline(chance) for _ in range(count)]
