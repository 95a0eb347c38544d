"""Verifies every DKIM signature of the messages in a folder with python3-dkim.

usage: verify_dkim.py FOLDER   FOLDER holds *.eml and records ("name<TAB>text" a line)
Prints one line a signature that does not verify, and exits 1 when there was one.
"""
import pathlib
import sys

import dkim


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = (folder / "records").read_bytes().splitlines()
    records = dict(row.split(b"\t", 1) for row in rows)

    def lookup(name, timeout=5):
        return records.get(name.rstrip(b"."))

    checked = failed = 0
    for path in sorted(folder.glob("*.eml")):
        message = path.read_bytes()
        header = message.split(b"\r\n\r\n", 1)[0] + b"\r\n"
        count = (b"\r\n" + header).lower().count(b"\r\ndkim-signature:")
        for index in range(max(count, 1)):
            reader = dkim.DKIM(message, minkey=1024)
            checked += 1
            try:
                good = reader.verify(idx=index, dnsfunc=lookup)
            except dkim.DKIMException as error:
                good = error
            if good is not True:
                failed += 1
                print(f"{path.name}: signature {index + 1}: {good}")
    print(f"checked {checked}, failed {failed}")
    return 1 if failed or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
