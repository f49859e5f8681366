"""The anomalous signal in words."""

from beampace.results.anomalous import anomalous_words


def test_the_anomalous_signal_in_words():
    values = (None, -0.1, 0.0, 0.099, 0.1, 0.299, 0.3, 0.9)
    words = ("", "none seen", "none seen", "none seen", "weak", "weak", "strong", "strong")
    assert tuple(map(anomalous_words, values)) == words
