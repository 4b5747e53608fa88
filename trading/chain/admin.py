"""Tokens in the admin."""

from django.contrib import admin

from eventstore.cells import list_link, shown
from eventstore.read_only import ReadOnlyAdmin
from trading.chain.token_table import Token


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """What each token said of itself when it was first met."""

    list_display = ("symbol", "address", "decimals", "first_seen_block", "trades")
    fields = ("address", "symbol", "decimals", "first_seen_block", "trades")
    search_fields = ("^address", "symbol")
    search_help_text = "An address or its beginning, or a symbol"

    def trades(self, row: Token) -> str:
        return list_link("trading.onchaintrade", shown(row.symbol), token_symbol__exact=row.symbol)
