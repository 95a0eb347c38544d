"""A PgBouncer of one's own in front of the rig's PostgreSQL: transaction mode, a unix socket, few
server connections, no startup parameter let through."""

import atexit
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import rig as r

PORT = 6432  # part of the socket's name; no TCP port is taken


class Pooler:
    def __init__(self, rig, size=3):
        self.rig, self.size = rig, size
        # As root it refuses to run: it is whoever the cluster is, in a folder that is theirs.
        self.user = "postgres" if os.getuid() == 0 else None
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="rundbrief-pool.", dir="/var/tmp"))
        atexit.register(shutil.rmtree, self.place, ignore_errors=True)
        host = dict(w.split("=", 1) for w in rig.conninfo.split())["host"]
        (self.place / "pgbouncer.ini").write_text(f"""[databases]
rundbrief = host={host} dbname=rundbrief user=postgres pool_size={size}
[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {self.place}
auth_type = any
pool_mode = transaction
max_client_conn = 100
logfile = {self.place}/log
pidfile = {self.place}/pid
""")
        if self.user:
            who = pwd.getpwnam(self.user)
            for path in (self.place, self.place / "pgbouncer.ini"):
                os.chown(path, who.pw_uid, who.pw_gid)
        self.process = None
        self.conninfo = f"host={self.place} port={PORT} dbname=rundbrief user=postgres"
        self.start()

    def start(self):
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.process = subprocess.Popen([program, "-q", self.place / "pgbouncer.ini"],
                                        user=self.user, group=self.user, extra_groups=[],
                                        cwd="/", stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.rig.processes.append(self.process)
        if not r.wait_for((self.place / f".s.PGSQL.{PORT}").exists, 10):
            raise RuntimeError("PgBouncer did not start: " + (self.place / "log").read_text())

    def stop(self, how=signal.SIGTERM):
        self.rig.stop(self.process, how)
        (self.place / f".s.PGSQL.{PORT}").unlink(missing_ok=True)

    def sql(self, statement):
        out = r.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.conninfo, "-c", statement)
        return [line.split("|") for line in out.stdout.splitlines() if line]

