"""Groups are cut as they say, and what is measured in one is what the plain measures say of its pairs."""

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.calibration import (
    brier_skill,
    calibration_by_group,
    ece,
    ece_by_chance,
    ece_interval,
    history_bands,
    log_loss,
    popularity_bands,
)


@pytest.fixture(scope="module")
def honest():
    """400 users, 30 items from popular to rare, and outcomes that come true as often as promised."""
    rng = np.random.default_rng(4)
    p = rng.beta(1, 4, size=(400, 30)) * np.linspace(1, 0.2, 30)
    return p, rng.random(p.shape) < p


def test_bands_hold_equal_shares_of_the_purchases():
    buyers = np.random.default_rng(0).permutation(np.arange(1, 1001))
    bands = popularity_bands(buyers, bands=5)
    shares = pd.Series(buyers).groupby(np.asarray(bands.codes)).sum() / buyers.sum()
    assert shares.to_numpy() == pytest.approx(np.full(5, 0.2), abs=0.002)
    assert buyers[bands == "1 (best-sellers)"].min() > buyers[bands == "2"].max()
    assert (bands == "5 (rarest)").sum() > 2 * (bands == "1 (best-sellers)").sum()


def test_one_giant_fills_several_bands_and_none_is_empty():
    bands = popularity_bands(np.array([90, 4, 3, 3, 0]), bands=10)
    assert list(bands.categories) == ["1 (best-sellers)", "2 (rarest)"] and list(bands.codes) == [0, 1, 1, 1, 1]


def test_bands_of_history_say_whom_they_hold():
    bands = history_bands(np.array([1, 4, 5, 9, 10, 79, 80, 500]))
    assert list(bands) == ["1–4", "1–4", "5–9", "5–9", "10–19", "40–79", "80 and more", "80 and more"]
    assert "20–39" not in bands.categories, "nobody is there"


@pytest.mark.parametrize("of", ["items", "rows"])
def test_a_group_is_judged_by_its_own_pairs(honest, of):
    p, y = honest
    rng = np.random.default_rng(1)
    size = {"items": 30, "rows": 400}[of]
    groups = rng.choice(["a", "b"], size)
    table = calibration_by_group(p, y, groups, of, shown=5, seed=0)
    assert list(table.index) == ["a", "b", "all"]
    shape = {"items": (1, -1), "rows": (-1, 1)}[of]
    inside = np.broadcast_to(groups.reshape(shape), p.shape) == "b"
    row = table.loc["b"]
    assert row["pairs"] == inside.sum() and row["bought"] == y[inside].sum()
    assert row["ratio"] == pytest.approx(p[inside].sum() / y[inside].sum())
    assert row["log loss"] == pytest.approx(log_loss(p[inside], y[inside]))
    assert row["Brier skill"] == pytest.approx(brier_skill(p[inside], y[inside]))
    best = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(best, np.argsort(-p, axis=1)[:, :5], True, axis=1)
    assert row["shown"] == (best & inside).sum()
    assert row["ECE shown"] == pytest.approx(ece(p[best & inside], y[best & inside]))
    assert (table["low"] < table["ratio"]).all() and (table["ratio"] < table["high"]).all()
    assert table.loc["all", "shown"] == 2000


def test_honest_groups_hold_one_and_a_boast_in_one_of_them_is_found(honest):
    p, y = honest
    bands = popularity_bands(y.sum(axis=0), bands=3)
    table = calibration_by_group(p, y, bands, "items", seed=0)
    assert (table["low"] < 1).all() and (table["high"] > 1).all()
    boast = np.where(np.asarray(bands.codes) == 2, np.minimum(2 * p, 1), p)
    boasted = calibration_by_group(boast, y, bands, "items", seed=0)
    assert boasted["low"].iloc[2] > 1.7
    assert boasted["ratio"].iloc[:2].to_numpy() == pytest.approx(table["ratio"].iloc[:2].to_numpy())


def test_a_group_without_purchases_has_no_ratio(honest):
    p, y = honest
    quiet = y & (np.arange(30) > 0)
    row = calibration_by_group(p, quiet, ["first", *["rest"] * 29], "items", seed=0).loc["first"]
    assert row["bought"] == 0 and np.isnan(row["ratio"]) and np.isnan(row["low"]) and np.isnan(row["Brier skill"])


def test_intervals_of_the_calibration_error(honest):
    p, y = honest
    error, low, high = ece_interval(p, y, seed=0)
    assert error == pytest.approx(ece(p, y)) and low < high
    assert ece_interval(np.sqrt(p), y, seed=0)[1] > high, "a boast is beyond chance"
    assert error < 3 * ece_by_chance(p, seed=0), "honest p has what chance leaves"
    assert ece_by_chance(p, seed=0) > ece_by_chance(np.tile(p, (5, 1)), seed=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, y: calibration_by_group(p[0], y[0], [0] * 30, "items", seed=0), "shape"),
        (lambda p, y: calibration_by_group(p, y, [0] * 29, "items", seed=0), "29 groups"),
        (lambda p, y: calibration_by_group(p, y, [0] * 30, "columns", seed=0), "columns"),
        (lambda p, y: calibration_by_group(p, y, pd.Categorical([None] * 30), "items", seed=0), "no group"),
        (lambda p, y: popularity_bands(np.zeros(3)), "bands"),
        (lambda p, y: history_bands(np.ones(3), ends=(9, 4)), "ascend"),
    ],
)
def test_bad_input_is_one_clear_error(honest, call, message):
    with pytest.raises(BundlebookError, match=message):
        call(*honest)
