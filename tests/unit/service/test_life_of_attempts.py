"""What the stop of a beamtime does to attempts nobody wrote down, and in directories others can write to."""

from beampace.core.taxonomy import Failure
from tests.support.desk import BEAMTIME, bench


def test_an_attempt_nobody_wrote_down_is_followed_to_its_end_after_the_stop(tmp_path):
    with bench(tmp_path) as one:
        one.see()
        one.cluster.lose_answer = True
        one.start()
        ((job, attempt),) = one.ledger.active()
        assert attempt.native_id == ""
        one.cluster.ends_at_cancel = False
        one.life.stop(BEAMTIME)
        one.go(1000)
        one.life.drain(one.ledger.active())
        ((_, attempt),) = one.ledger.active()
        assert attempt.native_id in one.cluster.cancelled
        one.gone(job.key)
        one.leave_exit(job.key, reason="cancelled")
        one.follow(closing=one.life.closing)
        one.go(10)
        one.follow(closing=one.life.closing)
        assert one.ledger.active() == ()
        assert one.ledger.attempts(job.key)[0].code == Failure.BEAMTIME_CLOSED


def test_the_reason_for_the_end_is_not_written_through_a_link(tmp_path):
    with bench(tmp_path) as one:
        one.see()
        one.start()
        ((job, _),) = one.ledger.active()
        victim = tmp_path / "ledger"
        victim.write_text("precious")
        (one.directory(job.key) / "stop_reason").symlink_to(victim)
        one.life.stop(BEAMTIME)
        one.go(1000)
        one.life.drain(one.ledger.active())
        assert victim.read_text() == "precious"
