"""Figures of privacy and explanation draw what they are given."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from bundlebook.plots import trust as plots


def test_a_curve_for_each_kind_of_knowledge_and_the_line():
    table = pd.DataFrame({"unique": [0.1, 0.9], "low": [0.0, 0.8], "high": [0.2, 1.0]}, index=[1, 4])
    ax = plots.unicity_curves({"product": table, "type": table / 2}, ax=plt.figure().subplots())
    drawn = {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}
    assert drawn["product"] == [0.1, 0.9] and drawn["type"] == [0.05, 0.45]
    assert [0.9, 0.9] in list(drawn.values())


def test_a_panel_for_each_measure_with_its_exact_value():
    draws = {"all": pd.DataFrame({0.1: [0.2, 0.4], 1.0: [0.5, 0.5]}), "new": pd.DataFrame({1.0: [0.1, 0.2]})}
    axes = plots.privacy_cost(draws, {"all": 0.5, "new": 0.2}, axes=plt.figure().subplots(1, 2))
    assert [ax.get_title(loc="left") for ax in axes] == ["all", "new"]
    assert list(axes[0].get_lines()[0].get_ydata()) == pytest.approx([0.3, 0.5])
    assert list(axes[1].get_lines()[1].get_ydata()) == [0.2, 0.2]


def test_cited_and_random_purchases_are_drawn_by_place():
    table = pd.DataFrame({"cited": [0.5, 1.0], "random": [0.0, 0.5]}, index=[1, 2])
    (ax,) = plots.deletions({"EASE": table}, axes=[plt.figure().subplots()])
    assert [list(line.get_ydata()) for line in ax.get_lines()] == [[0.5, 1.0], [0.0, 0.5]]


def test_every_share_stands_in_its_cell_and_what_is_missing_stays_empty():
    groups = pd.MultiIndex.from_tuples([("users", "all of them"), ("segment", "a $1 $2")])
    table = pd.DataFrame([[0.25, 0.9], [0.5, float("nan")]], ["one", "two"], groups)
    ax = plots.shares_by_group(table, ax=plt.figure().subplots())
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(0, 0): "25", (1, 0): "90", (0, 1): "50"}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["all users", r"segment a \$1 \$2"]
