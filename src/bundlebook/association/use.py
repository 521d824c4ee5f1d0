"""Rules at work: what goes with these items, and why."""

from collections.abc import Iterable

import pandas as pd

from bundlebook.errors import BundlebookError


def rules_for(basket: Iterable[str], rules: pd.DataFrame, top: int = 5, by: str = "confidence") -> pd.DataFrame:
    """Answer "what goes with these items?", each answer with the rule behind it.

    Parameters
    ----------
    basket : iterable of str
        Items at hand; order and duplicates do not matter, unknown ones are ignored.
    rules : DataFrame
        Of :func:`~bundlebook.association.rules.association_rules`. A rule speaks if its antecedent lies in the basket
        and its consequent is a single item outside it.
    top : int
        Most answers.
    by : str
        Column that ranks the rules, larger first.

    Returns
    -------
    DataFrame
        One row an item: ``item``, the value of *by*, ``because`` (the antecedent of the best rule), ``reason`` (a
        sentence), ``confidence``, ``lift`` and ``count``. Ties go to the larger count, then to the shorter antecedent,
        then to labels. Empty if no rule speaks.

    Examples
    --------
    >>> from bundlebook.association import association_rules, frequent_itemsets
    >>> rules = association_rules(frequent_itemsets([["milk", "tea"], ["milk"], ["milk", "tea"]], 0.5))
    >>> rules_for(["tea"], rules)["reason"].item()
    '2 of 2 baskets with tea also hold milk (100 %), 1.0 times the share among all baskets.'
    """
    if isinstance(basket, str):
        raise BundlebookError(f"the basket is the text {basket!r}", remedy="give a list of items")
    if by not in rules:
        raise BundlebookError(f"the rules have no column {by!r}", where="by")
    held = set(basket)
    speaks = [
        len(consequent) == 1 and consequent[0] not in held and held.issuperset(antecedent)
        for antecedent, consequent in zip(rules["antecedent"], rules["consequent"], strict=True)
    ]
    found = rules[speaks]
    keyed = found.assign(item=found["consequent"].str[0], _size=found["antecedent"].map(len))
    ranked = keyed.sort_values(
        [by, "count", "_size", "antecedent", "item"], ascending=[False, False, True, True, True], kind="stable"
    )
    best = ranked.drop_duplicates("item").head(top).reset_index(drop=True)
    values = (best[name] for name in ("count", "antecedent_count", "antecedent", "item", "confidence", "lift"))
    reasons = [
        f"{count:,} of {total:,} baskets with {' and '.join(antecedent)} also hold {item} "
        f"({100 * confidence:.0f} %), {lift:.1f} times the share among all baskets."
        for count, total, antecedent, item, confidence, lift in zip(*values, strict=True)
    ]
    columns = list(dict.fromkeys(["item", by, "because", "reason", "confidence", "lift", "count"]))
    return best.assign(because=best["antecedent"], reason=pd.Series(reasons, dtype=object))[columns]
