"""Settings of property tests: a busy machine is no failure."""

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No limit on the time of an example."""

thorough = settings(patient, max_examples=200)
"""The same with more examples."""
