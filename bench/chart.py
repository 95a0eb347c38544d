"""The picture of the results: what a message costs the sender in CPU time, part by part, beside the
receiving side's share and what was promised."""

try:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
except ImportError:
    matplotlib = pyplot = None

from judge import BARE, REFERENCE

ENGINE, DATABASE, SINK, SIGNATURE, PROMISED = "#2f5d8a", "#e0a030", "#c8ccd2", "#7d9fc2", "#b3261e"
LARGE = 0.35  # of the longest bar: shorter ones get a panel of their own


def _median(result, figure):
    one = result["figures"].get(figure)
    return one["median"] if one else 0.0


def _promised(result):
    """Microseconds on this machine, by the plain yardstick and by the masked one; (None, None)."""
    promise = result["settings"].get("promise", {}).get("cost_usec")
    if not promise or not promise["most"]:
        return None, None
    plain, masked = (_median(result, name) for name in ("signature_usec", "masked_usec"))
    if promise["scale"] in BARE:
        return promise["most"] * _median(result, BARE[promise["scale"]]), None
    if promise["scale"] == "reference":
        return promise["most"] * plain / REFERENCE, promise["most"] * masked / REFERENCE
    return promise["most"], None


def _signature(result):
    """The bare signature's part of the engine's time."""
    return _median(result, "signature_usec") if "rsa" in result["settings"].get("signing", "") else 0.0


def _panel(axes, results):
    rows = range(len(results))
    engine = [_median(r, "engine_cpu_usec") for r in results]
    signed = [min(_signature(r), e) for r, e in zip(results, engine)]
    database = [_median(r, "database_cpu_usec") for r in results]
    sink = [_median(r, "sink_cpu_usec") for r in results]
    rest = [e - s for e, s in zip(engine, signed)]
    if any(signed):
        axes.barh(rows, signed, 0.5, color=SIGNATURE, label="bare RSA-2048 signature")
    axes.barh(rows, rest, 0.5, left=signed, color=ENGINE, label="engine")
    axes.barh(rows, database, 0.5, left=engine, color=DATABASE, label="PostgreSQL")
    axes.barh([row + 0.36 for row in rows], sink, 0.16, color=SINK, label="receiving side")
    for row, result in zip(rows, results):
        cost = engine[row] + database[row]
        axes.text(cost, row, f"  {cost:.0f}", va="center", fontsize=9, color="#222222")
        for at, style, label in zip(_promised(result), ("-", ":"), ("promised", "by the masked yardstick")):
            if at:
                axes.plot([at, at], [row - 0.33, row + 0.33], style, color=PROMISED, linewidth=2,
                          label=label)
    axes.set_yticks(list(rows), [r["scenario"] for r in results], fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("CPU time of a message, \N{MICRO SIGN}s", fontsize=9)
    axes.tick_params(axis="x", labelsize=9)
    axes.grid(axis="x", color="#e6e6e6")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw(doc, path):
    """Writes the picture and returns its path; None where there is nothing to draw, or nothing to
    draw it with."""
    shown = [r for r in doc["results"] if r["figures"].get("cost_usec")]
    if pyplot is None or not shown:
        return None
    longest = max(_median(r, "cost_usec") for r in shown)
    panels = [part for part in (
        [r for r in shown if _median(r, "cost_usec") < LARGE * longest],
        [r for r in shown if _median(r, "cost_usec") >= LARGE * longest]) if part]
    height = 1.2 + 0.55 * len(shown) + 0.7 * len(panels)
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(9, height), squeeze=False, layout="constrained",
        gridspec_kw={"height_ratios": [len(part) + 0.5 for part in panels]})
    figure.get_layout_engine().set(rect=(0, 0.35 / height, 1, 1 - 0.35 / height))
    for ax, part in zip(axes[:, 0], panels):
        _panel(ax, part)
    labels = {}
    for ax in axes[:, 0]:
        for handle, label in zip(*ax.get_legend_handles_labels()):
            labels.setdefault(label, handle)
    figure.legend(labels.values(), labels.keys(), loc="lower center", ncols=len(labels),
                  frameon=False, fontsize=8.5, columnspacing=1.2, handlelength=1.5)
    machine = doc["machine"]
    figure.suptitle(f"What a message costs: {machine['cores']} cores of {machine['processor']}, "
                    f"{doc['taken']}", fontsize=11)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
    return path
