from . import (
    agents as agents,
    association as association,
    bundles as bundles,
    cleaning as cleaning,
    evaluation as evaluation,
    feedback as feedback,
    graphs as graphs,
    networks as networks,
    profiles as profiles,
    reports as reports,
    shop as shop,
    training as training,
    trust as trust,
    zhangsan as zhangsan,
)
from ._style import (
    CJK_FONT as CJK_FONT,
    PALETTE as PALETTE,
    log_ticks as log_ticks,
    plain as plain,
    short as short,
    use_style as use_style,
)
