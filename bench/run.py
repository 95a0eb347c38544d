"""What `rundbrief bench` runs: scenarios, which the program has read and checked, one after the other;
results on the terminal, as JSON, as a page and as a picture. Not for people to call: the program
says `rundbrief bench --help`."""

import argparse
import json
import pathlib
import sys
import time

sys.dont_write_bytecode = True  # where it is installed, the folder is somebody else's
import campaign  # noqa: E402
import chart
import handover
import importing
import judge
import measure
import results
import scaling
import show
import stage

KINDS = {"campaign": campaign.measure_campaign, "handover": handover.measure_handover,
         "import": importing.measure_import, "scaling": scaling.measure_scaling}
BUSY_LIMIT = 0.05  # of the machine, before anything has begun
LOOK = 1.0         # seconds
MASK_SHOWS = 1.2   # times as long, at least, does a signature take without AVX512-IFMA


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--scenarios", required=True, type=json.loads)
    parser.add_argument("--count", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--database")
    parser.add_argument("--out")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


def say_if_busy():
    """Who measures while others work measures them too."""
    meter = measure.Meter({})
    time.sleep(LOOK)
    meter.stop()
    others = meter.conditions()["others_share"]
    if others > BUSY_LIMIT:
        say(f"note: other programs use {others:.0%} of this machine now; figures will be worse than "
            "they are")


def say_yardstick(yardstick):
    reading = yardstick.read()
    text = f"yardstick: a bare RSA-2048 signature takes {reading['signature_usec']:.0f} us, " \
           f"{reading['together_usec']:.0f} us where all cores sign"
    if not yardstick.has_ifma:
        say(text + "; this processor has no AVX512-IFMA to mask")
    elif reading["masked_usec"] < MASK_SHOWS * reading["signature_usec"]:
        say(text + ", and masking AVX512-IFMA changes nothing: both yardsticks are one")
    else:
        say(text + f", {reading['masked_usec']:.0f} us without AVX512-IFMA")


def asked(scenario, options):
    """The scenario as this call wants it."""
    changes = {"recipients": options.count, "runs": options.runs}
    return scenario | {name: value for name, value in changes.items() if value}


def play(played, scenario, options):
    print(f"\n{scenario['name']}: {scenario['shows']}", flush=True,
          file=sys.stderr if options.json else sys.stdout)

    def progress(index, run):
        if options.verbose:
            cost = f"{run['cost_usec']:.1f} us a message, " if run.get("cost_usec") else ""
            say(f"  run {index} of {scenario['runs']}: {cost}{run['seconds']:.1f} s, RSA-2048 "
                f"{run['signature_usec']:.0f} us")
    played.forget()
    result = KINDS[scenario["kind"]](played, scenario, progress)
    judge.judge(result)
    return result


def write_pages(doc, out):
    """The page has a picture where there is something to draw it with."""
    picture = chart.draw(doc, out / "bench.png")
    if picture is None and chart.matplotlib is None:
        say("note: no picture, for there is no matplotlib here (Debian: python3-matplotlib)")
    (out / "RESULTS.md").write_text(show.results_page(doc, picture and picture.name))
    say(f"\nbench.json, RESULTS.md{' and bench.png' if picture else ''} are in {out}")


def main():
    options = arguments()
    out = pathlib.Path(options.out) if options.out else \
        (stage.ROOT / "build" if (stage.ROOT / "build").is_dir() else pathlib.Path.cwd())
    say_if_busy()
    played = stage.Stage("bench", options.program, options.database, options.keep)
    say_yardstick(played.yardstick)
    found, doc = [], None
    try:
        for scenario in options.scenarios:
            found.append(play(played, asked(scenario, options), options))
            # After each, so that who interrupts the rest keeps what there is.
            doc = results.document(options.program, stage.ROOT, found)
            results.save(out / "bench.json", doc)
            if not options.json:
                show.print_result(found[-1])
    finally:
        if options.keep:
            say(f"the database stays: sh {stage.r.LIVE}/pg.sh start {played.rig.place}/pg")
        played.close()
    write_pages(doc, out)
    if options.json:
        print(json.dumps(doc, indent=1))
    verdicts = [v["holds"] for result in found for v in result["verdicts"]]
    if not options.json:
        print(f"bench: {verdicts.count(True)} passed, {verdicts.count(False)} failed"
              + (f", {verdicts.count(None)} cannot be told here" if None in verdicts else ""))
    return 1 if False in verdicts else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except stage.Unready as error:
        say(f"rundbrief bench: {error}")
        sys.exit(error.code)
    except RuntimeError as error:
        say("rundbrief bench: " + str(error).strip().splitlines()[-1])
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(5)
