"""What the user calls a directory is never an option of a program."""

from pathlib import Path

from beampace.engines.dials.chain import plain_path


def test_names_of_directories_above_are_left_out(tmp_path):
    place = tmp_path / "a=b" / "o=1" / "dials_1"
    place.mkdir(parents=True)
    for path in (place / "strong.refl", place.parent / "x_master.h5", place.parent / "dials_2" / "a.expt"):
        given = plain_path(path, place)
        assert "=" not in given
        assert (place / given).resolve() == path


def test_a_leading_dash_is_not_an_option(tmp_path):
    assert plain_path(tmp_path / "-h.expt", tmp_path) == "./-h.expt"


def test_a_symbolic_link_above_leads_to_the_same_file(tmp_path):
    (tmp_path / "true" / "deep").mkdir(parents=True)
    (tmp_path / "true" / "master.h5").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "true" / "deep")
    given = plain_path(tmp_path / "true" / "master.h5", tmp_path / "link")
    # As the system resolves it for a program in that directory, `..` included.
    assert (Path("/") / (tmp_path / "link").resolve() / given).read_text() == "x"
