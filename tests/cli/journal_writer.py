#!/usr/bin/python3
"""Writes segments of a journal by the layout that include/rundbrief/journal.h describes, and by
nothing else: journal_writer.py FOLDER. Two segments with a hole between them; recipients 1 to 3
are delivered, 4 comes back unsent, 5 is in doubt, 6 is turned away. Prints where each segment
begins and the last one ends."""
import os
import struct
import sys

NAMES = (b"gmail", b"google.com", b"out1", b"mx.google.com")
AT = 1700000000000000


def crc32c(data):
    sum = 0xFFFFFFFF
    for byte in data:
        sum ^= byte
        for _ in range(8):
            sum = sum >> 1 ^ (0x82F63B78 if sum & 1 else 0)
    return sum ^ 0xFFFFFFFF


def packed(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bytes):
        return b"\xc4" + bytes([len(value)]) + value
    if 0 <= value < 128:
        return bytes([value])
    return (b"\xcf" + struct.pack(">Q", value)) if value >= 0 else b"\xd3" + struct.pack(">q", value)


def record(*fields):
    payload = b"\xdc" + struct.pack(">H", len(fields)) + b"".join(map(packed, fields))
    size = struct.pack("<I", len(payload))
    return size + struct.pack("<I", crc32c(size + payload)) + payload


def fields(type, recipient):
    return (type, 3, 9, recipient, 1, 1, AT + recipient, None, None) + NAMES


def mark(recipient):
    return record(*fields(1, recipient))


def void(recipient):
    return record(*fields(3, recipient))


def outcome(recipient, verdict, kind, code, status, text):
    return record(*fields(2, recipient), verdict, 1, kind, b"cause", 0, 7, code, *status, None, 120,
                  4000, text)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    first = b"".join(mark(n) + outcome(n, 1, 0, 250, (2, 0, 0), b"2.0.0 queued") for n in (1, 2, 3))
    second = mark(4) + void(4) + mark(5) + mark(6) + outcome(6, 3, 1, 550, (5, 1, 1),
                                                             b"no \x1b[2J such user")
    begins = (0, len(first) + 1000)
    for begin, data in zip(begins, (first, second)):
        with open(f"{folder}/{begin:020}.journal", "wb") as out:
            out.write(data)
    print(begins[1], begins[1] + len(second))


main(sys.argv[1])
