"""Addresses that an operator pastes after a login, whatever is in them: a code, or NotARedirect."""

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import TEXTS
from trading.brokers.schwab.oauth import NotARedirect, SchwabOAuth
from trading.values.secret import Secret

HERE, STATE, CODE = "https://127.0.0.1:8182/callback", "state-of-nobody", "C0.code-of-nobody%40"
PIECES = ("https://", "http://", "127.0.0.1", ":8182", "/callback", "?", "&", "code=", CODE, "state=", STATE, "error=x",
          "session=1", "#", "%", "%zz", "%00", "%ff", "[", "]", "[::1", "[v1.x]", "@", "：", "。", "℀", "\t", "\n",
          "<", ">", ":",          ":99999", ":-1", ":٣", "..", "\\", ";", "=", "+", " ")  # fmt: skip


@st.composite
def addresses(draw):
    right = [HERE, "?code=", CODE, "&session=1", "&state=", STATE]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(right)))
        right[at : at + draw(st.integers(0, 2))] = [draw(st.sampled_from(PIECES) | st.sampled_from(TEXTS) | st.text())]
    return "".join(right)


@fuzzed(400)
@given(text=addresses() | st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
@example(text=f"{HERE}?code={CODE}&state={STATE}")
def test_whatever_is_pasted_is_a_code_or_no_redirect(text):
    oauth = SchwabOAuth(app_key=Secret("key"), app_secret=Secret("secret"), redirect_uri=HERE, http=None)

    ends_well(lambda: oauth.code_of(text, STATE), NotARedirect)
