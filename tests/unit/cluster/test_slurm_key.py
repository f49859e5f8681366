"""The beamtime's private key: refused when others may read it, never shown."""

import asyncssh
import pytest

from beampace.cluster.slurm import Unreachable
from beampace.cluster.slurm.key import read_key


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "id_rsa"
    path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    path.chmod(0o600)
    return path


def test_a_private_key_is_read(key):
    assert read_key(key).get_algorithm() == "ssh-ed25519"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_key_that_others_may_read_is_refused_unless_allowed(key, mode):
    key.chmod(mode)
    with pytest.raises(Unreachable, match=f"{mode:04o}"):
        read_key(key)
    assert read_key(key, allow_open=True)


def test_a_missing_key_names_the_file(tmp_path):
    with pytest.raises(Unreachable, match="gone"):
        read_key(tmp_path / "gone")
    with pytest.raises(Unreachable, match="no private key"):
        read_key(None)


def test_links_and_pipes_are_not_read(key, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(key)
    with pytest.raises(Unreachable):
        read_key(link)
    with pytest.raises(Unreachable, match="plain file"):
        read_key(tmp_path)


def test_what_is_no_key_is_not_quoted(key):
    key.write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
    )
    with pytest.raises(Unreachable) as caught:
        read_key(key)
    error = caught.value
    while error is not None:
        assert "c2VjcmV0" not in str(error)
        error = error.__cause__


def test_a_key_with_a_passphrase_is_refused(key):
    secret = asyncssh.generate_private_key("ssh-ed25519")
    key.write_bytes(secret.export_private_key("pkcs8-pem", passphrase="x"))
    with pytest.raises(Unreachable, match="without passphrase"):
        read_key(key)
