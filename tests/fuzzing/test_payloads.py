"""Bodies of calls, whatever they are: they are kept without their secrets, and read again."""

from hypothesis import given
from hypothesis import strategies as st

from audit_trail.payloads.kinds import decoded
from audit_trail.payloads.models import ApiPayload
from audit_trail.payloads.redaction import Redaction
from tests.fuzzing.bounds import ends_well, fuzzed
from tests.fuzzing.mutated import bodies
from tests.support.alpaca import order_row

SECRET = "s3cret-of-nobody-at-all"
SAMPLES = [
    order_row(),
    {"access_token": SECRET, "inner": {"refresh_token": SECRET, "list": [{"password": SECRET}]}, "expires_in": 1800},
    [f"https://example.com/?code={SECRET}&a=b", f"Bearer {SECRET}0", '{"token": "' + SECRET + '"}'],
]
REPEATED = st.sampled_from(
    (b'"', b"\\", b'\\"', b"{", b'{"token":', b'"token":"', b"=", b"?token=",
     b"%3f", b"://", b"Bearer ", b"eyJ", b"a.", b"- ")
)  # fmt: skip


@fuzzed(250)
@given(body=bodies(SAMPLES) | st.tuples(REPEATED, st.integers(1, 5_000)).map(lambda told: told[0] * told[1]))
def test_whatever_a_body_is_its_secrets_are_taken_out_in_time(body):
    redaction = Redaction([SECRET])

    redacted = ends_well(lambda: redaction.body(body))
    assert SECRET.encode() not in redacted.data
    ends_well(lambda: redaction.text(body.decode(errors="replace")).replace("\0", ""))
    ends_well(lambda: redaction.learn([("Authorization", "Bearer x")], "https://example.com/?a=b", body))


@fuzzed(150)
@given(body=bodies(SAMPLES))
def test_whatever_a_body_is_it_is_read_as_json_or_is_none(body):
    text = body.decode(errors="replace")

    ends_well(lambda: str(decoded(ApiPayload(body=text, encoding=ApiPayload.Encoding.TEXT)))[:0])
