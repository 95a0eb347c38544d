#!/usr/bin/python3
"""The figures of links and tokens, each with its verdict: real newsletters whose links are rewritten
and read by an independent parser, forged tokens, and what a recipient's tokens cost beside the one
RSA-2048 signature that every message has.

usage: show_links.py LINKS_READERS BENCH_TOKEN BENCH_RSA"""
import subprocess
import sys

LEAST_RATIO = 300  # a token's share of a signed message is then below a third of a percent


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=900)
    return result.returncode, result.stdout.strip().splitlines() or [""]


def main():
    readers, bench_token, bench_rsa = sys.argv[1:]
    verdicts = []

    def verdict(holds, sentence):
        print(("ok      " if holds else "MISSED  ") + sentence)
        verdicts.append(holds)

    code, lines = run("/usr/bin/python3", "tests/golden/links.py", readers)
    verdict(code == 0, next((line for line in lines if line.startswith("links:")), lines[-1]))
    code, lines = run(bench_token)
    verdict(code == 0, f"tokens: {lines[0]}")
    cost, (_, [rsa, *_]) = float(lines[-1]), run(bench_rsa)
    verdict(float(rsa) >= cost * LEAST_RATIO,
            f"cost: a recipient's tokens, four texts of them, {cost:.2f} us; a bare RSA-2048 "
            f"signature {float(rsa):.0f} us, {float(rsa) / cost:.0f} times as much "
            f"(at least {LEAST_RATIO})")
    print(f"links: {sum(verdicts)} passed, {len(verdicts) - sum(verdicts)} failed")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
