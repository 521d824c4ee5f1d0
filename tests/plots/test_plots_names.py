"""Names from the data are drawn as they are written, on the axes that were given."""

import inspect
import json
import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy import sparse

from bundlebook import association as assoc, paths, plots
from bundlebook.bundles import Bundle, Demand, Said, Weights
from bundlebook.errors import BundlebookError
from bundlebook.evaluation import Stored
from bundlebook.plots import (
    association,
    attention,
    bundles,
    cleaning,
    evaluation,
    networks,
    profiles,
    reports,
    shop,
    training,
    use_style,
    zhangsan,
)
from bundlebook.recommenders import PeriodPanel, period_panel
from bundlebook.shop import Baskets, Split, time_split

MODULES = (association, attention, bundles, cleaning, evaluation, networks, profiles, reports, shop, training, zhangsan)
#: What a name may look like: a formula that matplotlib cannot read, one that it can, and an empty one.
NAMES = ["a$x^$", "b$1_000 & $2", "c$$"]
A, B, C = NAMES
MEANS = pd.DataFrame({"mean": [0.1, 0.2, 0.3], "low": [0.0, 0.1, 0.2], "high": [0.2, 0.3, 0.4]}, index=NAMES)
DIFFERENCES = MEANS.rename(columns={"mean": "difference"}).assign(p_holm=[0.01, 0.5, 0.02])
CURVE = pd.DataFrame({"count": [5, 5], "predicted": [0.1, 0.4], "observed": [0.2, 0.5]})
GROUPS = pd.DataFrame(
    {"bought": [30, 10, 40], "ratio": [1.1, 0.8, 1.0], "low": [1.0, 0.5, 0.9], "high": [1.2, 1.3, 1.1]},
    index=[A, B, "all"],
)
TWO = pd.DataFrame(np.arange(1.0, 7).reshape(3, 2) / 10, index=NAMES, columns=[A, B])
PAIRS = pd.DataFrame({"itemset": [(A, B), (B, C)], "adjusted_lift": [9.0, 4.0]})
RULES = assoc.association_rules(assoc.frequent_itemsets([[A, B], [A, B, C], [B, C], [A, C]], 0.2), max_consequent=1)
ELASTICITIES = pd.DataFrame({"elasticity": 1.0, "low": 0.5, "high": 1.5, "weeks": 9}, index=NAMES)
POOLED = pd.Series({"elasticity": 1.7, "low": 1.6, "high": 1.8})
DEMAND = Demand(ELASTICITIES, POOLED, POOLED)
CURVE_OF_DEPTH = pd.DataFrame(
    {"reading": "median line", "depth": [0.0, 0.3], "uplift": [1.0, 1.8], "low": [1.0, 1.6], "high": [1.0, 2.0]}
)
PAGES = pd.DataFrame(
    {"revenue": [3.0, 1.0], "margin": [1.0, 0.5], "satisfaction": [1.0, 0.2], "efficient": [True, False]}
)
BUNDLE = Bundle((A, B), 5.0, 4.5, 0.2, 1.0, 0.3, 0.5, 1.0, (1.4, 1.9), (Said(f"You buy {A} every week."),), ("likely",))
CUSTOMERS = pd.DataFrame({"segment": [A, A, B], "visits": [1.0, 2.0, 3.0], "spend_per_visit": [4.0, 5.0, 6.0]})
SHELVES = pd.DataFrame({"segment": [0.2, 0.3, 0.5], "all": [0.3, 0.3, 0.4]}, index=NAMES)
RESPONSES = pd.DataFrame({"kind": NAMES, "rate": 0.1, "low": 0.05, "high": 0.2}, index=NAMES)
UPLIFTS = pd.DataFrame({"bundle": NAMES, "uplift": 0.1, "low": 0.0, "high": 0.2, "needed": 0.3})
TIMES = pd.Series(pd.date_range("2021-01-01", periods=9, freq="5h"))
BY_NUMBER = pd.DataFrame({A: [0.4, 1.0], B: [0.4, 0.2]}, index=[5, 9])
SEARCH = pd.DataFrame({"state": ["complete", "pruned"], "loss": [0.5, 0.1]}).rename_axis("trial")
DAYS = np.datetime64("2021-01-04") + 28 * np.arange(4)
LIFTS = pd.DataFrame({"lift": [1.0, 2.0, 3.0], "adjusted_lift": [1.0, 1.5, 2.0]})


def board() -> Stored:
    metrics = {"NDCG@10": {name: [0.2, 0.1, 0.3, None] for name in NAMES}}
    task = {"tracks": {track: {"metrics": metrics} for track in ("all", "explore")}}
    costs = {"fit, MB": 1, "p50, ms": 1, "p99, ms": 2, "seeds": 1, "settings": {}, "family": C, "fit, CPU s": 2.0}
    return Stored({"level": A, "methods": dict.fromkeys(NAMES, costs), "tasks": {"window": task, "new, 1": task}})


def split() -> Split:
    day = np.datetime64("2021-01-04") + np.arange(70)
    ones = sparse.csr_matrix(np.ones((70, 2), dtype=np.float32))
    return time_split(Baskets(ones, np.zeros(70, int), day, np.array(["u"]), np.array([A, B])), 2, 1, min_users=1)


def periods() -> PeriodPanel:
    known = split().training
    return period_panel(known, known.day.max() + 1, 2)


#: A call of every figure function, with names of that kind wherever it draws names.
CASES = {
    "rule_scatter": lambda **k: association.rule_scatter(RULES, **k),
    "grouped_matrix": lambda **k: association.grouped_matrix(RULES, **k),
    "rule_network": lambda **k: association.rule_network(PAIRS, **k),
    "null_model": lambda **k: association.null_model(LIFTS, LIFTS, **k),
    "lift_over_time": lambda **k: association.lift_over_time(dict.fromkeys(NAMES, TWO), **k),
    "departments": lambda **k: association.departments(
        pd.DataFrame(np.where(np.eye(3), np.nan, 2.0), NAMES, NAMES), **k
    ),
    "basket_matrix": lambda **k: attention.basket_matrix(np.eye(3) + 0.5, NAMES, "title", **k),
    "neighbourhoods": lambda **k: attention.neighbourhoods(A, {"one": (NAMES, np.arange(3.0))}, **k),
    "demand_curves": lambda **k: bundles.demand_curves(DEMAND, CURVE_OF_DEPTH, 0.25, **k),
    "page_of_bundles": lambda **k: bundles.page_of_bundles([BUNDLE], Weights(), {A: B}, **k),
    "pareto": lambda **k: bundles.pareto(PAGES, {A: 0, B: 1, C: 1}, **k),
    "bundle_card": lambda **k: bundles.bundle_card(BUNDLE, [B, C], "$", **k),
    "exposures": lambda **k: bundles.exposures(
        np.array([0.1, 0.2]), dict.fromkeys(NAMES, np.array([9.0, 3.0])), 4.0, 0.15, **k
    ),
    "hours": lambda **k: cleaning.hours(TIMES, TIMES, A, B, **k),
    "quantities": lambda **k: cleaning.quantities(dict.fromkeys(NAMES, np.array([1, 2])), **k),
    "weeks": lambda **k: cleaning.weeks(pd.Series(9, pd.date_range("2021-01-04", periods=70)), split(), label=A, **k),
    "fills": lambda **k: cleaning.fills(
        np.arange(3.0), np.array([1, np.nan, 3]), dict.fromkeys(NAMES, np.arange(3.0)), lambda t: t, **k
    ),
    "runge": lambda **k: cleaning.runge(np.cos, {C: np.sin}, BY_NUMBER, **k),
    "timeline": lambda **k: evaluation.timeline(split(), **k),
    "intervals": lambda **k: evaluation.intervals({A: {B: DIFFERENCES, C: DIFFERENCES}}, B, reference=C, **k),
    "reliability": lambda **k: evaluation.reliability({A: {B: CURVE}, C: {B: CURVE}}, **k),
    "by_step": lambda **k: evaluation.by_step(dict.fromkeys(NAMES, MEANS), A, "step", B, marks={C: 0.5}, **k),
    "accuracy_against_cost": lambda **k: evaluation.accuracy_against_cost({A: board()}, **k),
    "by_group": lambda **k: evaluation.by_group({A: {B: GROUPS, C: GROUPS}}, **k),
    "portrait": lambda **k: profiles.portrait(
        pd.DataFrame({"group": "when", "value": 1.0, "percentile": 20.0}, index=NAMES), A, [B], **k
    ),
    "source_weights": lambda **k: profiles.source_weights(pd.DataFrame({A: [0.5], B: [0.3], C: [0.2]}), **k),
    "segment_profile": lambda **k: reports.segment_profile(CUSTOMERS, A, SHELVES, "$", **k),
    "side_by_side": lambda **k: reports.side_by_side(TWO, A, C, **k),
    "uplift_beside_need": lambda **k: reports.uplift_beside_need(UPLIFTS, **k),
    "campaign_responses": lambda **k: reports.campaign_responses(RESPONSES, A, **k),
    "spend_around": lambda **k: reports.spend_around(TWO.reset_index(drop=True), 1.0, "$", **k),
    "users": lambda **k: shop.users(np.array([1, 2, 9]), A, **k),
    "items": lambda **k: shop.items(np.array([1, 2, 9]), **k),
    "times": lambda **k: shop.times(TIMES, **k),
    "sizes": lambda **k: shop.sizes(np.array([1, 2, 3]), A, B, C, marked={A: 2}, **k),
    "prices": lambda **k: shop.prices(np.linspace(1, 2, 50), np.linspace(2, 3, 50), "$", **k),
    "household": lambda **k: training.household(periods(), 0, np.array([A, B]), **k),
    "curves": lambda **k: training.curves(
        {A: TWO.set_axis(["training", "validation"], axis=1).reset_index(drop=True)}, {B: 0.2}, **k
    ),
    "repeats": lambda **k: training.repeats(TWO, C, **k),
    "trials": lambda **k: training.trials(SEARCH, "loss", **k),
    "sigmoid_and_slope": lambda **k: training.sigmoid_and_slope(**k),
    "two_losses": lambda **k: training.two_losses(0.3, A, **k),
    "household_scores": lambda **k: training.household_scores({A: np.ones((2, 2))}, [B, C], **k),
    "one_step": lambda **k: training.one_step(1.0, 0.5, 2.0, 1.0, -1.0, **k),
    "gradient_flow": lambda **k: training.gradient_flow(dict.fromkeys(NAMES, np.ones(4)), **k),
    "answers": lambda **k: zhangsan.answers({A: 0.8, B: 0.1, C: [0.1, 0.2]}, "title", claimed=A, **k),
    "cell": lambda **k: networks.cell("GRU", **k),
    "unrolled": lambda **k: networks.unrolled(NAMES, [0.1, 0.2, 1], **k),
    "recurrent_recommender": lambda **k: networks.recurrent_recommender(**k),
    "place_among_all": lambda **k: zhangsan.place_among_all(np.array([0.1, 0.4, 0.2]), {A: 0, B: 1, C: 2}, 0.8, **k),
}
#: Figures that draw no name of the data.
NAMELESS = {"rule_scatter", "null_model", "timeline", "items", "times", "trials", "sigmoid_and_slope",
            "one_step", "cell", "recurrent_recommender"}  # fmt: skip


def function(name: str):
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


def test_every_figure_function_is_looked_at():
    found = {
        name
        for module in MODULES
        for name, member in vars(module).items()
        if inspect.isfunction(member)
        and {"ax", "axes"} & set(inspect.signature(member).parameters)
        and not name.startswith("_")
        and member.__module__ == module.__name__
    }
    assert found == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_figure_draws_on_given_axes_with_every_name_as_it_is_written(name):
    """Every figure is drawn twice: as a chapter does, and on axes that are given, where all texts are then read."""
    draw = function(name)
    assert CASES[name]() is None, "a cell that ends in a figure prints nothing"
    assert len(plt.get_fignums()) == 1
    plt.close("all")
    figure = plt.figure(figsize=(14, 9))
    if "ax" in inspect.signature(draw).parameters:
        mine = [figure.subplots()]
        assert CASES[name](ax=mine[0]) is mine[0]
    else:
        with pytest.raises(BundlebookError, match="99 axes were given for") as caught:
            CASES[name](axes=[None] * 99)
        mine = figure.subplots(1, int(caught.value.problem.split()[-2]), squeeze=False).ravel().tolist()
        assert list(CASES[name](axes=mine)) == mine
    assert plt.get_fignums() == [figure.number]
    assert "Other Parameters" in draw.__doc__
    figure.draw_without_rendering()
    drawn = [text for text in figure.findobj(Text) if text.get_visible() and "$" in text.get_text()]
    read = [text._preprocess_math(text.get_text()) for text in drawn]
    data = [text for text, formula in read if not formula]
    formulas = {text for text, formula in read if formula}
    assert hasattr(networks, name) or all("mathdefault" in text or text == "$t$" for text in formulas), formulas
    assert bool(data) != (name in NAMELESS)
    assert all("\\" not in text for text in data)
    if hasattr(shop, name):
        assert all(ax.get_xlabel() and ax.get_ylabel() and ax.get_title(loc="left") for ax in mine)
    elif not hasattr(networks, name):
        assert all(ax.get_xlabel() or ax.get_title(loc="left") or not ax.axison for ax in mine)


def test_a_label_is_cut_before_it_is_escaped():
    assert plots.short("$" * 30, 5) == r"\$\$\$\$…"


def test_a_rare_character_is_a_box_and_no_warning():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        use_style()
        evaluation.intervals({"\U00020bb7": MEANS.set_axis(["喆", "堃", "\U00020bb7"])})
        plt.gcf().draw_without_rendering()
    assert not [str(warning.message) for warning in told if "Glyph" in str(warning.message)]


CALLERS = [*sorted((paths.root() / "notebooks").rglob("*.ipynb")), *sorted((paths.root() / "reports").rglob("*.ipynb"))]


@pytest.mark.parametrize("file", [file for file in CALLERS if "batches" not in file.parts], ids=lambda file: file.stem)
def test_every_figure_that_is_called_exists(file):
    code = "\n".join("".join(c["source"]) for c in json.loads(file.read_text())["cells"] if c["cell_type"] == "code")
    names = {}
    for imported in re.findall(r"from bundlebook\.plots import (.+)", code):
        for module, _, alias in (name.strip().partition(" as ") for name in imported.split(",")):
            names[alias or module] = module
    for alias, module in names.items():
        for called in re.findall(rf"\b{alias}\.(\w+)\(", code):
            assert hasattr(getattr(plots, module), called), f"{module} has no {called}"


def test_a_name_of_two_items_is_wrapped_and_not_cut():
    """The second half of a pair must be read, or the bar says nothing."""
    pair = "RED CANDLE HOLDER T-LIGHT + RETROSPOT CANDLE HOLDER T-LIGHT"
    reports.side_by_side(pd.DataFrame({"a": [1.0, 2.0]}, [pair, "x" * 50 + " " + "y" * 50 + " " + "z" * 50]), A, C)
    labels = [label.get_text() for label in plt.gca().get_yticklabels()]
    plt.close("all")
    assert labels[0].split() == pair.split() and labels[0].count("\n") == 1
    assert labels[1].count("\n") == 1 and labels[1].endswith("…")
