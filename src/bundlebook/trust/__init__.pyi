from .about import About as About, describe_user as describe_user
from .access_log import AccessLog as AccessLog
from .audit import (
    Audit as Audit,
    audited as audited,
    binomial_bounds as binomial_bounds,
    canary_scores as canary_scores,
    gaussian_epsilon as gaussian_epsilon,
    membership as membership,
)
from .cards import (
    Groups as Groups,
    ModelCard as ModelCard,
    data_card as data_card,
    model_card as model_card,
    private_card as private_card,
)
from .differential import (
    Ledger as Ledger,
    PrivateFrequency as PrivateFrequency,
    clipped as clipped,
    epsilon_of as epsilon_of,
    noisy_gram as noisy_gram,
    noisy_sum as noisy_sum,
    private_pairs as private_pairs,
    rho_of as rho_of,
)
from .encryption import protect as protect, unprotect as unprotect
from .explanation import (
    Counterfactual as Counterfactual,
    DeletionTest as DeletionTest,
    Weighing as Weighing,
    by_deletion as by_deletion,
    from_weights as from_weights,
    one_out as one_out,
    reason as reason,
    shapley as shapley,
    without as without,
)
from .singling_out import (
    basket_unicity as basket_unicity,
    known_facts as known_facts,
    released as released,
    unicity as unicity,
)
