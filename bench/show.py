"""Results for people: on the terminal while they come, and as RESULTS.md."""

import textwrap

WIDTH = 96
LABEL = 20    # characters before the figures of a line
TIED = "\N{NO-BREAK SPACE}"  # between words that stay in one line; a space in the end


def number(value):
    if value is None:
        return "not available"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(result, figure, unit=""):
    one = result["figures"].get(figure)
    if one is None:
        return "not available"
    text = number(one["median"]) + unit
    if one["count"] > 1 and one["least"] != one["most"]:
        text += f" ({number(one['least'])} to {number(one['most'])})"
    return text


def _joined(result, label, *pairs):
    """A line of those figures that there are; "" when there are none."""
    said = [f"{words} {spread(result, figure)}".strip() for words, figure in pairs
            if result["figures"].get(figure)]
    return _line(label, said) if said else ""


def _line(label, said):
    whole = f"  {label:{LABEL}}".replace(" ", TIED) + "   ".join(s.replace(" ", TIED) for s in said)
    lines = textwrap.wrap(whole, WIDTH, subsequent_indent=(2 + LABEL) * TIED)
    return "\n".join(lines).replace(TIED, " ")


def table(result):
    """The lines of a scenario."""
    figures = result["figures"]
    memory = figures.get("engine_peak_memory_bytes")
    counted = [f"{words} {spread(result, name)}" for words, name in
               (("system calls", "syscalls_per_message"), ("ring enters among them",
                "ring_enters_per_message"), ("instructions", "instructions_per_message"))
               if name in figures]
    return [line for line in (
        _joined(result, "messages a second", ("", "messages_per_second"),
                ("in the midst", "steady_per_second")),
        _joined(result, "rows a second", ("wall", "rows_per_second"),
                ("of client CPU", "rows_per_cpu_second"),
                ("wall, imported again", "rows_per_second_again")),
        _joined(result, "CPU us a message", ("engine", "engine_cpu_usec"),
                ("of it system", "engine_system_usec"), ("import", "import_cpu_usec"),
                ("database", "database_cpu_usec"), ("sink", "sink_cpu_usec")),
        _joined(result, "  of the engine's", *((name, f"{name}_cpu_usec") for name in
                                               ("press", "carrier", "feeder", "ledger")),
                ("busiest of the database's", "database_busiest_cpu_usec")),
        _joined(result, "  a bare sender", ("", "bare_sender_cpu_usec"),
                ("of it system", "bare_sender_system_usec")),
        _joined(result, "bytes to disk", ("engine", "engine_written_bytes"),
                ("database", "database_written_bytes")),
        _line("memory", [f"engine {memory['most'] / 2**20:.0f} MB"]) if memory else "",
        _joined(result, "", ("bytes a connection that waits", "connection_memory_bytes"),
                ("with a message on its way", "busy_connection_memory_bytes")),
        _line("a message takes", counted) if counted else "",
        _joined(result, "ms, from the claim", ("median", "claim_p50_msec"), ("p99", "claim_p99_msec")),
        _joined(result, "ms, from its start", ("median", "attempt_p50_msec"),
                ("p99", "attempt_p99_msec")),
        _joined(result, "ms, handed over", ("median", "handover_p50_msec"),
                ("p90", "handover_p90_msec"), ("p99", "handover_p99_msec"),
                ("worst", "handover_p100_msec")),
        _joined(result, "ms, with its insert", ("median", "with_insert_p50_msec"),
                ("p90", "with_insert_p90_msec"), ("p99", "with_insert_p99_msec"),
                ("worst", "with_insert_p100_msec")),
        _joined(result, "ms, insert alone", ("median", "insert_p50_msec"),
                ("p90", "insert_p90_msec"), ("p99", "insert_p99_msec"),
                ("worst", "insert_p100_msec")),
        _joined(result, "gain of 2 cores", ("", "gain"), ("bare signing", "bare_gain"),
                ("ratio", "gain_ratio")),
        _joined(result, "RSA-2048 us", ("bare", "signature_usec"),
                ("on all cores at once", "together_usec"), ("without IFMA", "masked_usec"),
                ("without ADX", "without_adx_usec")),
    ) if line]


SIGNERS = {"signature": "the bare signature", "signatures": "one of as many bare signers as cores"}
OTHER = {"signature": "signatures", "signatures": "signature"}


def _holds(holds):
    return "holds" if holds else "does not hold"


def sentence(verdict):
    """A verdict without its word."""
    if verdict["figure"] == "faults":
        return verdict["words"]
    bound = "at most" if verdict["bound"] == "most" else "at least"
    if verdict["is"] is None:
        return f"{verdict['words']}: cannot be told on this machine; promised {bound} " \
               f"{number(verdict['promised'])}"
    text = f"{verdict['words']}: {number(verdict['as_measured'])}"
    if verdict["scale"] == "reference":
        text += f", at the reference {number(verdict['is'])}"
    elif verdict["scale"] in SIGNERS:
        text += f", {verdict['is']:.3f} x {SIGNERS[verdict['scale']]}"
    text += f"; promised {bound} {number(verdict['promised'])}"
    if verdict["other"] is not None:
        text += f" ({verdict['other']:.3f} x {SIGNERS[OTHER[verdict['scale']]]}: " \
                f"{_holds(verdict['other_holds'])})"
    if verdict["without_adx"] is not None:
        text += f" ({verdict['without_adx']:.3f} x one without ADX: {_holds(verdict['without_adx_holds'])})"
    if verdict["masked"] is not None:
        how = "signed without IFMA" if verdict["scale"] in SIGNERS else "by the masked yardstick"
        text += f" ({how} {verdict['masked']:.3g}: {_holds(verdict['masked_holds'])})"
    return text


def word(verdict):
    return {True: "ok", False: "FAILED", None: "unknown"}[verdict["holds"]]


def print_result(result):
    for line in table(result):
        print(line)
    for note in result["notes"]:
        print(f"  {'note':{LABEL}}{note}")
    for verdict in result["verdicts"]:
        print(f"{word(verdict):8}" + textwrap.fill(sentence(verdict), WIDTH,
                                                   subsequent_indent=" " * 8), flush=True)


# -- RESULTS.md ----------------------------------------------------------------------------------

def _conditions(doc):
    machine, versions = doc["machine"], doc["versions"]
    return (f"Taken {doc['taken']} on {machine['cores']} cores of {machine['processor']}"
            f" ({', '.join(machine['has']) or 'no extensions worth naming'}"
            f"{'; a virtual machine' if machine['virtual'] else ''}), "
            f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}, Linux "
            f"{machine['kernel']}; rundbrief {versions['rundbrief']}"
            f"{' at ' + versions['commit'] if 'commit' in versions else ''}, "
            f"{versions['postgresql']}, {versions['openssl']}"
            f"{', with OPENSSL_ia32cap=' + machine['openssl_mask'] if machine['openssl_mask'] else ''}. "
            "Sender, PostgreSQL and receiving side share the machine; PostgreSQL keeps its durable "
            "settings at their defaults.")


def _verdict_rows(doc):
    yield "| scenario | promise | verdict |"
    yield "|---|---|---|"
    for result in doc["results"]:
        for verdict in result["verdicts"]:
            yield f"| `{result['scenario']}` | {sentence(verdict)} | {word(verdict)} |"


def median(result, figure):
    one = result["figures"].get(figure)
    return number(one["median"]) if one else ""


def _figure_rows(doc):
    columns = (("messages/s", "messages_per_second"), ("engine us", "engine_cpu_usec"),
               ("database us", "database_cpu_usec"), ("sink us", "sink_cpu_usec"),
               ("engine B", "engine_written_bytes"), ("database B", "database_written_bytes"),
               ("system calls", "syscalls_per_message"), ("bare RSA us", "signature_usec"))
    yield "| scenario | " + " | ".join(label for label, _ in columns) + " | runs |"
    yield "|---" * (len(columns) + 2) + "|"
    for result in doc["results"]:
        yield f"| `{result['scenario']}` | " + " | ".join(
            median(result, figure) for _, figure in columns) + f" | {len(result['runs'])} |"


def results_page(doc, picture=None):
    lines = ["# What sending costs", "", "Made by `rundbrief bench`; `bench/README.md` says what is measured "
             "and how it is judged.", "", textwrap.fill(_conditions(doc), 100), "",
             "## Promises", "", *_verdict_rows(doc), "",
             "## Figures", "", "Medians; microseconds of CPU time and bytes to disk are a message's.", ""]
    if picture:
        lines += [f"![CPU time of a message]({picture})", ""]
    lines += [*_figure_rows(doc), "", "## Scenarios", ""]
    for result in doc["results"]:
        lines.append(f"- `{result['scenario']}`: {result['shows']}"
                     + "".join(f". *{note}*" for note in result["notes"]))
    return "\n".join(lines) + "\n"
