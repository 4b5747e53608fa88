"""The market: deploys the demo's contracts on a node, and fills our orders there as a day's trading would.

It says of everything it does what is to be seen of it, so that the books can be checked against it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from config.demo.chain import JsonObject, Node
from config.demo.oracle import quote_of
from config.demo.sending import Sender, called
from config.demo.steps import (
    EQUITIES,
    EQUITY_DECIMALS,
    SPREAD,
    USDC_DECIMALS,
    Call,
    Clear,
    Expected,
    ForeignPair,
    Outcome,
    Quote,
    Reorg,
    Several,
    Step,
    Stranger,
    Take,
    rounded,
)
from trading.chain import rain_float
from trading.chain.feeds import feeds_of
from trading.chain.topics import (
    AFTER_CLEAR,
    AFTER_CLEAR_V2,
    CLEAR_V2,
    CLEAR_V3,
    EVENT_TYPES,
    TAKE_ORDER_V2,
    TAKE_ORDER_V3,
)
from trading.values.arithmetic import EXACT
from trading.values.sides import Side
from trading.values.symbols import base_symbol

QUOTE = "(bytes32,int64,uint64,int32)"


class Market:
    """An order book, USDC, six tokenised shares and an oracle on a node, and people who trade there."""

    def __init__(self, node: Node, seed: int = 1) -> None:
        self.node = node
        self._seed = seed
        self._sender = Sender(node)
        # Who trades, whose fills are fleeting, and strangers: a returning transaction needs its account's earlier ones.
        self._trader, self._fleeting, self._outsider = (bytes(key.to_bytes()) for key in node.keys[:3])
        self._expected: dict[str, tuple[Expected, ...]] = {}
        self._fleeting_hashes: set[str] = set()
        self._fleeting_since: int | None = None

        self.owner, self.stranger = _address_of("owner"), _address_of("stranger")
        self.orderbook, self.deployment_block = self._sender.deploy(self._trader, "DemoOrderBook")
        self.oracle, _ = self._sender.deploy(self._trader, "DemoOracle")
        self.usdc = self._deploy_token("USD Coin", "USDC", USDC_DECIMALS)
        self.weth = self._deploy_token("Wrapped Ether", "WETH", EQUITY_DECIMALS)
        self.tokens = {
            str(base_symbol(token)): self._deploy_token(f"Tokenised {base_symbol(token)}", token, EQUITY_DECIMALS)
            for token in EQUITIES
        }

    def environment(self) -> dict[str, str]:
        """Return the variables with which the project watches this market."""
        return {
            "RPC_URL": self.node.url,
            "ORDERBOOK_ADDRESS": self.orderbook,
            "ORDER_OWNER": self.owner,
            "DEPLOYMENT_BLOCK": str(self.deployment_block),
            "USDC_ADDRESS": self.usdc,
            "PYTH_ADDRESS": self.oracle,
        }

    def play(self, step: Step) -> list[Expected]:
        """Do a step, and return what is to be seen of it; of a reorganisation, what it changed."""
        if isinstance(step, Reorg):
            return self._reorganise()
        calls = step.steps if isinstance(step, Several) else (step,)
        quotes = self._quotes(calls)
        fleeting = any(isinstance(call, Take) and call.fleeting for call in calls)
        stranger = all(isinstance(call, Stranger) for call in calls)
        key = self._fleeting if fleeting else self._outsider if stranger else self._trader
        receipt = self._sender.send(key, self._data(calls, quotes), to=self.orderbook)
        if fleeting:
            self._fleeting_hashes.add(receipt["transactionHash"])
            self._fleeting_since = self._fleeting_since or int(receipt["blockNumber"], 16)
        made = tuple(self._expectations(calls, receipt, quotes))
        self._expected[receipt["transactionHash"]] = made
        return list(made)

    def expected(self) -> list[Expected]:
        """Return what is to be seen of all steps, in the order in which they were first made."""
        return [one for made in self._expected.values() for one in made]

    def expected_positions(self) -> dict[str, Decimal]:
        """Return the net of our fills on chain, by symbol: what was bought less what was sold."""
        net: dict[str, Decimal] = {}
        for one in self.expected():
            if one.outcome is Outcome.FILL:
                change = one.shares if one.side is Side.BUY else one.shares.copy_negate()
                net[one.symbol] = EXACT.add(net.get(one.symbol, Decimal(0)), change)
        return net

    # Reorganisations.

    def _reorganise(self) -> list[Expected]:
        head = int(self.node.request("eth_blockNumber"), 16)
        first = self._fleeting_since or head
        removed = [
            (index, tx_hash)
            for index in range(head - first + 1)
            for tx_hash in self.node.request("eth_getBlockByNumber", hex(first + index), False)["transactions"]
        ]
        gone = [tx_hash for _, tx_hash in removed if tx_hash in self._fleeting_hashes]
        # What comes back does so in an earlier block, and some blocks now hold two transactions.
        returning = [(index // 2, tx_hash) for index, tx_hash in removed if tx_hash not in self._fleeting_hashes]
        self.node.reorg(head - first + 1, [(self._sender.raw[tx_hash], index) for index, tx_hash in returning])
        self._fleeting_since = None

        changed: list[Expected] = []
        for tx_hash in gone:
            made = self._expected[tx_hash]
            self._expected[tx_hash] = tuple(replace(one, outcome=Outcome.VANISHED) for one in made)
            changed += self._expected[tx_hash]
        for _, tx_hash in returning:
            made = self._expected.get(tx_hash, ())
            logs = self._sender.receipt(tx_hash)["logs"]
            shift = int(logs[0]["logIndex"], 16) - made[0].log_index if made else 0
            self._expected[tx_hash] = tuple(replace(one, log_index=one.log_index + shift) for one in made)
            changed += self._expected[tx_hash]
        return changed

    # What a step looks like on chain.

    def _quotes(self, calls: Sequence[Call]) -> list[Quote]:
        """What the oracle is told and asked for within a transaction: a share's price once."""
        quotes: dict[str, Quote] = {}
        for call in calls:
            quote = quote_of(call, self._seed) if isinstance(call, Take | Clear) else None
            if quote is not None:
                quotes.setdefault(quote.feed, quote)
        return list(quotes.values())

    def _data(self, calls: Sequence[Call], quotes: Sequence[Quote]) -> bytes:
        encoded = [self._encoded(call) for call in calls]
        if quotes:
            told = [(bytes.fromhex(each.feed[2:]), each.price, each.confidence, each.exponent) for each in quotes]
            return called("multicallAt", ["address", f"{QUOTE}[]", "bytes[]"], [self.oracle, told, encoded])
        return encoded[0] if len(encoded) == 1 else called("multicall", ["bytes[]"], [encoded])

    def _expectations(self, calls: Sequence[Call], receipt: JsonObject, quotes: Sequence[Quote]) -> Iterator[Expected]:
        logs = iter(receipt["logs"])
        for call in calls:
            log = next(logs)
            if isinstance(call, Clear):
                next(logs)  # The amounts, which are of no use without what came before them.
            shares, other = _amounts(call)
            yield Expected(
                outcome=_outcome(call),
                tx_hash=receipt["transactionHash"],
                log_index=int(log["logIndex"], 16),
                symbol=call.symbol,
                side=call.side,
                shares=shares,
                usd=other,
                # The first of the share's that its transaction read.
                oracle=next((quote for quote in quotes if quote.feed in feeds_of(call.symbol)), None),
            )

    def _encoded(self, call: Call) -> bytes:
        return self._encoded_clear(call) if isinstance(call, Clear) else self._encoded_take(call)

    def _encoded_take(self, take: Take | Stranger | ForeignPair) -> bytes:
        owner = self.stranger if isinstance(take, Stranger) else self.owner
        other_token, decimals = self._other(take)
        received, given = _both(take.side, _raw_amounts(take, _amounts(take), decimals))
        received_index, given_index = _both(take.side, (1, 0))
        context = (self.stranger, [7] if take.generation == 4 else [_word(7)], bytes(65))
        config = (self._order(owner, take, other_token, decimals), received_index, given_index, [context])
        # The event speaks for the taker: what the order gave is the taker's input.
        topic = TAKE_ORDER_V2 if take.generation == 4 else TAKE_ORDER_V3
        return called(f"take{take.generation}", EVENT_TYPES[topic][1:], [config, given, received])

    def _encoded_clear(self, clear: Clear) -> bytes:
        shares, usd = _amounts(clear)
        # The buyer of shares pays what the seller gets, and the spread; ours is the order with the round sum.
        spread = min(SPREAD, rounded(usd, USDC_DECIMALS))
        usd_of_other = EXACT.add(usd, spread if clear.side is Side.SELL else -spread)
        ours = _both(clear.side, _raw_amounts(clear, (shares, usd), USDC_DECIMALS))
        theirs = _both(clear.side.opposite, _raw_amounts(clear, (shares, usd_of_other), USDC_DECIMALS))
        our_places, their_places = _both(clear.side, (1, 0)), _both(clear.side.opposite, (1, 0))
        outsider = _address_of("another stranger")
        our_order = self._order(outsider if clear.ours is None else self.owner, clear, self.usdc, USDC_DECIMALS)
        their_order = self._order(self.stranger, clear, self.usdc, USDC_DECIMALS)

        alice, bob = (ours, our_places, our_order), (theirs, their_places, their_order)
        if clear.ours == "bob":
            alice, bob = bob, alice
        bounties = (1, 2) if clear.generation == 4 else (_word(1), _word(2))
        change = (alice[0][1], bob[0][1], alice[0][0], bob[0][0])  # Outputs before inputs.
        first, second = (CLEAR_V2, AFTER_CLEAR) if clear.generation == 4 else (CLEAR_V3, AFTER_CLEAR_V2)
        return called(
            f"clear{clear.generation}",
            EVENT_TYPES[first][1:] + EVENT_TYPES[second][1:],
            [alice[2], bob[2], (*alice[1], *bob[1], *bounties), change],
        )

    def _order(self, owner: str, call: Call, other_token: str, decimals: int) -> tuple[object, ...]:
        """Return an order that both takes in and gives out the dollars, at index 0, and the share, at index 1."""
        vault = keccak(text=f"vault {owner} {call.symbol}")
        ios: list[tuple[object, ...]]
        if call.generation == 4:
            number = int.from_bytes(vault)
            ios = [(other_token, decimals, number), (self.tokens[call.symbol], EQUITY_DECIMALS, number)]
        else:
            ios = [(other_token, vault), (self.tokens[call.symbol], vault)]
        evaluable = (_address_of("interpreter"), _address_of("store"), keccak(text=f"expression {call.symbol}"))
        return (owner, evaluable, ios, ios, keccak(text=f"nonce {self._seed} {owner} {call.symbol} {other_token}"))

    def _other(self, call: Call) -> tuple[str, int]:
        return (self.weth, EQUITY_DECIMALS) if isinstance(call, ForeignPair) else (self.usdc, USDC_DECIMALS)

    def _deploy_token(self, name: str, symbol: str, decimals: int) -> str:
        supply = 10**9 * 10**decimals
        arguments = encode(["string", "string", "uint8", "uint256"], [name, symbol, decimals, supply])
        return self._sender.deploy(self._trader, "DemoToken", arguments)[0]


def _outcome(call: Call) -> Outcome:
    if isinstance(call, ForeignPair):
        return Outcome.PARKED
    if isinstance(call, Stranger) or (isinstance(call, Clear) and call.ours is None):
        return Outcome.FILTERED
    return Outcome.FILL


def _amounts(call: Call) -> tuple[Decimal, Decimal]:
    """Return the shares and what was paid for them; version 4 can't pay less than a millionth of a dollar."""
    paid = EXACT.multiply(call.shares, call.price)
    if call.generation == 4:
        paid = rounded(paid, EQUITY_DECIMALS if isinstance(call, ForeignPair) else USDC_DECIMALS)
    return call.shares, paid


def _raw_amounts(call: Call, amounts: tuple[Decimal, Decimal], other_decimals: int) -> tuple[Any, Any]:
    shares, other = amounts
    if call.generation == 5:
        return rain_float.pack(shares), rain_float.pack(other)
    return _integer(shares, EQUITY_DECIMALS), _integer(other, other_decimals)


def _integer(amount: Decimal, decimals: int) -> int:
    raw = EXACT.scaleb(amount, decimals)
    if raw != int(raw):
        raise ValueError(f"expected an amount of at most {decimals} decimals, was {amount}")
    return int(raw)


def _both(side: Side, shares_and_other: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return what an order takes in and what it gives out: who buys shares takes them in."""
    shares, other = shares_and_other
    return (shares, other) if side is Side.BUY else (other, shares)


def _address_of(name: str) -> str:
    return f"0x{keccak(text=f'hedgetrail demo {name}')[-20:].hex()}"


def _word(number: int) -> bytes:
    return number.to_bytes(32)
