"""What happens on the blockchain of a story, and to the node that tells of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Sort(StrEnum):
    """What else a transaction can be than a fill of ours."""

    STRANGERS_TAKE = "a stranger's order is taken"
    STRANGERS_CLEAR = "strangers clear against each other"
    NO_SHARE = "an order of ours trades what is no share"
    UNREADABLE = "an event of ours can't be decoded"
    MUTE_TOKEN = "an order of ours trades a token that does not say what it is"


@dataclass
class Mood:
    """How a node is today."""

    behind: int = 0
    """So many blocks it lags behind the chain."""

    former: int | None = None
    """It stands on a fork that the chain has left."""

    largest_range: int | None = None
    most_logs: int | None = None
    vendor: str = "geth"
    """In whose words it refuses a range."""

    shuffles: bool = False
    repeats: bool = False
    times: bool = True
    rate: float = 0.0
    """Of how many questions something goes wrong."""


@dataclass(frozen=True, kw_only=True)
class ChainTerms:
    """What chain a story plays on, and what its node is like."""

    seconds_a_block: int
    decimals: dict[str, int]
    cutoff_tag: str
    cutoff_seconds: int
    largest_range: int
    mood: Mood


@dataclass(frozen=True, kw_only=True)
class Mined:
    """Fills of ours are mined, in forms that follow from a number."""

    takes: tuple[tuple[str, Decimal, str, Decimal], ...]
    number: int


@dataclass(frozen=True, kw_only=True)
class Other:
    """Something is mined that is no fill of ours."""

    sort: Sort
    number: int


@dataclass(frozen=True, kw_only=True)
class Reorganised:
    """The newest blocks are replaced."""

    depth: int
    falls: int
    """So many blocks the chain is shorter after it."""

    comes_back: float
    """How likely it is of a transaction that it is mined again."""

    number: int


@dataclass(frozen=True, kw_only=True)
class NodeChanges:
    """The node is another from now on, behind the same address: it lags, or stands on a fork that was left."""

    behind: int = 0
    former: bool = False
    rate: float = 0.0


ChainAct = Mined | Other | Reorganised | NodeChanges
