"""The choice of a page against all pages there are."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from bundlebook.bundles import Limits, Objective, Taste, choose
from bundlebook.errors import BundlebookError


def instance(seed: int, n: int = 12, items: int = 9) -> tuple[Objective, np.ndarray, np.ndarray]:
    """A small objective with overlapping sets; what each gives away; which hold an own-brand item."""
    rng = np.random.default_rng(seed)
    holds = np.zeros((n, items), dtype=bool)
    for row in range(n):
        holds[row, rng.choice(items, rng.integers(2, 5), replace=False)] = True
    category = np.arange(items) % 4
    touches = np.stack([holds[:, category == c].any(axis=1) for c in range(4)], axis=1)
    goal = Objective(
        rng.normal(0.2, 0.4, n), holds, rng.uniform(0, 0.3, items), touches, 0.1,
        rng.random(n), rng.random(n), np.arange(n), rng.random(items), Taste(),
    )  # fmt: skip
    return goal, rng.uniform(0, 1, n), rng.random(n) < 0.4


def allowed(rows, goal: Objective, limits: Limits) -> bool:
    rows = list(rows)
    if (goal.holds[rows].sum(axis=0) > limits.per_item).any():
        return False
    if limits.given is not None and limits.given[rows].sum() > limits.budget + 1e-9:
        return False
    return limits.own_brand is None or bool(limits.own_brand[rows].any())


def all_pages(goal: Objective, k: int):
    for size in range(k + 1):
        yield from combinations(range(len(goal.single)), size)


@pytest.mark.parametrize("seed", range(12))
def test_exact_is_the_best_of_all_pages_and_nobody_beats_it(seed):
    goal, given, own = instance(seed)
    own[0] = True  # an own-brand bundle exists
    for k, limits in (
        (3, Limits()),
        (3, Limits(per_item=2)),
        (4, Limits(per_item=2, budget=1.2, given=given)),
        (3, Limits(per_item=2, own_brand=own)),
    ):
        best = max(goal.value(rows) for rows in all_pages(goal, k) if allowed(rows, goal, limits))
        exact = choose(goal, k, limits, "exact")
        assert goal.value(exact) == pytest.approx(best, abs=1e-7)
        for method in ("greedy", "beam"):
            found = choose(goal, k, limits, method)
            assert allowed(found, goal, limits) and goal.value(found) <= best + 1e-7
        assert goal.value(choose(goal, k, limits, "beam", width=5000)) == pytest.approx(best, abs=1e-7)


def test_greedy_takes_what_adds_most():
    for seed in range(20):
        goal, _, _ = instance(seed)
        rows: list[int] = []
        for _ in range(3):
            gains = {
                row: goal.value([*rows, row]) - goal.value(rows)
                for row in range(12)
                if row not in rows and not (goal.holds[row] & goal.holds[rows].any(axis=0)).any()
            }
            if not gains or max(gains.values()) <= 0:
                break
            rows.append(max(gains, key=gains.get))
        assert sorted(choose(goal, 3, method="greedy")) == sorted(rows)


def test_a_page_stands_best_first_and_does_not_hang_on_the_last_digit():
    for seed in range(8):
        goal = instance(seed)[0]
        beam = choose(goal, 3, Limits(per_item=3))
        alone = goal.alone()[list(beam)]
        assert (np.diff(alone) <= 1e-9).all()
        noise = np.random.default_rng(seed).normal(0, 1e-13, len(goal.single))
        assert choose(replace(goal, single=goal.single + noise), 3, Limits(per_item=3)) == beam


def test_what_a_set_adds_shrinks_as_the_page_fills():
    goal, _, _ = instance(3)
    small, large = [0], [0, 1, 2]
    for row in range(3, 12):
        assert goal.value([*large, row]) - goal.value(large) <= goal.value([*small, row]) - goal.value(small) + 1e-12


def test_terms_count_relevance_diversity_and_repetition():
    goal, _, _ = instance(4)
    rows = [0, 1, 5]
    terms = goal.terms(rows)
    shown, places = goal.holds[rows].any(axis=0), goal.holds[rows].sum()
    assert terms["relevance"] == pytest.approx(goal.p[shown].sum() - 0.2 * places)
    assert terms["diversity"] == pytest.approx(0.1 * goal.touches[rows].any(axis=0).sum())
    assert terms["repetition"] == pytest.approx(0.3 * (places - shown.sum()))
    expected = terms["relevance"] + terms["diversity"] - terms["repetition"]
    assert terms["satisfaction"] == pytest.approx(expected)


def test_limits_that_nothing_meets_and_wrong_arguments():
    goal = instance(5)[0]
    for method in ("greedy", "beam", "exact"):
        with pytest.raises(BundlebookError, match="no page"):
            choose(goal, 2, Limits(own_brand=np.zeros(12, bool)), method)
    with pytest.raises(BundlebookError, match="budget"):
        choose(goal, 2, Limits(budget=1.0))
    with pytest.raises(BundlebookError, match="unknown method"):
        choose(goal, 2, method="luck")
    with pytest.raises(BundlebookError, match="k = 0"):
        choose(goal, 0)
    assert choose(replace(goal, single=goal.single - 9), 2) == ()  # an empty page is better than a bad one
