"""The compiled loops give to the last bit what plain array code gives, and many pages at once what each gives alone."""

from dataclasses import replace

import numpy as np
import pytest

from bundlebook.bundles import Filters, Limits, Links, Objective, Taste, candidates, choose, joint_probability
from bundlebook.bundles.generate import _Gone
from bundlebook.errors import BundlebookError

N = 40


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, Links]:
    """Probabilities with ties, odds ratios, and partners of up to 40 items."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0, 0.6, N).round(2)
    psi = np.exp(rng.normal(0.3, 0.6, (N, N)))
    psi = np.sqrt(psi * psi.T)
    partners = np.full((N, 6), -1, dtype=np.int32)
    source = np.zeros((N, N), dtype=np.uint8)
    for item in range(N):
        near = rng.choice([other for other in range(N) if other != item], rng.integers(0, 7), replace=False)
        partners[item, : len(near)] = near
        for other in near:
            source[item, other] |= np.uint8(1 << rng.integers(1, 5))
            source[other, item] = source[item, other]
    return p, psi, Links(source, partners, *[np.full((N, N), np.nan, np.float32)] * 2)


def plain_sets(p, psi, links, likely, width, category, per_category) -> list[tuple[tuple[int, ...], float]]:
    """Grow sets by NumPy alone: everything in tables, sorted whole."""
    anchors = np.sort(np.argsort(-p, kind="stable")[:likely])
    grown, found = anchors[:, None], []
    for size in range(2, 6):
        near = links.partners[grown] if size == 2 else links.partners[grown, :3]
        added = np.concatenate([np.tile(anchors, (len(grown), 1)), near.reshape(len(grown), -1)], axis=1)
        wide = np.concatenate([np.repeat(grown, added.shape[1], axis=0), added.reshape(-1, 1)], axis=1)
        sets = np.unique(np.sort(wide[wide[:, -1] >= 0], axis=1), axis=0)
        sets = sets[(np.diff(sets, axis=1) > 0).all(axis=1)]
        code = category[sets]
        sets = sets[(code[:, :, None] == code[:, None, :]).sum(axis=2).max(axis=1) <= per_category]
        joint = joint_probability(p[sets], psi[sets[:, :, None], sets[:, None, :]])
        by_joint = np.argsort(-joint, kind="stable")[: width - width // 2]
        by_excess = np.argsort(p[sets].prod(axis=1) - joint, kind="stable")
        best = np.concatenate([by_joint, by_excess[~np.isin(by_excess, by_joint)][: width // 2]])
        best = np.sort(best)[np.argsort(-joint[np.sort(best)], kind="stable")]
        grown = sets[best]
        found += [(tuple(ids), value) for ids, value in zip(grown.tolist(), joint[best].tolist(), strict=True)]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_sets_are_those_of_plain_array_code_to_the_last_bit(seed):
    p, psi, links = drawn(seed)
    category = np.arange(N) % 7
    filters = Filters(category=category, per_category=2)
    sets = candidates(p, np.array([f"i{n}" for n in range(N)]), psi, links, likely=8, width=20, filters=filters)
    found = [(tuple(sorted(sets.ids(row))), float(sets.raw[row])) for row in range(len(sets))]
    assert found == plain_sets(p, psi, links, 8, 20, category, 2)
    for row in range(len(sets)):
        ids = list(sets.ids(row))
        assert (np.diff(p[ids]) <= 0).all() and sets.independent[row] == p[sorted(ids)].prod()


def test_a_wanted_set_stops_the_growing_only_where_it_cannot_come_any_more():
    p, psi, links = drawn(3)
    items = np.array([f"i{n}" for n in range(N)])
    whole = candidates(p, items, psi, links, likely=6, width=10)
    known = {frozenset(whole.ids(row)) for row in range(len(whole))}
    rng, stopped = np.random.default_rng(0), 0
    for ids in [*known, *(frozenset(rng.choice(N, rng.integers(2, 6), replace=False).tolist()) for _ in range(200))]:
        try:
            found = candidates(p, items, psi, links, likely=6, width=10, target=ids)
        except _Gone:
            assert ids not in known
            stopped += 1
        else:
            assert ids in known and np.array_equal(found.members, whole.members)
    assert stopped > 150


def test_what_is_no_probability_and_no_odds_ratio_is_refused():
    p, psi, links = drawn(0)
    items = np.array([f"i{n}" for n in range(N)])
    with pytest.raises(BundlebookError, match="probability is not in"):
        candidates(np.where(np.arange(N) == 3, np.nan, p), items, psi, links)
    with pytest.raises(BundlebookError, match="odds ratio is not above 0"):
        candidates(p, items, np.zeros((N, N)), links)


def plain_beam(goal: Objective, k: int, limits: Limits, width: int) -> tuple[int, ...] | None:
    """All pages of a level as matrices: (pages, items) times (items, sets)."""
    n = len(goal.single)
    holds, touches = goal.holds.T.astype(float), goal.touches.T.astype(float)
    spent = limits.spent(n)
    own = np.zeros(n, dtype=bool) if limits.own_brand is None else limits.own_brand
    rows, value, money = np.empty((1, 0), dtype=np.int64), np.zeros(1), np.zeros(1)
    has_own, best = np.array([limits.own_brand is None]), (-np.inf, None) if limits.own_brand is not None else (0.0, ())
    for place in range(k):
        times, touched = goal.holds[rows].sum(axis=1), goal.touches[rows].any(axis=1)
        gain = goal.single + ((times == 0) * goal.item_value) @ holds + goal.category_value * ~touched @ touches
        fits = ((times >= limits.per_item) @ holds == 0) & (money[:, None] + spent <= limits.budget + 1e-12)
        fits &= ~(goal.same[rows][:, :, None] == goal.same).any(axis=1)
        if place == k - 1:
            fits &= has_own[:, None] | own
        total = np.where(fits, value[:, None] + gain, -np.inf).ravel()
        first = [at for at in np.argsort(-total, kind="stable") if total[at] > -np.inf][: (place + 1) * width]
        pages = {}
        for at in first:
            pages.setdefault(tuple(sorted([*rows[at // n].tolist(), at % n])), at)
        first = np.array(list(pages.values())[:width], dtype=np.int64)
        if not len(first):
            break
        page, row = first // n, first % n
        rows, value = np.column_stack([rows[page], row]), total[first]
        money, has_own = money[page] + spent[row], has_own[page] | own[row]
        ready = np.flatnonzero(has_own)
        if len(ready) and value[ready[0]] > best[0]:
            best = (value[ready[0]], tuple(sorted(rows[ready[0]].tolist())))
    return best[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_page_is_that_of_plain_array_code(seed):
    rng = np.random.default_rng(seed)
    n, n_items = 60, 15
    holds = rng.random((n, n_items)) < 0.2
    holds[np.arange(n), rng.integers(0, n_items, n)] = True
    touches = np.stack([(holds[:, np.arange(n_items) % 5 == c]).any(axis=1) for c in range(5)], axis=1)
    goal = Objective(
        rng.normal(0, 0.3, n), holds, rng.uniform(0, 0.2, n_items), touches, 0.05, *rng.random((2, n)),
        np.arange(n), rng.random(n_items), Taste(),
    )  # fmt: skip
    limits = Limits(
        per_item=1 + seed % 2,
        budget=0.5 if seed % 3 == 0 else np.inf,
        given=rng.random(n) * 0.4,
        own_brand=rng.random(n) < 0.1 if seed % 5 == 0 else None,
    )
    for k, width in ((1, 50), (3, 50), (4, 3), (3, 1)):
        expected = plain_beam(goal, k, limits, width)
        if expected is None:
            with pytest.raises(BundlebookError, match="no page keeps"):
                choose(goal, k, limits, "beam", width)
        else:
            assert set(choose(goal, k, limits, "beam", width)) == set(expected)


def test_many_pages_at_once_are_those_of_each_customer_alone(fitted, task):
    users = np.arange(0, task.histories.n_users, 4)
    some = task.histories.of_users(users)
    nobody = never = 2  # one of them has bought nothing yet
    some = some.where(some.user != never)
    for options in ({}, {"k": 2, "limits": Limits(budget=0.02)}, {"kind": "matching", "basket": (fitted.items_[0],)}):
        pages = fitted.pages(some, **options)
        assert len(pages) == len(users)
        for row in range(len(users)):
            alone = None if row == nobody else some.of_users(np.array([row]))
            assert pages[row] == fitted.recommend(alone, **options)
    assert fitted.pages(some.where(slice(0)).of_users(np.array([], dtype=np.int64))) == []
    late = replace(some, day=some.day + 10_000)  # nothing on or after the day of the offer is looked at
    assert fitted.pages(late)[0] == fitted.recommend(None)
