from ._planted import read_truth as read_truth
from .behaviour import (
    Assumptions as Assumptions,
    Behaviour as Behaviour,
    simulate_behaviour as simulate_behaviour,
)
from .responses import simulate_responses as simulate_responses
from .sample import SAMPLE_SEED as SAMPLE_SEED, write_sample as write_sample
