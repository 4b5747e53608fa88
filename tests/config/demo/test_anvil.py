"""Anvil in tests: a real process, which can be reorganised and killed, and whose absence is told."""

from collections.abc import Iterator

import pytest
from eth_utils import to_checksum_address

from tests.support import anvil as support
from tests.support.anvil import AnvilError, anvil


@pytest.fixture
def no_anvil(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    support.binary.cache_clear()
    yield
    support.binary.cache_clear()


def test_without_anvil_and_npm_a_test_is_skipped(no_anvil):
    with pytest.raises(pytest.skip.Exception, match="npm, which could install it, is missing"), anvil():
        pass


def test_where_it_must_run_the_test_fails_instead(no_anvil, monkeypatch):
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="with CI set this test must run"), anvil():
        pass


@pytest.mark.slow
def test_a_node_that_is_reorganised_reverted_and_killed():
    with anvil(chain_id=8453) as node:
        assert node.request("eth_chainId") == "0x2105"
        accounts = node.request("eth_accounts")
        assert [to_checksum_address(account) for account in accounts[:4]] == [
            key.public_key.to_checksum_address() for key in node.keys
        ]

        taken = node.snapshot()
        node.mine(5)
        before = node.request("eth_getBlockByNumber", "latest", False)["hash"]
        node.reorg(2)
        assert node.request("eth_blockNumber") == "0x6"
        assert node.request("eth_getBlockByNumber", "0x5", False)["hash"] != before
        node.revert(taken)
        assert node.request("eth_blockNumber") == "0x0"

        with pytest.raises(AnvilError, match="-32601"):
            node.request("eth_nonsense")
        node.kill()
        with pytest.raises(ConnectionError):
            node.request("eth_blockNumber")
