"""Agents with a network: DQN, REINFORCE with a baseline, and an actor-critic, several seeds side by side.

Ten agents that learn with ten seeds share a network whose weights have one axis for the agent. They share no weight
and no episode; only the compiled step is the same for all, so that ten cost little more than one.
"""

import sys
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from bundlebook.agents.exact import policy_values
from bundlebook.agents.rollout import Episodes, Policy, play
from bundlebook.agents.worlds import TableWorld, World
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import import_keras, seed_everything

_Kind = Literal["dqn", "reinforce", "actor_critic"]
#: A logit or a value that no softmax and no maximum chooses; -inf times 0 would be NaN in a gradient.
_NEVER = -1e9


@dataclass(frozen=True)
class AgentSettings:
    """How a deep agent learns.

    Attributes
    ----------
    kind : {"dqn", "reinforce", "actor_critic"}
    agents : int
        Agents side by side, each with its own weights and episodes.
    width : int
        Units of both hidden layers.
    rounds : int
        How often episodes are played and then learned from.
    episodes : int
        Episodes per round and agent.
    updates : int
        Steps of the optimiser per round. The policy gradients need fresh episodes, so they make one.
    batch : int
        Transitions per update and agent, drawn from the memory (DQN).
    memory : int
        Transitions that are remembered per agent (DQN).
    rate : float
        Learning rate of Adam at the start; it falls to 0 along a cosine.
    epsilon : tuple of float
        Share of random actions in the first and in the last round (DQN).
    entropy : float
        Weight of the entropy that keeps a policy from settling early, falling to 0 (policy gradients).
    cooling : float
        The weight falls as :math:`(1 - t)^c` over the share t of the training, with this exponent c > 0. A policy
        settles where the weight is about the difference between two returns. With c = 1 that comes late, when the
        learning rate has nearly reached 0; with c = 3, in the middle (policy gradients).
    start : float
        Output of every candidate before learning, with STOP at 0. Above 0, a policy begins by offering; at 0 it may
        learn to stop at once, before it has learned what to offer (policy gradients).
    target_every : int
        Rounds between two copies of the weights into the target network (DQN).
    double : bool
        Choose with the network, value with its copy (DQN).
    mask_target : bool
        Whether the maximum in the target is over allowed actions only. False is the usual mistake (DQN).
    """

    kind: _Kind = "dqn"
    agents: int = 1
    width: int = 64
    rounds: int = 300
    episodes: int = 32
    updates: int = 8
    batch: int = 128
    memory: int = 20_000
    rate: float = 3e-3
    epsilon: tuple[float, float] = (1.0, 0.05)
    entropy: float = 0.05
    cooling: float = 1.0
    start: float = 0.0
    target_every: int = 4
    double: bool = False
    mask_target: bool = True

    def __post_init__(self) -> None:
        if self.kind not in get_args(_Kind):
            raise BundlebookError(f"unknown kind {self.kind!r}", where="AgentSettings", remedy=f"use {get_args(_Kind)}")
        for name in ("agents", "width", "rounds", "episodes", "updates", "batch", "memory", "target_every"):
            if getattr(self, name) < 1:
                raise BundlebookError(f"{name} is {getattr(self, name)}", where="AgentSettings", remedy="use 1 or more")
        if not (
            self.rate > 0
            and self.entropy >= 0
            and self.cooling > 0
            and np.isfinite(self.start)
            and all(0 <= share <= 1 for share in self.epsilon)
        ):
            raise BundlebookError(
                f"rate {self.rate}, entropy {self.entropy}, cooling {self.cooling}, start {self.start}, "
                f"epsilon {self.epsilon}",
                where="AgentSettings",
                remedy="a positive rate and cooling, an entropy from 0 on, a finite start, shares in [0, 1]",
            )


@dataclass(eq=False)
class DeepAgent:
    r"""Learn to build bundles from episodes of any :class:`~bundlebook.agents.World`.

    DQN makes the squared error of Q small against a target that a copy Q⁻ of the network gives,

    .. math:: L = \bigl(Q(s, a) - r - \max_{a' \in A(s')} Q^-(s', a')\bigr)^2

    REINFORCE follows :math:`\nabla \ln \pi(a \mid s)\,(G - b(s))`, with G the rewards to come and b learned from them;
    the actor-critic puts :math:`r + b(s') - b(s)` in the bracket's place.

    Where the world shows a row of features per candidate, one small network scores every candidate; where it shows one
    vector, the network has an output per candidate. STOP is worth 0, which need not be learned.

    Parameters
    ----------
    settings : AgentSettings
    seed : int

    Attributes
    ----------
    curve : list of (int, ndarray)
        Episodes per agent so far, and the mean return of each agent's last round, shape (agents,).

    References
    ----------
    V. Mnih et al.: Human-level control through deep reinforcement learning. Nature 518, 2015. · H. van Hasselt et al.:
    Deep reinforcement learning with double Q-learning. AAAI 2016. · R. Williams: Simple statistical gradient-following
    algorithms. Machine Learning 8, 1992.
    """

    settings: AgentSettings = field(default_factory=AgentSettings)
    seed: int = 0

    def fit(self, world: World, progress: bool = False) -> "DeepAgent":
        """Play and learn.

        Parameters
        ----------
        world : World
        progress : bool
            Show a bar in a terminal or an open notebook.

        Returns
        -------
        DeepAgent
            Itself.
        """
        from tqdm import tqdm

        s = self.settings
        rng = np.random.default_rng(self.seed)
        seen = play(world, _anything, 256, seed=rng).seen
        seen = seen.reshape(-1, *seen.shape[2:])
        # A row of features per candidate has numbers of any size; 0 and 1 of a set can stay as they are.
        columns = tuple(range(seen.ndim - 1))
        self.shift = seen.mean(axis=columns) if seen.ndim > 2 else np.float32(0)
        self.scale = np.maximum(seen.std(axis=columns), 1e-3) if seen.ndim > 2 else np.float32(1)
        seed_everything(self.seed)
        updates = s.rounds * (s.updates if s.kind == "dqn" else 1)
        self.network, self.curve = _network(seen.shape[1:], world.n_items, world.most, s, updates), []
        memory, frozen = _Memory(s.memory, s.agents), None
        for done in tqdm(range(s.rounds), disable=not (progress and _watched()), leave=False, desc=s.kind):
            share = done / s.rounds
            if s.kind == "dqn":
                epsilon = s.epsilon[0] + (s.epsilon[1] - s.epsilon[0]) * min(1.0, 1.25 * share)
                episodes = play(world, self._exploring(epsilon), s.episodes * s.agents, seed=rng)
                memory.add(episodes)
                if frozen is None or done % s.target_every == 0:
                    frozen = (
                        _network(seen.shape[1:], world.n_items, world.most, s, updates) if frozen is None else frozen
                    )
                    frozen.set_weights(self.network.get_weights())
                for _ in range(s.updates):
                    self._improve_values(memory.draw(s.batch, rng), frozen)
            else:
                episodes = play(world, self._drawing, s.episodes * s.agents, seed=rng)
                self._improve_policy(episodes, s.entropy * (1 - share) ** s.cooling)
            self.curve.append(((done + 1) * s.episodes, episodes.returns.reshape(-1, s.agents).mean(axis=0)))
        return self

    def outputs(self, seen: np.ndarray) -> np.ndarray:
        """Values or logits of each agent, shape (n, agents, n_items + 2): candidates, STOP (0), and the baseline.

        Parameters
        ----------
        seen : ndarray, shape (n, ...)
            Observations, shown to all agents alike.
        """
        alike = np.repeat(seen[:, None], self.settings.agents, axis=1)
        return self._run(self.network, alike)

    def _run(self, network: Any, seen: np.ndarray) -> np.ndarray:
        return np.asarray(network.predict_on_batch((seen - self.shift) / self.scale))

    def policy(self, agent: int = 0) -> Policy:
        """The greedy policy of one agent: the allowed action with the largest value or logit."""

        def act(world: World, state: Any, rng: np.random.Generator) -> np.ndarray:
            scores = self.outputs(world.observe(state))[:, agent, :-1]
            return np.where(world.mask(state), scores, -np.inf).argmax(axis=1)

        return act

    def table(self, world: TableWorld) -> np.ndarray:
        """Greedy action of each agent in each state of a table, shape (agents, n_states)."""
        states = np.arange(world.n_states)
        scores = self.outputs(world.observe(states))[:, :, :-1].transpose(1, 0, 2)
        return np.where(world.allowed, scores, -np.inf).argmax(axis=2)

    def values(self, world: TableWorld) -> np.ndarray:
        """Exact value of each agent's greedy policy from the empty bundle on, shape (agents,)."""
        return np.array([policy_values(world, policy)[0][0] for policy in self.table(world)])

    def _own(self, world: World, state: Any) -> np.ndarray:
        """Outputs for states that belong to the agents in turn, shape (n, n_items + 2)."""
        seen = world.observe(state)
        by_agent = seen.reshape(-1, self.settings.agents, *seen.shape[1:])
        return self._run(self.network, by_agent).reshape(len(seen), -1)

    def _exploring(self, epsilon: float) -> Policy:
        def act(world: World, state: Any, rng: np.random.Generator) -> np.ndarray:
            mask = world.mask(state)
            scores = np.where(mask, self._own(world, state)[:, :-1], -np.inf)
            chance = np.where(mask, rng.random(mask.shape), -1.0)
            return np.where(rng.random(len(mask)) < epsilon, chance.argmax(axis=1), scores.argmax(axis=1))

        return act

    def _drawing(self, world: World, state: Any, rng: np.random.Generator) -> np.ndarray:
        mask = world.mask(state)
        logits = np.where(mask, self._own(world, state)[:, :-1], _NEVER)
        return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # a draw from the softmax

    def _improve_values(self, drawn: dict[str, np.ndarray], frozen: Any) -> None:
        following = self._run(frozen, drawn["after"])[..., :-1]
        allowed = drawn["mask"] if self.settings.mask_target else np.ones_like(drawn["mask"])
        chosen = following
        if self.settings.double:
            chosen = self._run(self.network, drawn["after"])[..., :-1]
        best = np.where(allowed, chosen, -np.inf).argmax(axis=-1)
        value = np.take_along_axis(following, best[..., None], axis=-1)[..., 0]
        target = drawn["reward"] + np.where(drawn["over"], 0.0, value)
        taken = np.eye(following.shape[-1], dtype=np.float32)[drawn["action"]]
        packed = np.concatenate([taken, target[..., None]], axis=-1, dtype=np.float32)
        self.network.train_on_batch((drawn["seen"] - self.shift) / self.scale, packed)

    def _improve_policy(self, episodes: Episodes, entropy: float) -> None:
        s, steps = self.settings, episodes.action.shape[1]

        def turned(values: np.ndarray) -> np.ndarray:
            rest = values.shape[2:]
            return values.reshape(-1, s.agents, steps, *rest).swapaxes(1, 2).reshape(-1, s.agents, *rest)

        if s.kind == "actor_critic":
            paid = episodes.reward
            goes_on = np.concatenate([episodes.live[:, 1:], np.zeros_like(episodes.live[:, :1])], axis=1)
        else:
            paid, goes_on = episodes.to_come, np.zeros_like(episodes.live)
        columns = [episodes.action, paid, goes_on, episodes.live, np.full_like(episodes.reward, entropy)]
        packed = np.concatenate([np.stack(columns, axis=-1), episodes.mask], axis=-1, dtype=np.float32)
        self.network.train_on_batch((turned(episodes.seen) - self.shift) / self.scale, turned(packed))


def _anything(world: World, state: Any, rng: np.random.Generator) -> np.ndarray:
    """Draw an allowed action; STOP where there is none."""
    mask = world.mask(state)
    chance = np.where(mask, rng.random(mask.shape), 0.0)
    return np.where(mask.any(axis=1), chance.argmax(axis=1), world.n_items)


def _watched() -> bool:
    """Whether a progress bar is seen while it moves: a page would store every step of it."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return sys.stderr.isatty() or bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


class _Memory:
    """Transitions of each agent; the oldest are written over. STOP is not kept: its value is known."""

    def __init__(self, size: int, agents: int) -> None:
        self.size, self.agents = size, agents
        self.parts: list[dict[str, np.ndarray]] = [{} for _ in range(agents)]
        self.written = np.zeros(agents, dtype=np.int64)

    def add(self, episodes: Episodes) -> None:
        n_items = episodes.mask.shape[2] - 1
        nothing = np.zeros_like(episodes.live[:, :1])
        goes_on = np.concatenate([episodes.live[:, 1:], nothing], axis=1)
        after = np.concatenate([episodes.seen[:, 1:], np.zeros_like(episodes.seen[:, :1])], axis=1)
        mask = np.concatenate([episodes.mask[:, 1:], np.zeros_like(episodes.mask[:, :1])], axis=1)
        kept = episodes.live & (episodes.action < n_items)
        columns = {"seen": episodes.seen, "action": episodes.action, "reward": episodes.reward}
        columns |= {"after": after, "mask": mask, "over": ~goes_on}
        for agent, part in enumerate(self.parts):
            own = np.zeros(len(kept), dtype=bool)
            own[agent :: self.agents] = True
            chosen = kept & own[:, None]
            places = (self.written[agent] + np.arange(chosen.sum())) % self.size
            self.written[agent] += len(places)
            for name, values in columns.items():
                if name not in part:
                    part[name] = np.empty((self.size, *values.shape[2:]), values.dtype)
                part[name][places[-self.size :]] = values[chosen][-self.size :]

    def held(self) -> np.ndarray:
        """Number of transitions that each agent remembers, shape (agents,)."""
        return np.minimum(self.written, self.size)

    def draw(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return *n* transitions per agent, each array of shape (n, agents, ...)."""
        drawn: dict[str, list[np.ndarray]] = {}
        for part, held in zip(self.parts, self.held(), strict=True):
            rows = rng.integers(held, size=n)
            for name, values in part.items():
                drawn.setdefault(name, []).append(values[rows])
        return {name: np.stack(values, axis=1) for name, values in drawn.items()}


def _network(shape: tuple[int, ...], n_items: int, steps: int, settings: AgentSettings, updates: int) -> Any:
    """Compile a network: (n, agents, \\*shape) to (n, agents, n_items + 2): candidates, STOP at 0, baseline."""
    keras: Any = import_keras()
    ops, agents, width = keras.ops, settings.agents, settings.width

    class PerAgent(keras.layers.Layer):
        """A dense layer with weights of its own for each agent."""

        def __init__(self, units: int, activation: str = "linear", scale: float = 1.0, bias: float = 0.0) -> None:
            super().__init__()
            self.units, self.act, self.scale = units, keras.activations.get(activation), scale
            self.first = keras.initializers.Constant(bias)

        def build(self, given: tuple) -> None:
            spread = keras.initializers.RandomNormal(stddev=self.scale * np.sqrt(2 / given[-1]), seed=None)
            self.kernel = self.add_weight(shape=(agents, given[-1], self.units), initializer=spread)
            self.bias = self.add_weight(shape=(agents, 1, self.units), initializer=self.first)

        def call(self, x: Any) -> Any:
            # (n, agents, …, d): agents to the front, one matrix product per agent
            dims = list(x.shape)
            flat = ops.reshape(ops.moveaxis(x, 1, 0), (agents, -1, dims[-1]))
            made = self.act(ops.matmul(flat, self.kernel) + self.bias)
            return ops.moveaxis(ops.reshape(made, (agents, -1, *dims[2:-1], self.units)), 0, 1)

    seen = keras.Input((agents, *shape))
    hidden = PerAgent(width, "relu")(seen)
    hidden = PerAgent(width, "relu")(hidden)
    if len(shape) == 1:
        scores, state = PerAgent(n_items, scale=0.1, bias=settings.start)(hidden), hidden
    else:
        scores = ops.squeeze(PerAgent(1, scale=0.1, bias=settings.start)(hidden), -1)
        state = ops.mean(hidden, axis=2)
    baseline = PerAgent(1, scale=0.1)(state)
    network = keras.Model(seen, ops.concatenate([scores, ops.zeros_like(baseline), baseline], axis=-1))
    rate = keras.optimizers.schedules.CosineDecay(settings.rate, updates)

    def value_loss(packed: Any, out: Any) -> Any:
        taken, target = packed[..., :-1], packed[..., -1]
        error = ops.sum(taken * out[..., :-1], axis=-1) - target
        return ops.sum(ops.mean(error**2, axis=0)) * ops.ones_like(error[:, :1])

    def policy_loss(packed: Any, out: Any) -> Any:
        action, paid, goes_on, live, entropy = (packed[..., column] for column in range(5))
        log_share = ops.log_softmax(ops.where(packed[..., 5:] > 0, out[..., :-1], _NEVER), axis=-1)
        spread = -ops.sum(ops.exp(log_share) * log_share, axis=-1)
        taken = ops.one_hot(ops.cast(action, "int32"), n_items + 1)
        own = out[..., -1]
        by_step = ops.reshape(own, (-1, steps, agents))
        later = ops.concatenate([by_step[:, 1:], ops.zeros_like(by_step[:, :1])], axis=1)
        wanted = ops.stop_gradient(paid + goes_on * ops.reshape(later, (-1, agents)))
        advantage = wanted - ops.stop_gradient(own)
        loss = -ops.sum(taken * log_share, axis=-1) * advantage - entropy * spread + 0.5 * (own - wanted) ** 2
        loss = ops.where(live > 0, loss, 0.0)
        return ops.sum(ops.sum(loss, axis=0) / ops.maximum(ops.sum(live, axis=0), 1.0)) * ops.ones_like(loss[:, :1])

    network.compile(keras.optimizers.Adam(rate), loss=value_loss if settings.kind == "dqn" else policy_loss)
    return network
