"""Who takes part on a shop: what would not fit into memory, or take too long, is switched off before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from bundlebook.evaluation.contenders import CONTENDERS, Contender
from bundlebook.evaluation.needs import Size


@dataclass(frozen=True)
class Plan:
    """Who takes part on a shop, and why the others do not.

    Attributes
    ----------
    chosen : tuple of Contender
    left_out : dict of str to str
        Name to reason.
    """

    chosen: tuple[Contender, ...]
    left_out: dict[str, str]


def plan(
    size: Size, memory_gb: float, minutes: float, contenders: Sequence[Contender] = CONTENDERS, networks: bool = True
) -> Plan:
    """Leave out what would not fit into memory or take too long, before anything is computed.

    Parameters
    ----------
    size : Size
    memory_gb : float
        Gigabytes (10⁹ bytes) a contender may take.
    minutes : float
        Minutes its fit may take, at 20 · 10⁹ operations a second.
    contenders : sequence of Contender
    networks : bool
        Whether networks take part.

    Examples
    --------
    >>> big = Size(users=1_000_000, items=100_000, pairs=20_000_000, baskets=10_000_000)
    >>> [contender.name for contender in plan(big, memory_gb=16, minutes=10).chosen][:2]
    ['popularity', 'personal frequency']
    >>> plan(big, memory_gb=16, minutes=10).left_out["EASE"]
    'needs about 322 GB of memory, 16 GB allowed'
    """
    chosen, left_out = [], {}
    for contender in contenders:
        gigabytes, takes = contender.memory(size) / 1e9, contender.flops(size) / 20e9 / 60
        if contender.family == "network" and not networks:
            left_out[contender.name] = "networks were switched off"
        elif gigabytes > memory_gb:
            left_out[contender.name] = f"needs about {gigabytes:,.0f} GB of memory, {memory_gb:.2g} GB allowed"
        elif takes > minutes:
            left_out[contender.name] = f"needs about {takes:,.0f} minutes to fit, {minutes:.2g} allowed"
        else:
            chosen.append(contender)
    return Plan(tuple(chosen), left_out)
