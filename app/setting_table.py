"""The table of settings: the name, default and meaning of each."""

from pathlib import Path

from app.limits import LIMITS
from app.variables import Setting

BASIC = (
    Setting("data", Path("data"), "folder of the JSON files"),
    Setting(
        "store",
        "",
        "where the tables are: `file:DIR`, or the address of a database, "
        "`postgresql://USER@HOST/NAME`; empty: in the data folder",
    ),
    Setting(
        "store_read",
        "",
        "address of a database that follows that of the store: tasks and services "
        "are read from it",
    ),
    Setting(
        "store_read_lag", 1.0, "seconds by which what is read from it may be stale"
    ),
    Setting("bind", "127.0.0.1", "address to listen on, HOST or HOST:PORT"),
    Setting("port", 8000, "port to listen on where the address names none"),
    Setting(
        "tls_cert",
        "",
        "file of the certificate for TLS, in PEM, with those that vouch for it",
    ),
    Setting("tls_key", "", "file of its key, in PEM; SIGHUP has both files read anew"),
    Setting(
        "behind_proxy",
        False,
        "clients come by a proxy, which has TLS: believe its `X-Forwarded-For`, "
        "`-Proto`, `-Host` and `-Prefix`",
    ),
    Setting(
        "trusted_proxies",
        "127.0.0.1,::1",
        "addresses and networks of proxies that are believed, with commas between",
    ),
    Setting(
        "insecure",
        False,
        "listen on any address without TLS: others can read tokens on their way",
    ),
    Setting(
        "hosts",
        "",
        "host names that it answers for besides loopback and its address, with "
        "commas between; `*`: any",
    ),
    Setting(
        "cors_origins",
        "",
        "origins whose pages may use it, such as `https://app.example`, with "
        "commas between; `*`: any",
    ),
    Setting(
        "server",
        "gunicorn",
        "what speaks HTTP: `gunicorn`, or `granian`, which is an extra",
    ),
    Setting("workers", 2, "processes that answer requests"),
    Setting("threads", 8, "threads in each process"),
    Setting(
        "fsync",
        "always",
        "`always`: a write is on disk before its reply; `never`: a crash of the "
        "machine, though not of the service, may lose the latest writes",
    ),
    Setting(
        "services_prefix",
        "",
        "second prefix of the services API, besides the root, such as "
        "`/genesys/1/cs`",
    ),
    Setting(
        "map_names",
        False,
        "show values of mapped business attributes by name, not by id",
    ),
    Setting(
        "timezone",
        "UTC",
        "time zone of schedules where `workhours.json` names none, such as "
        "`Europe/Berlin`",
    ),
    Setting(
        "site", "", "name of this site among the `sites` of tasks; empty: the only one"
    ),
    Setting(
        "sites",
        "",
        "names of all sites, this one too, in the order in which one of several "
        "is taken, with commas between",
    ),
    Setting(
        "runner",
        False,
        "`svctasks serve` starts the scripts of tasks too, in a process more",
    ),
    Setting(
        "read_only",
        False,
        "for tests of clients: refuse all that would write, with 403",
    ),
    Setting(
        "delay",
        "0ms",
        "for tests of clients: wait before each reply, such as `200ms` or `1.5s`",
    ),
    Setting(
        "fail_rate",
        0.0,
        "for tests of clients: answer this part of the requests with 503, from 0 "
        "to 1",
    ),
    Setting(
        "node",
        "",
        "last 12 hex digits of generated ids; empty: this machine's hardware "
        "address",
    ),
)
"""Every setting but the limits, in the order of the README's table."""

SETTINGS = BASIC + tuple(
    Setting(limit.name, limit.default, limit.meaning) for limit in LIMITS
)
"""Every setting."""
