"""The site of nginx: TLS, a path of its own, and all methods, before the real server."""

import json
import os
import re
import shutil
import subprocess

import pytest
from certificates import make_pair
from readme import ROOT
from running import Server, free_port, svctasks
from servers import SERVERS
from shared import DATA, PATIENCE, T, until

SITE = ROOT / "app" / "deploy" / "nginx.conf"

# Debian has it where only root looks for commands.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

MAIN = """\
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx")


KEY = "380daae6-016c-cdd4-606e-50e54938780c"

CLIENT = "127.0.0.7"
"""Where requests come from; nginx itself connects from 127.0.0.1."""


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    """The server that nginx passes requests on to."""
    data = tmp_path_factory.mktemp("behind") / "data"
    shutil.copytree(DATA, data)
    made = svctasks("token", "create", "admin", "--role", "admin", data=data)
    given = "--server", request.param, "--behind-proxy", "--host", "svctasks.example"
    server = Server(data, *given, SVCTASKS_MAX_BODY="1000")
    [server.token] = [word for word in made.stdout.split() if word.startswith("svct_")]
    yield server
    server.stop()


@pytest.fixture(scope="module")
def curl(server, tmp_path_factory):
    """The function from arguments to what curl gets by nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    pair = make_pair(folder, "svctasks.example")
    site = SITE.read_text()
    for written, meant in {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/certs/svctasks.pem": str(pair.certificate),
        "/etc/ssl/private/svctasks.key": str(pair.key),
        "127.0.0.1:8000": f"127.0.0.1:{server.port}",
    }.items():
        assert written in site
        site = site.replace(written, meant)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    nginx = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder])
    root = f"https://svctasks.example:{port}/outer"
    options = (
        f"--silent --show-error --cacert {pair.certificate} --retry 99 "
        f"--retry-connrefused --retry-max-time {PATIENCE} --interface {CLIENT} "
        f"--resolve svctasks.example:{port}:127.0.0.1"
    ).split()

    def curl(path, *arguments, token=server.token):
        bearer = f"Authorization: Bearer {token}"
        return subprocess.check_output(
            ["curl", *options, "-H", bearer, *arguments, f"{root}{path}"], text=True
        )

    yield curl
    nginx.terminate()
    nginx.wait()


def test_lookup_and_query_are_passed_on(curl):
    reply = curl(T, "-X", "LOOKUP", "--json", f'"{KEY}"')
    assert reply == f'[\n  "{KEY}"\n]'
    query = json.dumps({"filter": {"id": KEY}})
    [task] = json.loads(curl(T, "-X", "QUERY", "--json", query))
    assert task["id"] == KEY


def test_the_location_has_the_path_of_the_proxy(curl):
    started = json.dumps({"service_type": 100, "contact_key": "555-0100"})
    reply = curl("/services/start", "--include", "--json", started)
    assert re.search(r"^location: /outer/services/[0-9]+$", reply, re.I | re.M)


def test_links_have_the_path_of_the_proxy(curl):
    reply = curl(f"{T}?limit=1", "--include")
    assert f"</outer{T}?limit=1&offset=1>" in reply
    assert '"docs": "/outer/docs"' in curl("/")


def test_an_encoded_slash_is_refused_by_the_service_itself(curl):
    assert '"code": "BAD_REQUEST"' in curl("/services/anonymous/a%2Factive")


def test_a_large_body_is_refused_by_the_service_itself(curl):
    assert '"error_code": 1413' in curl(T, "--json", '"x"' * 2000)


def test_the_log_has_the_address_of_the_client(curl, server):
    curl("/health", "-H", "X-Request-Id: by-nginx")
    [line] = until(lambda: [n for n in server.logged().split("\n") if "by-nginx" in n])
    assert json.loads(line)["client"] == CLIENT


def test_what_a_client_says_of_itself_is_not_believed(curl, server):
    reply = curl(
        f"{T}?limit=1",
        "--include",
        "-H",
        "X-Request-Id: forged",
        "-H",
        "X-Forwarded-For: 192.0.2.1",
        "-H",
        "X-Forwarded-Proto: http",
        "-H",
        "X-Forwarded-Host: evil.example",
        "-H",
        "X-Forwarded-Prefix: /evil",
    )
    assert "HTTP/1.1 200 OK" in reply and "evil" not in reply
    assert f"</outer{T}?limit=1&offset=1>" in reply
    [line] = until(lambda: [n for n in server.logged().split("\n") if "forged" in n])
    assert json.loads(line)["client"] == CLIENT


def test_failures_of_one_client_refuse_no_other(curl):
    def status(client):
        given = "--interface", client, "--output", os.devnull, "-w", "%{http_code}"
        # curl repeats what is refused by 429.
        return curl(T, *given, "--retry", "0", token="wrong")

    statuses = [status("127.0.0.8") for _ in range(12)]
    assert (statuses[0], statuses[-1]) == ("401", "429")
    assert status("127.0.0.9") == "401"


def test_browsers_are_to_come_back_by_tls(curl):
    assert "Strict-Transport-Security: max-age=" in curl("/health", "--include")
