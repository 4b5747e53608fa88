"""Refusals: how nodes say no, and what may be done next."""

import re


class NodeError(Exception):
    """The node did not answer the question. No message of ours shows more of its URL than scheme and host."""


class NodeUnavailable(NodeError):
    """No answer that can be used came. The same question may be asked again later."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        rate_limited: bool = False,
        timed_out: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the node asked us to wait, where it said so."""
        self.rate_limited = rate_limited
        self.timed_out = timed_out
        """Nothing came in time. The question may be too heavy: ask for less."""


class InconsistentNode(NodeError):
    """Two answers contradict each other, or one answers another question. A reorg may be in progress: start again."""


class RangeRefused(NodeError):
    """The range of blocks, or what it holds, is too much for one answer. Ask for a smaller range."""


class MethodUnsupported(NodeError):
    """The node does not offer this method. Do without it, or use another node."""


class CallReverted(NodeError):
    """The contract refused the call. Asking again about the same block gives the same."""


class NodeRefused(NodeError):
    """The node said no, in its own words. An operator has to read them."""


class AccessRefused(NodeRefused):
    """The node refuses us, not the question: a key, a payment or a right is missing. No log is to blame for it."""


# No two vendors agree on codes, so the words decide, in this order.

LONGEST_REFUSAL = 4_000

_RATE = re.compile(
    r"\brate.?limit|too many requests|requests? (?:per|count|rate|limit)|compute units|throughput|\bcredits\b|\bquota\b"
    r"|over capacity|capacity exceeded|usage limit|\bdaily\b|\bmonthly\b|throttl"
)
_RATE_CODES = {429, -32029, -32016, -32017, -32012}
_BEHIND = re.compile(
    r"beyond (?:the )?(?:current |latest |chain |canonical )?(?:head|latest|tip|block)|ahead of|future"
    r"|(?:exceeds?|greater than|higher than|above|after) (?:the )?(?:current |latest |chain |canonical )?"
    r"(?:head|latest|tip|block (?:number|height))|block (?:is )?out of range|blockoutofrange|block height is"
    r"|unknown block|(?:block|header)(?: \S+)? (?:was |is )?not found|not yet|invalid block range|retry later"
)
_RANGE = re.compile(
    r"range|limit|size|large|\bbig|too (?:many|wide|long|much)|exceed|more than|\bmax|results|time.?out|timed out"
    r"|\bwide|deadline|heavy"
)
_UNSUPPORTED = re.compile(
    r"(?:method|debug_\w+|tracing).{0,80}?(?:not (?:supported|available|allowed|whitelisted|exist|enabled)"
    r"|n.t exist|disabled|unsupported|unavailable)|method.{0,60}?not (?:be )?found"
    r"|(?:unsupported|unknown|no such) method|not whitelisted"
)
_REVERTED = re.compile(
    r"revert|vm execution error|out of gas|invalid opcode|(?:bad|invalid) jump|stack (?:under|over)flow"
    r"|always failing transaction"
)
_PASSING = re.compile(
    r"time.?out|timed out|temporar|try again|retry|unavailable|overload|over capacity|backend|syncing|not synced"
    r"|internal|server error|bad gateway|connection|\bbusy\b|\beof\b|upstream|header not found"
)
_PASSING_CODES = {-32603, -32002, -32005, -32010, -32011, -32013, -32014, -32015}


def refusal_kind(method: str, code: object, text: str, status: int = 200) -> type[NodeError]:
    """The error that a node's refusal is, by what may be done next."""
    text = text[:LONGEST_REFUSAL].lower()
    if is_rate_limit(code, text, status):
        return NodeUnavailable
    if method == "eth_getLogs":
        # A range that ends past the node's head is not too large: the node is behind, and catches up.
        if _BEHIND.search(text):
            return NodeUnavailable
        if code == -32005 or status == 413 or _RANGE.search(text):
            return RangeRefused
    if method == "eth_call" and (code == 3 or _REVERTED.search(text)):
        return CallReverted
    if code == -32601 or _UNSUPPORTED.search(text):
        return MethodUnsupported
    if status >= 500 or status == 408 or code in _PASSING_CODES or _PASSING.search(text):
        return NodeUnavailable
    return NodeRefused


def is_rate_limit(code: object, text: str, status: int) -> bool:
    """Whether a refusal speaks of how often we ask, not of what we ask for."""
    return status == 429 or code in _RATE_CODES or _RATE.search(text) is not None
