"""Closed forms of queueing: what the simulation must reproduce."""

from __future__ import annotations


def erlang_c(servers: int, offered: float) -> float:
    """Probability that one who comes must wait, M/M/c (A. K. Erlang 1917).

    Args:
        servers: how many serve.
        offered: arrivals per service time; below `servers`.

    Raises:
        ValueError: the queue would grow without end.
    """
    if not 0 <= offered < servers:
        raise ValueError(f"{servers} servers bear less than {servers} erlang, not {offered:g}")
    # Erlang B by its recursion, which neither overflows nor cancels.
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))


def mean_wait(servers: int, arrivals: float, service: float) -> float:
    """Mean wait before service, M/M/c, in any order of service that does not look at lengths.

    Args:
        servers: how many serve.
        arrivals: per second.
        service: mean seconds of service.

    Raises:
        ValueError: the queue would grow without end.
    """
    offered = arrivals * service
    return erlang_c(servers, offered) * service / (servers - offered)
