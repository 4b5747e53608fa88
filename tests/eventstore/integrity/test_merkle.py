"""Merkle trees: the tree of RFC 6962, and proofs that hold for their leaf and for no other."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.integrity.merkle import Step, leaf, path, root, root_by

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=70).map(lambda texts: [leaf(text) for text in texts])


def root_by_definition(leaves):
    """As RFC 6962, section 2.1, says it."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    parts = root_by_definition(leaves[:left]) + root_by_definition(leaves[left:])
    return sha256(b"\x01" + parts).digest()


# Test vectors of the Certificate Transparency project: leaves, and the roots over the first one, two and so on of them.
VECTORS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_the_roots_of_certificate_transparency(count):
    assert root([leaf(bytes.fromhex(text)) for text in VECTORS[:count]]).hex() == ROOTS[count - 1]


@given(LEAVES)
def test_a_root_is_what_the_standard_says(leaves):
    assert root(leaves) == root_by_definition(leaves)


@given(LEAVES, st.data())
def test_a_proof_leads_from_its_leaf_to_the_root(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))

    steps = path(leaves, index)

    assert root_by(leaves[index], steps) == root(leaves)
    assert len(steps) <= (len(leaves) - 1).bit_length()


@given(LEAVES, st.data())
def test_a_proof_leads_from_no_other_leaf_to_the_root(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = leaf(data.draw(st.binary(min_size=9, max_size=12)))

    assert root_by(other, path(leaves, index)) != root(leaves)


@given(LEAVES.filter(lambda leaves: len(leaves) > 1), st.data())
def test_a_changed_proof_leads_elsewhere(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    steps = path(leaves, index)
    place = data.draw(st.integers(0, len(steps) - 1))
    side, beside = steps[place]
    changed = [*steps]
    changed[place] = Step(side, leaf(bytes.fromhex(beside)).hex())

    assert root_by(leaves[index], changed) != root(leaves)
    assert root_by(leaves[index], steps[:place] + steps[place + 1 :]) != root(leaves)


@given(LEAVES, st.data())
def test_another_leaf_or_another_order_is_another_root(leaves, data):
    first, second = (data.draw(st.integers(0, len(leaves) - 1)) for _ in range(2))
    swapped = [*leaves]
    swapped[first], swapped[second] = leaves[second], leaves[first]

    assert (root(swapped) == root(leaves)) == (swapped == leaves)
    assert root([*leaves, leaves[-1]]) != root(leaves)


def test_two_leaves_are_never_taken_for_one():
    pair = [leaf(b"a"), leaf(b"b")]

    assert leaf(b"".join(pair)) != root(pair)
