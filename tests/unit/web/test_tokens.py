import os

import pytest

from beampace.core.errors import InputError
from beampace.web import Role, Tokens, create_tokens, read_tokens

A, B = "a" * 30, "b" * 30


def token_file(tmp_path, text, mode=0o600):
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_roles_are_those_of_the_file(tmp_path):
    tokens = read_tokens(token_file(tmp_path, f"# ours\nread {A}  # pages\nannounce,read {B}\n\n"))
    assert tokens.roles(A) == {Role.READ}
    assert tokens.roles(B) == {Role.READ, Role.ANNOUNCE}
    for unknown in ("", "c" * 30, A[:-1], A + "x", "ü" * 30):
        assert tokens.roles(unknown) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_may_use_is_refused(tmp_path, mode):
    path = token_file(tmp_path, f"read {A}\n", mode)
    with pytest.raises(InputError, match="chmod 600"):
        read_tokens(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path):
    path = token_file(tmp_path, f"read {A}\n")
    os.chown(path, 65534, 65534)
    with pytest.raises(InputError, match="another user"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"{A}", "line 2: it is not `ROLE TOKEN`"),
        (f"write {A}", "'write' is no role"),
        ("read short", "fewer than 24"),
    ],
)
def test_a_wrong_line_is_named_without_its_token(tmp_path, line, says):
    with pytest.raises(InputError) as caught:
        read_tokens(token_file(tmp_path, f"read {B}\n{line}\n"))
    assert says in caught.value.words
    assert A not in caught.value.words


def test_no_file_and_a_directory_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_tokens(path)


def test_new_tokens_are_secret_and_are_made_once(tmp_path):
    path = tmp_path / "tokens"
    create_tokens(path)
    text = path.read_text()
    create_tokens(path)
    assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o600
    tokens = read_tokens(path)
    words = [line.split() for line in text.splitlines() if not line.startswith("#")]
    assert {role: tokens.roles(token) for role, token in words} == {
        "announce": {Role.ANNOUNCE},
        "read": {Role.READ},
        "act": {Role.ACT},
    }


def test_tokens_are_not_shown():
    assert A not in repr(Tokens.of([(A, [Role.READ])]))
