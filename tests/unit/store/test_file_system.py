"""Where a SQLite ledger may lie."""

from pathlib import Path, PurePosixPath

import pytest

from beampace.core.errors import InputError
from beampace.store.file_system import file_system_of, is_network, refuse_network

MOUNTS = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /gpfs rw,relatime shared:15 - gpfs gpfs_asap3 rw,mtime
31 22 0:45 / /home rw shared:16 master:3 - nfs4 nas:/home rw,vers=4.2
32 22 0:46 / /home/local\040disk rw - xfs /dev/sdb1 rw
33 22 0:50 / /net rw - autofs systemd-1 rw,fd=31
34 33 0:51 / /net rw - nfs nas:/net rw
35 22 0:52 /sub /mnt/ssh rw - fuse.sshfs me@host: rw
36 22 0:53 / /gpfs-not rw - tmpfs tmpfs rw
37 22 0:54 / /beegfs rw - beegfs beegfs_nodev rw
38 22 0:55 / /tmp rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/beampace/ledger.sqlite", "ext4"),
        ("/gpfs/current/ledger.sqlite", "gpfs"),
        ("/gpfs", "gpfs"),
        ("/gpfs-not/ledger.sqlite", "tmpfs"),
        ("/home/p11/ledger.sqlite", "nfs4"),
        ("/home/local disk/ledger.sqlite", "xfs"),
        ("/home/local/ledger.sqlite", "nfs4"),
        ("/net/x/ledger.sqlite", "nfs"),
        ("/mnt/ssh/ledger.sqlite", "fuse.sshfs"),
        ("/tmp/ledger.sqlite", "tmpfs"),
    ],
)
def test_the_innermost_and_last_mount_counts(path: str, kind: str) -> None:
    assert file_system_of(PurePosixPath(path), MOUNTS) == kind


def test_lines_that_make_no_sense_are_passed_over() -> None:
    assert file_system_of(PurePosixPath("/gpfs/x"), "\n- \nx y z\n22 1 - ext4\n" + MOUNTS) == "gpfs"
    assert file_system_of(PurePosixPath("/gpfs/x"), "") == ""


@pytest.mark.parametrize(
    "kind",
    [
        "gpfs",
        "nfs",
        "nfs4",
        "afs",
        "lustre",
        "cifs",
        "smb3",
        "fuse.sshfs",
        "fuse",
        "ceph",
        "beegfs",
        "9p",
        "NFS4",
    ],
)
def test_network_file_systems(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk", "nfsd", ""])
def test_local_file_systems(kind: str) -> None:
    assert not is_network(kind)


def test_a_ledger_on_a_network_file_system_is_refused_with_a_way_out(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 254:1 / / rw - ext4 /dev/vda1 rw\n30 22 0:26 / {tmp_path} rw - gpfs asap3 rw\n")
    with pytest.raises(InputError) as caught:
        refuse_network(tmp_path / "ledger.sqlite", table)
    assert caught.value.code == "bad_request"
    assert "gpfs" in caught.value.words and str(tmp_path) in caught.value.words
    assert "state_dir" in caught.value.next_step and "PostgreSQL" in caught.value.next_step


def test_a_symbolic_link_does_not_hide_the_file_system(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "link").symlink_to(there)
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 254:1 / / rw - ext4 /dev/vda1 rw\n30 22 0:26 / {there} rw - lustre mds:/x rw\n")
    with pytest.raises(InputError, match="lustre"):
        refuse_network(tmp_path / "link" / "ledger.sqlite", table)


def test_this_very_machine_is_read(tmp_path: Path) -> None:
    refuse_network(tmp_path / "ledger.sqlite")
    assert file_system_of(PurePosixPath("/proc/self"), Path("/proc/self/mountinfo").read_text()) == "proc"
