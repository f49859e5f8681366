"""Access over real connections: who is let in, by what, for how long, how often, and what is written down."""

import logging
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.store import open_ledger
from beampace.web.access.cookies import NAME
from beampace.web.access.door import Door, WantedPass
from beampace.web.access.limits import Limits
from beampace.web.access.secrets import csrf_of
from beampace.web.app import create_app
from beampace.web.http import serve_http
from beampace.web.page_settings import PageSettings
from tests.support.ledgers import statements, with_job
from tests.support.pages import ACT, ANNOUNCE, READ, parts_of, served
from tests.support.serving import running, until

PASSWORD = "correct horse battery staple"
HTML = {"Accept": "text/html"}
FROM_PROXY = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "bl.example.org",
}


@pytest.fixture
def site(tmp_path):
    with served(tmp_path) as made:
        yield made


@contextmanager
def reached(tmp_path, **settings):
    """A site with other settings of the way to it."""
    with served(tmp_path, settings=PageSettings(**settings)) as made:
        yield made


def by_password(asked, group="a", beamtime="11001", password=PASSWORD, **more):
    fields = {"who": "group", "beamtime": beamtime, "group": group, "password": password}
    return asked.post("/login", data=fields | more)


def is_in(asked):
    return asked.get("/api/status").status_code == 200


class TestPasswords:
    def test_a_group_comes_in_sees_its_name_and_goes(self, site):
        site.parts.door.set_password("11001", "a", PASSWORD)
        with site.client("") as asked:
            answer = by_password(asked, next="/datasets?sort=name")
            assert (answer.status_code, answer.headers["location"]) == (303, "/datasets?sort=name")
            assert is_in(asked)
            token = csrf_of(asked.cookies[NAME])
            assert asked.post("/logout", data={"csrf": token}).headers["location"] == "/login"
            assert not is_in(asked)
        assert [row.done.deed for row in site.ledger.deeds()] == ["logged_out", "logged_in"]

    def test_nothing_but_the_very_password_of_the_group_lets_in(self, site):
        site.parts.door.set_password("11001", "a", PASSWORD)
        site.parts.door.set_password("", "", PASSWORD + " of staff")
        wrong = [
            {"password": ""},
            {"password": PASSWORD + " "},
            {"group": "b"},
            {"beamtime": "11002"},
            {"group": ""},
            {"group": "", "beamtime": ""},
            {"group": "a\0"},
        ]
        said = set()
        for fields in wrong:
            with site.client("") as asked:
                answer = by_password(asked, **fields)
                assert answer.status_code == 401, fields
                assert not asked.cookies
                said.add(re.search(r'role="alert">([^<]*)', answer.text)[1])
        assert len(said) == 1  # it does not say whether there is such a group
        with site.client("") as asked:
            assert by_password(asked, who="staff").status_code == 401
            assert by_password(asked, who="staff", password=PASSWORD + " of staff").status_code == 303
            assert asked.get("/access").status_code == 200

    def test_a_new_password_ends_the_sessions_of_the_old(self, site):
        door = site.parts.door
        door.set_password("11001", "a", PASSWORD)
        with site.client("") as asked, site.login("a", "11001") as by_link:
            by_password(asked)
            assert is_in(asked)
            door.set_password("11001", "b", PASSWORD)
            assert is_in(asked)
            door.set_password("11001", "a", PASSWORD + "!")
            assert not is_in(asked)
            assert is_in(by_link)

    def test_an_unknown_group_takes_as_much_work_as_a_wrong_password(self, site, monkeypatch):
        passwords = site.parts.door.passwords
        passwords.set("11001", "a", PASSWORD)
        passwords.check("11001", "a", "x").result()
        checked = []
        verify = type(passwords._hasher).verify

        def counted(self, hashed, password):
            checked.append(hashed.split("$")[:4])
            return verify(self, hashed, password)

        monkeypatch.setattr(type(passwords._hasher), "verify", counted)
        assert not passwords.check("11001", "a", "wrong").result()
        assert not passwords.check("11001", "nobody", "wrong").result()
        assert checked[0] == checked[1]  # the same algorithm with the same costs, once each
        assert len(checked) == 2


class TestLinks:
    def test_a_link_lets_in_once(self, site):
        address, _ = site.parts.door.make(WantedPass(beamtime="11001", group="a"))
        with site.client("") as first, site.client("") as second:
            assert first.get("/in").status_code == 200  # a preview of the link uses nothing up
            assert first.post("/in", data={"token": address}).status_code == 303
            assert is_in(first)
            refused = second.post("/in", data={"token": address})
            assert refused.status_code == 401
            assert not is_in(second)

    def test_of_two_clicks_at_once_one_lets_in(self, site):
        for _ in range(5):
            address, _ = site.parts.door.make(WantedPass(beamtime="11001", group="a"))

            def click(_, address=address):
                with site.client("") as asked:
                    return asked.post("/in", data={"token": address}).status_code

            with ThreadPoolExecutor(4) as pool:
                assert sorted(pool.map(click, range(4))) == [303, 401, 401, 401]
            site.parts.door.limits.address._filled.clear()

    def test_what_is_too_old_taken_back_or_made_up_lets_nobody_in(self, site):
        door = site.parts.door
        old, _ = door.make(WantedPass(hours=0.0001))
        back, row = door.make(WantedPass())
        assert door.revoke(row.id)
        time.sleep(0.5)
        with site.client("") as asked:
            for token in (old, back, "", "#", "x" * 43, address_without_token(back), "x" * 2001):
                assert asked.post("/in", data={"token": token}).status_code in (401, 422)
                assert not asked.cookies

    def test_a_screen_comes_in_again_and_again_and_only_looks(self, site):
        address, row = site.parts.door.make(WantedPass("wall"))
        with site.client("") as first, site.client("") as second:
            for asked in (first, second):
                assert asked.post("/in", data={"token": address}).status_code == 303
                assert is_in(asked)
            cookie = asked.cookies.jar
            lasts = next(iter(cookie)).expires - datetime.now(UTC).timestamp()
            assert lasts > 80 * 86400
            signed = {"X-CSRF-Token": csrf_of(first.cookies[NAME])}
            for path in ("/api/reprocess", "/api/cancel", "/access/link", "/api/announce"):
                assert first.post(path, json={}, headers=signed).status_code == 403
            assert first.get("/access").status_code == 403
            site.parts.door.revoke(row.id)
            assert not is_in(first)
            assert not is_in(second)

    def test_a_name_that_is_missing_never_makes_a_wider_link(self, site):
        for beamtime, group in (("11001", ""), ("", "a"), ("11001", " "), ("-", "a"), ("11001", "a\0")):
            with pytest.raises(Exception, match="is no name"):
                site.parts.door.make(WantedPass(beamtime=beamtime, group=group))
            with pytest.raises(Exception, match="is no name"):
                site.parts.door.set_password(beamtime, group, PASSWORD)


def address_without_token(address):
    return address.partition("#")[0]


class TestSessions:
    def test_a_session_survives_the_daemon_and_ends_in_time(self, site, tmp_path):
        with site.login("a", "11001") as asked:
            cookie = {NAME: asked.cookies[NAME]}
        app = create_app(parts_of(site.ledger))
        with running(lambda: serve_http(app)) as port:
            assert httpx.get(f"http://127.0.0.1:{port}/api/status", cookies=cookie).status_code == 200
        later = open_ledger(tmp_path / "state", clock=lambda: datetime.now(UTC) + timedelta(hours=13))
        app = create_app(parts_of(later))
        with running(lambda: serve_http(app)) as port:
            assert httpx.get(f"http://127.0.0.1:{port}/api/status", cookies=cookie).status_code == 401
        later.close()

    def test_a_view_in_a_session_asks_the_ledger_for_no_session(self, site):
        with site.login("a", "11001") as asked:
            is_in(asked)
            with statements(site.ledger) as sent:
                assert asked.get("/api/openapi.json").status_code == 200
            assert not [one for one in sent if "sessions" in one]

    def test_made_up_cookies_do_not_keep_the_ledger_busy(self, site):
        site.parts.door.limits = Limits(clock=lambda: 0.0)
        with site.client("") as asked, statements(site.ledger) as sent:
            for number in range(250):
                cookie = {"Cookie": f"{NAME}=x{number}"}
                assert asked.get("/api/status", headers=cookie).status_code in (401, 429)
            assert len([one for one in sent if "sessions" in one]) == 200

    def test_a_ledger_that_does_not_answer_is_said_to_be_it(self, site, monkeypatch):
        def broken(_):
            raise failure(Failure.NOT_WRITABLE, "The ledger does not answer.")

        monkeypatch.setattr(site.ledger, "session", broken)
        with site.client("", headers={"Cookie": f"{NAME}=x"}) as asked:
            answer = asked.get("/api/status")
            assert (answer.status_code, answer.json()["code"]) == (503, "not_writable")

    def test_a_stream_ends_with_its_session(self, site):
        with site.login("a", "11001") as asked, asked.stream("GET", "/api/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            [row] = site.ledger.sessions()
            site.parts.door.sessions.end(row.id)
            site.ledger.append("result", {}, "11001", "a")
            begun = time.monotonic()
            assert not any(line.startswith("data") for line in lines)
            assert time.monotonic() - begun < 15

    def test_no_secret_is_in_ledger_log_or_pages(self, site, tmp_path, caplog):
        caplog.set_level(logging.DEBUG)
        site.parts.door.set_password("11001", "a", PASSWORD)
        address, _ = site.parts.door.make(WantedPass())
        secrets = [PASSWORD, address.partition("#")[2]]
        with site.client("") as asked, site.client("") as other:
            asked.post("/in", data={"token": address})
            asked.post("/in", data={"token": address})
            by_password(other)
            by_password(other, password=PASSWORD + "x")
            secrets += [other.cookies[NAME]]
            pages = "".join(asked.get(path).text for path in ("/access", "/login", "/in", "/api/status"))
        with site.ledger._database.reading() as connection:
            rows = ""
            for table in ("passes", "passwords", "sessions", "audit", "events"):
                rows += str(connection.execute(text(f"SELECT * FROM {table}")).all())
        ours = [record for record in caplog.records if not record.name.startswith("http")]  # but for clients
        logged = "".join(record.getMessage() for record in ours)
        for secret in secrets:
            assert secret not in rows
            assert secret not in pages
            assert secret not in logged
        files = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
        assert not any(secret.encode() in files for secret in secrets)


class TestForgery:
    def test_what_changes_something_carries_the_sign_of_its_own_session(self, site):
        with site.staff() as asked, site.staff() as other:
            sign = asked.headers.pop("X-CSRF-Token")
            fields = {"kind": "staff"}
            assert asked.post("/access/link", data=fields).status_code == 403
            wrong = ("", "x" * 64, other.headers["X-CSRF-Token"], sign[:-1], sign.upper() + "é")
            for said in wrong:
                assert asked.post("/access/link", data=fields | {"csrf": said}).status_code == 403
            header = {"X-CSRF-Token": other.headers["X-CSRF-Token"]}
            assert asked.post("/access/link", data=fields | {"csrf": sign}, headers=header).status_code == 403
            assert asked.post("/access/link", data=fields | {"csrf": sign}).status_code == 200
            assert asked.post("/access/link", data=fields, headers={"X-CSRF-Token": sign}).status_code == 200
        assert sum(row.done.deed == "link_made" for row in site.ledger.deeds()) == 2

    def test_pages_of_others_change_nothing_and_log_nobody_in(self, site):
        address, _ = site.parts.door.make(WantedPass())
        foreign = (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": site.url.replace("http", "https")},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": site.url},
        )
        with site.staff() as asked, site.client("") as stranger:
            for headers in foreign:
                assert asked.post("/access/link", data={"kind": "staff"}, headers=headers).status_code == 403
                assert stranger.post("/in", data={"token": address}, headers=headers).status_code == 403
                assert stranger.post("/login", data={"who": "staff"}, headers=headers).status_code == 403
            own = {"Origin": site.url, "Sec-Fetch-Site": "same-origin"}
            assert asked.post("/access/link", data={"kind": "staff"}, headers=own).status_code == 200
            assert stranger.post("/in", data={"token": address}, headers=own).status_code == 303

    def test_a_bearer_token_needs_no_sign_and_no_cookie_helps_it(self, site):
        with site.client(ACT) as program:
            assert program.post("/api/reprocess", json={"dataset": 1}).status_code not in (401, 403)
            assert program.get("/api/status").status_code == 200
            assert program.post("/api/announce", json={"path": "/a/b"}).status_code == 403
            assert program.post("/access/link", data={"kind": "staff"}).status_code == 403
        for token in (READ, ANNOUNCE):
            with site.client(token) as program:
                assert program.post("/api/reprocess", json={"dataset": 1}).status_code == 403
        with site.staff() as asked:
            wrong = {"Authorization": "Bearer " + "x" * 32}
            assert asked.get("/api/status", headers=wrong).status_code == 401

    def test_nobody_who_is_logged_in_announces(self, site):
        with site.login("a", "11001") as asked:
            assert asked.post("/api/announce", json={"path": "/a/b"}).status_code == 403


class TestLimits:
    def test_guessing_is_slowed_down_per_address_and_per_name(self, site):
        door = site.parts.door
        door.limits = Limits(clock=lambda: 0.0)  # time stands still
        with site.client("") as asked:
            said = [by_password(asked, password="x").status_code for _ in range(12)]
            assert said[:10] == [401] * 10
            late = by_password(asked, password="x")
            assert (late.status_code, said[11]) == (429, 429)
            assert 0 < int(late.headers["retry-after"]) <= 60
            assert "Too many attempts" in late.text
            others = [by_password(asked, group=f"g{number}").status_code for number in range(10)]
            assert others == [401] * 7 + [429] * 3  # the address has used up its own
        assert door.limits.name.take("11001\0a") > 0

    def test_requests_are_counted_per_session_and_said_in_the_words_of_the_taxonomy(self, site):
        site.parts.door.limits = Limits(clock=lambda: 0.0)
        with site.login("a", "11001") as asked, site.login("a", "11001") as other:
            said = [asked.get("/api/status") for _ in range(310)]
            assert [one.status_code for one in said].count(200) == 300
            assert said[-1].json()["code"] == "bad_request"
            assert "Too many requests" in said[-1].json()["words"]
            assert int(said[-1].headers["retry-after"]) > 0
            assert is_in(other)

    def test_work_for_the_cluster_is_limited(self, site):
        site.parts.door.limits = Limits(clock=lambda: 0.0)
        with site.login("a", "11001") as asked:
            said = [asked.post("/api/cancel", json={"dataset": 1}).status_code for _ in range(32)]
            assert 429 not in said[:30]
            assert said[31] == 429
            assert is_in(asked)


class TestWay:
    def test_without_https_only_a_browser_on_this_machine_logs_in(self, tmp_path):
        public = "https://bl.example.org"
        with reached(tmp_path, public_url=public) as site:
            address, _ = site.parts.door.make(WantedPass())
            assert address.startswith(f"{public}/in#")
            with site.client("") as asked:
                for host in ("bl.example.org", "BL.example.org:80"):
                    answer = asked.post("/in", data={"token": address}, headers={"Host": host})
                    assert answer.status_code == 403
                    assert f"{public}/login" in answer.text
                    assert "set-cookie" not in answer.headers
                assert asked.post("/in", data={"token": address}).status_code == 303
                cookie = _cookie_of(asked.post("/in", data={"token": address}))
                assert cookie is None

    def test_cookie_flags(self, tmp_path):
        with reached(tmp_path) as site, site.client("") as asked:
            address, _ = site.parts.door.make(WantedPass())
            flags = _cookie_of(asked.post("/in", data={"token": address}))
            assert flags == {"name": "beampace", "path": "/", "httponly": "", "samesite": "lax"}

    def test_cookie_flags_behind_a_proxy(self, tmp_path):
        settings = {"public_url": "https://bl.example.org", "proxies": frozenset({"127.0.0.1"})}
        with reached(tmp_path, **settings) as site, site.client("", headers=FROM_PROXY) as asked:
            address, _ = site.parts.door.make(WantedPass())
            answer = asked.post("/in", data={"token": address}, headers={"Origin": "https://bl.example.org"})
            flags = _cookie_of(answer)
            expected = {
                "name": "__Host-beampace",
                "path": "/",
                "httponly": "",
                "samesite": "lax",
                "secure": "",
            }
            assert flags == expected
            assert "max-age" in answer.headers["strict-transport-security"]
            [row] = site.ledger.sessions()
            assert row.address == "192.0.2.7"
            secret = answer.headers["set-cookie"].split("=", 1)[1].split(";")[0]
            with site.client("", headers=FROM_PROXY) as again:
                for name, status in (("__Host-beampace", 200), ("beampace", 401)):
                    said = again.get("/api/status", headers={"Cookie": f"{name}={secret}"})
                    assert said.status_code == status
            with site.client("") as bare:  # the same cookie where nobody vouches for https
                assert (
                    bare.get("/api/status", headers={"Cookie": f"__Host-beampace={secret}"}).status_code
                    == 401
                )

    @pytest.mark.parametrize("kept", [True, False])
    def test_a_base_path_works_whether_the_proxy_leaves_it_on(self, tmp_path, kept):
        settings = {
            "public_url": "https://bl.example.org/beampace",
            "base_path": "/beampace",
            "proxies": frozenset({"127.0.0.1"}),
        }
        on = "/beampace" if kept else ""
        with reached(tmp_path, **settings) as site, site.client("", headers=FROM_PROXY) as asked:
            away = asked.get(f"{on}/datasets", headers=HTML)
            assert away.headers["location"] == "/beampace/login?next=/datasets"
            assert 'action="/beampace/login"' in asked.get(f"{on}/login").text
            style = re.search(r'href="/beampace(/static/[^"]*icon.svg)"', asked.get(f"{on}/login").text)[1]
            assert asked.get(on + style).status_code == 200
            address, _ = site.parts.door.make(WantedPass())
            answer = asked.post(f"{on}/in", data={"token": address})
            assert answer.headers["location"] == "/beampace/"
            flags = _cookie_of(answer)
            assert (flags["name"], flags["path"]) == ("beampace", "/beampace")
            secret = answer.headers["set-cookie"].split("=", 1)[1].split(";")[0]
            cookie = {"Cookie": f"beampace={secret}"}
            assert asked.get(f"{on}/api/status", headers=cookie).status_code == 200
            for other in ("/beampacex/api/status", "/other/api/status", "/beampace/beampace/api/status"):
                assert asked.get(other, headers=cookie).status_code == 404

    def test_forwarded_headers_are_believed_only_from_proxies(self, tmp_path):
        with reached(tmp_path, public_url="https://bl.example.org") as site, site.client("") as asked:
            address, _ = site.parts.door.make(WantedPass())
            answer = asked.post("/in", data={"token": address}, headers=FROM_PROXY)
            assert _cookie_of(answer)["name"] == "beampace"
            assert "strict-transport-security" not in answer.headers
            [row] = site.ledger.sessions()
            assert row.address == "127.0.0.1"

    def test_behind_a_proxy_that_says_nothing_of_https_nobody_logs_in(self, tmp_path):
        with reached(tmp_path, proxies=frozenset({"127.0.0.1"})) as site, site.client("") as asked:
            address, _ = site.parts.door.make(WantedPass())
            said = {"X-Forwarded-For": "192.0.2.7"}
            assert asked.post("/in", data={"token": address}, headers=said).status_code == 403
            forged = {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}
            assert asked.post("/in", data={"token": address}, headers=forged).status_code == 403

    def test_a_request_to_a_name_of_somebody_else_is_refused(self, site):
        port = httpx.URL(site.url).port
        with site.client() as asked:
            for host in (
                "evil.example",
                f"evil.example:{port}",
                "127.0.0.1.evil.example",
                "",
                "a@127.0.0.1",
                "[::",
            ):
                assert asked.get("/healthz", headers={"Host": host}).status_code in (400, 421), host
            for host in ("localhost", f"LOCALHOST:{port}", "127.0.0.1", "[::1]:80"):
                assert asked.get("/healthz", headers={"Host": host}).status_code == 200, host
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            twice = b"Host: 127.0.0.1\r\nHost: evil.example\r\n"
            bearer = b"Authorization: Bearer " + READ.encode()
            raw.sendall(b"GET /healthz HTTP/1.1\r\n" + twice + bearer + b"\r\n\r\n")
            assert raw.recv(1000).split()[1] in (b"400", b"421")


class TestForms:
    def test_after_the_log_in_nobody_is_led_away(self, site):
        site.parts.door.set_password("11001", "a", PASSWORD)
        away = (
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%0d%0aSet-Cookie:x=1\r\nX: y",
            "javascript:alert(1)",
            "",
            "/\t/evil.example",
            "datasets",
            "/logout",
        )
        for to in away:
            site.parts.door.limits.name._filled.clear()
            with site.client("") as asked:
                answer = by_password(asked, next=to)
                assert (answer.status_code, answer.headers["location"]) == (303, "/"), to
                shown = asked.get("/login", params={"next": to}).text
                assert 'name="next" value="/"' in shown

    def test_pages_lead_to_the_log_in_and_programs_are_told(self, site):
        with site.client("") as asked:
            page = asked.get("/datasets?sample=a%26b", headers=HTML)
            assert page.status_code == 303
            following = asked.get(page.headers["location"])
            assert 'name="next" value="/datasets?sample=a%26b"' in following.text
            assert asked.get("/api/status", headers=HTML).status_code == 401
            assert asked.get("/datasets").status_code == 401
            assert asked.post("/datasets", headers=HTML).status_code == 401

    def test_nonsense_in_place_of_forms_is_refused(self, site):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        many = "&".join(f"a{number}=1" for number in range(5000))
        with site.staff() as asked, site.client("") as stranger:
            sign = asked.headers.pop("X-CSRF-Token")
            bodies = (b"\xff\xfe", b"%ff%fe", b"csrf", many.encode(), b"{}", b"=" * 1000, b"csrf=%zz")
            for body in bodies:
                for path in ("/access/link", "/access/password", "/access/revoke", "/logout"):
                    assert asked.post(path, content=body, headers=form).status_code in (400, 403), body
                for path in ("/login", "/in"):
                    assert 400 <= stranger.post(path, content=body, headers=form).status_code < 500, body
                    site.parts.door.limits.address._filled.clear()
            long = b"token=" + b"x" * 100_000
            assert stranger.post("/in", content=long, headers=form).status_code == 413
            assert stranger.post("/login", content=iter([long[:500]] * 200), headers=form).status_code == 413
            multipart = {"Content-Type": "multipart/form-data; boundary=x"}
            for body in (b"", b"--x", b"--x\r\n\r\n--x--", b"--x\r\nContent-Disposition: form-data\r\n\r\n"):
                assert 400 <= stranger.post("/login", content=body, headers=multipart).status_code < 500
                site.parts.door.limits.address._filled.clear()
            for fields in (
                {"kind": "king"},
                {"kind": "group"},
                {"kind": "staff", "hours": "nan"},
                {"kind": "staff", "hours": "-1"},
                {"kind": "staff", "note": "x" * 300},
            ):
                assert asked.post("/access/link", data=fields | {"csrf": sign}).status_code in (400, 422), (
                    fields
                )
            for number in ("0", "-1", "x", str(2**70)):
                said = asked.post("/access/revoke", data={"number": number, "csrf": sign})
                assert said.status_code == 422

    def test_what_strangers_write_runs_nowhere(self, site):
        nasty = '"><script>alert(1)</script>'
        with site.client("") as stranger:
            by_password(stranger, group=nasty)
            assert nasty not in stranger.get("/login", params={"next": "/" + nasty}).text
        with site.staff() as asked:
            page = asked.get("/access")
            assert nasty not in page.text
            assert "&lt;script&gt;" in page.text
            assert "script-src 'self'" in page.headers["content-security-policy"]


class TestPage:
    def test_staff_make_links_set_passwords_and_end_sessions(self, site):
        with_job(site.ledger, group="a")
        with site.staff() as staff, site.client("") as group:
            made = staff.post(
                "/access/link", data={"kind": "group", "beamtime": "11001", "group": "a", "note": "for Ada"}
            )
            link = re.search(r'value="(http[^"]*/in#[^"]*)"', made.text)[1]
            assert link not in staff.get("/access").text
            assert group.post("/in", data={"token": link}).status_code == 303
            shown = staff.get("/access").text
            assert "for Ada" in shown
            assert "group a of 11001" in shown
            new = {"whose": "group", "beamtime": "11001", "group": "a", "password": PASSWORD}
            assert staff.post("/access/password", data=new).status_code == 303
            assert staff.post("/access/password", data=new | {"password": "short"}).status_code == 400
            [session] = [row for row in site.ledger.sessions() if row.group == "a"]
            assert staff.post("/access/end", data={"number": str(session.id)}).status_code == 303
            assert not is_in(group)
            assert by_password(group).status_code == 303
        deeds = [row.done.deed for row in site.ledger.deeds()]
        assert deeds == ["logged_in", "revoked", "password_set", "logged_in", "link_made", "logged_in"]

    def test_the_password_of_the_staff_is_changed_without_falling_out(self, site):
        site.parts.door.set_password("", "", PASSWORD)
        with site.client("") as staff, site.client("") as other:
            for asked in (staff, other):
                assert by_password(asked, who="staff").status_code == 303
            new = {"whose": "staff", "password": PASSWORD + "!", "csrf": csrf_of(staff.cookies[NAME])}
            assert staff.post("/access/password", data=new).status_code == 303
            assert is_in(staff)
            assert not is_in(other)

    def test_a_group_has_no_say_in_access(self, site):
        with site.login("a", "11001") as asked:
            assert asked.get("/access").status_code == 403
            for path in ("link", "password", "revoke", "end"):
                fields = {"kind": "staff", "whose": "staff", "password": PASSWORD, "number": "1"}
                assert asked.post(f"/access/{path}", data=fields).status_code == 403
        assert len(site.ledger.passes()) == 1

    def test_one_door_serves_pages_and_commands(self, site):
        door = site.parts.door
        assert isinstance(door, Door)
        with site.staff() as asked:
            assert is_in(asked)
            [row] = site.ledger.passes()
            door.revoke(row.id)
            until(lambda: not is_in(asked), 2)


def _cookie_of(answer):
    """Name and flags of the cookie an answer sets, but for how long it lasts; None without one."""
    said = answer.headers.get("set-cookie")
    if said is None:
        return None
    first, *rest = [part.strip() for part in said.split(";")]
    flags = {name.lower(): value for name, _, value in (part.partition("=") for part in rest)}
    assert int(flags.pop("max-age")) > 0
    return {"name": first.partition("=")[0], **flags}
