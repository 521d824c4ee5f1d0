"""Slow and obviously right: what the fast code is compared with."""

from itertools import combinations


def itemsets(baskets: list[set[str]], min_count: int, max_len: int | None = None) -> dict[tuple[str, ...], int]:
    """Every itemset in at least *min_count* baskets, by looking at every subset of the items."""
    items = sorted(set().union(*baskets))
    found = {}
    for k in range(1, (max_len or len(items)) + 1):
        for itemset in combinations(items, k):
            count = sum(basket.issuperset(itemset) for basket in baskets)
            if count >= min_count:
                found[itemset] = count
    return found


def rules(found: dict[tuple[str, ...], int]) -> dict[tuple[tuple[str, ...], tuple[str, ...]], int]:
    """Every split of every itemset in two, with the count of the whole."""
    split = {}
    for itemset, count in found.items():
        for size in range(1, len(itemset)):
            for antecedent in combinations(itemset, size):
                split[antecedent, tuple(item for item in itemset if item not in antecedent)] = count
    return split
