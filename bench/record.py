"""`make bench-record`: what the last run found, as people find it: RESULTS.md and its picture, the figures
of SCALING.md, and the tables of the README at the top, also that of `make bench-peers` if it has run.

usage: record.py BUILD_FOLDER"""

import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE / "peers"))
import page  # noqa: E402
import results  # noqa: E402
import scaling_model  # noqa: E402
import show  # noqa: E402

README_MARKS = ("<!-- bench -->", "<!-- end of bench -->")
PEERS_MARKS = ("<!-- peers -->", "<!-- end of peers -->")


def readme_table(doc):
    """The campaigns of a document, a line each."""
    machine = doc["machine"]
    mask = f", OPENSSL_ia32cap={machine['openssl_mask']}" if machine["openssl_mask"] else ""
    yield f"Taken {doc['taken']} on {machine['cores']} cores of {machine['processor']} with all three parts on them{mask}:"
    yield ""
    yield "| scenario | messages/s | CPU us a message: engine | PostgreSQL | bare RSA-2048 us |"
    yield "| --- | --- | --- | --- | --- |"
    for result in doc["results"]:
        if result["figures"].get("cost_usec") and result["scenario"].startswith("bulk-"):
            yield f"| `{result['scenario']}` | " + " | ".join(
                show.median(result, figure) for figure in
                ("messages_per_second", "engine_cpu_usec", "database_cpu_usec", "signature_usec")) + " |"


def readme_verdicts(doc):
    """Every promise, kept or not."""
    yield from ("", "| scenario | what is promised of it | |", "| --- | --- | --- |")
    for result in doc["results"]:
        for verdict in result["verdicts"]:
            if verdict["figure"] != "faults":
                yield f"| `{result['scenario']}` | {show.sentence(verdict)} | {show.word(verdict)} |"


def between(path, marks, lines):
    """Rewrites a page between its marks."""
    before, rest = path.read_text().split(marks[0])
    after = rest.split(marks[1])[1]
    path.write_text("\n".join([before + marks[0], *lines, marks[1] + after]))


def main():
    build, readme = pathlib.Path(sys.argv[1]), HERE.parent / "README.md"
    if (build / "peers.json").exists():
        between(readme, PEERS_MARKS, page.lines(results.read(build / "peers.json")))
        if not (build / "bench.json").exists():
            return
    doc = results.read(build / "bench.json")
    for name in ("RESULTS.md", "bench.png"):
        if (build / name).exists():
            shutil.copy(build / name, HERE / name)
    between(HERE / "SCALING.md", (scaling_model.BEGIN, scaling_model.END), scaling_model.figures(doc))
    between(readme, README_MARKS, [*readme_table(doc), *readme_verdicts(doc)])


if __name__ == "__main__":
    main()
