"""The pure pieces of access: limits, addresses, ways, forms, signs of sessions."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.web.access.bodies import form_field
from beampace.web.access.cookies import cookie_name, cookie_of
from beampace.web.access.limits import MOST_KEYS, Buckets
from beampace.web.access.paths import local_path, without_base
from beampace.web.access.secrets import csrf_of, digest, new_secret, same
from beampace.web.access.way import Way, host_of, is_ours, is_own_origin, plain_address, way_of
from beampace.web.page_settings import PageSettings


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    bucket = Buckets(0.5, 3, clock)
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, 2]
    assert bucket.take("b") == 0
    clock.now += 1
    assert bucket.take("a") == 1
    clock.now += 1
    assert [bucket.take("a"), bucket.take("a")] == [0, 2]
    clock.now += 1e6
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, 2]


@given(st.lists(st.floats(0, 5), max_size=60))
def test_no_more_than_burst_and_rate_allow_ever_comes_through(pauses: list[float]) -> None:
    clock = Clock()
    bucket, let = Buckets(0.7, 4, clock), 0
    for pause in pauses:
        clock.now += pause
        let += bucket.take("x") == 0
    assert let <= 4 + 0.7 * sum(pauses) + 1e-6


def test_a_bucket_remembers_a_bounded_number_of_callers() -> None:
    bucket = Buckets(1, 1, Clock())
    for number in range(MOST_KEYS + 100):
        bucket.take(str(number))
    assert len(bucket._filled) == MOST_KEYS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/beampace", "/"),
        ("/beampace/", "/"),
        ("/beampace/datasets", "/datasets"),
        ("/datasets", "/datasets"),
        ("/beampacex", "/beampacex"),
        ("/beampace/beampace/x", "/beampace/x"),
    ],
)
def test_the_base_path_is_taken_off_once(path: str, expected: str) -> None:
    assert without_base(path, "/beampace") == expected
    assert without_base(path, "") == path


@pytest.mark.parametrize("path", ["/", "/datasets", "/datasets/12?tab=a&b=//c", "/compare?a=1&b=2#x"])
def test_a_path_of_our_own_stays(path: str) -> None:
    assert local_path(path) == path


@given(st.text(alphabet=string.printable + "\\é\u2028", max_size=40))
def test_what_leads_elsewhere_never_stays(said: str) -> None:
    kept = local_path(said)
    assert kept.startswith("/")
    assert not kept.startswith(("//", "/\\"))
    assert not set(kept) & set("\\\r\n\t \0")


def test_a_sign_belongs_to_one_session_and_tells_nothing_of_it() -> None:
    one, other = new_secret(), new_secret()
    assert len(one) >= 43
    assert csrf_of(one) != csrf_of(other)
    assert csrf_of(one) not in (one, digest(one))
    assert same(csrf_of(one), csrf_of(one))
    assert not same(csrf_of(other), csrf_of(one))
    assert not same("\udcff", csrf_of(one))


def test_a_field_of_a_form_counts_only_once() -> None:
    assert form_field(b"a=1&csrf=x%2By", "csrf") == "x+y"
    assert form_field(b"csrf=x&csrf=y", "csrf") == ""
    assert form_field(b"", "csrf") == ""
    for nonsense in (b"\xff", b"&".join([b"a=1"] * 101)):
        with pytest.raises(ValueError, match=r"ascii|fields"):
            form_field(nonsense, "csrf")


def test_the_cookie_is_bound_to_this_server_where_it_can_be() -> None:
    assert cookie_name("", https=True) == "__Host-beampace"
    assert cookie_name("/beampace", https=True) == cookie_name("", https=False) == "beampace"
    headers = [(b"cookie", b"a=1; beampace=x=y; __Host-beampace=z"), (b"host", b"h")]
    assert cookie_of(headers, "beampace") == "x=y"
    assert cookie_of(headers, "__Host-beampace") == "z"
    assert cookie_of(headers, "other") == ""


def scope(*headers: tuple[str, str], client: str = "127.0.0.1", server: str = "10.0.0.5") -> dict:
    found = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"type": "http", "headers": found, "client": (client, 1), "server": (server, 80), "scheme": "http"}


PROXIED = PageSettings(public_url="https://bl.example.org", proxies=frozenset({"127.0.0.1", "10.0.0.9"}))
HOST = ("Host", "localhost:8000")


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.1, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.0.0.9", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("10.0.0.9", "127.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_proxy_asks(said: str, address: str) -> None:
    way = way_of(scope(HOST, ("X-Forwarded-For", said), ("X-Forwarded-Proto", "https")), PROXIED)
    assert way == Way(address, "localhost:8000", https=True, direct=False)
    stranger = way_of(scope(HOST, ("X-Forwarded-For", said), client="198.51.100.1"), PROXIED)
    assert stranger == Way("198.51.100.1", "localhost:8000", https=False)


def test_the_nearest_proxy_has_the_last_word_on_https() -> None:
    forged = ("X-Forwarded-Proto", "https, http")
    way = way_of(scope(HOST, forged), PROXIED)
    assert way is not None
    assert not way.https
    assert not way.private


def test_who_is_on_this_machine_needs_no_https() -> None:
    here = way_of(scope(HOST), PROXIED)
    assert here is not None
    assert here.private
    for host, client in (
        ("bl.example.org", "127.0.0.1"),
        ("localhost", "192.0.2.7"),
        ("10.0.0.5", "127.0.0.1"),
    ):
        way = way_of(scope(("Host", host), client=client), PageSettings())
        assert way is not None
        assert not way.private


def test_our_names() -> None:
    settings = PageSettings(public_url="https://bl.example.org:8443/x", host="beam.desy.de")
    ours = ("localhost", "127.0.0.1:1", "[::1]", "BL.example.org", "beam.desy.de:80", "10.0.0.5")
    others = ("evil.example", "bl.example.org.evil.example", "10.0.0.6", "", "localhost@evil", "a b", "[::1")
    for host in (*ours, *others):
        way = way_of(scope(("Host", host)), settings)
        assert way is not None
        assert is_ours(way, scope(), settings) == (host in ours), host
    assert way_of(scope(), settings) is None
    assert way_of(scope(HOST, HOST), settings) is None


def test_origins() -> None:
    way = Way("1.2.3.4", "bl.example.org", https=True)
    assert is_own_origin({}, way, PROXIED)
    assert is_own_origin({"origin": "https://BL.example.org"}, way, PROXIED)
    inside = Way("1.2.3.4", "127.0.0.1:8000", https=False)
    assert is_own_origin(
        {"origin": "https://bl.example.org", "sec-fetch-site": "same-origin"}, inside, PROXIED
    )
    for headers in (
        {"origin": "http://bl.example.org"},
        {"origin": "null"},
        {"origin": "https://bl.example.org:444"},
        {"origin": "https://bl.example.org", "sec-fetch-site": "cross-site"},
    ):
        assert not is_own_origin(headers, way, PROXIED)
    assert not is_own_origin({"origin": "://"}, way, PageSettings())


def test_hosts_and_addresses_in_their_plain_form() -> None:
    assert host_of("Localhost:80") == "localhost"
    assert host_of("[::1]:80") == "::1"
    assert host_of("h:x") == host_of("u@h") == host_of("h/p") == ""
    assert plain_address("::FFFF:10.0.0.1") == "10.0.0.1"
    assert plain_address("somewhere") == "somewhere"
