"""What every recommender owes its users: the protocol, no look ahead, strangers, clear errors.

A new classical recommender needs an entry in ``MAKERS``; without one, the first test here fails.
"""

import inspect
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bundlebook import recommenders
from bundlebook.errors import BundlebookError
from bundlebook.evaluation import settings_of
from bundlebook.recommenders import (
    BPR,
    EASE,
    UPCF,
    BasketCompleter,
    BoostedTrees,
    Calibrated,
    ContentBased,
    DecayedFrequency,
    Ensemble,
    ImplicitALS,
    InterestMLP,
    ItemCosine,
    ItemKNN,
    PersonalFrequency,
    PlattScaled,
    Popularity,
    ProbabilisticRecommender,
    Recommender,
    RuleRecommender,
    Stacked,
    Switching,
    TifuKNN,
    TransitionCounts,
    UserKNN,
    Weighted,
    initial_factors,
    search,
)

AT = np.datetime64("2021-06-01")
#: The two tastes of the panel as attributes, and a little of each item's own.
VECTORS = np.column_stack([np.arange(15) % 2 == 0, np.arange(15) % 2 == 1, 0.3 * np.eye(15)]).astype(float)
MAKERS = {
    "popularity": Popularity,
    "personal frequency": PersonalFrequency,
    "decayed frequency": DecayedFrequency,
    "transitions": TransitionCounts,
    "user neighbours": UserKNN,
    "item neighbours": ItemKNN,
    "TIFU-KNN": lambda **k: TifuKNN(neighbours=10, **k),
    "UP-CF": UPCF,
    "EASE": lambda **k: EASE(l2=5, **k),
    "item cosine": ItemCosine,
    "rules": lambda **k: RuleRecommender(min_support=0.05, **k),
    "ALS": lambda **k: ImplicitALS(factors=2, l2=0.5, **k),
    "BPR": lambda **k: BPR(factors=4, **k),
    "content, ridge": lambda **k: ContentBased(VECTORS, **k),
    "content, cosine": lambda **k: ContentBased(VECTORS, method="cosine", **k),
    "weighted": lambda **k: Weighted([UserKNN(), ItemKNN()], **k),
    "switching": lambda **k: Switching(Popularity(), DecayedFrequency(), baskets=3, **k),
    "stacked": lambda **k: Stacked([UserKNN(), DecayedFrequency()], min_history=1, **k),
    "calibrated": lambda **k: Calibrated(UserKNN(**k), min_history=1),
    "Platt": lambda **k: PlattScaled(Calibrated(UserKNN(**k), min_history=1), known=(1, 2)),
    "boosted trees": lambda **k: BoostedTrees(rounds=20, cuts=3, keep=1.0, **k),
    "ensemble": lambda **k: Ensemble([Calibrated(UserKNN(), min_history=1), Calibrated(ItemKNN())], **k),
}
#: These say nothing about somebody without a basket, or say it in their own way, which is tested beside them.
SILENT = ("personal frequency", "EASE", "item cosine", "rules", "TIFU-KNN", "ensemble")


@pytest.fixture(params=MAKERS.values(), ids=MAKERS.keys())
def make(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(panel):
    """Fit what a maker makes on the panel, once for all tests that only look at it."""
    return cache(lambda make: make().fit(panel, AT))


def but(*names):
    """Parametrize with all makers except some."""
    rest = {name: make for name, make in MAKERS.items() if name not in names}
    return pytest.mark.parametrize("make", rest.values(), ids=rest.keys())


def test_every_recommender_of_the_room_is_held_to_the_contract():
    """Networks have tests of their own, the completer scores carts, and the base holds the protocols."""
    elsewhere = ("recommenders.networks", "recommenders.completing", "recommenders.base")
    public = [getattr(recommenders, name) for name in recommenders.__all__]
    models = [it for it in public if inspect.isclass(it) and hasattr(it, "scores")]
    classical = {it.__name__ for it in models if not any(place in it.__module__ for place in elsewhere)}
    assert classical == {type(make()).__name__ for make in MAKERS.values()}


def test_scores_follow_the_protocol(panel, make, fitted):
    model = make(name="mine")
    assert isinstance(model, Recommender) and model.name == "mine"
    model.name = "renamed"
    before = panel.digest
    assert model.fit(panel, AT) is model and model.name == "renamed"
    scores = model.scores(panel, AT)
    assert scores.shape == (panel.n_users, panel.n_items) and scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert (fitted(make).scores(panel, AT) == scores).all(), "two fits differ"
    if isinstance(model, ProbabilisticRecommender):
        p = model.probability(panel, AT)
        assert p.shape == scores.shape and p.dtype == np.float32 and ((p >= 0) & (p <= 1)).all()
    assert panel.digest == before, "the log was changed"
    before = panel.user_item().toarray()
    assert (scores * before).sum() / before.sum() > scores.mean(), "what was bought scores no higher than the rest"


def test_settings_tell_recommenders_and_their_members_apart():
    a, b = (settings_of(Calibrated(ContentBased(VECTORS * scale))) for scale in (1, 2))
    assert a != b and a["inner"]["class"] == "ContentBased"
    a, b = (settings_of(Switching(Popularity(), made)) for made in (UserKNN(name="x"), UserKNN(neighbours=9, name="x")))
    assert a != b and b["long"]["class"] == "UserKNN"


def test_nothing_after_the_day_is_read(panel, make):
    at = AT - np.timedelta64(60, "D")
    assert panel.between(end=at).n_baskets < panel.n_baskets
    past = panel.between(end=at)
    assert (make().fit(panel, at).scores(panel, at) == make().fit(past, at).scores(past, at)).all()


def test_one_user_at_a_time_gets_the_same(panel, make, fitted):
    model = fitted(make)
    together = model.scores(panel, AT)
    for user in (0, 7, 39):
        assert model.scores(panel.of_users([user]), AT)[0] == pytest.approx(together[user], rel=1e-5, abs=1e-9)
    backwards = np.arange(panel.n_users)[::-1]
    assert model.scores(panel.of_users(backwards), AT) == pytest.approx(together[backwards], rel=1e-5, abs=1e-9)


@but("popularity")
def test_a_stranger_is_a_history_like_any_other(panel, make):
    model = make().fit(panel.of_users(np.arange(1, 40)), AT)
    mine = panel.of_users([0])
    renamed = replace(mine, user_ids=np.array(["zz"]))
    assert (model.scores(mine, AT) == model.scores(renamed, AT)).all()
    scores = model.scores(mine, AT)[0]
    assert scores[::2].mean() > scores[1::2].mean(), "even users like even items"


@but(*SILENT)
def test_an_empty_history_is_shown_what_is_popular(panel, make, fitted):
    model = fitted(make)
    nobody = replace(panel.empty(), user_ids=np.array(["new", "u00"]))
    recent = panel.between(AT - np.timedelta64(28, "D"), AT).user_item()
    popularity = (recent > 0).sum(axis=0).A1
    for row in model.scores(nobody, AT):
        assert popularity[row.argmax()] >= 0.8 * popularity.max()
        assert np.corrcoef(row, popularity)[0, 1] > 0.7


def test_nobody_and_no_users_are_scored(panel, make, fitted):
    model = fitted(make)
    scores = model.scores(panel.empty(), AT)
    assert scores.shape == (1, panel.n_items) and scores.dtype == np.float32 and np.isfinite(scores).all()
    no_users = panel.of_users(np.array([], dtype=int))
    assert model.scores(no_users, AT).shape == (0, panel.n_items)
    if isinstance(model, ProbabilisticRecommender):
        assert 0 < model.probability(panel.empty(), AT).mean() < 1
        assert model.probability(no_users, AT).shape == (0, panel.n_items)


@but("personal frequency", "decayed frequency")
def test_nothing_to_learn_from_is_refused(panel, make):
    with pytest.raises(BundlebookError, match="no basket lies before 2020-01-01"):
        make().fit(panel, np.datetime64("2020-01-01"))


@but("popularity", "personal frequency", "decayed frequency")
def test_a_catalogue_of_one_item_is_refused(panel, make):
    with pytest.raises(BundlebookError, match="nothing can be ranked"):
        make().fit(panel.over(panel.items[:1]), AT)


@pytest.mark.parametrize("at", ["tomorrow", "01/06/2021", 20210601, None, np.datetime64("NaT")], ids=str)
def test_what_is_not_a_day_is_refused(panel, make, fitted, at):
    if make is not Popularity:  # its scores are those of the day of the fit
        with pytest.raises(BundlebookError, match="is not a day\n  Remedy: give an ISO date"):
            fitted(make).scores(panel, at)
    if make is not PersonalFrequency:  # it learns nothing
        with pytest.raises(BundlebookError, match=f"'{at}' is not a day"):
            make().fit(panel, at)


def test_an_iso_date_and_a_moment_are_days(panel, make, fitted):
    scores = fitted(make).scores(panel, AT)
    assert (make().fit(panel, "2021-06-01").scores(panel, "2021-06-01") == scores).all()
    assert (fitted(make).scores(panel, np.datetime64("2021-06-01T17:30")) == scores).all()


def test_quantities_that_are_no_number_are_refused(panel, make, fitted):
    units = panel.quantities.copy()
    units.data[:2] = np.nan, np.inf
    broken = replace(panel, quantities=units)
    if make is not Popularity:
        with pytest.raises(BundlebookError, match="2 quantities are not finite numbers"):
            fitted(make).scores(broken, AT)
    if make is not PersonalFrequency:
        with pytest.raises(BundlebookError, match="2 quantities are not finite numbers"):
            make().fit(broken, AT)


def small_shops(panel):
    """Shops that give little to learn from."""
    first = np.unique(panel.user, return_index=True)[1]
    return {
        "one user": panel.of_users([3]),
        "two users": panel.of_users([3, 4]),
        "nobody comes twice": panel.where(np.isin(np.arange(panel.n_baskets), first)),
        "two items": panel.over(panel.items[:2]),
    }


@pytest.mark.parametrize("name", ["one user", "two users", "nobody comes twice", "two items"])
def test_a_small_shop_is_scored_or_refused_in_one_clear_message(panel, make, name):
    shop = small_shops(panel)[name]
    model = make()
    if isinstance(model, ContentBased) and shop.n_items < panel.n_items:
        model = ContentBased(VECTORS[: shop.n_items], method=model.method)
    if isinstance(model, ProbabilisticRecommender) and name == "nobody comes twice":  # so nothing can be replayed
        with pytest.raises(BundlebookError, match="came in the 28 days from then on\n  Remedy: use a longer log"):
            model.fit(shop, AT)
        return
    model.fit(shop, AT)
    for histories in (shop, shop.empty()):
        scores = model.scores(histories, AT)
        assert scores.shape == (histories.n_users, shop.n_items) and np.isfinite(scores).all()


@pytest.mark.parametrize("model", [UserKNN, ItemKNN, UPCF])
def test_work_done_in_blocks_is_the_same(panel, model, monkeypatch):
    whole = model(neighbours=5).fit(panel, AT).scores(panel, AT)
    for module in ("_interest", "neighbours"):
        monkeypatch.setattr(f"bundlebook.recommenders.{module}.CELLS_AT_ONCE", 100)
    assert (model(neighbours=5).fit(panel, AT).scores(panel, AT) == whole).all()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: UserKNN(neighbours=0), "neighbours"),
        (lambda: UserKNN(shrinkage=-1), "shrinkage"),
        (lambda: UserKNN(half_life=0), "half_life"),
        (lambda: ItemKNN(power=2), "power"),
        (lambda: ItemKNN(own_weight=float("nan")), "own_weight"),
        (lambda: ImplicitALS(factors=0), "factors"),
        (lambda: ImplicitALS(l2=0), "l2"),
        (lambda: ImplicitALS(confidence=0), "confidence"),
        (lambda: ImplicitALS(iterations=0), "iterations"),
        (lambda: ContentBased(VECTORS, l2=0), "l2"),
        (lambda: BPR(rate=0), "rate"),
        (lambda: BPR(l2=-1), "l2"),
        (lambda: BPR(epochs=0), "epochs"),
        (lambda: TifuKNN(group_decay=1.1), "group_decay"),
        (lambda: EASE(l2=0), "l2"),
        (lambda: RuleRecommender(max_antecedent=0), "max_antecedent"),
        (lambda: Popularity(days=0), "days"),
        (lambda: Calibrated(Popularity(), min_history=0), "min_history"),
        (lambda: UPCF(recency=0), "recency"),
        (lambda: UPCF(asymmetry=1.5), "asymmetry"),
        (lambda: UPCF(locality=0), "locality"),
        (lambda: TransitionCounts(transition_baskets=-1), "transition_baskets"),
        (lambda: TransitionCounts(recent=0), "recent"),
        (lambda: Switching(Popularity(), PersonalFrequency(), baskets=0), "baskets"),
        (lambda: Stacked([Popularity()], days=0), "days"),
        (lambda: BoostedTrees(cuts=0), "cuts"),
        (lambda: BoostedTrees(keep=0), "keep"),
        (lambda: BoostedTrees(thinning=1.5), "thinning"),
        (lambda: BoostedTrees(rate=0), "rate"),
        (lambda: BoostedTrees(seed=-1), "seed"),
        (lambda: Stacked([Popularity()], negatives=0), "negatives"),
        (lambda: ItemKNN(neighbours=2.5), "neighbours"),
        (lambda: ItemKNN(half_life="90"), "half_life"),
        (lambda: ImplicitALS(seed=-1), "seed"),
        (lambda: BPR(seed=2**32), "seed"),
        (lambda: Calibrated(Popularity(), seed=1.5), "seed"),
        (lambda: Stacked([Popularity()], seed=None), "seed"),
        (lambda: BasketCompleter(seed="1"), "seed"),
        (lambda: InterestMLP(seed=-1), "seed"),
        (lambda: InterestMLP(epochs=1.5), "epochs"),
        (lambda: InterestMLP(rate=0), "rate"),
        (lambda: initial_factors(3, 2, seed=-1), "seed"),
        (lambda: search(Popularity, {"days": (7, 28)}, [None], None, 1, seed=-1), "seed"),
    ],
)
def test_wrong_parameters_are_named(make, name):
    with pytest.raises(BundlebookError, match=rf"{name} must"):
        make()
