from hypothesis import given
from hypothesis import strategies as st

from beampace.core.engine import Tweak
from beampace.core.taxonomy import Failure
from beampace.work.ladder import MAX_TRIES, Attempt, Knowledge, best_of, next_try, part_used

LONG, SHORT = Knowledge(90.0), Knowledge(1.5)


def failed(*tweaks: Tweak, code=Failure.NOT_INDEXED) -> Attempt:
    return Attempt(frozenset(tweaks), code, "because")


def climb(known: Knowledge, code=Failure.NOT_INDEXED) -> list[frozenset[Tweak]]:
    history = []
    while (rung := next_try(history, known)) is not None:
        history.append(Attempt(rung.tweaks, code, "because"))
    return [attempt.tweaks for attempt in history]


def test_the_first_try_departs_from_nothing():
    rung = next_try([], LONG)
    assert rung is not None
    assert rung.tweaks == frozenset()
    assert rung.what == "default settings"


def test_a_thin_sweep_is_integrated_without_a_least_number_of_spots_then_summed():
    first = failed(code=Failure.NOT_INTEGRATED)
    second = next_try([first], SHORT)
    assert second.tweaks == {Tweak.SMALL_SWEEP}
    assert second.reason.endswith("could not be integrated and merged (because)")
    third = next_try([first, Attempt(second.tweaks, Failure.NOT_INTEGRATED, "")], SHORT)
    assert third.tweaks == {Tweak.SMALL_SWEEP, Tweak.SUMMATION_ONLY}


def test_what_found_the_lattice_is_kept_when_integration_fails():
    flipped = failed(Tweak.FLIPPED_AXIS, code=Failure.NOT_INTEGRATED)
    rung = next_try([failed(), flipped], LONG)
    assert rung.tweaks == {Tweak.FLIPPED_AXIS, Tweak.SMALL_SWEEP}


def test_both_signs_of_the_spindle_are_tried_where_they_can_be_told_apart():
    assert {Tweak.FLIPPED_AXIS} in climb(LONG)
    assert not any(Tweak.FLIPPED_AXIS in tweaks for tweaks in climb(SHORT))


def test_a_given_cell_is_tried_first_and_only_when_given():
    assert next_try([failed()], Knowledge(90.0, has_cell=True)).tweaks == {Tweak.KNOWN_CELL}
    assert not any(Tweak.KNOWN_CELL in tweaks for tweaks in climb(LONG))


def test_every_way_to_index_is_tried_once():
    tried = climb(LONG)
    assert len(tried) == len(set(tried))
    assert {Tweak.OTHER_INDEXING} in tried
    assert {Tweak.BEAM_SEARCH} in tried
    assert tried[-1] == {Tweak.WEAK_LATTICE}


def test_an_answer_about_the_sample_is_not_tried_again():
    for code in (Failure.NO_DIFFRACTION, Failure.ICE_ONLY, Failure.TOO_FEW_SPOTS):
        assert next_try([failed(code=code)], LONG) is None


def test_the_ending_that_came_furthest_is_told():
    history = [failed(), failed(Tweak.FLIPPED_AXIS, code=Failure.NOT_INTEGRATED), failed(Tweak.BEAM_SEARCH)]
    assert best_of(history) is history[1]
    assert best_of([failed(), failed(Tweak.BEAM_SEARCH)]).tweaks == frozenset()


def test_a_crystal_that_moved_is_tried_in_its_longer_part_which_then_stays():
    slipped = Attempt(frozenset(), Failure.CRYSTAL_MOVED, "It slipped.", part=(30, 60), next_step="Cut.")
    rung = next_try([slipped], LONG)
    assert (rung.tweaks, rung.images) == ({Tweak.LONGER_PART}, (30, 60))
    thin = Attempt(rung.tweaks, Failure.NOT_INTEGRATED, "", images=rung.images)
    after = next_try([slipped, thin], LONG)
    assert (after.tweaks, after.images) == ({Tweak.LONGER_PART, Tweak.SMALL_SWEEP}, (30, 60))
    said = part_used([slipped, thin], after)[0]
    assert said.startswith("crystal_moved: ")
    assert "It slipped. Only frames 30 to 60 were used. Cut." in said
    assert part_used([failed()], next_try([failed()], LONG)) == ()


def test_another_beam_centre_leads_to_its_search_and_a_scaled_cell_to_the_distance():
    off = failed(code=Failure.BEAM_CENTRE_OFF)
    assert next_try([off], LONG).tweaks == {Tweak.BEAM_SEARCH}
    assert next_try([off], Knowledge(90.0, has_cell=True)).tweaks == {Tweak.KNOWN_DISTANCE}


def test_the_reason_of_a_try_is_one_clean_line():
    ended = failed(code=Failure.NOT_INTEGRATED)
    ragged = Attempt(ended.tweaks, ended.code, "\ndials.integrate said:  Too few\n reflections: ")
    assert next_try([ragged], SHORT).reason.endswith("(dials.integrate said: Too few reflections)")


codes = st.sampled_from([Failure.NOT_INDEXED, Failure.NOT_INTEGRATED, Failure.NO_DIFFRACTION])


@given(st.lists(codes, min_size=20, max_size=20), st.floats(0.1, 360), st.booleans())
def test_the_ladder_ends_and_repeats_nothing(endings, degrees, has_cell):
    known, history = Knowledge(degrees, has_cell), []
    while (rung := next_try(history, known)) is not None:
        assert rung.tweaks not in {attempt.tweaks for attempt in history}
        history.append(Attempt(rung.tweaks, endings[len(history)], ""))
    assert 1 <= len(history) <= MAX_TRIES
