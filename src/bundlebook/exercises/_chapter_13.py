"""Exercises of chapter 13: a bundle as a sequence of decisions."""

import numpy as np

from bundlebook.exercises.engine import Exercise

# 13.1 Offer or say nothing


def best_return(p, k):
    gains = np.sort(2 * p - 1)[::-1][:k]
    return gains[gains > 0].sum()


def _draw_chances(rng):
    n = int(rng.integers(6, 12))
    p = rng.uniform(0.05, 0.45, n)
    good = int(rng.integers(2, 6))
    p[:good] = rng.uniform(0.55, 0.95, good)
    return rng.permutation(p), int(rng.integers(2, 6))


# 13.2 The mask


def best_action(q, mask):
    return np.where(mask, q, -np.inf).argmax(axis=1)


def _draw_masked(rng, n=12, actions=6):
    q, mask = rng.normal(-0.5, 1, (n, actions)), rng.random((n, actions)) < 0.6
    mask[:, -1] = True
    q[:4, :] = -np.abs(q[:4, :]) - 0.1  # rows in which everything allowed is below 0
    mask[:4, 0] = False
    mask[4] = False, True, False, True, True, True
    q[4, 0] = 5.0  # the best action of all is forbidden
    return q, mask


# 13.3 The target of a DQN


def target(reward, over, after, mask):
    best = np.where(mask, after, -np.inf).max(axis=1)
    return reward + np.where(over, 0.0, best)


def _draw_target(rng):
    after, mask = _draw_masked(rng)
    return rng.choice([-1.0, 1.0], len(after)), rng.random(len(after)) < 0.4, after, mask


# 13.4 A shop of five items


def solve(reward):
    n = reward.shape[1]
    V = np.zeros(2**n)
    for s in range(2**n - 1, -1, -1):
        for i in range(n):
            if not s >> i & 1:
                V[s] = max(V[s], reward[s, i] + V[s | 1 << i])
    return V


def _draw_shop(rng, n=5):
    return (np.round(rng.normal(-0.3, 0.7, (2**n, n)), 2),)


def _solved(stops=True, looks_ahead=True, discount=1.0):
    def wrong(reward):
        n = reward.shape[1]
        V = np.zeros(2**n)
        for s in range(2**n - 1, -1, -1):
            options = [
                reward[s, i] + (discount * V[s | 1 << i] if looks_ahead else 0.0) for i in range(n) if not s >> i & 1
            ]
            if stops:
                options.append(0.0)
            V[s] = max(options, default=0.0)
        return V

    return wrong


def _greedy_path(reward):
    n = reward.shape[1]
    V = np.zeros(2**n)
    for start in range(2**n):
        s = start
        while s < 2**n - 1:
            free = [i for i in range(n) if not s >> i & 1]
            i = max(free, key=lambda item: reward[s, item])
            if reward[s, i] <= 0:
                break
            V[start] += reward[s, i]
            s |= 1 << i
    return V


# 13.5 Shaping


def shape(reward, phi):
    return reward + np.append(phi[1:], 0.0) - phi


def _draw_shaped(rng):
    steps = int(rng.integers(3, 6))
    return rng.choice([-1.0, 1.0], steps), np.round(rng.uniform(0.2, 2, steps), 2)


# 13.6 Doubly robust


def doubly_robust(pi, mu, reward, Q, V):
    w = (pi / mu).cumprod(axis=1)
    later = np.hstack([V[:, 1:], np.zeros((len(V), 1))])
    return (V[:, 0] + (w * (reward + later - Q)).sum(axis=1)).mean()


def _draw_log(rng, n=8, steps=3):
    pi, mu = rng.uniform(0.1, 0.9, (2, n, steps))
    return pi, mu, rng.choice([-1.0, 1.0], (n, steps)), *np.round(rng.normal(0, 1, (2, n, steps)), 2)


def _later(V):
    return np.hstack([V[:, 1:], np.zeros((len(V), 1))])


EXERCISES = (
    Exercise(
        "13.1",
        "Offer or say nothing",
        stars=1,
        minutes=5,
        reference=best_return,
        draw=_draw_chances,
        misconceptions=(
            (
                lambda p, k: np.sort(2 * p - 1)[::-1][:k].sum(),
                "You always offer k items. An item that is refused more often than taken costs: stop before it.",
            ),
            (
                lambda p, k: np.sort(p[p > 0.5])[::-1][:k].sum(),
                "You add up probabilities. A refusal is not free: it pays −1.",
            ),
            (
                lambda p, k: np.maximum(2 * p - 1, 0).sum(),
                "You offer every item that pays. A bundle has no more than k places.",
            ),
            (
                lambda p, k: np.maximum(2 * p - 1, 0)[:k].sum(),
                "You look at the first k items. Which k are the best?",
            ),
            (
                lambda p, k: max(2 * p.max() - 1, 0),
                "You offer one item only. There are k places.",
            ),
        ),
        look="Take k = 2 and the probabilities .9, .6 and .3. What does each item earn on average?",
        hints=(
            "What does one item with probability p earn on average, if it pays 1 or −1?",
            "Of the items that earn something, take the k best.",
            "Sort the gains 2p − 1 from large to small, cut after k, and add up those above 0.",
        ),
        edges=((lambda rng: (np.array([0.2, 0.4, 0.45]), 2), "Where every item loses, saying nothing earns 0."),),
    ),
    Exercise(
        "13.2",
        "The mask",
        stars=1,
        minutes=10,
        reference=best_action,
        draw=_draw_masked,
        misconceptions=(
            (lambda q, mask: q.argmax(axis=1), "You choose among all actions. Some of them are not allowed."),
            (
                lambda q, mask: (q * mask).argmax(axis=1),
                "You multiply by the mask, so a forbidden action counts 0. That beats every allowed action below 0.",
            ),
            (
                lambda q, mask: np.array([row[allowed].argmax() for row, allowed in zip(q, mask, strict=True)]),
                "Your numbers count allowed actions only. The action's own number is asked for.",
            ),
            (
                lambda q, mask: np.where(mask, q, -np.inf).max(axis=1),
                "You return the value of the best action. Its number is asked for.",
            ),
            (lambda q, mask: np.where(mask, q, np.inf).argmin(axis=1), "You choose the worst allowed action."),
            (lambda q, mask: np.where(mask, -np.inf, q).argmax(axis=1), "You choose among the forbidden actions."),
        ),
        look="Take one row with values 5, −1, −2 where only the last two are allowed. Which number should come out?",
        hints=(
            "A forbidden action must lose against every allowed one, also against those with values below 0.",
            "Put a value in its place that no other value falls below.",
            "Use np.where with minus infinity where the mask is False, then the place of the largest value per row.",
        ),
    ),
    Exercise(
        "13.3",
        "The target of a DQN",
        stars=2,
        minutes=15,
        reference=target,
        draw=_draw_target,
        misconceptions=(
            (
                lambda reward, over, after, mask: reward + np.where(over, 0.0, after.max(axis=1)),
                "Your maximum includes forbidden actions. Nothing corrects their values, and the target believes them.",
            ),
            (
                lambda reward, over, after, mask: reward + np.where(mask, after, -np.inf).max(axis=1),
                "You go on from the next state even where the episode is over. Nothing comes after the end.",
            ),
            (
                lambda reward, over, after, mask: reward + np.where(over, 0.0, (after * mask).max(axis=1)),
                "A forbidden action counts 0 in your maximum. Where all allowed values are below 0, it wins.",
            ),
            (
                lambda reward, over, after, mask: np.where(
                    over, 0.0, reward + np.where(mask, after, -np.inf).max(axis=1)
                ),
                "The reward of the last step is lost. Only what follows is 0.",
            ),
            (
                lambda reward, over, after, mask: (
                    reward + np.where(over, np.where(mask, after, -np.inf).max(axis=1), 0.0)
                ),
                "You have it the wrong way round: what follows counts where the episode is not over.",
            ),
            (
                lambda reward, over, after, mask: np.where(over, 0.0, np.where(mask, after, -np.inf).max(axis=1)),
                "You left out the reward of the step itself.",
            ),
        ),
        look="Take one step with reward 1 whose episode goes on, and one whose episode is over. Do both by hand.",
        hints=(
            "A target is the reward of the step, and what is still to come. When is nothing to come?",
            "What is to come is the largest value among the allowed actions of the next state.",
            "Minus infinity where the mask is False, each row's maximum, 0 where the episode is over; add the reward.",
        ),
    ),
    Exercise(
        "13.4",
        "A shop of five items",
        stars=2,
        minutes=25,
        reference=solve,
        draw=_draw_shop,
        misconceptions=(
            (
                _solved(stops=False),
                "Your agent cannot stop: it goes on until the bundle is full. STOP pays 0 and is always allowed.",
            ),
            (
                _solved(looks_ahead=False),
                "You look one step ahead only. What an item makes possible belongs to its value.",
            ),
            (
                _greedy_path,
                "You follow the best next step and stop where it loses. A first loss may be worth it.",
            ),
            (_solved(discount=0.9), "You discount what comes later. Here γ is 1."),
        ),
        look="Print the value of a set with four items: it is 0, or the reward of the last item, if that is above 0.",
        hints=(
            "Which set has a value that needs no other one?",
            "Go from the largest number to 0: adding an item to a set makes its number larger.",
            "For each bit that is 0: reward plus the value of the set with that bit. Keep the largest, at least 0.",
        ),
    ),
    Exercise(
        "13.5",
        "Help that changes nothing",
        stars=2,
        minutes=15,
        reference=shape,
        draw=_draw_shaped,
        misconceptions=(
            (
                lambda reward, phi: reward + np.append(phi[1:], phi[-1]) - phi,
                "At the end you keep the potential of the last state. The potential of the end is 0.",
            ),
            (lambda reward, phi: reward + phi, "You add the potential itself. Its difference is what cancels."),
            (
                lambda reward, phi: reward + phi - np.append(phi[1:], 0.0),
                "Your sign is turned round: after the step minus before it.",
            ),
            (
                lambda reward, phi: reward + np.append(phi[1:], 0.0),
                "You give the potential of the next state and never take the present one back.",
            ),
            (
                lambda reward, phi: reward + phi - np.append(0.0, phi[:-1]),
                "You compare a state with the one before it. The step leads from this state to the next.",
            ),
        ),
        look="Add up your rewards of one episode. The sum should be that of the old ones minus the first potential.",
        hints=(
            "Each step adds the potential of where it leads to and takes away that of where it starts.",
            "The last step leads to the end of the episode. What is the potential there?",
            "Shift phi by one place to the left, put 0 at its end, subtract phi, and add the rewards.",
        ),
    ),
    Exercise(
        "13.6",
        "Doubly robust",
        stars=3,
        minutes=35,
        reference=doubly_robust,
        draw=_draw_log,
        misconceptions=(
            (
                lambda pi, mu, reward, Q, V: V[:, 0].mean(),
                "You return the model's own opinion, the direct method. The log should correct it.",
            ),
            (
                lambda pi, mu, reward, Q, V: (V[:, 0] + (pi / mu * (reward + _later(V) - Q)).sum(axis=1)).mean(),
                "Your weights look at one step only. All earlier steps had to happen, too: multiply them.",
            ),
            (
                lambda pi, mu, reward, Q, V: ((pi / mu).prod(axis=1) * reward.sum(axis=1)).mean(),
                "That is IPS: it does without the model.",
            ),
            (
                lambda pi, mu, reward, Q, V: (
                    V[:, 0] + ((mu / pi).cumprod(axis=1) * (reward + _later(V) - Q)).sum(axis=1)
                ).mean(),
                "Your weights are turned round. What the log does often and the policy rarely must count less.",
            ),
            (
                lambda pi, mu, reward, Q, V: (V[:, 0] + ((pi / mu).cumprod(axis=1) * (reward - Q)).sum(axis=1)).mean(),
                "You compare Q with the reward of the step. Q promises what comes after it as well.",
            ),
            (
                lambda pi, mu, reward, Q, V: (
                    V[:, 0] + ((pi / mu).cumprod(axis=1) * (reward + V - Q)).sum(axis=1)
                ).mean(),
                "You add the value of the state itself. After the step comes the next state, and at last nothing.",
            ),
            (
                lambda pi, mu, reward, Q, V: ((pi / mu).cumprod(axis=1) * (reward + _later(V) - Q)).sum(axis=1).mean(),
                "You return the correction alone. What is being corrected?",
            ),
        ),
        look="Let pi and mu be equal. Then the model cancels, and the mean return of the log must come out. Does it?",
        hints=(
            "Start from the model's value of the first state, and correct it step by step.",
            "A step's error is reward plus the next V minus Q; its weight is a product over all steps so far.",
            "Use cumprod along the steps; V shifted by one with 0 at its end; sum over steps; mean over episodes.",
        ),
    ),
)
