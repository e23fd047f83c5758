"""Three nodes: the leader is killed under writes, and another one leads.

Nothing that was acknowledged is lost, and nothing is written twice. The leader commits when
one of the two others has a write. Here the test is what elects: the node that has most.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import postgres
import psycopg
import pytest
from notes import NOTES, note
from shared import until

from app.errors import Unavailable
from app.storage.postgresql.store import PostgresStore

OPTIONS = (
    "-c", "synchronous_standby_names=ANY 1 (*)", "-c", "wal_receiver_timeout=2s",
    "-c", "wal_retrieve_retry_interval=100ms", "-c", "hot_standby_feedback=on",
)  # fmt: skip

ROUNDS = 5


class Cluster:
    """A leader and two servers that follow it, on loopback."""

    def __init__(self):
        # The first leads alone until there are others, who have to acknowledge.
        first = postgres.Server("-c", "synchronous_standby_names=")
        self.nodes = [first, *(self.follower([first]) for _ in range(2))]
        first.stop()
        first.options = OPTIONS
        self.follow_all()
        first.start()

    def address(self, nodes=None, attributes="read-write"):
        """Return the address of all nodes, or of some, for those who want the leader."""
        hosts = ",".join(f"127.0.0.1:{n.port}" for n in nodes or self.nodes)
        wanted = f"target_session_attrs={attributes}"
        return f"postgresql://svctasks@{hosts}/postgres?{wanted}"

    def follower(self, nodes):
        return postgres.Server(*OPTIONS, leaders=self.address(nodes, "primary"))

    def follow_all(self):
        """Let each server that follows look for the leader among all."""
        address = self.address(attributes="primary")
        for node in self.nodes:
            with suppress(psycopg.OperationalError):
                with psycopg.connect(node.address, autocommit=True) as connection:
                    connection.execute(
                        f"ALTER SYSTEM SET primary_conninfo = '{address}'"
                    )
                    connection.execute("SELECT pg_reload_conf()")

    def asked(self, node, question):
        with psycopg.connect(node.address, autocommit=True) as connection:
            return connection.execute(question).fetchone()[0]

    def leader(self):
        [leads] = [
            n for n in self.nodes if not self.asked(n, "SELECT pg_is_in_recovery()")
        ]
        return leads

    def fail_over(self):
        """Kill the leader, let the node that has most lead, and add a new one."""
        leads = self.leader()
        leads.kill()
        others = [node for node in self.nodes if node is not leads]
        position = "SELECT pg_last_wal_receive_lsn() - '0/0'"
        best = max(others, key=lambda node: self.asked(node, position))
        self.asked(best, "SELECT pg_promote()")
        leads.remove()
        self.nodes = [*others, self.follower([best])]
        self.follow_all()

    def remove(self):
        for node in self.nodes:
            node.remove()


class Writer:
    """An instance that writes all the time, and notes what was acknowledged."""

    def __init__(self, number, address):
        self.number = number
        self.store = PostgresStore(address, [NOTES])
        self.inserted = []
        self.increments = self.unknown = 0
        self.moments = [time.monotonic()]

    def work(self, done):
        count = 0
        while not done.is_set():
            count += 1
            key = f"{self.number} {count}"
            try:
                self.store.insert("notes", note(key))
                self.inserted.append(key)
            except Unavailable:
                pass
            try:
                self.store.update(
                    "notes", f"count {self.number % 2}",
                    lambda d, _: {**d, "n": d["n"] + 1},
                )  # fmt: skip
                self.increments += 1
                self.moments.append(time.monotonic())
            except Unavailable:
                self.unknown += 1
        return self


@pytest.mark.failover
def test_nothing_acknowledged_is_lost_or_written_twice_when_leaders_are_killed():
    cluster = Cluster()
    try:
        first = PostgresStore(cluster.address(), [NOTES])
        first.migrate()
        first.insert("notes", note("count 0"), note("count 1"))
        first.close()
        for round_ in range(ROUNDS):
            check_round(cluster, round_)
    finally:
        cluster.remove()


def check_round(cluster, round_):
    """Write by several instances while the leader is killed; look at all afterwards."""
    writers = [Writer(10 * round_ + n, cluster.address()) for n in range(4)]
    reader = PostgresStore(cluster.address(), [NOTES])
    before = {n: reader.get("notes", f"count {n}").document["n"] for n in range(2)}
    reader.close()
    done = threading.Event()
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(writer.work, done) for writer in writers]
        until(lambda: all(len(writer.moments) > 20 for writer in writers))
        reached = [len(writer.moments) for writer in writers]
        try:
            cluster.fail_over()
            # All of them go on with the new leader.
            until(
                lambda: all(
                    len(writer.moments) > count + 20
                    for writer, count in zip(writers, reached, strict=True)
                )
            )
        finally:
            done.set()
        for future in futures:
            future.result()
    pauses = [
        max(later - one for one, later in zip(w.moments, w.moments[1:], strict=False))
        for w in writers
    ]
    reader = PostgresStore(cluster.address(), [NOTES])
    there = {record.key for record in reader.scan("notes")}
    inserted = {key for writer in writers for key in writer.inserted}
    print(
        f"round {round_ + 1}: {len(inserted)} inserts and "
        f"{sum(w.increments for w in writers)} increments acknowledged, "
        f"{len(inserted - there)} missing, "
        f"{sum(w.unknown for w in writers)} unknown; longest pause {max(pauses):.2f} s"
    )
    assert inserted <= there
    for n in range(2):
        some = [writer for writer in writers if writer.number % 2 == n]
        gone = reader.get("notes", f"count {n}").document["n"] - before[n]
        least = sum(writer.increments for writer in some)
        assert least <= gone <= least + sum(writer.unknown for writer in some)
    for each in (*(writer.store for writer in writers), reader):
        each.close()
