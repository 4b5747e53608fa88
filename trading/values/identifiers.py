"""Identifiers: a trade by its place on chain, an order by our number and the broker's."""

import re
from typing import NewType, Self

import msgspec

OrderId = NewType("OrderId", int)
"""Our number of a hedge order, from one counter in every ledger mode."""

ClientOrderId = NewType("ClientOrderId", str)
"""Our name for an order at the broker, minted and stored before anything is sent: the idempotency key."""

BrokerOrderId = NewType("BrokerOrderId", str)
"""The broker's name for an order."""

LONGEST_INDEX = 18

_TX_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


class NotAnIdentifier(ValueError):
    """The text names no transaction, trade, address or order."""


class TradeId(msgspec.Struct, frozen=True, order=True):
    """A fill on chain: the transaction, and the index of the Clear's or Take's own log in its block."""

    tx_hash: str
    log_index: int

    def __str__(self) -> str:
        return f"{self.tx_hash}:{self.log_index}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `0x…:7`. Raises NotAnIdentifier."""
        tx, _, index = text.partition(":")
        if not index.isascii() or not index.isdigit() or len(index) > LONGEST_INDEX:
            raise NotAnIdentifier(f"expected a trade as 0x<64 hex digits>:<log index>, was {text[:100]!r}")
        return cls(tx_hash(tx), int(index))


def tx_hash(text: str) -> str:
    """Read a transaction hash, in lower case. Raises NotAnIdentifier."""
    lowered = text.strip().lower()
    if not _TX_HASH.fullmatch(lowered):
        raise NotAnIdentifier(f"expected a transaction hash as 0x and 64 hex digits, was {text!r}")
    return lowered


def address(text: str) -> str:
    """Read an address, in lower case. Raises NotAnIdentifier."""
    lowered = text.strip().lower()
    if not _ADDRESS.fullmatch(lowered):
        raise NotAnIdentifier(f"expected an address as 0x and 40 hex digits, was {text!r}")
    return lowered


def client_order_id(*, installation: str, order: OrderId, attempt: int) -> ClientOrderId:
    """Name an order so that no other installation, order or attempt can have the name: `ht-k3v9x2ab-17-1`."""
    return ClientOrderId(f"ht-{installation}-{order}-{attempt}")
