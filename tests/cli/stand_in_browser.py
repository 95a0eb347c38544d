#!/usr/bin/python3
"""Plays a browser for db_preview.sh: speaks DevTools on descriptors 3 and 4 as far as a picture
needs it. How it behaves is its own name: good, silent, talkative, dead, odd, endless, stubborn.
What it was given, it writes beside itself: NAME.argv, NAME.environ, NAME.asked."""
import base64
import json
import os
import pathlib
import signal
import struct
import sys
import time
import zlib

HERE = pathlib.Path(sys.argv[0])
MODE = HERE.name


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height):
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def answer_to(method, given):
    if method == "Target.createTarget":
        return {"targetId": "T"}
    if method == "Target.attachToTarget":
        return {"sessionId": "S"}
    if method == "Page.getFrameTree":
        return {"frameTree": {"frame": {"id": "F"}}}
    if method == "Page.getLayoutMetrics":
        return {"cssContentSize": {"width": 1, "height": "high" if MODE == "odd" else 1234}}
    if method == "Page.captureScreenshot":
        clip = given["clip"]
        return {"data": base64.b64encode(png(clip["width"], clip["height"])).decode()}
    return {}


def put(text):
    """In small pieces, so that answers come in parts."""
    text = text.encode() + b"\0"
    while text:
        text = text[os.write(4, text[:max(3, len(text) // 7)]):]


def main():
    pathlib.Path(f"{HERE}.argv").write_text("\n".join(sys.argv[1:]))
    pathlib.Path(f"{HERE}.environ").write_text("\n".join(sorted(os.environ)))
    if MODE == "dead":
        print("no such display\x1b[2J", file=sys.stderr)
        sys.exit(3)
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path(f"{HERE}.pid").write_text(str(os.getpid()))
    if MODE in ("silent", "stubborn"):
        time.sleep(600)
    pending = b""
    with open(f"{HERE}.asked", "w") as asked:
        while block := os.read(3, 65536):
            *messages, pending = (pending + block).split(b"\0")
            for message in map(json.loads, messages):
                print(json.dumps(message), file=asked, flush=True)
                if MODE == "endless":
                    while True:
                        os.write(4, b"x" * 65536)
                put(json.dumps({"method": "Some.event", "params": {}}))
                while MODE == "talkative":
                    os.write(4, b'{"method": "Some.event"}\0' * 100)
                put(json.dumps({"id": message["id"],
                                "result": answer_to(message["method"], message["params"])}))


main()
