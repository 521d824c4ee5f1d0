from . import (
    association as association,
    bundles as bundles,
    cleaning as cleaning,
    evaluation as evaluation,
    networks as networks,
    profiles as profiles,
    reports as reports,
    shop as shop,
    style as style,
    training as training,
    zhangsan as zhangsan,
)
from .style import use_style as use_style
