# Each number of a report opens to as many rows: rows_behind.py PROGRAM CAMPAIGN
import csv
import io
import json
import subprocess
import sys

program, campaign = sys.argv[1:]


def run(*arguments):
    return subprocess.run([program, *arguments], stdout=subprocess.PIPE, check=True, text=True).stdout


def rows(*filters):
    listed = list(csv.DictReader(io.StringIO(run("recipients", campaign, *filters, "--csv"))))
    assert len(listed) == len(json.loads(run("recipients", campaign, *filters, "--json")))
    return len(listed)


wrong = 0


def opens(name, count, *filters):
    global wrong
    found = rows(*filters)
    if found != count:
        wrong += 1
        print(f"{name}: the report says {count}, {' '.join(filters)} lists {found}")


r = json.loads(run("report", campaign, "--json"))
opens("attempted", r["attempted"], "--attempts", "--try", "first")
opens("deferrals", r["deferrals"], "--verdict", "deferred", "--attempts")
opens("deferred now", r["deferred_now"], "--verdict", "deferred")
opens("first try", r["delivered_first_try"], "--verdict", "delivered", "--try", "first")
opens("later", r["delivered_later"], "--verdict", "delivered", "--try", "later")
for verdict in "delivered", "failed", "in_doubt", "suppressed", "cancelled":
    opens(verdict, r[verdict], "--verdict", verdict.replace("_", "-"))
for name, count in r["failed_by_class"].items():
    opens(name, count, "--verdict", "failed", "--class", name)
for name, count in r["suppressed_by_reason"].items():
    opens(name, count, "--reason", name)
for p in r["providers"]:
    of = "--provider", p["provider"]
    opens("provider attempted", p["attempted"], *of, "--attempts", "--try", "first")
    opens("provider delivered", p["delivered"], *of, "--verdict", "delivered")
    opens("provider deferrals", p["deferrals"], *of, "--verdict", "deferred", "--attempts")
    opens("provider failed", p["failed"], *of, "--verdict", "failed")
    opens("provider in doubt", p["in_doubt"], *of, "--verdict", "in-doubt", "--attempts")
for e in r["reasons"]:
    opens("reason", e["count"], "--class", e["class"], "--verdict", e["verdict"], "--attempts")
sys.exit(wrong > 0)
