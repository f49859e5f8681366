import pytest

from beampace.core.errors import EngineCrashed
from beampace.core.taxonomy import Failure
from beampace.engines.dials.diagnosis import diagnose, last_words

TABLE = [
    ("find_spots", 1, "OSError: [Errno 28] No space left on device", Failure.DISK_FULL),
    ("integrate", 1, "MemoryError", Failure.OUT_OF_MEMORY),
    ("integrate", -9, "Beginning integration", Failure.OUT_OF_MEMORY),
    ("integrate", -11, "Beginning integration", Failure.ENGINE_FAILED),
    ("find_spots", 1, "RuntimeError: nexus_ext.cc(129): DXTBX_ASSERT(status2 >= 0)", Failure.ENGINE_MISSING),
    (
        "find_spots",
        1,
        "OSError: Can't read data (can't open directory: /nonexistent)",
        Failure.ENGINE_MISSING,
    ),
    ("index", 1, "Sorry: No suitable lattice could be found.", Failure.NOT_INDEXED),
    ("index", 1, "Unrealistic unit cell volume increase during refinement of 168.4%.", Failure.NOT_INDEXED),
    ("index", 1, "Indexing failed: fft3d peak search failed to find sufficient number", Failure.NOT_INDEXED),
    ("refine", 1, "The normal equations have an indeterminate solution.", Failure.NOT_INDEXED),
    ("refine", 1, "Sorry: Too few reflections to parameterise", Failure.NOT_INDEXED),
    ("integrate", 1, "   Too few reflections for profile modelling:\n  need 20", Failure.NOT_INTEGRATED),
    ("scale", 1, "Sorry: No suitable reflections", Failure.NOT_INTEGRATED),
    ("scale", 1, "Traceback\nZeroDivisionError: float division by zero", Failure.ENGINE_FAILED),
    ("scale", 1, "", Failure.ENGINE_FAILED),
    ("import", 1, "KeyError: 'data_000001'", Failure.METADATA_INCONSISTENT),
]

CODE = 'Traceback (most recent call last):\n  File "x.py", line 1, in run\n    raise Sorry("Too few spots")\n'
CRASHES = [
    ("index", "AssertionError: Too few spots (9) for nearest neighbour analysis", Failure.NOT_INDEXED, None),
    ("index", "dials.algorithms.indexing.DialsIndexError: no peak", Failure.NOT_INDEXED, None),
    ("index", "AttributeError: 'NoneType' has no x", Failure.ENGINE_FAILED, Failure.NOT_INDEXED),
    ("refine", "ImportError: libboost_python.so", Failure.ENGINE_FAILED, Failure.NOT_INDEXED),
    ("scale", "ZeroDivisionError: division", Failure.ENGINE_FAILED, Failure.NOT_INTEGRATED),
    ("find_spots", "ImportError: libboost_python.so", Failure.ENGINE_FAILED, None),
    ("integrate", "MemoryError", Failure.OUT_OF_MEMORY, None),
]


@pytest.mark.parametrize(("step", "exception", "expected", "like"), CRASHES)
def test_a_crash_without_known_words_is_not_said_of_the_data(step, exception, expected, like):
    """Neither the code a traceback quotes nor a warning given before it is the reason."""
    found = diagnose(step, 1, f"Warning: Too few reflections, empty\n{CODE}{exception}\n")
    assert (found.code, found.like) == (expected, like)
    assert found.error().code is expected
    assert isinstance(found.error(), EngineCrashed) == (like is not None)


@pytest.mark.parametrize(("step", "code", "text", "expected"), TABLE)
def test_end_of_a_program_means(step, code, text, expected):
    assert diagnose(step, code, text).code is expected


def test_missing_filter_says_how_to_get_it():
    found = diagnose("find_spots", 1, "nexus_ext.cc(129): DXTBX_ASSERT")
    assert "bitshuffle" in found.error().next_step
    assert "HDF5_PLUGIN_PATH" in found.error().next_step


def test_last_words_are_the_reason_not_the_advice():
    text = (
        "Too few reflections for profile modelling:\n  got 18\n  profile.gaussian_rs.min_spots.overall=50\n"
    )
    assert last_words(text) == "Too few reflections for profile modelling."
    assert last_words("a\nb\n") == "b."
    assert last_words("") == "nothing."
