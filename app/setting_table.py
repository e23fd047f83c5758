"""The table of settings: the name, variable, kind, default and meaning of each."""

from pathlib import Path

from app.limits import LIMITS
from app.variables import Setting

BASIC = (
    Setting("data", "SVCTASKS_DATA", "path", Path("data"), "folder of the JSON files"),
    Setting(
        name="bind",
        variable="SVCTASKS_BIND",
        kind="str",
        default="127.0.0.1",
        meaning="address to listen on, HOST or HOST:PORT",
    ),
    Setting(
        name="port",
        variable="PORT",
        kind="int",
        default=8000,
        meaning="port to listen on where the address names none",
    ),
    Setting(
        name="tls_cert",
        variable="SVCTASKS_TLS_CERT",
        kind="str",
        default="",
        meaning="file of the certificate for TLS, in PEM, with those that vouch for it",
    ),
    Setting(
        name="tls_key",
        variable="SVCTASKS_TLS_KEY",
        kind="str",
        default="",
        meaning="file of its key, in PEM; SIGHUP has both files read anew",
    ),
    Setting(
        name="behind_proxy",
        variable="SVCTASKS_BEHIND_PROXY",
        kind="bool",
        default=False,
        meaning="clients come by a proxy, which has TLS: believe its `X-Forwarded-For`, "
        "`-Proto`, `-Host` and `-Prefix`",
    ),
    Setting(
        name="trusted_proxies",
        variable="SVCTASKS_TRUSTED_PROXIES",
        kind="str",
        default="127.0.0.1,::1",
        meaning="addresses and networks of proxies that are believed, with commas between",
    ),
    Setting(
        name="insecure",
        variable="SVCTASKS_INSECURE",
        kind="bool",
        default=False,
        meaning="listen on any address without TLS: others can read tokens on their way",
    ),
    Setting(
        name="hosts",
        variable="SVCTASKS_HOSTS",
        kind="str",
        default="",
        meaning="host names that it answers for besides loopback and its address, with "
        "commas between; `*`: any",
    ),
    Setting(
        name="cors_origins",
        variable="SVCTASKS_CORS_ORIGINS",
        kind="str",
        default="",
        meaning="origins whose pages may use it, such as `https://app.example`, with "
        "commas between; `*`: any",
    ),
    Setting(
        name="server",
        variable="SVCTASKS_SERVER",
        kind="str",
        default="gunicorn",
        meaning="what speaks HTTP: `gunicorn`, or `granian`, which is an extra",
    ),
    Setting("workers", "SVCTASKS_WORKERS", "int", 2, "processes that answer requests"),
    Setting("threads", "SVCTASKS_THREADS", "int", 8, "threads in each process"),
    Setting(
        name="fsync",
        variable="SVCTASKS_FSYNC",
        kind="str",
        default="always",
        meaning="`always`: a write is on disk before its reply; `never`: a crash of the "
        "machine, though not of the service, may lose the latest writes",
    ),
    Setting(
        name="services_prefix",
        variable="SVCTASKS_SERVICES_PREFIX",
        kind="str",
        default="",
        meaning="second prefix of the services API, besides the root, such as "
        "`/genesys/1/cs`",
    ),
    Setting(
        name="map_names",
        variable="SVCTASKS_MAP_NAMES",
        kind="bool",
        default=False,
        meaning="show values of mapped business attributes by name, not by id",
    ),
    Setting(
        name="timezone",
        variable="SVCTASKS_TIMEZONE",
        kind="str",
        default="UTC",
        meaning="time zone of schedules where `workhours.json` names none, such as "
        "`Europe/Berlin`",
    ),
    Setting(
        name="site",
        variable="SVCTASKS_SITE",
        kind="str",
        default="",
        meaning="name of this site among the `sites` of tasks; empty: the only one",
    ),
    Setting(
        name="sites",
        variable="SVCTASKS_SITES",
        kind="str",
        default="",
        meaning="names of all sites, this one too, in the order in which one of several "
        "is taken, with commas between",
    ),
    Setting(
        name="runner",
        variable="SVCTASKS_RUNNER",
        kind="bool",
        default=False,
        meaning="`svctasks serve` starts the scripts of tasks too, in a process more",
    ),
    Setting(
        name="read_only",
        variable="SVCTASKS_READ_ONLY",
        kind="bool",
        default=False,
        meaning="for tests of clients: refuse all that would write, with 403",
    ),
    Setting(
        name="delay",
        variable="SVCTASKS_DELAY",
        kind="str",
        default="0ms",
        meaning="for tests of clients: wait before each reply, such as `200ms` or `1.5s`",
    ),
    Setting(
        name="fail_rate",
        variable="SVCTASKS_FAIL_RATE",
        kind="float",
        default=0.0,
        meaning="for tests of clients: answer this part of the requests with 503, from 0 "
        "to 1",
    ),
    Setting(
        name="node",
        variable="SVCTASKS_NODE",
        kind="str",
        default="",
        meaning="last 12 hex digits of generated ids; empty: this machine's hardware "
        "address",
    ),
)
"""Every setting but the limits, in the order of the README's table."""

SETTINGS = BASIC + tuple(
    Setting(
        name=limit.name,
        variable=limit.variable,
        kind=type(limit.default).__name__,
        default=limit.default,
        meaning=limit.meaning,
    )
    for limit in LIMITS
)
"""Every setting."""
