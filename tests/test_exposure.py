"""When a server that others can reach refuses to start, and what it says to type."""

import pytest

from app import exposure
from app.errors import Invalid
from app.settings import Settings

TLS = {"tls_cert": "chain.pem", "tls_key": "key.pem"}


def lacks(has_tokens=True, **given):
    """Return what a server lacks that is given settings; nothing if it may start."""
    settings = Settings.from_environment(data="folder", **given)
    try:
        exposure.check(settings, has_tokens)
    except Invalid as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    "bind",
    ["127.0.0.1", "127.0.0.2:80", "LocalHost", "[::1]"],
)
def test_a_server_on_loopback_lacks_nothing(bind):
    assert lacks(has_tokens=False, bind=bind) == ""


@pytest.mark.parametrize(
    "bind",
    [
        "0.0.0.0",
        "0.0.0.0:8000",
        "[::]",
        "[::]:8000",
        "192.0.2.1",
        "[2001:db8::1]",
        "[::ffff:192.0.2.1]",
        # What another name leads to can change; other forms are not known.
        "svctasks.example",
        "localhost.example",
        "127.1",
        "0",
        "2130706433",
    ],
)
def test_a_server_that_others_reach_needs_a_token_and_tls(bind):
    both = lacks(has_tokens=False, bind=bind)
    assert "svctasks token create NAME --role admin --data folder" in both
    for option in ("--tls-cert FILE", "--tls-key FILE", "--behind-proxy", "--insecure"):
        assert option in both
    assert "token create" not in lacks(bind=bind)
    assert "--tls-cert" not in lacks(has_tokens=False, bind=bind, **TLS)
    for given in (TLS, {"behind_proxy": True}, {"insecure": True}):
        assert lacks(bind=bind, **given) == ""
        assert "token create" in lacks(has_tokens=False, bind=bind, **given)


def test_a_server_on_loopback_that_others_reach_by_a_proxy_needs_a_token():
    assert "token create" in lacks(has_tokens=False, behind_proxy=True)
    assert lacks(behind_proxy=True) == ""


def test_tls_on_loopback_needs_nothing_else():
    assert lacks(has_tokens=False, **TLS) == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tls_cert": "a"}, "--tls-cert goes with --tls-key only"),
        ({"tls_key": "a"}, "--tls-key goes with --tls-cert only"),
        (
            {"behind_proxy": True, "trusted_proxies": "10.0.0.1,proxy"},
            "--trusted-proxy must be addresses and networks such as 10.0.0.0/8: 'proxy'",
        ),
        (
            {"behind_proxy": True, "trusted_proxies": "10.0.0.1/8"},
            "10.0.0.1/8 has host bits set",
        ),
        (
            {"trusted_proxies": "10.0.0.1"},
            "--trusted-proxy has no effect without --behind-proxy",
        ),
        (
            {"site": "B"},
            'must name all sites, and "B" (SVCTASKS_SITE) is not among them',
        ),
        ({"site": "B", "sites": "A, C"}, 'and "B" (SVCTASKS_SITE) is not among them'),
        ({"sites": "A"}, "has no effect without SVCTASKS_SITE"),
        ({"runner": True, "read_only": True}, "does not go with --read-only"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(given, message):
    with pytest.raises(Invalid) as refused:
        Settings.from_environment(**given)
    assert message in refused.value.message
