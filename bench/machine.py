"""What a figure was taken on: the machine, what ran on it, and when."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

WORTH_KNOWING = ("avx2", "avx512f", "avx512ifma", "sha_ni", "vaes", "gfni")


def _said(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.stdout or done.stderr else ""


def _first(path, pattern, otherwise="unknown"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.M)
    except OSError:
        return otherwise
    return found.group(1).strip() if found else otherwise


def machine():
    flags = _first("/proc/cpuinfo", r"^flags\s*:(.*)$", "").split()
    return {"processor": _first("/proc/cpuinfo", r"^model name\s*:(.*)$"),
            "cores": len(os.sched_getaffinity(0)),
            "has": [flag for flag in WORTH_KNOWING if flag in flags],
            "virtual": "hypervisor" in flags,
            "memory_bytes": int(_first("/proc/meminfo", r"^MemTotal:\s*(\d+)", "0")) * 1024,
            "kernel": platform.release(),
            "openssl_mask": os.environ.get("OPENSSL_ia32cap"),
            "system": _first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')}


def versions(program, root):
    """Of the program, of what it stands on, and of the sources if this is their folder."""
    libraries = sorted({pathlib.Path(p).resolve().name for p in re.findall(
        r"=> (/\S*(?:liburing|libcrypto|libpq)\.so\S*)", subprocess.run(
            ["ldd", str(program)], capture_output=True, text=True).stdout)})
    found = {"rundbrief": _said(str(program), "--version").removeprefix("rundbrief "),
             "openssl": " ".join(_said("openssl", "version").split()[:2]),
             "postgresql": "PostgreSQL " + (_said("psql", "--version").split() or ["?"] * 3)[2],
             "libraries": libraries, "python": platform.python_version()}
    commit = _said("git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10")
    if commit and "fatal" not in commit:
        found["commit"] = commit
    return found


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def load():
    """Runnable processes, the mean of the last minute."""
    return os.getloadavg()[0]
