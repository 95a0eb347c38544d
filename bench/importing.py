"""Kind `import`: a list as a shop would export it, with quotes, several scripts, international domains,
addresses in capitals, empty fields and a few rows that must not be taken, read by `rundbrief import`
into a list of its own, and again into the list that is there then."""

import json
import random

import measure
import results
from campaign import paired

FIRST = ("Ann", "Émile", "Jürgen", "Zoë", "Łukasz", "Maria", "O'Neil", "Søren", "Иван", "Chloé")
LAST = ("Example", "Müller", "van den Berg", "García", "Smith-Jones", "Öztürk", "Kowalska", "Lee")
CITIES = ("Berlin", "São Paulo", "Kraków", "Paris", "\"Den Haag\"", "Málaga", "Wien", "Leeds")
PLANS = ("free", "plus", "pro", "")
DOMAINS = ("mail.test", "post.example.com", "bücher.test", "Office.Example.Com")
COUNTRIES = ("DE", "FR", "PL", "NL", "ES", "GB", "AT", "BR")
COLUMNS = "email,name,city,country,plan,points,signed_up,newsletter,last_order"
BAD_EVERY = 1000  # one row in so many has no address that could be written to
BAD = ("nobody", "a@", "two@@one.test", "space in@one.test")


def _field(text):
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\n') else text


def write_list(path, count, seed):
    """Returns how many of its rows are bad."""
    chance, bad = random.Random(seed), 0
    with open(path, "w", encoding="utf-8") as out:
        out.write(COLUMNS + "\n")
        for i in range(count):
            first, last = chance.choice(FIRST), chance.choice(LAST)
            domain = chance.choice(DOMAINS) if i % 4 else f"mail{chance.randrange(2000)}.test"
            address = f"reader.{seed}.{i}@{domain}"
            if i % 50 == 0 and domain.isascii():
                address = address.upper()
            if i % BAD_EVERY == BAD_EVERY - 1:
                address, bad = BAD[i // BAD_EVERY % len(BAD)], bad + 1
            name = f"{last}, {first}" if i % 7 == 0 else f"{first} {last}"
            day = f"202{i % 6}-{1 + i % 12:02}-{1 + i % 28:02}"
            out.write(f"{address},{_field(name)},{_field(chance.choice(CITIES))},"
                      f"{chance.choice(COUNTRIES)},{chance.choice(PLANS)},{i % 5000},{day},"
                      f"{'yes' if i % 3 else 'no'},{day if i % 4 else ''}\n")
    return bad


def _import(stage, path, name):
    """Returns what it cost, and what it said of the rows."""
    rig = stage.rig
    stage.checkpoint()
    meter = measure.Meter({"database": [stage.postmaster]} if stage.postmaster else {})
    with open(rig.place / "import.json", "w") as out:
        process = meter.watch("import", rig.popen("import", path, "--list", name, "--json", "--quiet",
                                                  stdout=out))
        spent = meter.finish("import", process)
    stage.checkpoint()
    meter.stop()
    return meter, spent, json.loads((rig.place / "import.json").read_text())


def _once(stage, scenario, index):
    count, path = scenario["recipients"], stage.rig.place / "import.csv"
    bad = write_list(path, count, index + 1)
    meter, spent, said = _import(stage, path, f"import-{index}")
    again, spent_again, said_again = _import(stage, path, f"import-{index}")
    path.unlink()
    run = {"messages": count, "rows": count, "seconds": meter.seconds,
           "rows_per_second": count / meter.seconds,
           "rows_per_cpu_second": count / (spent.cpu_usec / 1e6),
           "rows_per_second_again": count / again.seconds,
           "rows_per_cpu_second_again": count / (spent_again.cpu_usec / 1e6),
           "import_cpu_usec": spent.cpu_usec / count,
           "import_peak_memory_bytes": spent.peak_memory_bytes} | meter.conditions()
    if "database" in meter.spent:
        run["database_cpu_usec"] = meter.spent["database"].cpu_usec / count
    run["fault"] = None
    if (said["added"], said["rejects"]) != (count - bad, bad):
        run["fault"] = f"{said['added']} rows were added, {said['rejects']} refused; {bad} of {count} are bad"
    elif said_again["added"] or said_again["rejects"] != bad:
        run["fault"] = f"the second time {said_again['added']} rows were added to those that are there"
    return run


def measure_import(stage, scenario, say):
    runs = paired(stage, lambda i: _once(stage, scenario, i), scenario["runs"], say)
    found = results.result(scenario["name"], "rundbrief", scenario["shows"], scenario, runs)
    found["faults"] = sorted({run["fault"] for run in runs if run["fault"]})
    return found
