"""The table of settings: checked, read once from the environment, and handed in."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from app import hosts, hours
from app.errors import Invalid, cut
from app.limits import LIMITS
from app.variables import PORT, Setting, read, sentence

Network = IPv4Network | IPv6Network

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+):([0-9]{1,5})")

PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
"""The form of a prefix of addresses."""

TAKEN = (
    "rest",
    "health",
    "metrics",
    "services",
    "customers",
    "metadata",
    "server",
    "openapi.json",
    "console",
    "whoami",
    "docs",
)
"""The first segments of the other addresses, with which no prefix may begin."""

SERVERS = ("gunicorn", "granian")

MOST = {"workers": 256, "threads": 256}
"""Beyond this, a number of processes or threads is a mistake."""

REPEATED = {
    "trusted_proxies": "--trusted-proxy",
    "hosts": "--host",
    "cors_origins": "--cors-origin",
}
"""The options that each have one of the parts of a setting."""


FILE = "file:"
"""How a store begins whose tables are in the data folder that it names."""

DATABASES = ("postgresql://", "postgres://")
"""How the address of a database begins."""

_PASSWORD = re.compile("(?<=://)([^:/@]*):[^@]*@|password=[^&]*")

_DURATION = re.compile("([0-9]{1,6}(?:[.][0-9]{1,6})?)(ms|s)")


def _row(default: Any, meaning: str) -> Any:
    return field(metadata={"default": default, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked settings, in the order of the README's tables; the last are the limits.

    Raises Invalid, naming all that are wrong.
    """

    data: Path = _row(Path("data"), "folder of the JSON files")
    store: str = _row(
        "",
        "where the tables are: `file:DIR`, or the address of a database, "
        "`postgresql://USER@HOST/NAME`; empty: in the data folder",
    )
    store_read: str = _row(
        "",
        "address of a database that follows that of the store: tasks and services "
        "are read from it",
    )
    store_read_lag: float = _row(
        1.0, "seconds by which what is read from it may be stale"
    )
    bind: str = _row("127.0.0.1", "address to listen on, HOST or HOST:PORT")
    port: int = _row(8000, "port to listen on where the address names none")
    tls_cert: str = _row(
        "", "file of the certificate for TLS, in PEM, with those that vouch for it"
    )
    tls_key: str = _row("", "file of its key, in PEM; SIGHUP has both files read anew")
    behind_proxy: bool = _row(
        False,
        "clients come by a proxy, which has TLS: believe its `X-Forwarded-For`, "
        "`-Proto`, `-Host` and `-Prefix`",
    )
    trusted_proxies: str = _row(
        "127.0.0.1,::1",
        "addresses and networks of proxies that are believed, with commas between",
    )
    insecure: bool = _row(
        False, "listen on any address without TLS: others can read tokens on their way"
    )
    hosts: str = _row(
        "",
        "host names that it answers for besides loopback and its address, with "
        "commas between; `*`: any",
    )
    cors_origins: str = _row(
        "",
        "origins whose pages may use it, such as `https://app.example`, with "
        "commas between; `*`: any",
    )
    server: str = _row(
        "gunicorn", "what speaks HTTP: `gunicorn`, or `granian`, which is an extra"
    )
    workers: int = _row(2, "processes that answer requests")
    threads: int = _row(8, "threads in each process")
    fsync: str = _row(
        "always",
        "`always`: a write is on disk before its reply; `never`: a crash of the "
        "machine, though not of the service, may lose the latest writes",
    )
    services_prefix: str = _row(
        "",
        "second prefix of the services API, besides the root, such as "
        "`/genesys/1/cs`",
    )
    map_names: bool = _row(
        False, "show values of mapped business attributes by name, not by id"
    )
    timezone: str = _row(
        "UTC",
        "time zone of schedules where `workhours.json` names none, such as "
        "`Europe/Berlin`",
    )
    site: str = _row(
        "", "name of this site among the `sites` of tasks; empty: the only one"
    )
    sites: str = _row(
        "",
        "names of all sites, this one too, in the order in which one of several "
        "is taken, with commas between",
    )
    runner: bool = _row(
        False, "`svctasks serve` starts the scripts of tasks too, in a process more"
    )
    read_only: bool = _row(
        False, "for tests of clients: refuse all that would write, with 403"
    )
    delay: str = _row(
        "0ms", "for tests of clients: wait before each reply, such as `200ms` or `1.5s`"
    )
    fail_rate: float = _row(
        0.0,
        "for tests of clients: answer this part of the requests with 503, from 0 "
        "to 1",
    )
    node: str = _row(
        "",
        "last 12 hex digits of generated ids; empty: this machine's hardware "
        "address",
    )
    max_connections: int
    request_timeout: float
    max_address: int
    max_head: int
    max_body: int
    max_depth: int
    max_members: int
    max_filter: int
    max_filter_depth: int
    max_filter_values: int
    max_limit: int
    max_scan: int
    query_timeout: float
    max_document: int
    max_documents: int
    max_table: int
    runner_runs: int
    runner_grace: float
    runs_keep: int
    runs_max: int

    def __post_init__(self) -> None:
        variables = {setting.name: setting.variable for setting in SETTINGS}
        if faults := {variables[name]: [fault] for name, fault in self._faults()}:
            raise Invalid(sentence(faults), faults)
        if self.store.startswith(FILE):
            object.__setattr__(self, "data", Path(self.store.removeprefix(FILE)))
        if not self.node:
            object.__setattr__(self, "node", f"{uuid.getnode():012x}")

    @classmethod
    def from_environment(cls, **given: Any) -> "Settings":
        """Return the settings of the environment; an empty variable counts as not set.

        The options of the command, ``given``, win over variables. Raises Invalid.
        """
        given = {name: value for name, value in given.items() if value is not None}
        values = read([row for row in SETTINGS if row.name not in given]) | given
        if "port" in given:
            named = _ADDRESS.fullmatch(values["bind"])
            if named and "bind" in given:
                raise Invalid("--bind names a port already: leave out --port")
            values["bind"] = named[1] if named else values["bind"]
        if "data" in given and "store" not in given:
            # The folder of the command goes before the store of the environment.
            values["store"] = ""
        elif "data" in given and values["store"].startswith(FILE):
            raise Invalid("--store names the folder already: leave out --data")
        try:
            return cls(**values)
        except Invalid as error:
            # A message names the option that was typed, not its variable.
            options = {
                setting.variable: option(setting.name)
                for setting in SETTINGS
                if setting.name in given
            }
            faults = {options.get(n, n): texts for n, texts in error.faults.items()}
            raise Invalid(sentence(faults), faults) from None

    @property
    def outputs(self) -> Path:
        """The folder of what runs print, beside the data files."""
        return self.data / "runs"

    @property
    def database(self) -> str:
        """The address of the database that has the tables; empty if files have them."""
        return "" if self.store.startswith(FILE) else self.store

    @property
    def address(self) -> str:
        """Where to listen, as HOST:PORT."""
        return (
            self.bind if _ADDRESS.fullmatch(self.bind) else f"{self.bind}:{self.port}"
        )

    @property
    def bound(self) -> str:
        """The host to listen on, without the port."""
        return self.address.rpartition(":")[0]

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine use it; by a proxy, others do."""
        return hosts.is_loopback(self.bound) and not self.behind_proxy

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of the proxies that are believed."""
        if not self.behind_proxy:
            return ()
        return tuple(map(ip_network, hosts.listed(self.trusted_proxies)))

    @property
    def scheme(self) -> str:
        """What is spoken to clients: http, or https with a certificate."""
        return "https" if self.tls_cert else "http"

    @property
    def delay_seconds(self) -> float:
        """How long to wait before each reply."""
        match = _DURATION.fullmatch(self.delay)
        assert match is not None
        return float(match[1]) * (0.001 if match[2] == "ms" else 1)

    def rows(self) -> Iterator[tuple[Setting, Any]]:
        """Return each setting with its value; passwords are left out."""
        values = asdict(self)
        values["store"] = _without_password(self.store)
        values["store_read"] = _without_password(self.store_read)
        return ((setting, values[setting.name]) for setting in SETTINGS)

    def _faults(self) -> Iterator[tuple[str, str]]:
        """Return what is wrong, each with the name of the setting."""
        if not 0 < self.port < 65536:
            yield "port", f"must be {PORT}, not {self.port}"
        if self.store and not self.store.startswith((FILE, *DATABASES)):
            given = cut(_without_password(self.store))
            right = "must be file:DIR or postgresql://USER@HOST/NAME"
            yield "store", f'{right}, not "{given}"'
        if self.store_read and not self.store_read.startswith(DATABASES):
            yield "store_read", "must be postgresql://USER@HOST/NAME"
        if self.store_read and not self.database:
            yield "store_read", f"goes with {option('store')} only"
        if self.store_read_lag <= 0:
            yield "store_read_lag", "must be more than 0"
        match = _ADDRESS.fullmatch(self.bind) or _ADDRESS.fullmatch(f"{self.bind}:1")
        if match is None or not 0 < int(match[2]) < 65536:
            yield "bind", (
                "must be HOST or HOST:PORT, such as 127.0.0.1:8000, with a port from 1 to "
                f'65535, not "{self.bind}"'
            )
        for given, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
            if getattr(self, given) and not getattr(self, other):
                yield given, f"goes with {option(other)} only"
        usual = next(row.default for row in SETTINGS if row.name == "trusted_proxies")
        if self.trusted_proxies != usual and not self.behind_proxy:
            yield "trusted_proxies", f"has no effect without {option('behind_proxy')}"
        for network in hosts.listed(self.trusted_proxies):
            try:
                ip_network(network)
            except ValueError as error:
                right = "must be addresses and networks such as 10.0.0.0/8"
                yield "trusted_proxies", f"{right}: {error}"
        for fault in hosts.faults_of_hosts(hosts.listed(self.hosts)):
            yield "hosts", fault
        for fault in hosts.faults_of_origins(hosts.listed(self.cors_origins)):
            yield "cors_origins", fault
        for name, most in MOST.items():
            found = getattr(self, name)
            if found < 1:
                yield name, f"must be 1 or more, not {found}"
            if found > most:
                yield name, f"must be {most} or less, not {found}"
        if self.runner and self.read_only:
            yield "runner", f"does not go with {option('read_only')}"
        for limit in LIMITS:
            if fault := limit.fault(getattr(self, limit.name)):
                yield limit.name, fault
        if self.server not in SERVERS:
            yield "server", f'must be {" or ".join(SERVERS)}, not "{self.server}"'
        if self.fsync not in ("always", "never"):
            yield "fsync", f'must be always or never, not "{self.fsync}"'
        if prefix := self.services_prefix:
            if not PREFIX.fullmatch(prefix):
                yield "services_prefix", (
                    "must be segments of letters, digits and . _ ~ - with a / before "
                    f'each, such as /genesys/1/cs, not "{prefix}"'
                )
            elif (first := prefix.split("/")[1]) in TAKEN:
                yield "services_prefix", (
                    f'must not begin with "/{first}", where there are other addresses '
                    "already"
                )
        try:
            hours.zone(self.timezone)
        except ValueError as error:
            yield "timezone", f'{error}, not "{self.timezone}"'
        sites = hosts.listed(self.sites)
        if self.site and self.site not in sites:
            yield "sites", (
                f'must name all sites, and "{self.site}" (SVCTASKS_SITE) is not among them'
            )
        if sites and not self.site:
            yield "sites", "has no effect without SVCTASKS_SITE"
        if not _DURATION.fullmatch(self.delay):
            yield "delay", f'must be such as 200ms or 1.5s, not "{self.delay}"'
        if not 0 <= self.fail_rate <= 1:
            yield "fail_rate", f"must be 0 to 1, not {self.fail_rate}"
        if not re.fullmatch("([0-9a-f]{12})?", self.node):
            yield "node", f'must be 12 hex digits, not "{self.node}"'


def _without_password(address: str) -> str:
    return _PASSWORD.sub(lambda found: f"{found[1]}@" if found[1] else "", address)


def option(name: str) -> str:
    """Return the option of the command line for the setting ``name``."""
    return REPEATED.get(name) or f"--{name.replace('_', '-')}"


SETTINGS = (
    *(Setting(row.name, **row.metadata) for row in fields(Settings) if row.metadata),
    *(Setting(limit.name, limit.default, limit.meaning) for limit in LIMITS),
)
"""The table of settings."""

assert [row.name for row in fields(Settings)] == [row.name for row in SETTINGS]
