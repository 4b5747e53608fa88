"""Token table: the facts of each token that was met, read from the chain once."""

from django.db import models

from trading.chain.fills import TokenFacts


class Token(models.Model):
    """An ERC-20 token: what it calls itself, and how many decimals it counts in."""

    address = models.CharField(max_length=42, primary_key=True)
    symbol = models.CharField(max_length=200)
    decimals = models.IntegerField()
    first_seen_block = models.BigIntegerField(null=True)

    class Meta:
        db_table = "tokens"

    def __str__(self) -> str:
        return f"{self.symbol} {self.address}"


def known_tokens() -> dict[str, TokenFacts]:
    """All tokens that were met, by address."""
    rows = Token.objects.values_list("address", "symbol", "decimals")
    return {address: TokenFacts(address, symbol, decimals) for address, symbol, decimals in rows}


def remember(token: TokenFacts, *, block: int | None) -> None:
    """Keep a token's facts; those that were read first stay."""
    Token.objects.bulk_create(
        [Token(address=token.address, symbol=token.symbol, decimals=token.decimals, first_seen_block=block)],
        ignore_conflicts=True,
    )
