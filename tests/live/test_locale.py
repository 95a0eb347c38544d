#!/usr/bin/python3
"""Compares what the filters date, number, money and t write with what others say of the same.

Time zones: Python's zoneinfo, for every zone of the system, on both sides of every change of its
clocks from 1900 to 2100, and at random moments. Numbers, money and plurals: ICU itself, through
PyICU. All goes through `rundbrief template render`, a few thousand cases at a time.

test_locale.py [SHARE]: of zones and locales only every SHARE-th is asked; 1, all, takes a minute.
"""
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zoneinfo

import icu

PROGRAM = os.environ.get("RUNDBRIEF", "build/rundbrief")
CHUNK = 20000
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86400
SHOWN = 5  # mistakes of a kind that are printed
SHARE = int(sys.argv[1]) if len(sys.argv) > 1 else 15
USUAL = {"en", "de", "fr", "pl", "ru", "ar", "cs", "lt", "ja", "hi", "de_AT", "de_CH", "pt_PT",
         "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
         "Europe/Dublin", "America/Nuuk", "Asia/Tehran"}


def render(template, cases, *options):
    """One line a case; no case's text has a line end."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.liquid")
        with open(path, "w") as file:
            file.write("{% for c in cases %}" + template + "\n{% endfor %}")
        for start in range(0, len(cases), CHUNK):
            part = cases[start:start + CHUNK]
            run = subprocess.run([PROGRAM, "template", "render", path, "--data", "-",
                                  "--autoescape", "none", *options],
                                 input=json.dumps({"cases": part}).encode(),
                                 capture_output=True, check=False)
            if run.returncode != 0:
                sys.exit(run.stderr.decode())
            got = run.stdout.decode().split("\n")[:-1]
            assert len(got) == len(part), (len(got), len(part))
            lines += got
    return lines


class Tally:
    def __init__(self):
        self.passed = self.failed = self.compared = 0

    def compare(self, what, cases, got, wanted):
        wrong = [(c, g, w) for c, g, w in zip(cases, got, wanted) if g != w]
        for case, g, w in wrong[:SHOWN]:
            print(f"  {what} {case}: {g!r}, not {w!r}")
        self.compared += len(cases)
        self.passed += bool(cases) and not wrong
        self.failed += not cases or bool(wrong)
        print(f"{what:<34} {len(cases):>8,} compared, {len(wrong):,} differ")


def some(names):
    """Every SHARE-th, and those people ask for first."""
    return [n for i, n in enumerate(names) if i % SHARE == 0 or n in USUAL]


def at(seconds, zone):
    return (EPOCH + datetime.timedelta(seconds=seconds)).astimezone(zone)


def changes(zone, first, last):
    """Moments at which the clock changes, found by halving."""
    state = lambda t: (at(t, zone).utcoffset(), at(t, zone).tzname())
    found, low, before = [], first, state(first)
    for high in range(first, last, 20 * DAY):
        now = state(high)
        if now != before:
            a, b = low, high
            while b - a > 1:
                middle = (a + b) // 2
                a, b = (middle, b) if state(middle) == before else (a, middle)
            found.append(b)
            before = now
        low = high
    return found


def zone_case(seconds, zone):
    when = at(seconds, zone)
    offset = int(when.utcoffset().total_seconds())
    sign, size = "-" if offset < 0 else "+", abs(offset)
    return (when.strftime("%Y-%m-%d %H:%M:%S ") +
            f"{sign}{size // 3600:02}:{size // 60 % 60:02}:{size % 60:02} {when.tzname()}")


def check_zones(tally, rng):
    names = some(sorted(zoneinfo.available_timezones()))
    first, last = -2208988800, 4102444800  # 1900, 2100
    cases, wanted = [], []
    for name in names:
        zone = zoneinfo.ZoneInfo(name)
        moments = [m + d for m in changes(zone, first, last) for d in (-1, 0)]
        moments += [rng.randrange(first, 3 * last) for _ in range(60)]
        cases += [[m, name] for m in moments]
        wanted += [zone_case(m, zone) for m in moments]
    got = render('{{ c[0] | date: "%Y-%m-%d %H:%M:%S %::z %Z", zone: c[1] }}', cases)
    tally.compare(f"clocks of {len(names)} zones", cases, got, wanted)


VALUES = [0, 1, 9.5, -9.5, 12.345, 999.995, 1234.5, 12345.678, -1234567.891, 0.0051, 2.675,
          2.665, 1e15, 98765432109876, 0.0004, -0.0004, 0.0005, 0.05, 0.5, 1e-7, 1e20]


def formatter(name):
    """As people write: 1234 is not grouped in Spanish, and nothing is -0."""
    return icu.NumberFormatter.withLocale(icu.Locale(name)).sign(icu.UNumberSignDisplay.NEGATIVE)


def check_numbers(tally):
    # The locale of POSIX has a pattern with six decimals, which maxFraction() overrules.
    names = some(n for n in icu.Locale.getAvailableLocales() if n != "en_US_POSIX")
    cases, wanted, decimal_cases, decimal_wanted = [], [], [], []
    for name in names:
        plain = formatter(name).precision(icu.Precision.maxFraction(3))
        fixed = formatter(name).precision(icu.Precision.fixedFraction(2))
        for value in VALUES:
            cases.append([value, name])
            wanted.append(plain.formatDouble(float(value)))
            decimal_cases.append([value, name])
            decimal_wanted.append(fixed.formatDouble(float(value)))
    got = render("{{ c[0] | number: locale: c[1] }}", cases)
    tally.compare(f"numbers in {len(names)} locales", cases, got, wanted)
    got = render("{{ c[0] | number: decimals: 2, locale: c[1] }}", decimal_cases)
    tally.compare("numbers of two decimals", decimal_cases, got, decimal_wanted)


def money_cases(names, codes, values):
    cases, wanted = [], []
    for name in names:
        for code in codes:
            form = formatter(name).unit(icu.CurrencyUnit(code))
            for value in values:
                cases.append([value, code, name])
                wanted.append(form.formatDouble(float(value)))
    return cases, wanted


# ICU 72 gives every currency there the separators, and often the pattern, that CLDR gives only to
# the country's own (pt_CV: 9$50 for escudos, so also for euros).
QUIRKS = {"en_AT", "en_BE", "en_DE", "en_FI", "en_NL", "en_SI", "kea_CV", "pt_CV"}


def check_money(tally):
    names = some(n for n in icu.Locale.getAvailableLocales() if n not in QUIRKS)
    usual = ["EUR", "USD", "GBP", "CHF", "JPY", "INR", "TRY", "CVE", "BHD", "SEK", "PLN", "BRL"]
    cases, wanted = money_cases(names, usual, [0, 9.5, -1234.567])
    got = render("{{ c[0] | money: c[1], locale: c[2] }}", cases)
    tally.compare(f"money: {len(usual)} in {len(names)} locales", cases, got, wanted)
    known = ["de", "de_AT", "de_CH", "en", "en_GB", "en_IN", "en_CA", "fr", "fr_CH", "fr_CA", "es",
            "es_MX", "pt", "pt_PT", "it", "nl", "sv", "da", "nb", "fi", "pl", "cs", "hu", "ru",
            "uk", "tr", "el", "he", "ar", "fa", "hi", "bn", "th", "ja", "ko", "zh", "zh_TW",
            "en_AU", "bg", "lt"]
    known = known[::(SHARE + 4) // 5]
    cases, wanted = money_cases(known, currencies(), [1234.5, -0.5])
    got = render("{{ c[0] | money: c[1], locale: c[2] }}", cases)
    tally.compare(f"money: {len(currencies())} in {len(known)} locales", cases, got,
                  wanted)


def currencies():
    """Those that some country uses today, by ICU's table of them."""
    codes = set()
    for country in icu.Locale.getISOCountries():
        try:
            codes.add(icu.NumberFormat.createCurrencyInstance(
                icu.Locale("en", country)).getCurrency())
        except icu.ICUError:
            pass
    return sorted(c for c in codes if c not in ("XXX", ""))


def check_plurals(tally):
    names = some(n for n in icu.Locale.getAvailableLocales() if "_" not in n) + ["pt_PT"]
    numbers = list(range(0, 131)) + [200, 1000, 1001, 1011, 1021, 100000, 1000000, 2000000, 0.1,
                                     0.5, 1.1, 1.5, 2.1, 2.5, 3.14, 5.01, 10.1, 21.1, 121.11]
    words = {w: w for w in ("zero", "one", "two", "few", "many", "other")}
    cases, wanted = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            with open(os.path.join(folder, name + ".json"), "w") as file:
                json.dump({"n": words}, file)
            rules = icu.PluralRules.forLocale(icu.Locale(name))
            cases += [[n, name] for n in numbers]
            wanted += [rules.select(n) for n in numbers]
        got = render('{{ "n" | t: count: c[0], locale: c[1] }}', cases, "--locales", folder)
    tally.compare(f"plurals of {len(names)} languages", cases, got, wanted)


def main():
    started = time.monotonic()
    tally = Tally()
    print(f"ICU {icu.ICU_VERSION}, CLDR as in it; time zones of the system")
    check_plurals(tally)
    check_numbers(tally)
    check_money(tally)
    check_zones(tally, random.Random(1))
    print(f"locale: {tally.passed} passed, {tally.failed} failed: {tally.compared:,} results "
          f"compared in {time.monotonic() - started:.0f} s")
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
