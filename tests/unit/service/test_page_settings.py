"""From the configuration to how the pages are reached."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from beampace.service.settings import HttpSection
from beampace.service.web_parts import page_settings


def test_by_default_the_pages_are_here_without_a_path() -> None:
    made = page_settings(HttpSection(port=8765))
    assert (made.root, made.base_path, made.proxies) == ("http://127.0.0.1:8765", "", frozenset())
    assert made.session_s == 12 * 3600
    assert page_settings(HttpSection(host="::1", port=1, base_path="/b")).root == "http://[::1]:1/b"


def test_the_path_of_the_public_address_goes_before_all_addresses() -> None:
    section = HttpSection(public_url="https://bl.example.org:8443/a/b", proxies=("::ffff:10.0.0.1", "::1"))
    made = page_settings(section)
    assert made.base_path == "/a/b"
    assert made.root == "https://bl.example.org:8443/a/b"
    assert made.proxies == {"10.0.0.1", "::1"}
    assert page_settings(HttpSection(public_url="https://h/b", base_path="/b")).base_path == "/b"


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "https://h/"},
        {"public_url": "ftp://h"},
        {"public_url": "https://user:word@h"},
        {"public_url": "https://h/b?x=1"},
        {"public_url": "https://h/b", "base_path": "/c"},
        {"public_url": "https://h", "base_path": "/c"},
        {"base_path": "b"},
        {"base_path": "/b/"},
        {"base_path": "//b"},
        {"base_path": "/b\n"},
        {"base_path": '/"'},
        {"proxies": ("proxy.example.org",)},
        {"session_h": 0},
    ],
)
def test_what_cannot_be_an_address_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HttpSection(**wrong)  # type: ignore[arg-type]
