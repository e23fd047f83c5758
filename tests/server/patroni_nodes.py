"""Three nodes on loopback, each with PostgreSQL, Patroni over it, and a member of etcd.

Patroni starts and promotes PostgreSQL; etcd has which node leads. They come from the extra
``failover`` and from Debian's package ``etcd-server``.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import postgres
from running import children, free_port
from shared import until

TIMES = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "primary_start_timeout": 0}
"""Seconds: Patroni takes no shorter ``ttl``, and fails over rather than start anew."""

# What is started ends with the process that started it, however that ends.
ATTENDED = '"$@" & child=$!; read -r _; kill -TERM "$child"; wait "$child"'


def unprivileged():
    """Return what starts a program not as root, though it may be root's alone."""
    if postgres.user() is None:
        return []
    who = pwd.getpwnam(postgres.user())
    return [
        "setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
    ]  # fmt: skip


class Node:
    """One machine: its folder, its ports and its processes."""

    def __init__(self, number, scope):
        self.name = f"node{number}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"svctasks-{scope}-{self.name}-"))
        if postgres.user():
            shutil.chown(self.folder, postgres.user())
        self.client, self.peer, self.api, self.port = (free_port() for _ in range(4))
        self.processes = {}

    def configure(self, nodes):
        """Write what Patroni goes by, and note what etcd does, among ``nodes``."""
        peers = ",".join(f"{n.name}=http://127.0.0.1:{n.peer}" for n in nodes)
        self.etcd = [
            *unprivileged(), "etcd", "--name", self.name,
            "--data-dir", self.folder / "etcd",
            "--listen-client-urls", f"http://127.0.0.1:{self.client}",
            "--advertise-client-urls", f"http://127.0.0.1:{self.client}",
            "--listen-peer-urls", f"http://127.0.0.1:{self.peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{self.peer}",
            "--initial-cluster", peers,
        ]  # fmt: skip
        trusted = {"username": "svctasks", "password": "trusted"}
        given = {
            "scope": "svctasks",
            "name": self.name,
            "restapi": {
                "listen": f"127.0.0.1:{self.api}",
                "connect_address": f"127.0.0.1:{self.api}",
            },
            "etcd3": {"hosts": [f"127.0.0.1:{n.client}" for n in nodes]},
            "bootstrap": {
                "dcs": {
                    **TIMES,
                    "synchronous_mode": "quorum",
                    "synchronous_node_count": 1,
                    "postgresql": {"use_pg_rewind": True},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(postgres.programs()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": trusted, "replication": trusted},
                "parameters": {
                    "unix_socket_directories": str(self.folder),
                    # A follower looks for who leads now so often, and not every 5 s.
                    "wal_retrieve_retry_interval": "500ms",
                },
                "pg_hba": [
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
            },
        }
        self.settings = self.folder / "patroni.json"
        self.settings.write_text(json.dumps(given))

    def start(self):
        """Start what does not run: etcd, and Patroni, which starts PostgreSQL."""
        patroni = [*unprivileged(), sys.executable, "-m", "patroni", self.settings]
        for name, command in (("etcd", self.etcd), ("patroni", patroni)):
            with open(self.folder / f"{name}.log", "ab") as log:
                self.processes[name] = subprocess.Popen(
                    ["/bin/sh", "-c", ATTENDED, "sh", *map(str, command)],
                    stdin=subprocess.PIPE, stdout=log, stderr=log,
                    cwd=self.folder, start_new_session=True,
                )  # fmt: skip

    def postmaster(self):
        """Return the process id of its PostgreSQL, if it runs."""
        with suppress(OSError, ValueError):
            pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            if os.readlink(f"/proc/{pid}/cwd") == str(self.folder / "data"):
                return pid
        return None

    def is_alive(self):
        """Return whether its Patroni and its etcd run."""
        return all(each.poll() is None for each in self.processes.values())

    def kill_server(self):
        """Kill PostgreSQL, and nothing else."""
        os.kill(self.postmaster(), signal.SIGKILL)

    def kill(self):
        """Kill all that runs on it at once, as a loss of its power would."""
        killed = [pid for p in self.processes.values() for pid in children(p.pid)]
        if server := self.postmaster():
            killed += [server, *children(server)]
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._wait()

    def stop(self):
        """Stop all that runs on it."""
        # Patroni stops PostgreSQL, and needs etcd to say so.
        for name in ("patroni", "etcd"):
            if name in self.processes:
                self.processes[name].stdin.close()
                self.processes[name].wait()

    def remove(self):
        self.stop()
        if server := self.postmaster():
            os.kill(server, signal.SIGQUIT)
            until(lambda: self.postmaster() is None)
        shutil.rmtree(self.folder)

    def _wait(self):
        for process in self.processes.values():
            process.stdin.close()
            process.wait()


class Nodes:
    """Three nodes with one database, which is written to two of them at least."""

    def __init__(self):
        self.all = [Node(number, "patroni") for number in (1, 2, 3)]
        for node in self.all:
            node.configure(self.all)

    def start(self):
        """Start all of them, and wait until they have a database."""
        for node in self.all:
            node.start()
        self.settled()

    @property
    def address(self):
        """The address of that node which can be written."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.all)
        return f"postgresql://svctasks@{hosts}/postgres?target_session_attrs=read-write"

    def settled(self):
        """Wait until one leads and two follow, as a quorum; return the one that leads."""
        return until(self._leader)

    def _leader(self):
        states = {}
        for node in self.all:
            # Each of them has to see it so.
            with suppress(OSError, ValueError):
                where = f"http://127.0.0.1:{node.api}/cluster"
                with urlopen(where, timeout=5) as reply:
                    members = json.load(reply)["members"]
                states[node.name] = sorted(
                    (m["role"], m["state"], m["name"]) for m in members
                )
        expected = [
            ("leader", "running"),
            ("quorum_standby", "streaming"),
            ("quorum_standby", "streaming"),
        ]
        seen = list(states.values())
        if len(seen) < 3 or any(each != seen[0] for each in seen):
            return None
        if [each[:2] for each in seen[0]] != expected:
            return None
        [leads] = [node for node in self.all if node.name == seen[0][0][2]]
        return leads

    def remove(self):
        for node in self.all:
            node.remove()
