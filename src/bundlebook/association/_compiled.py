"""The loops that numba compiles: mining, counting, shuffling and null models. Imported only when one of them runs.

:func:`search` is Eclat (Zaki, 2000), which keeps for every itemset the set of baskets that hold it and intersects.
Three choices make it fast and small:

* Pairs are counted from the rows: for each item *r*, rarest first, the baskets of *r* are walked once and everything
  behind *r* in them is counted (as LCM does, Uno et al. 2004). That costs half the sum of squared basket sizes.
* Only items frequent together with *r* get a bitset, over the baskets of *r* alone, so an intersection touches
  ``support(r) / 64`` words instead of ``n_baskets / 64``.
* The search keeps an explicit stack in one growing arena; nothing is allocated per itemset. The result is a tree of
  (parent, item, count), 14 bytes per itemset.
"""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def _popcount(typingctx, word):
    """Number of set bits: one machine instruction that Python cannot name."""

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


@njit(cache=True)
def _grown(array, needed):
    bigger = np.empty(max(needed, 2 * len(array)), dtype=array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True)
def search(row_start, row_item, col_start, col_row, min_count, max_len, budget, per_itemset, per_item):
    """Walk the tree of frequent itemsets; items are numbered by ascending count, rows sorted.

    Returns the tree as (parent, item, count, length) and whether the search stopped because the itemsets, which cost
    *per_itemset* and *per_item* bytes each, had spent *budget* bytes.
    """
    spent = 0
    n_rows, n_items = len(row_start) - 1, len(col_start) - 1
    parent = np.empty(1024, dtype=np.int32)
    item = np.empty(1024, dtype=np.int32)
    count = np.empty(1024, dtype=np.int32)
    length = np.empty(1024, dtype=np.int16)
    found = 0

    head = row_start[:n_rows].copy()  # where the items behind the current root begin, in every row
    seen = np.zeros(n_items, dtype=np.int32)
    touched = np.empty(n_items, dtype=np.int32)
    local = np.full(n_items, -1, dtype=np.int32)

    arena = np.empty(4096, dtype=np.uint64)  # bitsets of all open classes, one after the other
    member = np.empty(256, dtype=np.int32)  # their items, and how many baskets hold prefix and item
    member_count = np.empty(256, dtype=np.int32)
    first = np.empty(64, dtype=np.int64)  # per depth: first member, number of members, next one, prefix node
    size = np.empty(64, dtype=np.int64)
    cursor = np.empty(64, dtype=np.int64)
    prefix = np.empty(64, dtype=np.int32)

    for root in range(n_items):
        if found + n_items + 1 > len(parent):
            needed = found + n_items + 1
            parent, item = _grown(parent, needed), _grown(item, needed)
            count, length = _grown(count, needed), _grown(length, needed)
        if spent > budget:
            return parent[:found], item[:found], count[:found], length[:found], True
        begin, end = col_start[root], col_start[root + 1]
        top = found
        parent[top], item[top], count[top], length[top] = -1, root, end - begin, 1
        found += 1
        spent += per_itemset + per_item

        n_touched = 0
        for at in range(begin, end):
            row = col_row[at]
            head[row] += 1  # the row's items are sorted, so this one was the root
            if max_len > 1:
                for place in range(head[row], row_start[row + 1]):
                    other = row_item[place]
                    if seen[other] == 0:
                        touched[n_touched] = other
                        n_touched += 1
                    seen[other] += 1
        n_members = 0
        if n_touched > len(member):
            member, member_count = _grown(member, n_touched), _grown(member_count, n_touched)
        for number in range(n_touched):
            other = touched[number]
            if seen[other] >= min_count:
                member[n_members] = other
                n_members += 1
        chosen = np.sort(member[:n_members])  # the order of discovery depends on row order; this one does not
        for number in range(n_members):
            member[number] = chosen[number]
            member_count[number] = seen[chosen[number]]
        for number in range(n_touched):
            seen[touched[number]] = 0
        if n_members < 2 or max_len == 2:
            for number in range(n_members):
                parent[found], item[found] = top, member[number]
                count[found], length[found] = member_count[number], 2
                found += 1
            spent += n_members * (per_itemset + 2 * per_item)
            continue

        words = (end - begin + 63) >> 6
        if n_members * words > len(arena):
            arena = _grown(arena, n_members * words)
        arena[: n_members * words] = 0
        for number in range(n_members):
            local[member[number]] = number
        for at in range(begin, end):
            row = col_row[at]
            word, bit = (at - begin) >> 6, np.uint64(1) << np.uint64((at - begin) & 63)
            for place in range(head[row], row_start[row + 1]):
                place_of = local[row_item[place]]
                if place_of >= 0:
                    arena[place_of * words + word] |= bit
        for number in range(n_members):
            local[member[number]] = -1

        depth = 0
        first[0], size[0], cursor[0], prefix[0] = 0, n_members, 0, top
        while depth >= 0:
            at = cursor[depth]
            if at == size[depth]:
                depth -= 1
                continue
            cursor[depth] = at + 1
            if found == len(parent):
                needed = found + 1
                parent, item = _grown(parent, needed), _grown(item, needed)
                count, length = _grown(count, needed), _grown(length, needed)
            if spent > budget:
                return parent[:found], item[:found], count[:found], length[:found], True
            node, me = found, first[depth] + at
            parent[node], item[node] = prefix[depth], member[me]
            count[node], length[node] = member_count[me], depth + 2
            found += 1
            spent += per_itemset + (depth + 2) * per_item
            left = size[depth] - at - 1
            if left == 0 or depth + 2 >= max_len:
                continue
            base = first[depth] + size[depth]
            if base + left > len(member):
                member, member_count = _grown(member, base + left), _grown(member_count, base + left)
            if (base + left) * words > len(arena):
                arena = _grown(arena, (base + left) * words)
            kept = 0
            mine = arena[me * words : (me + 1) * words]
            for other in range(me + 1, base):
                theirs = arena[other * words : (other + 1) * words]
                both = arena[(base + kept) * words : (base + kept + 1) * words]
                bits = np.uint64(0)
                for word in range(words):
                    common = mine[word] & theirs[word]
                    both[word] = common
                    bits += _popcount(common)  # type: ignore[call-arg]  # numba supplies the typing context
                if bits >= np.uint64(min_count):
                    member[base + kept] = member[other]
                    member_count[base + kept] = bits
                    kept += 1
            if kept:
                depth += 1
                if depth == len(first):
                    first, size = _grown(first, depth + 1), _grown(size, depth + 1)
                    cursor, prefix = _grown(cursor, depth + 1), _grown(prefix, depth + 1)
                first[depth], size[depth], cursor[depth], prefix[depth] = base, kept, 0, node
    return parent[:found], item[:found], count[:found], length[:found], False


@njit(cache=True)
def count(n_rows, col_start, col_row, items, start, counts):
    """Walk the baskets of each itemset's rarest item and look the others up, the most frequent one in a mask."""
    n = len(start) - 1
    rarest, most = np.full(n, -1), np.full(n, -1)
    for number in range(n):
        for item in items[start[number] : start[number + 1]]:
            if item < 0:  # never bought
                rarest[number] = most[number] = -1
                break
            size = col_start[item + 1] - col_start[item]
            if rarest[number] < 0 or size < col_start[rarest[number] + 1] - col_start[rarest[number]]:
                rarest[number] = item
            if most[number] < 0 or size > col_start[most[number] + 1] - col_start[most[number]]:
                most[number] = item
    holds, held = np.zeros(n_rows, dtype=np.bool_), -1
    for number in np.argsort(most):  # one mask serves all itemsets with the same most frequent item
        if rarest[number] < 0:
            continue
        if most[number] != held:
            holds[:] = False
            held = most[number]
            holds[col_row[col_start[held] : col_start[held + 1]]] = True
        for row in col_row[col_start[rarest[number]] : col_start[rarest[number] + 1]]:
            inside = holds[row]
            for item in items[start[number] : start[number + 1]]:
                if not inside:
                    break
                if item != rarest[number] and item != held:
                    rows = col_row[col_start[item] : col_start[item + 1]]
                    at = np.searchsorted(rows, row)
                    inside = at < len(rows) and rows[at] == row
            counts[number] += inside


@njit(cache=True)
def trade(indptr, indices, first, second, generator):
    """Deal out anew, for each pair of baskets, the items that only one of the two holds (in place)."""
    pool = np.empty(len(indices), dtype=indices.dtype)
    common = np.empty(len(indices), dtype=indices.dtype)
    for number in range(len(first)):
        a, b = first[number], second[number]
        if a == b:
            continue
        i, i_end, j, j_end = indptr[a], indptr[a + 1], indptr[b], indptr[b + 1]
        n_pool, n_common, only_a = 0, 0, 0
        while i < i_end or j < j_end:  # merge two sorted rows
            if j == j_end or (i < i_end and indices[i] < indices[j]):
                pool[n_pool] = indices[i]
                n_pool, only_a, i = n_pool + 1, only_a + 1, i + 1
            elif i == i_end or indices[j] < indices[i]:
                pool[n_pool] = indices[j]
                n_pool, j = n_pool + 1, j + 1
            else:
                common[n_common] = indices[i]
                n_common, i, j = n_common + 1, i + 1, j + 1
        if only_a == 0 or only_a == n_pool:
            continue  # one basket is part of the other: nothing to trade
        for place in range(only_a):  # partial Fisher–Yates: the first basket's share of the pool
            other = place + int(generator.random() * (n_pool - place))
            pool[place], pool[other] = pool[other], pool[place]
        row = indices[indptr[a] : indptr[a + 1]]
        row[:only_a] = pool[:only_a]
        row[only_a:] = common[:n_common]
        row.sort()
        row = indices[indptr[b] : indptr[b + 1]]
        row[: n_pool - only_a] = pool[only_a:n_pool]
        row[n_pool - only_a :] = common[:n_common]
        row.sort()


@njit(cache=True)
def fit_groups(count_start, count, many, size_start, size, number, table_start, tolerance, max_iterations):
    """Fit the configuration model to each group of baskets alone.

    Class c of a group's items has ``many[c]`` items of ``count[c]`` baskets each, class s of its baskets ``number[s]``
    baskets of ``size[s]`` items; both lists are used up. Returns the tables of P(an item of c in a basket of s), one
    after the other, the spread of each size, and the largest relative error of a count.
    """
    table, spread, worst = np.zeros(table_start[-1]), np.zeros(len(size)), 0.0
    x, y = np.zeros(len(count)), np.zeros(len(size))
    free_count, free_size = np.ones(len(count), dtype=np.bool_), np.ones(len(size), dtype=np.bool_)
    for group in range(len(table_start) - 1):
        items, baskets = (
            range(count_start[group], count_start[group + 1]),
            range(size_start[group], size_start[group + 1]),
        )
        p = table[table_start[group] : table_start[group + 1]].reshape((len(items), len(baskets)))
        c0, s0 = items.start, baskets.start
        left_items, left_baskets, changed = many[items.start : items.stop].sum(), number[s0 : baskets.stop].sum(), True
        while changed:  # set aside what is certain: no finite odds give a probability of 0 or 1
            changed = False
            for c in items:
                if free_count[c] and (count[c] <= 0 or count[c] >= left_baskets):
                    for s in baskets:
                        if free_size[s] and count[c] > 0:
                            p[c - c0, s - s0] = 1.0
                            size[s] -= many[c]
                    free_count[c], changed = False, True
                    left_items -= many[c]
            for s in baskets:
                if free_size[s] and (size[s] <= 0 or size[s] >= left_items):
                    for c in items:
                        if free_count[c] and size[s] > 0:
                            p[c - c0, s - s0] = 1.0
                            count[c] -= number[s]
                    free_size[s], changed = False, True
                    left_baskets -= number[s]
        total = 0.0
        for c in items:
            if free_count[c]:
                total += count[c] * many[c]
        if total > 0:
            for c in items:  # what the sums would give if all products were small
                x[c] = count[c] / np.sqrt(total)
            for s in baskets:
                y[s] = size[s] / np.sqrt(total)
            for _ in range(max_iterations):
                error = 0.0
                for c in items:
                    if free_count[c]:
                        drawn = 0.0
                        for s in baskets:
                            if free_size[s]:
                                drawn += number[s] * y[s] / (1 + x[c] * y[s])
                        error = max(error, abs(x[c] * drawn - count[c]) / count[c])
                        x[c] = count[c] / drawn
                for s in baskets:
                    if free_size[s]:
                        drawn = 0.0
                        for c in items:
                            if free_count[c]:
                                drawn += many[c] * x[c] / (1 + x[c] * y[s])
                        y[s] = size[s] / drawn
                if error <= tolerance:
                    break
            worst = max(worst, error)
        for s in baskets:
            random, variance = 0.0, 0.0
            for c in items:
                if free_size[s] and free_count[c]:
                    chance = x[c] * y[s] / (1 + x[c] * y[s])
                    p[c - c0, s - s0] = chance
                    random += many[c]
                    variance += many[c] * chance * (1 - chance)
            # With (m − 1) / m the joint chance of two items is exact if all of the m are equally popular.
            spread[s] = max(variance * (random - 1) / max(random, 1.0), 1e-9)
    return table, spread, worst


@njit(cache=True)
def expected_in_groups(ids, col_start, col_group, col_row, table_start, size_start, table, number, spread):
    """Expected number of baskets with all items of each row of *ids*: the sum over the groups that know all of them."""
    n, k = ids.shape
    out = np.zeros(n)
    rows, at = np.empty(k, dtype=np.int64), np.empty(k, dtype=np.int64)
    for itemset in range(n):
        rarest = ids[itemset, 0]
        for place in range(k):
            item = ids[itemset, place]
            at[place] = col_start[item]
            if col_start[item + 1] - col_start[item] < col_start[rarest + 1] - col_start[rarest]:
                rarest = item
        for group in col_group[col_start[rarest] : col_start[rarest + 1]]:
            known = 0
            for place in range(k):  # groups ascend within an item, so each list is walked once
                end = col_start[ids[itemset, place] + 1]
                while at[place] < end and col_group[at[place]] < group:
                    at[place] += 1
                if at[place] == end or col_group[at[place]] != group:
                    break
                rows[place] = table_start[group] + col_row[at[place]] * (size_start[group + 1] - size_start[group])
                known += 1
            if known < k:
                continue
            first, last = size_start[group], size_start[group + 1]
            if k == 2:  # the sums below, written out: most questions are about pairs
                for s in range(last - first):
                    p, q = table[rows[0] + s], table[rows[1] + s]
                    free = (1 - p) * (1 - q) / spread[first + s]
                    out[itemset] += number[first + s] * p * q * max(0.0, 1 - free)
                continue
            for s in range(last - first):
                together, left, squares = 1.0, 0.0, 0.0
                for place in range(k):
                    p = table[rows[place] + s]
                    together *= p
                    left += 1 - p
                    squares += (1 - p) ** 2
                for place in range(1, k):
                    share = place * (left**2 - squares) / (k * (k - 1) * spread[first + s])
                    together *= max(0.0, 1 - share)
                out[itemset] += number[first + s] * together
    return out
