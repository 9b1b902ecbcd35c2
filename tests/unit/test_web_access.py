"""Who may come in, decided from the facts of a request."""

from __future__ import annotations

import pytest

from actors.gateway.access import COOKIE_SECONDS, Asked, Policy, host_name, local_path
from actors.kit.web.errors import Forbidden, SignInNeeded

TOKEN = "t" * 32
NOW = 1_000_000.0
HOME = Policy(loopback=True, tokens=(TOKEN,))
AWAY = Policy(loopback=False, tokens=(TOKEN,))


def asked(
    method: str = "GET",
    path: str = "/api/status",
    *,
    host: str = "127.0.0.1:8080",
    cookie: str | None = None,
    **headers: str,
) -> Asked:
    return Asked(method, path, {"host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}, cookie)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.3.2.1"])
def test_a_site_on_loopback_is_open_under_the_names_of_loopback(host: str) -> None:
    HOME.check(asked(host=host), NOW)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "10.0.0.1", "evil@[x"]
)
def test_a_site_on_loopback_does_not_answer_to_another_name(host: str) -> None:
    with pytest.raises(Forbidden):
        HOME.check(asked(host=host), NOW)


def test_a_name_of_a_proxy_before_loopback_takes_the_token() -> None:
    HOME.check(asked(host="farm.example", authorization=f"Bearer {TOKEN}"), NOW)


def test_a_page_of_another_site_may_not_write() -> None:
    with pytest.raises(Forbidden):
        HOME.check(asked("POST", origin="http://evil.example"), NOW)


def test_a_page_of_another_port_is_another_site() -> None:
    with pytest.raises(Forbidden):
        HOME.check(asked("POST", origin="http://127.0.0.1:3000"), NOW)


def test_a_page_without_an_origin_may_not_write() -> None:
    with pytest.raises(Forbidden):
        HOME.check(asked("DELETE", origin="null"), NOW)
    with pytest.raises(Forbidden):
        HOME.check(asked("POST", sec_fetch_site="cross-site"), NOW)


def test_our_own_page_and_a_tool_may_write() -> None:
    HOME.check(asked("POST", origin="http://127.0.0.1:8080", sec_fetch_site="same-origin"), NOW)
    HOME.check(asked("POST"), NOW)


def test_a_right_token_does_not_excuse_a_foreign_origin() -> None:
    with pytest.raises(Forbidden):
        AWAY.check(asked("POST", origin="http://evil.example", authorization=f"Bearer {TOKEN}"), NOW)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_elsewhere_a_missing_or_wrong_token_is_refused(authorization: str) -> None:
    with pytest.raises(SignInNeeded):
        AWAY.check(asked(authorization=authorization), NOW)


def test_elsewhere_a_loopback_host_name_opens_nothing() -> None:
    with pytest.raises(SignInNeeded):
        AWAY.check(asked(host="127.0.0.1"), NOW)


def test_either_token_opens_while_they_rotate() -> None:
    both = Policy(loopback=False, tokens=(TOKEN, "n" * 32))
    both.check(asked(authorization=f"Bearer {TOKEN}"), NOW)
    both.check(asked(authorization="bearer " + "n" * 32), NOW)


def test_probes_the_sign_in_and_its_styles_need_no_token() -> None:
    for path in ("/livez", "/readyz", "/sign-in", "/static/site/site.css"):
        AWAY.check(asked(path=path), NOW)
    with pytest.raises(SignInNeeded):
        AWAY.check(asked(path="/metrics"), NOW)


def test_a_sign_in_lasts_twelve_hours() -> None:
    cookie = AWAY.sign(NOW)
    AWAY.check(asked(cookie=cookie), NOW + COOKIE_SECONDS - 1)
    with pytest.raises(SignInNeeded):
        AWAY.check(asked(cookie=cookie), NOW + COOKIE_SECONDS)


def test_a_sign_in_cannot_be_prolonged_or_forged() -> None:
    expires, nonce, seal = AWAY.sign(NOW).split(".")
    for cookie in (f"9{expires}.{nonce}.{seal}", f"{expires}.x.{seal}", f"{expires}.{nonce}.", "", ".", "²5.a.b", "é"):
        with pytest.raises(SignInNeeded):
            AWAY.check(asked(cookie=cookie), NOW)


def test_a_sign_in_ends_with_its_token() -> None:
    with pytest.raises(SignInNeeded):
        Policy(loopback=False, tokens=("n" * 32,)).check(asked(cookie=AWAY.sign(NOW)), NOW)


def test_insecure_elsewhere_is_open_but_still_not_to_pages_of_others() -> None:
    careless = Policy(loopback=False, tokens=(), insecure=True)
    careless.check(asked(host="farm.example"), NOW)
    with pytest.raises(Forbidden):
        careless.check(asked("POST", host="farm.example", origin="http://evil.example"), NOW)


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb"])
def test_a_sign_in_leads_nowhere_but_this_site(target: str) -> None:
    assert local_path(target) == "/"


def test_a_sign_in_leads_back_to_where_it_was_asked_for() -> None:
    assert local_path("/edges?mode=auto") == "/edges?mode=auto"


def test_a_host_that_makes_no_sense_has_no_name() -> None:
    assert host_name("[::1") == ""
