"""Which pairs are worth a thought for one user."""

from typing import Literal

import numpy as np
import pandas as pd

from bundlebook.bundles.joint import CoPurchase, plackett
from bundlebook.errors import BundlebookError


def pair_candidates(
    probability: np.ndarray,
    together: CoPurchase,
    likely: int = 30,
    partners: int = 10,
    min_together: int = 100,
    must_hold: str | None = None,
    dependence: Literal["within", "crude"] = "within",
) -> pd.DataFrame:
    """Pairs for one user from two sources: what the user is likely to buy, and what goes with it.

    Parameters
    ----------
    probability : ndarray, shape (n_items,)
        P(bought in the period), over ``together.items``.
    together : CoPurchase
    likely : int
        So many of the user's most likely items are starting points; the pairs among them are candidates.
    partners : int
        So many items with the highest odds ratio within households join each starting point.
    min_together : int
        Partners must have been bought in the same household-period at least so often: a rare coincidence is no reason.
    must_hold : str, optional
        Only pairs with this item.
    dependence : {"within", "crude"}
        Which odds ratio gives the joint probability. The one within households suits probabilities made for this very
        household, as a recurrent network makes them; the crude one counts that some households buy more of everything
        once more. Chapter 06 measures both on the validation weeks.

    Returns
    -------
    DataFrame
        One row a pair, sorted by ``probability`` (descending), then labels: ``first``, ``second`` (labels, the more
        likely one first), ``p_first``, ``p_second``, ``odds_ratio`` (within households), ``probability`` (of both, by
        :func:`~bundlebook.bundles.joint.plackett`), ``independent`` (the product), ``together`` (household-periods),
        ``source`` (``"likely"``, ``"goes with"`` or both).

    Raises
    ------
    BundlebookError
        If *must_hold* or *dependence* is unknown, the lengths differ, or no pair remains.
    """
    p = np.asarray(probability, dtype=np.float64)
    if p.shape != together.items.shape:
        raise BundlebookError(f"{p.size} probabilities for {len(together.items)} items", where="pair_candidates")
    if dependence not in ("crude", "within"):
        raise BundlebookError(f"unknown dependence {dependence!r}", remedy="use 'crude' or 'within'")
    used = together.crude if dependence == "crude" else together.psi
    order = np.argsort(-p, kind="stable")
    anchors = order[:likely]
    starts = anchors if must_hold is None else np.array([_position(together.items, must_hold)])
    strength = np.where(together.together >= min_together, together.psi, 0.0)
    np.fill_diagonal(strength, 0)
    sources: dict[tuple[int, int], set[str]] = {}
    for start in starts:
        best = np.argsort(-strength[start], kind="stable")[:partners]
        goes_with = best[strength[start, best] > 1]
        for source, others in (("likely", anchors), ("goes with", goes_with)):
            for other in others[others != start]:
                pair = (start, other) if (-p[start], start) < (-p[other], other) else (other, start)
                sources.setdefault(tuple(map(int, pair)), set()).add(source)
    if not sources:
        raise BundlebookError("there is no pair to offer", where="pair_candidates", remedy="lower min_together")
    i, j = np.array(sorted(sources)).T
    table = pd.DataFrame(
        {
            "first": together.items[i],
            "second": together.items[j],
            "p_first": p[i],
            "p_second": p[j],
            "odds_ratio": together.psi[i, j],
            "probability": plackett(p[i], p[j], used[i, j]),
            "independent": p[i] * p[j],
            "together": together.together[i, j],
            "source": [" + ".join(sorted(sources[pair], reverse=True)) for pair in sorted(sources)],
        }
    )
    return table.sort_values(["probability", "first", "second"], ascending=[False, True, True], ignore_index=True)


def _position(items: np.ndarray, label: str) -> int:
    found = np.flatnonzero(items == label)
    if not len(found):
        raise BundlebookError(f"unknown item {label!r}", where="must_hold", remedy="use an item of the baskets")
    return int(found[0])
