"""A second cluster that follows the rig's, on a socket of its own, and may be promoted."""

import os
import pathlib
import pwd
import signal
import subprocess

import rig as r

BIN = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]


def as_owner(*command, check=True):
    """As the user that the clusters belong to."""
    user = {}
    if os.getuid() == 0:
        who = pwd.getpwnam("postgres")
        user = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd="/",
                          timeout=120, **user)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Replica:
    def __init__(self, rig):
        self.rig = rig
        self.primary = pathlib.Path((rig.place / "pg" / "pg-place").read_text().strip())
        self.place = self.primary.parent / "replica"
        if self.place.exists():
            raise RuntimeError(f"{self.place} is there")
        self.place.mkdir(parents=True)
        (self.place / "socket").mkdir()
        if os.getuid() == 0:
            who = pwd.getpwnam("postgres")
            for path in (self.place, self.place / "socket"):
                os.chown(path, who.pw_uid, who.pw_gid)
        self.data = self.place / "data"
        as_owner(BIN / "pg_basebackup", "-D", self.data, "-R", "-c", "fast", "-X", "stream", "-d",
                 f"host={self.primary}/socket user=postgres application_name=follower")
        with open(self.data / "postgresql.conf", "a") as f:
            f.write(f"unix_socket_directories = '{self.place}/socket'\n")
        self.control("-l", self.place / "log", "-w", "start")
        self.conninfo = f"host={self.place}/socket user=postgres dbname=rundbrief"
        # Either, whichever takes writes: the first named is the first asked.
        self.both = f"host={self.primary}/socket,{self.place}/socket user=postgres dbname=rundbrief"

    def control(self, *words):
        as_owner(BIN / "pg_ctl", "-D", self.data, *words)

    def synchronous(self):
        """From now on a commit is answered when the replica has it as well."""
        self.rig.sql("alter system set synchronous_standby_names = 'follower'")
        self.rig.sql("select pg_reload_conf()")
        if not r.wait_for(lambda: self.rig.sql("select sync_state from pg_stat_replication") ==
                          [["sync"]], 20):
            raise RuntimeError("the replica does not follow")

    def cut_off(self):
        """It receives nothing any more, and the primary does not wait for it."""
        self.sql("alter system set primary_conninfo = ''")
        self.sql("select pg_reload_conf()")
        if not r.wait_for(lambda: self.rig.sql("select count(*) from pg_stat_replication") == [["0"]], 20):
            raise RuntimeError("the replica still follows")

    def sql(self, statement):
        out = r.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.conninfo, "-c", statement)
        return [line.split("|") for line in out.stdout.splitlines() if line]

    def kill_primary(self):
        """As when its machine goes: every process of it at once."""
        postmaster = self.rig.postmaster()
        processes = [postmaster, *r.children_of(postmaster)]
        for pid in processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def promote(self):
        self.control("-w", "promote")
        # From here on the rig's looks are at this one.
        self.rig.conninfo = self.conninfo

    def stop(self):
        self.control("-m", "immediate", "-w", "stop")
