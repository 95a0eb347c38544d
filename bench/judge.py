"""What was promised, held against what was measured.

A promise is in the scenario: a figure, a bound, and by what it is scaled. Microseconds and rates `at
the reference` are those of a machine where a bare RSA-2048 signature takes 690 us. The verdict is by
the signature as it is; beside it stands what the masked yardstick would say (see measure.py).

A cost `by the signature` is divided by that of one bare signer that has the machine to itself, or, where
the scenario says so (scale "signatures"), by that of as many at once as there are cores, for the engine
signs on all of them. Whichever it goes by, both verdicts are told, and what it is beside a bare signature
made without ADX, which the engine does where that is quicker."""

import statistics

REFERENCE = 690.0  # us
SINK_SHARE = 0.5   # of the sender's CPU time, at most, is the receiving side's


# What a cost that holds signatures is divided by.
BARE = {"signature": "signature_usec", "signatures": "together_usec"}
OTHER = {"signature": "signatures", "signatures": "signature"}


def _plain(run, figure, scale):
    value = run.get(figure)
    if value is None or scale == "plain":
        return value
    if scale in BARE:
        return value / run[BARE[scale]]
    factor = REFERENCE / run["signature_usec"]
    return value / factor if figure.endswith("_per_second") else value * factor


def _masked(run, figure, scale, signs):
    """A cost that holds an RSA signature has its bare one replaced by the slower one, so that what
    stands beside it is compared with that; a rate cannot be divided so."""
    value, masked = run.get(figure), run["masked_usec"]
    if value is None or scale == "plain" or figure.endswith("_per_second") or masked == run["signature_usec"]:
        return None
    if signs:
        value += masked - run["signature_usec"]
    return value / masked if scale in BARE else value * REFERENCE / masked


def _without_adx(run, figure, scale):
    """Beside a bare signature that OpenSSL makes without ADX, where the engine tries that."""
    value, bare = run.get(figure), run["without_adx_usec"]
    return value / bare if value is not None and scale in BARE and bare != run["signature_usec"] else None


def _median(values):
    found = [value for value in values if value is not None]
    return statistics.median(found) if found else None


def verdict(result, figure, promise):
    """{"figure", "words", "is", "other", "masked", "without_adx", "bound", "promised", "scale", "holds",
    "other_holds", "masked_holds", "without_adx_holds"}; is and holds are None when this machine cannot
    tell the figure.
    other: by the other of the two ways to sign, None where none is meant."""
    bound = "most" if promise["most"] else "least"
    promised, scale = promise[bound], promise["scale"]

    def holds(value):
        if value is None:
            return None
        return value <= promised if bound == "most" else value >= promised

    signs = "rsa" in result["settings"]["signing"]
    noted = (result["figures"].get(figure) or {}).get("median")
    plain = _median(_plain(run, figure, scale) for run in result["runs"])
    masked = _median(_masked(run, figure, scale, signs) for run in result["runs"])
    without_adx = _median(_without_adx(run, figure, scale) for run in result["runs"])
    other = None
    if scale in OTHER:
        other = _median(_plain(run, figure, OTHER[scale]) for run in result["runs"])
    plain = noted if plain is None and scale == "plain" else plain
    return {"figure": figure, "words": promise["says"] or figure, "as_measured": noted,
            "is": plain, "other": other, "masked": masked, "without_adx": without_adx,
            "bound": bound, "promised": promised, "scale": scale, "holds": holds(plain),
            "other_holds": holds(other), "masked_holds": holds(masked),
            "without_adx_holds": holds(without_adx)}


def _faults(result):
    faults = result.get("faults", [])
    return {"figure": "faults", "words": "; ".join(faults) or "the figures add up", "is": len(faults),
            "other": None, "masked": None, "without_adx": None, "as_measured": len(faults),
            "bound": "most", "promised": 0, "scale": "plain", "holds": not faults,
            "other_holds": None, "masked_holds": None, "without_adx_holds": None}


def judge(result):
    """Puts the verdicts into a result; whether everything held."""
    result["verdicts"] = [_faults(result)] + [
        verdict(result, figure, promise) for figure, promise in result["settings"]["promise"].items()]
    share = result["figures"].get("sink_share")
    if share and share["median"] > SINK_SHARE:
        result["notes"].append(f"the receiving side used {share['median']:.2f} of the sender's CPU "
                               "time: it may hold the sender up")
    return all(v["holds"] is not False for v in result["verdicts"])
