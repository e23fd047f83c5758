"""The unit of systemd with its addition for TLS: its commands, run in place of systemd."""

import os
import shutil
import subprocess
import sys

import pytest
from certificates import Pair, TlsServer, make_pair
from readme import ROOT
from servers import SERVERS
from shared import until

DEPLOY = ROOT / "app" / "deploy"

ADDITION = DEPLOY / "svctasks-tls.conf"


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze"
)
def test_systemd_takes_the_addition(tmp_path):
    unit = (DEPLOY / "svctasks.service").read_text()
    unit = unit.replace("/usr/local/bin/svctasks", sys.executable)
    (tmp_path / "svctasks.service").write_text(unit)
    folder = tmp_path / "svctasks.service.d"
    folder.mkdir()
    shutil.copy(ADDITION, folder / "tls.conf")
    result = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "svctasks.service"],
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def values(name, places):
    """Return the values of ``name`` in the addition, with ``places`` for its signs."""
    for line in ADDITION.read_text().splitlines():
        found, _, value = line.partition("=")
        if found == name and value:
            for sign, place in places.items():
                value = value.replace(sign, str(place))
            yield value.removeprefix("+")


@pytest.mark.parametrize("kind", SERVERS)
def test_a_reload_of_the_unit_serves_a_renewed_certificate(tmp_path, kind):
    kept, runtime = tmp_path / "etc", tmp_path / "run"
    for folder in (kept, runtime / "svctasks"):
        folder.mkdir(parents=True)
    pairs = [make_pair(tmp_path, name) for name in ("first", "second")]
    links = Pair(kept / "fullchain.pem", kept / "privkey.pem")
    for link, file in zip(links, pairs[0], strict=True):
        # As those that certbot keeps.
        link.symlink_to(file)
    places = {"%t": runtime, "/etc/svctasks": kept}
    for command in values("ExecStartPre", places):
        subprocess.run(["sh", "-c", f"umask 077; {command}"], check=True)
    given = dict(each.split("=", 1) for each in values("Environment", places))
    pair = Pair(runtime / "svctasks/fullchain.pem", runtime / "svctasks/privkey.pem")
    assert [given[f"SVCTASKS_TLS_{n}"] for n in ("CERT", "KEY")] == [*map(str, pair)]
    assert given["SVCTASKS_BIND"] == "0.0.0.0:8443"
    assert pair.key.stat().st_mode & 0o777 == 0o600
    server = TlsServer(tmp_path / "data", pair, "--server", kind)
    try:
        assert server.shown() == pairs[0].der
        for link, file in zip(links, pairs[1], strict=True):
            link.unlink()
            link.symlink_to(file)
        environment = {**os.environ, "MAINPID": str(server.process.pid)}
        for command in values("ExecReload", places):
            subprocess.run(["sh", "-c", command], check=True, env=environment)
        until(lambda: all(server.shown() == pairs[1].der for _ in range(20)))
    finally:
        server.kill()
