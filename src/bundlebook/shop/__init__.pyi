from . import zhangsan as zhangsan
from ._intake.increments import (
    Increment as Increment,
    read_catalogue as read_catalogue,
    read_increment as read_increment,
)
from ._intake.proposal import Proposal as Proposal, Wishes as Wishes, propose_shop as propose_shop
from ._intake.writer import (
    NO_CUSTOMER as NO_CUSTOMER,
    Written as Written,
    aside_lines as aside_lines,
    check_new as check_new,
    preview as preview,
    write_shop as write_shop,
)
from .baskets import Baskets as Baskets, group_baskets as group_baskets, item_groups as item_groups
from .campaigns import Campaigns as Campaigns, load_campaigns as load_campaigns
from .cleaning import (
    clean as clean,
    drop_twins as drop_twins,
    merge_twins as merge_twins,
    to_local_time as to_local_time,
)
from .completejourney import TRANSACTIONS_MD5 as TRANSACTIONS_MD5, read_table as read_table
from .imputation import (
    fill_prices as fill_prices,
    median_list_prices as median_list_prices,
    quantity_limit as quantity_limit,
    shelf_prices as shelf_prices,
)
from .inventory import (
    MOST_LOST as MOST_LOST,
    WORTH_TELLING as WORTH_TELLING,
    Capabilities as Capabilities,
    capabilities as capabilities,
    check_losses as check_losses,
)
from .policy import CleaningPolicy as CleaningPolicy, Exclusion as Exclusion, MarginPolicy as MarginPolicy
from .pseudonyms import (
    key_file as key_file,
    machine_key as machine_key,
    pseudonym as pseudonym,
    with_pseudonyms as with_pseudonyms,
)
from .schema import EVENTS as EVENTS, contract as contract, validate as validate
from .segments import SEGMENTS as SEGMENTS, customer_segments as customer_segments
from .shop import Shop as Shop, SourceFile as SourceFile
from .sources import load_shop as load_shop
from .splits import (
    PERIOD_DAYS as PERIOD_DAYS,
    Split as Split,
    Task as Task,
    common_items as common_items,
    complete_weeks as complete_weeks,
    min_users as min_users,
    time_split as time_split,
)
from .zhangsan import with_habit as with_habit
