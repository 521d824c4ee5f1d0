"""What every classical recommender owes its users: the protocol, no look ahead, strangers, clear errors."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    BPR,
    UPCF,
    ContentBased,
    DecayedFrequency,
    ImplicitALS,
    ItemKNN,
    PersonalFrequency,
    Popularity,
    Recommender,
    Stacked,
    Switching,
    TransitionCounts,
    UserKNN,
    Weighted,
)
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-01")
#: The two tastes of the panel as attributes, and a little of each item's own.
VECTORS = np.column_stack([np.arange(15) % 2 == 0, np.arange(15) % 2 == 1, 0.3 * np.eye(15)]).astype(float)
MAKERS = {
    "user neighbours": UserKNN,
    "item neighbours": ItemKNN,
    "ALS": lambda **k: ImplicitALS(factors=2, l2=0.5, **k),
    "BPR": lambda **k: BPR(factors=4, **k),
    "UP-CF": UPCF,
    "transitions": TransitionCounts,
    "content, ridge": lambda **k: ContentBased(VECTORS, **k),
    "content, cosine": lambda **k: ContentBased(VECTORS, method="cosine", **k),
    "weighted": lambda **k: Weighted([UserKNN(), ItemKNN()], **k),
    "switching": lambda **k: Switching(Popularity(), DecayedFrequency(), baskets=3, **k),
    "stacked": lambda **k: Stacked([UserKNN(), DecayedFrequency()], min_history=1, **k),
}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS.keys())
def make(request):
    return request.param


def test_scores_follow_the_protocol(panel, make):
    model = make(name="mine")
    assert isinstance(model, Recommender) and model.name == "mine"
    assert model.fit(panel, AT) is model
    scores = model.scores(panel, AT)
    assert scores.shape == (panel.n_users, panel.n_items) and scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert (make().fit(panel, AT).scores(panel, AT) == scores).all(), "two fits differ"
    before = panel.user_item().toarray()
    assert (scores * before).sum() / before.sum() > scores.mean(), "what was bought scores no higher than the rest"


def test_nothing_after_the_day_is_read(panel, make):
    at = AT - np.timedelta64(60, "D")
    assert panel.between(end=at).n_baskets < panel.n_baskets
    past = panel.between(end=at)
    assert (make().fit(panel, at).scores(panel, at) == make().fit(past, at).scores(past, at)).all()


def test_one_user_at_a_time_gets_the_same(panel, make):
    model = make().fit(panel, AT)
    together = model.scores(panel, AT)
    for user in (0, 7, 39):
        assert model.scores(panel.of_users([user]), AT)[0] == pytest.approx(together[user], rel=1e-5, abs=1e-9)


def test_a_stranger_is_a_history_like_any_other(panel, make):
    model = make().fit(panel.of_users(np.arange(1, 40)), AT)
    mine = panel.of_users([0])
    renamed = Baskets(mine.quantities, mine.user, mine.day, np.array(["zz"]), mine.items)
    assert (model.scores(mine, AT) == model.scores(renamed, AT)).all()
    scores = model.scores(mine, AT)[0]
    assert scores[::2].mean() > scores[1::2].mean(), "even users like even items"


def test_an_empty_history_is_shown_what_is_popular(panel, make):
    model = make().fit(panel, AT)
    nobody = Baskets(panel.quantities[:0], panel.user[:0], panel.day[:0], np.array(["new", "u00"]), panel.items)
    recent = panel.between(AT - np.timedelta64(28, "D"), AT).user_item()
    popularity = (recent > 0).sum(axis=0).A1
    for row in model.scores(nobody, AT):
        assert popularity[row.argmax()] >= 0.8 * popularity.max()
        assert np.corrcoef(row, popularity)[0, 1] > 0.7
    assert model.scores(panel.of_users(np.array([], dtype=int)), AT).shape == (0, panel.n_items)


def test_nothing_to_learn_from_is_refused(panel, make):
    with pytest.raises(BundlebookError, match="no basket lies before 2020-01-01"):
        make().fit(panel, np.datetime64("2020-01-01"))
    with pytest.raises(BundlebookError, match="nothing can be ranked"):
        make().fit(panel.over(panel.items[:1]), AT)


@pytest.mark.parametrize("model", [UserKNN, ItemKNN, UPCF])
def test_work_done_in_blocks_is_the_same(panel, model, monkeypatch):
    whole = model(neighbours=5).fit(panel, AT).scores(panel, AT)
    monkeypatch.setattr("bundlebook.recommenders._interest._CELLS_AT_ONCE", 100)
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
        (lambda: UPCF(recency=0), "recency"),
        (lambda: UPCF(asymmetry=1.5), "asymmetry"),
        (lambda: UPCF(locality=0), "locality"),
        (lambda: TransitionCounts(transition_baskets=-1), "transition_baskets"),
        (lambda: TransitionCounts(recent=0), "recent"),
        (lambda: Switching(Popularity(), PersonalFrequency(), baskets=0), "baskets"),
        (lambda: Stacked([Popularity()], days=0), "days"),
        (lambda: Stacked([Popularity()], negatives=0), "negatives"),
    ],
)
def test_wrong_parameters_are_named(make, name):
    with pytest.raises(BundlebookError, match=rf"{name} must"):
        make()
