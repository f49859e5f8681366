"""What is wrong from the start and stays so for the daemon's life: it works all the same, and says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from beampace.core.errors import BeampaceError
from beampace.core.sighting import Trouble
from beampace.core.work import WorkName
from beampace.engines.recipe import Loaded
from beampace.plan import Rule

DONE = frozenset({WorkName.LOOK, WorkName.MAP, WorkName.STRATEGY, WorkName.PROCESS})
"""Works for which there is a job."""


def rule_troubles(
    rules: Iterable[Rule], engines: frozenset[str], recipes: Mapping[str, Loaded]
) -> Iterator[Trouble]:
    """One trouble for each rule that can never be carried out.

    Args:
        rules: what is to be done.
        engines: engines that can be used, recipes among them.
        recipes: recipes by name.
    """
    for rule in rules:
        why = _never(rule, engines, recipes)
        if why:
            words = f"The rule {rule.name!r} can never be carried out: {why}"
            step = "Correct [[rules]] or [engines] of the configuration, and restart the daemon."
            yield Trouble(f"rule {rule.name}", words, step)


def _never(rule: Rule, engines: frozenset[str], recipes: Mapping[str, Loaded]) -> str:
    """Why a rule can never be carried out, or ""."""
    if rule.work not in DONE:
        return f"there is no job that does {rule.work.value!r} yet."
    if not rule.engine:
        return ""
    if rule.engine not in engines:
        if rule.where_installed:
            return ""
        known = ", ".join(sorted(engines)) or "none"
        return f"there is no engine {rule.engine!r} here; there are {known}."
    if rule.engine in recipes and not rule.kinds & set(recipes[rule.engine].recipe.kinds):
        kinds = ", ".join(sorted(recipes[rule.engine].recipe.kinds))
        return f"the recipe {recipes[rule.engine].path} is for {kinds} only."
    return ""


def left_out(error: BeampaceError) -> Trouble:
    """A recipe that cannot be used."""
    return Trouble("recipes", f"A recipe is left out. {error.detail}", _then_restart(error))


def engine_unusable(name: str, error: BeampaceError) -> Trouble:
    """An engine that is there and cannot be used."""
    return Trouble(f"engine {name}", f"{name} is not used. {error.words}", _then_restart(error))


def engine_remark(name: str, words: str) -> Trouble:
    """What should be known of an engine that works."""
    return Trouble(f"engine {name}", words, "Tell whoever installs programs at the beamline.")


def without_http(error: BeampaceError) -> Trouble:
    """The HTTP interface cannot be served."""
    return Trouble("http", f"The HTTP interface is off. {error.detail}", _then_restart(error))


def _then_restart(error: BeampaceError) -> str:
    return f"{error.next_step.rstrip('.')}; then restart the daemon."
