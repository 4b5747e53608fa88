// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {DemoOracle} from "./DemoOracle.sol";

/// A Rain float: the high 32 bits are a signed exponent, the low 224 bits a signed coefficient.
type Float is bytes32;

/// An order book that only speaks. It keeps no vaults and evaluates no orders: whoever calls it says what was
/// filled, and it emits exactly the events by which a Rain order book tells of such a fill, in both generations:
/// integers in each token's decimals (version 4) and Rain floats (version 5, whose events version 6 kept).
contract DemoOrderBook {
    // Version 4.

    struct IO {
        address token;
        uint8 decimals;
        uint256 vaultId;
    }

    struct EvaluableV3 {
        address interpreter;
        address store;
        bytes bytecode;
    }

    struct OrderV3 {
        address owner;
        EvaluableV3 evaluable;
        IO[] validInputs;
        IO[] validOutputs;
        bytes32 nonce;
    }

    struct ClearConfig {
        uint256 aliceInputIOIndex;
        uint256 aliceOutputIOIndex;
        uint256 bobInputIOIndex;
        uint256 bobOutputIOIndex;
        uint256 aliceBountyVaultId;
        uint256 bobBountyVaultId;
    }

    struct ClearStateChange {
        uint256 aliceOutput;
        uint256 bobOutput;
        uint256 aliceInput;
        uint256 bobInput;
    }

    struct SignedContextOfIntegers {
        address signer;
        uint256[] context;
        bytes signature;
    }

    struct TakeOrderConfigV3 {
        OrderV3 order;
        uint256 inputIOIndex;
        uint256 outputIOIndex;
        SignedContextOfIntegers[] signedContext;
    }

    event ClearV2(address sender, OrderV3 alice, OrderV3 bob, ClearConfig clearConfig);
    event AfterClear(address sender, ClearStateChange clearStateChange);
    event TakeOrderV2(address sender, TakeOrderConfigV3 config, uint256 input, uint256 output);

    // Version 5.

    struct IOV2 {
        address token;
        bytes32 vaultId;
    }

    struct EvaluableV4 {
        address interpreter;
        address store;
        bytes bytecode;
    }

    struct OrderV4 {
        address owner;
        EvaluableV4 evaluable;
        IOV2[] validInputs;
        IOV2[] validOutputs;
        bytes32 nonce;
    }

    struct ClearConfigV2 {
        uint256 aliceInputIOIndex;
        uint256 aliceOutputIOIndex;
        uint256 bobInputIOIndex;
        uint256 bobOutputIOIndex;
        bytes32 aliceBountyVaultId;
        bytes32 bobBountyVaultId;
    }

    struct ClearStateChangeV2 {
        Float aliceOutput;
        Float bobOutput;
        Float aliceInput;
        Float bobInput;
    }

    struct SignedContextV1 {
        address signer;
        bytes32[] context;
        bytes signature;
    }

    struct TakeOrderConfigV4 {
        OrderV4 order;
        uint256 inputIOIndex;
        uint256 outputIOIndex;
        SignedContextV1[] signedContext;
    }

    event ClearV3(address sender, OrderV4 alice, OrderV4 bob, ClearConfigV2 clearConfig);
    event AfterClearV2(address sender, ClearStateChangeV2 clearStateChange);
    event TakeOrderV3(address sender, TakeOrderConfigV4 config, Float input, Float output);

    // A clear is told of twice, as by the real contract: who met whom, then what moved.

    function clear4(
        OrderV3 calldata alice,
        OrderV3 calldata bob,
        ClearConfig calldata config,
        ClearStateChange calldata change
    ) external {
        emit ClearV2(msg.sender, alice, bob, config);
        emit AfterClear(msg.sender, change);
    }

    function clear5(
        OrderV4 calldata alice,
        OrderV4 calldata bob,
        ClearConfigV2 calldata config,
        ClearStateChangeV2 calldata change
    ) external {
        emit ClearV3(msg.sender, alice, bob, config);
        emit AfterClearV2(msg.sender, change);
    }

    // Input and output are the taker's: the input is what the order gave, the output what it received.

    function take4(TakeOrderConfigV3 calldata config, uint256 input, uint256 output) external {
        emit TakeOrderV2(msg.sender, config, input, output);
    }

    function take5(TakeOrderConfigV4 calldata config, Float input, Float output) external {
        emit TakeOrderV3(msg.sender, config, input, output);
    }

    /// Makes several of the calls above in one transaction, each with the same sender.
    function multicall(bytes[] calldata calls) external {
        make(calls);
    }

    /// Does the same at prices that the taker brings along: the oracle is told each, and asked for it, as an order
    /// asks whose price is the oracle's.
    function multicallAt(DemoOracle oracle, DemoOracle.Quote[] calldata quotes, bytes[] calldata calls) external {
        for (uint256 i = 0; i < quotes.length; i++) {
            oracle.tell(quotes[i]);
            oracle.getPriceUnsafe(quotes[i].feed);
        }
        make(calls);
    }

    function make(bytes[] calldata calls) private {
        for (uint256 i = 0; i < calls.length; i++) {
            (bool succeeded, ) = address(this).delegatecall(calls[i]);
            require(succeeded, "a call failed");
        }
    }
}
