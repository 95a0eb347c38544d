"""What each of our statements costs PostgreSQL: pg_stat_statements, by the names of the files under
sql/queries, and by what they are for."""

import base64
import pathlib

import rig as r

# What a recipient costs, by the step that needs it.
GROUPS = {
    "cut": ("cut_",),
    "lease": ("slice_lease", "slice_next_due", "takeover_", "engine_", "source", "stop_feed"),
    "read": ("read_",),
    "mark": ("slice_mark",),
    "settle": ("settle_",),
}


def watch(rig):
    """Has the cluster note what its statements cost; before anything else connects."""
    place = pathlib.Path((rig.place / "pg" / "pg-place").read_text().strip())
    with open(place / "data" / "postgresql.conf", "a") as f:
        f.write("shared_preload_libraries = 'pg_stat_statements'\n"
                "pg_stat_statements.track_planning = on\npg_stat_statements.max = 2000\n")
    rig.stop_database()
    r.run(r.LIVE / "pg.sh", "start", rig.place / "pg")
    rig.sql("create extension if not exists pg_stat_statements")


def key_of(text):
    """The comment that begins a statement, and its first word or two: constants are not shown as they
    are by pg_stat_statements."""
    lines = text.strip().split("\n")
    comment = [line for line in lines if line.startswith("--")]
    return "\n".join(comment + [lines[len(comment)][:15] if len(comment) < len(lines) else ""])


NAMES = {key_of(path.read_text()): path.stem
         for path in (r.ROOT / "sql" / "queries").glob("*.sql")}


def name_of(text):
    if text.lower().startswith("copy delivery_"):
        return "settle_rows" if "_rows" in text else "settle_packs"
    if text.lower() in ("begin", "commit"):
        return text.lower()
    return NAMES.get(key_of(text), "other")


def costs(rig):
    """{name: (calls, milliseconds, pages looked at)} since the cluster began to note them."""
    rows = rig.sql("select translate(encode(convert_to(left(query, 600), 'UTF8'), 'base64'), E'\\n', ''), "
                   "calls, total_exec_time + total_plan_time, shared_blks_hit + shared_blks_read "
                   "from pg_stat_statements s join pg_database d on d.oid = s.dbid "
                   "where d.datname = current_database()")
    found = {}
    for text, *numbers in rows:
        name = name_of(base64.b64decode(text).decode(errors="replace"))
        before = found.get(name, (0, 0, 0))
        found[name] = tuple(b + float(n) for b, n in zip(before, numbers))
    return found


def between(early, late):
    return {name: tuple(b - a for a, b in zip(early.get(name, (0, 0, 0)), late[name]))
            for name in late}


def by_group(cost):
    """{group: (calls, milliseconds, pages)}"""
    sums = {}
    for name, numbers in cost.items():
        group = next((g for g, starts in GROUPS.items() if name.startswith(starts)), "else")
        before = sums.get(group, (0, 0, 0))
        sums[group] = tuple(b + n for b, n in zip(before, numbers))
    return sums
