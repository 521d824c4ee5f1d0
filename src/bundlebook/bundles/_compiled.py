"""What a page costs most: counting pairs, fitting tables, growing sets, searching pages; compiled by numba.

Imported when first used, for numba costs half a second.
"""

import numpy as np
from numba import njit

#: Probabilities are kept this far from 0 and 1, where the odds are still numbers.
EDGE = 1e-6
#: Tables that are fitted side by side, so that the processor adds and multiplies them at once.
_LANES = 8
_MOST_STEPS, _MOVED = 200, 1e-6


@njit(cache=True)
def count_pairs(first_pair, item, bought, n_periods, together, agree, differ):
    """Add every user's 2×2 tables to the upper triangles of three matrices, in place.

    Parameters
    ----------
    first_pair : ndarray of int64, shape (n_users + 1,)
    item : ndarray of int32, shape (n_pairs,)
        Ascending within a user.
    bought : ndarray of bool, shape (n_pairs, n_all_periods)
    n_periods : ndarray of int64, shape (n_users,)
        Periods in which the user shopped.
    together : ndarray of int64, agree, differ : ndarray of float64, all of shape (n_items, n_items)
        Cell a; a·d/T and b·c/T, each summed over users.
    """
    for user in range(len(n_periods)):
        start, stop, total = first_pair[user], first_pair[user + 1], n_periods[user]
        if total == 0:
            continue
        times = np.array([bought[pair].sum() for pair in range(start, stop)])
        for i in range(start, stop):
            n_i = times[i - start]
            for j in range(i + 1, stop):
                n_j, both = times[j - start], 0
                for t in range(bought.shape[1]):
                    both += bought[i, t] & bought[j, t]
                together[item[i], item[j]] += both
                agree[item[i], item[j]] += both * (total - n_i - n_j + both) / total
                differ[item[i], item[j]] += (n_i - both) * (n_j - both) / total


@njit(cache=True)
def fit_pairs(p, both):
    """P(all bought) of a log-linear model without interactions of three that keeps P(both) of each pair.

    By iterative proportional fitting: the cells are scaled to the four probabilities of each pair in turn.

    Parameters
    ----------
    p : ndarray of float64, shape (n_sets, k)
        Strictly between 0 and 1.
    both : ndarray of float64, shape (n_sets, k, k)
        P(both) of each pair.

    Returns
    -------
    ndarray of float64, shape (n_sets,)
    """
    n, k = p.shape
    cells = 1 << k
    out, cell = np.empty(n), np.empty(cells)
    wanted, factor = np.empty(4), np.empty(4)
    for s in range(n):
        for c in range(cells):  # bit i of c says whether item i is bought
            cell[c] = 1.0
            for i in range(k):
                cell[c] *= p[s, i] if (c >> i) & 1 else 1 - p[s, i]
        for _ in range(_MOST_STEPS):
            moved = 0.0
            for i in range(k):
                for j in range(i + 1, k):
                    wanted[3] = both[s, i, j]
                    wanted[1], wanted[2] = p[s, i] - wanted[3], p[s, j] - wanted[3]
                    wanted[0] = max(0.0, 1 - wanted[1] - wanted[2] - wanted[3])
                    factor[:] = 0.0
                    for c in range(cells):
                        factor[((c >> i) & 1) + 2 * ((c >> j) & 1)] += cell[c]
                    for q in range(4):
                        factor[q] = wanted[q] / factor[q] if factor[q] > 0 else 1.0
                        if wanted[q] > 0:
                            moved = max(moved, abs(factor[q] - 1))
                    for c in range(cells):
                        cell[c] *= factor[((c >> i) & 1) + 2 * ((c >> j) & 1)]
            if moved < _MOVED:
                break
        out[s] = cell[cells - 1]
    return out


@njit(cache=True)
def _fit_lanes(p, psi, k, cell, factor, out):
    """Fit :data:`_LANES` tables of k items to p of each item, which keeps psi; each ends where it would end alone."""
    cells = 1 << k
    for c in range(cells):
        for lane in range(_LANES):
            cell[c, lane] = 1.0
        for i in range(k):
            if (c >> i) & 1:
                for lane in range(_LANES):
                    cell[c, lane] *= p[i, lane]
                for j in range(i + 1, k):
                    if (c >> j) & 1:
                        for lane in range(_LANES):
                            cell[c, lane] *= psi[i, j, lane]
            else:
                for lane in range(_LANES):
                    cell[c, lane] *= 1 - p[i, lane]
    moved, done = np.empty(_LANES), np.zeros(_LANES, dtype=np.bool_)
    for _ in range(_MOST_STEPS):
        moved[:] = 0.0
        for i in range(k):
            factor[:] = 0.0
            for c in range(cells):
                bit = (c >> i) & 1
                for lane in range(_LANES):
                    factor[bit, lane] += cell[c, lane]
            for lane in range(_LANES):
                zero, one = factor[0, lane], factor[1, lane]
                zero = (1 - p[i, lane]) / zero if zero > 0 else 1.0
                one = p[i, lane] / one if one > 0 else 1.0
                moved[lane] = max(moved[lane], abs(zero - 1), abs(one - 1))
                factor[0, lane], factor[1, lane] = zero, one
            for c in range(cells):
                bit = (c >> i) & 1
                for lane in range(_LANES):
                    cell[c, lane] *= factor[bit, lane]
        left = 0
        for lane in range(_LANES):
            if not done[lane]:
                out[lane] = cell[cells - 1, lane]
                done[lane] = moved[lane] < _MOVED
                left += not done[lane]
        if not left:
            break


@njit(cache=True)
def fit_items(p, psi):
    """P(all bought) of a log-linear model without interactions of three that keeps P of each item and psi.

    By iterative proportional fitting: the cells are scaled to p of each item in turn.

    Parameters
    ----------
    p : ndarray of float64, shape (n_sets, k)
        Strictly between 0 and 1.
    psi : ndarray of float64, shape (n_sets, k, k)
        Odds ratio of each pair given the other items.

    Returns
    -------
    ndarray of float64, shape (n_sets,)
    """
    n, k = p.shape
    out, found = np.empty(n), np.empty(_LANES)
    cell, factor = np.empty((1 << k, _LANES)), np.empty((2, _LANES))
    some_p, some_psi = np.empty((k, _LANES)), np.empty((k, k, _LANES))
    for start in range(0, n, _LANES):
        for lane in range(_LANES):
            s = min(start + lane, n - 1)
            for i in range(k):
                some_p[i, lane] = p[s, i]
                for j in range(i + 1, k):
                    some_psi[i, j, lane] = psi[s, i, j]
        _fit_lanes(some_p, some_psi, k, cell, factor, found)
        for lane in range(min(_LANES, n - start)):
            out[start + lane] = found[lane]
    return out


@njit(cache=True)
def _fit_sets(sets, n, k, p, psi, out):
    """The same for sets of item numbers; False where an odds ratio is not above 0."""
    found = np.empty(_LANES)
    cell, factor = np.empty((1 << k, _LANES)), np.empty((2, _LANES))
    some_p, some_psi = np.empty((k, _LANES)), np.empty((k, k, _LANES))
    good = True
    for start in range(0, n, _LANES):
        for lane in range(_LANES):
            s = min(start + lane, n - 1)
            for i in range(k):
                some_p[i, lane] = min(max(p[sets[s, i]], EDGE), 1 - EDGE)
                for j in range(i + 1, k):
                    some_psi[i, j, lane] = psi[sets[s, i], sets[s, j]]
                    good &= some_psi[i, j, lane] > 0
        _fit_lanes(some_p, some_psi, k, cell, factor, found)
        for lane in range(min(_LANES, n - start)):
            s = start + lane
            least = p[sets[s, 0]]
            for i in range(1, k):
                least = min(least, p[sets[s, i]])
            out[s] = min(max(found[lane], 0.0), least) if least != 0 else 0.0
    return good


@njit(cache=True)
def _before(one, other, k):
    """Whether a set stands before another, compared item by item."""
    for place in range(k):
        if one[place] != other[place]:
            return one[place] < other[place]
    return False


@njit(cache=True)
def _smallest(keys, sets, n, k, most, skipped, rows):
    """Write the rows of the smallest keys, in order, sets deciding between equal keys; return how many."""
    count = 0
    for row in range(n):
        if skipped[row]:
            continue
        if count == most:
            if most == 0 or keys[row] > keys[rows[count - 1]]:
                continue
            if keys[row] == keys[rows[count - 1]] and not _before(sets[row], sets[rows[count - 1]], k):
                continue
            place = count - 1
        else:
            place = count
            count += 1
        while place > 0:
            other = rows[place - 1]
            if keys[other] < keys[row] or (keys[other] == keys[row] and not _before(sets[row], sets[other], k)):
                break
            rows[place] = other
            place -= 1
        rows[place] = row
    return count


@njit(cache=True)
def _likely(p, allowed, most):
    """The most likely allowed items, the first of equal ones first."""
    rows, count = np.empty(most, dtype=np.int64), 0
    for item in range(len(p)):
        if not allowed[item] or (count == most and (most == 0 or p[item] <= p[rows[count - 1]])):
            continue
        if count < most:
            count += 1
        place = count - 1
        while place > 0 and p[rows[place - 1]] < p[item]:
            rows[place] = rows[place - 1]
            place -= 1
        rows[place] = item
    return rows[:count]


@njit(cache=True)
def _passed(one, k, category, per_category, unit_price, low, high, new, least_new):
    if per_category < k:
        for i in range(k):
            same = 0
            for j in range(k):
                same += category[one[i]] == category[one[j]]
            if same > per_category:
                return False
    if len(unit_price):
        total = 0.0
        for i in range(k):
            total += unit_price[one[i]]
        if not (low <= total <= high):
            return False
    if least_new > 0:
        many = 0
        for i in range(k):
            many += new[one[i]]
        if many < least_new:
            return False
    return True


@njit(cache=True)
def _with(one, size, added, row):
    """Write a set with one item more, in order; False if it holds the item already."""
    place = size
    while place > 0 and one[place - 1] > added:
        row[place] = one[place - 1]
        place -= 1
    if place > 0 and one[place - 1] == added:
        return False
    row[place] = added
    for left in range(place):
        row[left] = one[left]
    return True


@njit(cache=True)
def _is_new(sets, n, k, table):
    """Whether the set in row n is in none of the rows before it; if so, note it in the table of hashes."""
    last = len(table) - 1
    place = 0
    for i in range(k):
        place = place * 1000003 + sets[n, i]
    place = (place ^ (place >> 17)) & last
    while table[place] >= 0:
        other, equal = table[place], True
        for i in range(k):
            equal &= sets[other, i] == sets[n, i]
        if equal:
            return False
        place = (place + 1) & last
    table[place] = n
    return True


@njit(cache=True)
def grow_sets(
    p, psi, partners, source, allowed, category, per_category, unit_price, low, high, new, least_new,
    held, must, likely, width, largest, target,
):  # fmt: skip
    """Grow sets for one customer, see :func:`~bundlebook.bundles.generate.candidates`.

    Parameters
    ----------
    p : ndarray of float64, shape (n_items,)
    psi : ndarray of float64, shape (n_items, n_items)
    partners : ndarray of int32, shape (n_items, most)
    source : ndarray of uint8, shape (n_items, n_items)
    allowed : ndarray of bool, shape (n_items,)
    category, per_category, unit_price, low, high, new, least_new
        Of :class:`~bundlebook.bundles.generate.Filters`; `unit_price` is empty where no band is asked for, `new` where
        no new items are.
    held : ndarray of int64
        Items in the basket.
    must : int
        The item that every set must hold, or −1.
    likely, width, largest : int
    target : ndarray of int64, shape (any,)
        A set, its items ascending: where it cannot be grown any more, nothing is. Empty for none.

    Returns
    -------
    members, size, raw, independent, source : ndarray
        Of :class:`~bundlebook.bundles.generate.Candidates`.
    told : int
        0; 1 if the target is not among the sets; 2 if an odds ratio is not above 0.
    """
    n_items, most = len(p), partners.shape[1]
    is_anchor = np.zeros(n_items, dtype=np.bool_)
    for turn in range(2 if least_new > 0 else 1):
        chosen = allowed & new if turn else allowed
        for item in _likely(p, chosen, likely):
            is_anchor[item] = True
        for item in held:
            for partner in partners[item]:
                if partner >= 0 and chosen[partner]:
                    is_anchor[partner] = True
    if must >= 0:
        is_anchor[must] = True
    anchors = np.flatnonzero(is_anchor)
    n_anchors = len(anchors)

    members = np.full(((largest - 1) * width, 5), -1, dtype=np.int32)
    size = np.empty(len(members), dtype=np.int64)
    raw, independent = np.empty(len(members)), np.empty(len(members))
    told_by = np.zeros(len(members), dtype=np.uint8)
    total, grown, n_grown = 0, np.empty((0, 5), dtype=np.int64), 0
    for k in range(2, largest + 1):
        room = n_anchors * (n_anchors + most) if k == 2 else n_grown * (n_anchors + 3 * (k - 1))
        sets, n = np.empty((room + 1, 5), dtype=np.int64), 0
        slots = 16
        while slots < 2 * room:
            slots *= 2
        table = np.full(slots, -1, dtype=np.int64)
        for first in range(n_anchors if k == 2 else n_grown):
            added_from = n_anchors + (most if k == 2 else 3 * (k - 1))
            for number in range(first + 1 if k == 2 else 0, added_from):
                if number < n_anchors:
                    added = anchors[number]
                elif k == 2:
                    added = np.int64(partners[anchors[first], number - n_anchors])
                else:
                    place = number - n_anchors
                    if place % 3 >= most:
                        continue
                    added = np.int64(partners[grown[first, place // 3], place % 3])
                if added < 0 or not allowed[added] or (k == 2 and not allowed[anchors[first]]):
                    continue
                one = anchors[first : first + 1] if k == 2 else grown[first]
                if not _with(one, k - 1, added, sets[n]):
                    continue
                if k == 2 and must >= 0 and sets[n, 0] != must and sets[n, 1] != must:
                    continue
                if not _passed(sets[n], k, category, per_category, unit_price, low, high, new, least_new):
                    continue
                n += _is_new(sets, n, k, table)
        if not n:
            break
        joint, excess = np.empty(n), np.empty(n)
        if not _fit_sets(sets, n, k, p, psi, joint):
            return members[:0], size[:0], raw[:0], independent[:0], told_by[:0], 2
        for row in range(n):
            product = p[sets[row, 0]]
            for i in range(1, k):
                product *= p[sets[row, i]]
            excess[row] = product - joint[row]
            joint[row] = -joint[row]
        skipped, rows = np.zeros(n, dtype=np.bool_), np.empty(width, dtype=np.int64)
        by_joint = _smallest(joint, sets, n, k, width - width // 2, skipped, rows)
        for row in rows[:by_joint]:
            skipped[row] = True
        by_excess = _smallest(excess, sets, n, k, width // 2, skipped, rows[by_joint:])
        kept = rows[: by_joint + by_excess].copy()
        chosen = np.ones(n, dtype=np.bool_)
        for row in kept:
            chosen[row] = False
        n_grown = _smallest(joint, sets, n, k, len(kept), chosen, kept)
        grown = np.empty((n_grown, 5), dtype=np.int64)
        for place in range(n_grown):
            row = kept[place]
            grown[place] = sets[row]
            size[total], raw[total] = k, -joint[row]
            product = p[sets[row, 0]]
            for i in range(1, k):
                product *= p[sets[row, i]]
            independent[total] = product
            bits, anchored = np.uint8(0), 0
            for i in range(k):
                anchored += is_anchor[sets[row, i]]
                for j in range(k):
                    bits |= source[sets[row, i], sets[row, j]]
            told_by[total] = bits | np.uint8(anchored >= 2)
            for i in range(k):  # the more likely first
                item, at = sets[row, i], i
                while at > 0 and p[members[total, at - 1]] < p[item]:
                    members[total, at] = members[total, at - 1]
                    at -= 1
                members[total, at] = item
            total += 1
        if len(target) >= k:
            left = False
            for place in range(n_grown):
                inside = True
                for i in range(k):
                    found = False
                    for item in target:
                        found |= item == grown[place, i]
                    inside &= found
                left |= inside
            if not left:
                return members[:0], size[:0], raw[:0], independent[:0], told_by[:0], 1
    return members[:total], size[:total], raw[:total], independent[:total], told_by[:total], 0


@njit(cache=True)
def cheapest_of_each(order, same, single):
    """Which rows add more than all rows of the same set that stand before them in the order, shape (n_sets,), bool."""
    best, kept = np.full(len(same), -np.inf), np.zeros(len(same), dtype=np.bool_)
    for row in order:
        if single[row] > best[same[row]]:
            best[same[row]] = single[row]
            kept[row] = True
    return kept


@njit(cache=True)
def _worse(value, index, one, other):
    return value[one] < value[other] or (value[one] == value[other] and index[one] > index[other])


@njit(cache=True)
def _replace_worst(value, index, count):
    """Let the first of a heap whose first is the worst sink to its place."""
    place = 0
    while True:
        worst = place
        for child in (2 * place + 1, 2 * place + 2):
            if child < count and _worse(value, index, child, worst):
                worst = child
        if worst == place:
            return
        value[place], value[worst] = value[worst], value[place]
        index[place], index[worst] = index[worst], index[place]
        place = worst


@njit(cache=True)
def beam(
    single, holds, item_value, touches, category_value, same, spent, own, need_own, k, per_item, budget, width
):  # fmt: skip
    """Search a page by beam, see :func:`~bundlebook.bundles.page.choose`.

    Parameters
    ----------
    single, holds, item_value, touches, category_value, same
        Of :class:`~bundlebook.bundles.page.Objective`.
    spent : ndarray of float64, shape (n_sets,)
    own : ndarray of bool, shape (n_sets,)
    need_own : bool
    k, per_item, width : int
    budget : float

    Returns
    -------
    rows : ndarray of int64
    found : bool
        Whether any page keeps to the limits.
    """
    n, n_items = holds.shape
    n_categories = touches.shape[1]
    item, category = np.empty((n, n_items), dtype=np.int64), np.empty((n, n_categories), dtype=np.int64)
    items, categories = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for row in range(n):
        for column in range(n_items):
            if holds[row, column]:
                item[row, items[row]] = column
                items[row] += 1
        for column in range(n_categories):
            if touches[row, column]:
                category[row, categories[row]] = column
                categories[row] += 1
    rows, value = np.empty((1, k), dtype=np.int64), np.zeros(1)
    times, touched = np.zeros((1, n_items), dtype=np.int64), np.zeros((1, n_categories), dtype=np.bool_)
    money, has_own = np.zeros(1), np.full(1, not need_own)
    best, best_value, found = np.empty(0, dtype=np.int64), 0.0 if not need_own else -np.inf, not need_own
    for place in range(k):
        # A page of j sets is reached in j orders, so look at j times as many before dropping the repeated ones.
        most = 1 if place == k - 1 else (place + 1) * width
        top, index, count = np.empty(most), np.empty(most, dtype=np.int64), 0
        for page in range(len(value)):
            for row in range(n):
                if not money[page] + spent[row] <= budget:
                    continue
                if place == k - 1 and not (has_own[page] or own[row]):
                    continue
                fits = True
                for at in range(items[row]):
                    if times[page, item[row, at]] >= per_item:
                        fits = False
                        break
                for at in range(place):
                    if same[rows[page, at]] == same[row]:
                        fits = False
                        break
                if not fits:
                    continue
                new_items, new_categories = 0.0, 0.0
                for at in range(items[row]):
                    if times[page, item[row, at]] == 0:
                        new_items += item_value[item[row, at]]
                for at in range(categories[row]):
                    if not touched[page, category[row, at]]:
                        new_categories += category_value
                total = value[page] + (single[row] + new_items + new_categories)
                if not total > -np.inf:
                    continue
                if count < most:  # a heap grows: the worst rises to the first place
                    at = count
                    top[at], index[at] = total, page * n + row
                    count += 1
                    while at > 0 and _worse(top, index, at, (at - 1) // 2):
                        up = (at - 1) // 2
                        top[at], top[up] = top[up], top[at]
                        index[at], index[up] = index[up], index[at]
                        at = up
                elif total > top[0]:
                    top[0], index[0] = total, page * n + row
                    _replace_worst(top, index, count)
        by_index = np.argsort(index[:count])
        order = by_index[np.argsort(-top[:count][by_index], kind="mergesort")]
        grown, sums, many = np.empty((width, k), dtype=np.int64), np.empty(width), 0
        pages, added = np.empty(width, dtype=np.int64), np.empty(width, dtype=np.int64)
        line = np.empty(k, dtype=np.int64)
        for at in order:
            if many == width:
                break
            page, row = index[at] // n, index[at] % n
            _with(rows[page], place, row, line)
            repeated = False
            for other in range(many):
                equal = True
                for spot in range(place + 1):
                    equal &= grown[other, spot] == line[spot]
                if equal:
                    repeated = True
                    break
            if repeated:
                continue
            grown[many, : place + 1] = line[: place + 1]
            sums[many], pages[many], added[many] = top[at], page, row
            many += 1
        if not many:
            break
        new_times, new_touched = np.empty((many, n_items), dtype=np.int64), np.empty((many, n_categories), np.bool_)
        new_money, new_own = np.empty(many), np.empty(many, dtype=np.bool_)
        for at in range(many):
            page, row = pages[at], added[at]
            new_times[at], new_touched[at] = times[page], touched[page]
            for spot in range(items[row]):
                new_times[at, item[row, spot]] += 1
            for spot in range(categories[row]):
                new_touched[at, category[row, spot]] = True
            new_money[at], new_own[at] = money[page] + spent[row], has_own[page] or own[row]
        rows, value, times, touched = grown[:many], sums[:many], new_times, new_touched
        money, has_own = new_money, new_own
        for at in range(many):  # pages stand in the order of their values
            if has_own[at]:
                if value[at] > best_value:
                    best, best_value, found = rows[at, : place + 1].copy(), value[at], True
                break
    return best, found
