"""`make bench-record`: what the last run found, as people find it: RESULTS.md and its picture, the figures
of SCALING.md, and the table of the README at the top.

usage: record.py BUILD_FOLDER"""

import pathlib
import shutil
import sys

import results
import scaling_model
import show

HERE = pathlib.Path(__file__).resolve().parent
README_MARKS = ("<!-- bench -->", "<!-- end of bench -->")


def readme_table(doc):
    """The campaigns of a document, a line each."""
    machine = doc["machine"]
    yield f"Taken {doc['taken']} on {machine['cores']} cores of {machine['processor']} with all three parts on them:"
    yield ""
    yield "| scenario | messages/s | CPU us a message: engine | PostgreSQL | bare RSA-2048 us |"
    yield "| --- | --- | --- | --- | --- |"
    for result in doc["results"]:
        if result["figures"].get("cost_usec") and result["scenario"].startswith("bulk-"):
            yield f"| `{result['scenario']}` | " + " | ".join(
                show.median(result, figure) for figure in
                ("messages_per_second", "engine_cpu_usec", "database_cpu_usec", "signature_usec")) + " |"


def between(path, marks, lines):
    """Rewrites a page between its marks."""
    before, rest = path.read_text().split(marks[0])
    after = rest.split(marks[1])[1]
    path.write_text("\n".join([before + marks[0], *lines, marks[1] + after]))


def main():
    build = pathlib.Path(sys.argv[1])
    doc = results.read(build / "bench.json")
    for name in ("RESULTS.md", "bench.png"):
        if (build / name).exists():
            shutil.copy(build / name, HERE / name)
    between(HERE / "SCALING.md", (scaling_model.BEGIN, scaling_model.END), scaling_model.figures(doc))
    between(HERE.parent / "README.md", README_MARKS, readme_table(doc))


if __name__ == "__main__":
    main()
