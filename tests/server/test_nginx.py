"""The site of nginx: TLS, a path of its own, and all methods, before the real server."""

import os
import shutil
import subprocess

import pytest
from readme import ROOT
from running import Server, free_port
from shared import PATIENCE, T

from app.settings import SERVERS

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

CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
    "-subj /CN=svctasks.example -keyout {folder}/key -out {folder}/certificate"
)

pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx")


@pytest.fixture(scope="module", params=SERVERS)
def curl(request, tmp_path_factory):
    """The function from arguments to what curl gets by nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    server = Server(
        None, "--server", request.param, SCRIPT_NAME="/outer", SVCTASKS_MAX_BODY="1000"
    )
    site = SITE.read_text()
    for written, meant in {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/certs/svctasks.pem": f"{folder}/certificate",
        "/etc/ssl/private/svctasks.key": f"{folder}/key",
        "127.0.0.1:8000": f"127.0.0.1:{server.port}",
    }.items():
        assert written in site
        site = site.replace(written, meant)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    command = CERTIFICATE.format(folder=folder).split()
    subprocess.run(command, check=True, capture_output=True)
    nginx = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder])
    root = f"https://svctasks.example:{port}/outer"
    options = (
        f"--silent --show-error --cacert {folder}/certificate --retry 99 "
        f"--retry-connrefused --retry-max-time {PATIENCE} "
        f"--resolve svctasks.example:{port}:127.0.0.1"
    ).split()

    def curl(path, *arguments):
        return subprocess.check_output(
            ["curl", *options, *arguments, f"{root}{path}"], text=True
        )

    yield curl
    nginx.terminate()
    nginx.wait()
    server.stop()


def test_lookup_is_passed_on(curl):
    key = "380daae6-016c-cdd4-606e-50e54938780c"
    reply = curl(T, "-X", "LOOKUP", "--json", f'"{key}"')
    assert reply == f'[\n  "{key}"\n]'


def test_links_have_the_path_of_the_proxy(curl):
    reply = curl(f"{T}?limit=1", "--include")
    assert f"</outer{T}?limit=1&offset=1>" in reply
    assert '"docs": "/outer/docs"' in curl("/")


def test_an_encoded_slash_is_refused_by_the_service_itself(curl):
    assert '"code": "BAD_REQUEST"' in curl("/services/anonymous/a%2Factive")


def test_a_large_body_is_refused_by_the_service_itself(curl):
    assert '"error_code": 1413' in curl(T, "--json", '"x"' * 2000)
