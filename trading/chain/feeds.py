"""Feeds: under which ids Pyth prices a share, today and before. Feeds migrate, so a symbol may have several.

A feed is never learned from a transaction: the first price that a transaction reads may be another share's.
"""

from trading.values.symbols import Symbol

FEEDS: dict[str, tuple[str, ...]] = {
    "AAPL": ("0x49f6b65cb1de6b10eaf75e7c03ca029c306d0357e91b5311b175084a5ad55688",),
    "AMZN": ("0xb5d0e0fa58a1f8b81498ae670ce93c872d14434b72c364885d4fa1b257cbb07a",),
    "COIN": ("0xfee33f2a978bf32dd6b662b65ba8083c6773b494f8401194ec1870c640860245",),
    "CRCL": ("0x92b8527aabe59ea2b12230f7b532769b133ffb118dfbd48ff676f14b273f1365",),
    "GME": ("0x6f9cd89ef1b7fd39f667101a91ad578b6c6ace4579d5f7f285a4b06aa4504be6",),
    "GOOG": ("0xe65ff435be42630439c96396653a342829e877e2aafaeaf1a10d0ee5fd2cf3f2",),
    "META": ("0x78a3e3b8e676a8f73c439f5d749737034b139bbbe899ba5775216fba596607fe",),
    "MSFT": ("0xd0ca23c1cc005e004ccf1db5bf76aeb6a49218f43dac3d4b275e92de12ded4d1",),
    "MSTR": ("0xe1e80251e5f5184f2195008382538e847fafc36f751896889dd3d1b1f6111f09",),
    "NVDA": ("0xb1073854ed24cbc755dc527418f52b7d271f6cc967bbf8d8129112b18860a593",),
    "QQQM": ("0x433b196b3b026f46f76b5e901c84c575a7280dcba0f4272edefe0529b599ad64",),
    "SGOV": ("0x8d6a29bb5ed522931d711bb12c4bbf92af986936e52af582032913b5ffcbf4d5",),
    "TSLA": (
        "0x16dad506d7db8da01c87581c87ca897a012a153557d4d578c3b9c9e1bc0632f1",
        "0x2a797e196973b72447e0ab8e841d9f5706c37dc581fe66a0bd21bcd256cdb9b9",
    ),
}
# Not here: ETH/USD. ETH is also the ticker of a fund, which the coin's price is not.


def feeds_of(symbol: Symbol | str) -> tuple[str, ...]:
    """List every feed that prices a share or did, none where we know of none."""
    return FEEDS.get(symbol, ())
