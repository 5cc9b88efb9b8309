#!/usr/bin/env python3
"""Sends the same requests to our API server and to kube-apiserver and tells what they answer differently.

    cargo xtask conformance api [--seed N] [--count N] [--area NAME] [--show GLOB]

Differences are counted by class. Those that are meant are listed in explained.txt, as patterns with a reason, and those that are still to be mended in
pending.txt, one by one. Any other makes the exit status 1, as does a line that nothing needs any more (with the default seed and count): the lists may
only shrink.
"""

import argparse
import collections
import os
import random
import re
import signal
import sys

import bodies
import fields
import lists
import objects
import patches
import servers
import watches
from compare import differences

SEED, COUNT = 1, 4000
HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the example `serve` of fairlead-apiserver")
    parser.add_argument("--kube-apiserver", required=True)
    parser.add_argument("--etcd", required=True)
    parser.add_argument("--gateway-definitions", help="folder of Gateway API's definitions (YAML); without it, its kinds are left out")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT, help="how many cases of each large area")
    parser.add_argument("--area", action="append", default=[], help="only this: fields, custom, lists, patches, bodies, watches; repeatable")
    parser.add_argument("--show", help="tell every difference whose class matches this pattern")
    parser.add_argument("--keep", action="store_true", help="write what is not explained into pending.txt")
    return parser.parse_args()


class Tally:
    def __init__(self, show):
        self.show, self.requests = show, 0
        self.counts, self.examples = collections.Counter(), {}

    def add(self, area, request, pair, known):
        self.requests += 1
        sent = f"{request.path} {(request.body or b'').decode('utf-8', 'replace')}"
        for name in differences(area, *pair, sent, known):
            self.counts[name] += 1
            told = f"  {request}\n    ours:   {shown(pair[0])}\n    theirs: {shown(pair[1])}"
            self.examples.setdefault(name, told)
            if self.show and pattern(self.show).fullmatch(name):
                print(f"{name}\n{told}")


def shown(answer):
    warned = answer.header("warning")
    return f"{answer.status} {f'(warning: {warned[:300]}) ' if warned else ''}{answer.body.decode('utf-8', 'replace').strip()[:1200]}"


def run(case, pair, tally):
    known = [{}, {}]
    for request in case.requests:
        answers = [request.send(server, vars_) for server, vars_ in zip(pair, known)]
        if request.compared:
            tally.add(case.area, request, answers, known)
    if case.clear:
        for server in pair:
            server.ask("DELETE", f"{case.clear}?gracePeriodSeconds=0")


def areas(options, pair):
    schemas = fields.Schemas(pair[1])
    yield "fields", lambda dice: fields.cases(dice, options.count, objects.NATIVE, schemas, ("pods", "services"))
    yield "patches", lambda dice: patches.cases(dice, options.count // 2, objects.NATIVE)
    yield "bodies", lambda dice: bodies.cases(dice, options.count // 4, objects.NATIVE)
    yield "lists", lambda dice: lists.cases(dice, options.count // 4, objects.NATIVE)
    if options.gateway_definitions:
        yield "custom", lambda dice: named("custom", fields.cases(dice, options.count // 2, objects.CUSTOM, schemas))
        yield "custom patches", lambda dice: named("custom", patches.cases(dice, options.count // 8, objects.CUSTOM))


def named(word, cases):
    for case in cases:
        case.area = f"{word} {case.area}"
        yield case


def lines(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]


def pattern(text):
    """Only `*` is special: names of classes have brackets of their own."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def judge(tally, ran, is_default):
    """The table, and whether every difference is listed and every line of the lists needed."""
    listed, pending = lines("explained.txt"), set(lines("pending.txt"))
    explained = {text: pattern(text.removeprefix("~ ")) for text in listed}
    # What begins with a tilde does not show in every run.
    unused, counts = {text for text in listed if not text.startswith("~ ")} | pending, collections.Counter()
    for name, count in tally.counts.most_common():
        why = {text for text, it in explained.items() if it.fullmatch(name)}
        unused -= why | {name}
        kind = "explained" if why else "pending" if name in pending else "new"
        counts[kind] += count
        if kind == "new":
            print(f"{count:6}  {name}\n{tally.examples[name]}\n")
    print(f"{tally.requests} requests to each in {', '.join(ran)}; differences: {dict(counts)} in {len(tally.counts)} classes")
    if unused and is_default:
        print("nothing needs these lines any more; take them out:\n  " + "\n  ".join(sorted(unused)))
    return not counts["new"] and not (unused and is_default)


def main():
    options = arguments()
    # Whoever ends this ends the servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scratch, pair = servers.scratch(), []
    try:
        pair.append(servers.ours(options.ours, scratch))
        pair.append(servers.upstream(options.kube_apiserver, options.etcd, scratch))
        if options.gateway_definitions:
            servers.define(pair[1], options.gateway_definitions)
        tally, ran = Tally(options.show), []
        for name, make in areas(options, pair):
            if not options.area or name in options.area:
                ran.append(name)
                for case in make(random.Random(f"{options.seed} {name}")):
                    run(case, pair, tally)
        if not options.area or "watches" in options.area:
            ran.append("watches")
            watches.run(pair, tally)
        if options.keep:
            with open(os.path.join(HERE, "pending.txt"), "w", encoding="utf-8") as file:
                known = [pattern(text.removeprefix("~ ")) for text in lines("explained.txt")]
                file.write("# Differences that are to be mended. A line goes with its difference; none may come.\n")
                file.writelines(f"{name}\n" for name in sorted(tally.counts) if not any(it.fullmatch(name) for it in known))
        is_default = not options.area and (options.seed, options.count) == (SEED, COUNT)
        return 0 if judge(tally, ran, is_default) else 1
    finally:
        for server in pair:
            server.stop()
        servers.discard(scratch)


if __name__ == "__main__":
    sys.exit(main())
