from .counts import Counts as Counts
from .store import Busy as Busy, EventStore as EventStore, Intake as Intake
from .weekly import (
    Forgotten as Forgotten,
    NotPromoted as NotPromoted,
    Update as Update,
    baskets_of as baskets_of,
    forget as forget,
    held_shop as held_shop,
    rollback as rollback,
    state_folder as state_folder,
    update as update,
)
