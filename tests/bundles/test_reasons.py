"""The reason on a bundle is one without which the bundle would not be there; a false one is never shown."""

from dataclasses import replace

import numpy as np
import pytest

from bundlebook import bundles
from bundlebook.bundles import recommend
from bundlebook.bundles.reasons import Reason, never_bought, possible_reasons, weakened
from bundlebook.errors import BundlebookError


def told(bundle) -> list[str]:
    return [text for text in bundle.reasons if "you save" not in text]


def test_without_the_purchases_that_a_reason_names_the_bundle_is_not_shown(fitted, task):
    """Taken out here by other means than the recommender's own."""
    tested = 0
    for user in range(0, task.histories.n_users, 12):
        history = task.histories.of_users([user])
        for bundle in fitted.recommend(history):
            named = [place for place, name in enumerate(fitted.names_) if any(name in text for text in told(bundle))]
            named = [place for place in named if fitted.items_[place] in bundle.items]
            if not told(bundle)[0].startswith(("You buy", "You have bought")):
                continue
            table = history.quantities.toarray()
            said = [p for p in named if "would be new" not in told(bundle)[0] or table[:, p].any()]
            table[:, said] = 0
            less = replace(history, quantities=type(history.quantities)(table)).where(table.any(axis=1))
            left = fitted.recommend(less) if less.n_baskets else fitted.recommend(None)
            assert frozenset(bundle.items) not in {frozenset(other.items) for other in left}, told(bundle)
            tested += 1
    assert tested > 30


def test_a_false_reason_is_passed_over_and_where_all_are_false_none_is_shown(fitted, task, monkeypatch):
    history = task.histories.of_users([3])
    page = fitted.recommend(history)
    shown = {place for bundle in page for place in np.flatnonzero(np.isin(fitted.items_, bundle.items))}
    rare = next(
        int(item)
        for item in np.unique(history.quantities.indices)
        if item not in shown
        and [b.items for b in fitted.recommend(never_bought(history, [(int(item),)]))] == [b.items for b in page]
    )
    false = Reason("You are shown this because of the moon.", bought=(rare,))
    monkeypatch.setattr(recommend, "possible_reasons", lambda *given: [false, *possible_reasons(*given)])
    assert [told(bundle) for bundle in fitted.recommend(history)] == [told(bundle) for bundle in page]
    monkeypatch.setattr(recommend, "possible_reasons", lambda *given: [false])
    bare = fitted.recommend(history)
    assert [bundle.items for bundle in bare] == [bundle.items for bundle in page]
    assert all(told(bundle) == [] for bundle in bare)


def test_nearly_every_bundle_has_a_reason_and_a_random_purchase_is_none(fitted, task):
    rng, some, moved, total = np.random.default_rng(0), 0, 0, 0
    for user in range(0, task.histories.n_users, 10):
        history = task.histories.of_users([user])
        page = fitted.recommend(history)
        drawn = int(rng.choice(np.unique(history.quantities.indices)))
        left = {frozenset(bundle.items) for bundle in fitted.recommend(never_bought(history, [(drawn,)]))}
        total += len(page)
        some += sum(bool(told(bundle)) for bundle in page)
        moved += sum(frozenset(bundle.items) not in left for bundle in page)
    assert some / total >= 0.95
    assert moved / total <= 0.35  # of some ten items that a user of this small shop buys, two are in a bundle


def test_a_bond_is_a_reason_only_where_the_page_would_be_another_without_it(fitted, task):
    """The probabilities of the sets that hold both items become those of strangers; all others stay."""
    history = task.histories.of_users([5])
    sets = fitted.candidates(history)
    pair = next(row for row in range(len(sets)) if sets.size[row] == 2)
    i, j = sets.ids(pair)
    less = weakened(sets, Reason("", bond=(i, j)), fitted.together_.psi, None)
    assert less.raw[pair] == pytest.approx(sets.p[i] * sets.p[j])
    both = (sets.members == i).any(axis=1) & (sets.members == j).any(axis=1)
    assert (less.raw[~both] == sets.raw[~both]).all() and both.sum() > 1
    bonds = fitted.together_.psi[i, j]
    assert ((less.raw[both] < sets.raw[both]) == (bonds > 1)).all()
    again = weakened(sets, Reason("", common=i), fitted.together_.psi, fitted.calibration_)
    holds = (sets.members == i).any(axis=1)
    assert again.p[i] == np.median(sets.p[np.unique(sets.members[sets.members >= 0])])
    assert again.raw[~holds] == pytest.approx(sets.raw[~holds]) and sets.p[i] != again.p[i]


def test_an_item_of_the_basket_is_tested_by_taking_it_out_of_the_basket(fitted):
    cart = ("cat food", "green tea")
    for bundle in fitted.recommend(None, kind="matching", basket=cart):
        for text in told(bundle):
            for item in cart:
                if item in text.replace("(", " ") and item not in bundle.items:
                    other = tuple(one for one in cart if one != item)
                    left = fitted.recommend(None, kind="matching", basket=other)
                    assert bundle.items not in [one.items for one in left]
    assert fitted.recommend(None, kind="matching", basket=("cat food",)), "the only item of a basket may be the reason"


def test_no_reason_has_more_than_25_words(fitted, task, shop):
    long = np.array(
        [f"the {name} with a name of very many words that nobody would ever read" for name in fitted.names_]
    )
    for user in range(0, task.histories.n_users, 60):
        history = task.histories.of_users([user])
        sets = fitted.candidates(history)
        for names in (fitted.names_, long):
            for person in (history, None):
                for row in range(0, len(sets), 7):
                    found = possible_reasons(sets, row, fitted.links_, person, names=names)
                    assert all(2 < len(reason.text.split()) <= 25 for reason in found)


def test_a_reason_names_one_thing_and_bonds_come_after_habits(fitted, task):
    history = task.histories.of_users([5])
    sets = fitted.candidates(history)
    for row in range(len(sets)):
        found = possible_reasons(sets, row, fitted.links_, history)
        for reason in found:
            given = [reason.bought, reason.held is not None, reason.bond, reason.common is not None]
            assert sum(map(bool, given)) == 1
        habits = [bool(reason.bought) for reason in found]
        assert habits == sorted(habits, reverse=True)
    stranger = possible_reasons(sets, 0, fitted.links_, None)
    assert stranger[0].common in sets.ids(0)


def test_what_was_never_bought_is_gone_and_baskets_of_nothing_else_too(task):
    history = task.histories.of_users([5])
    item = int(history.quantities.indices[0])
    left = never_bought(history, [(item,)])
    assert item not in left.quantities.indices and item in history.quantities.indices
    only = (history.quantities > 0).sum(axis=1).A1 == 1
    gone = only & (history.quantities[:, [item]].toarray().ravel() > 0)
    assert left.n_baskets == history.n_baskets - gone.sum()
    nothing = never_bought(history, [tuple(np.unique(history.quantities.indices).tolist())])
    assert not nothing.n_baskets and nothing.n_users == 1


def test_a_bundle_takes_no_sentence_that_was_not_tested(fitted, task):
    sets = fitted.candidates(task.histories.of_users([5]))
    priced = fitted.price(sets)
    goal = bundles.objective(priced, fitted.category_)
    said = bundles.explain(priced, 0, fitted.links_, lambda reason: set(), task.histories.of_users([5]))
    assert said and bundles.Bundle.of(priced, 0, goal, said).reasons == said
    with pytest.raises(BundlebookError, match="You are shown this because of the moon"):
        bundles.Bundle.of(priced, 0, goal, ("You are shown this because of the moon.",))
