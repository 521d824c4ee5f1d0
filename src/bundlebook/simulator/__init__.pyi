from .behaviour import (
    Assumptions as Assumptions,
    Behaviour as Behaviour,
    draw_slates as draw_slates,
    examination as examination,
    simulate_behaviour as simulate_behaviour,
)
from .customers import Customers as Customers, fit_customers as fit_customers
from .planted import (
    Planted as Planted,
    plant as plant,
    read_plan as read_plan,
    read_truth as read_truth,
    truth as truth,
)
from .sample import (
    SAMPLE_SEED as SAMPLE_SEED,
    SampleShop as SampleShop,
    sample_shop as sample_shop,
    write_sample as write_sample,
)
