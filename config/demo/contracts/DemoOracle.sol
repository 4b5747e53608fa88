// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// An oracle that answers as Pyth does and believes whoever tells it a price: what it is told counts from that block on.
contract DemoOracle {
    struct Price {
        int64 price;
        uint64 conf;
        int32 expo;
        uint256 publishTime;
    }

    struct Quote {
        bytes32 feed;
        int64 price;
        uint64 conf;
        int32 expo;
    }

    /// Pyth's own word for a feed that it knows no price of.
    error PriceFeedNotFound();

    mapping(bytes32 => Price) private prices;

    function tell(Quote calldata quote) external {
        prices[quote.feed] = Price(quote.price, quote.conf, quote.expo, block.timestamp);
    }

    function getPriceUnsafe(bytes32 feed) external view returns (Price memory price) {
        price = prices[feed];
        if (price.publishTime == 0) revert PriceFeedNotFound();
    }
}
