"""Redaction: whatever is a secret is gone, and whatever is none keeps every byte."""

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as some

from audit_trail.payloads.known_secrets import MOST_LEARNED
from audit_trail.payloads.redaction import Redaction
from audit_trail.payloads.secret_names import field_is_secret, header_is_secret, parameter_is_secret

KNOWN = 'kn0wn/s3cret+"x"'
REDACTION = Redaction([KNOWN, "short"])
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP"


def body(text):
    return REDACTION.body(text.encode()).data.decode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # Fields of JSON, with the spaces and the digits that they came with.
        ('{"access_token":"a","expires_in":1800}', '{"access_token":"***","expires_in":1800}'),
        ('{ "refresh_token" : "a\\"b" , "qty": 1.50 }', '{ "refresh_token" : "***" , "qty": 1.50 }'),
        ('[{"deep":[{"id_token":"a"}]}]', '[{"deep":[{"id_token":"***"}]}]'),
        ('{"client_secret":"a","clientSecret":"b"}', '{"client_secret":"***","clientSecret":"***"}'),
        ('{"password":12345,"pin":"1"}', '{"password":"***","pin":"***"}'),
        ('{"access\\u005ftoken":"a"}', '{"access\\u005ftoken":"***"}'),
        # All that a secret name holds.
        (
            '{"tokens":{"a":["x",1,null],"b":{"c":"y"}},"z":1}',
            '{"tokens":{"a":["***","***",null],"b":{"c":"***"}},"z":1}',
        ),
        # What says that there is none stays.
        ('{"token":null,"secret":"","key":true}', '{"token":null,"secret":"","key":true}'),
        # JSON within JSON.
        ('{"body":"{\\"access_token\\":\\"a\\"}"}', '{"body":"{\\"access_token\\":\\"***\\"}"}'),
        # An authorisation code, and how an error is called.
        ('{"code":"C0dE.x@"}', '{"code":"***"}'),
        ('{"code":40310000,"message":"insufficient qty"}', '{"code":40310000,"message":"insufficient qty"}'),
        ('{"code":"404","error":{"code":"invalid_grant"}}', '{"code":"404","error":{"code":"invalid_grant"}}'),
        # Names that only sound like secrets, and explain a call.
        ('{"next_page_token":"MTY0","token_type":"Bearer"}', '{"next_page_token":"MTY0","token_type":"Bearer"}'),
        ('{"session":"NORMAL","status":"new"}', '{"session":"NORMAL","status":"new"}'),
        # Forms and addresses.
        ("grant_type=refresh_token&refresh_token=a%40b&x=1", "grant_type=refresh_token&refresh_token=***&x=1"),
        ("code=C0.abc%40&client_secret=b", "code=***&client_secret=***"),
        ("https://127.0.0.1/?code=C0.abc%40&session=77", "https://127.0.0.1/?code=***&session=***"),
        ('{"to":"https:\\/\\/x?code=a\\/b&n=1"}', '{"to":"https:\\/\\/x?code=***&n=1"}'),
        ("https://x/?next=https://y/?code=a", "https://x/?next=https://y/?code=***"),
        ("https://x/?next=https%3A%2F%2Fy%3Fcode%3Da%26n%3D1", "https://x/?next=https%3A%2F%2Fy%3Fcode%3D***%26n%3D1"),
        ('<a href="/cb?a=1&amp;token=b">', '<a href="/cb?a=1&amp;token=***">'),
        ("#access_token=a&n=1", "#access_token=***&n=1"),
        ("see https://me:hunter2@host/x", "see https://***@host/x"),
        # What looks like a secret, wherever it stands.
        (f'{{"message":"no such user for {JWT}."}}', '{"message":"no such user for ***"}'),
        ("Authorization: Bearer abcdefghijklmnop1", "Authorization: *** ***"),
        (f"was 'Basic {b64encode(b'me:hunter2').decode()}'", "was 'Basic ***'"),
        ("Basic Telecommunications", "Basic Telecommunications"),
        ("bearer certificates and internationalisation", "bearer certificates and internationalisation"),
        ('{"sent":"C0.b2F1dGgyLmJkYy5zY2h3YWI.abcdef@"}', '{"sent":"***"}'),
        ('{"a":"PKABCDEFGHIJ23456789"}', '{"a":"***"}'),
        ("ghp_abcdefghijklmnopqrst012345", "***"),
        (
            "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----",
        ),
        # What is no JSON, or only half of it.
        ('{"access_token":"abc', '{"access_token":"***'),
        ('{"access_token":"abc\\', '{"access_token":"***'),
        ("{'access_token': 'a b'}", "{'access_token': '***'}"),
        ("password: hunter2\nuser: me", "password: ***\nuser: me"),
        ("<access_token>abc</access_token>", "<access_token>***</access_token>"),
        ('{"a":"b"} {"secret":"c"}', '{"a":"b"} {"secret":"***"}'),
    ],
)
def test_what_is_left_of_a_body(text, left):
    assert body(text) == left
    assert body(left) == left


@pytest.mark.parametrize(
    "written",
    [
        KNOWN,
        quote(KNOWN),
        quote(KNOWN, safe=""),
        quote(KNOWN, safe="").lower(),
        json.dumps(KNOWN),
        json.dumps(KNOWN).replace("/", "\\/"),
        json.dumps(json.dumps(KNOWN)),
        "kn0wn/s3cret+&quot;x&quot;",
        KNOWN.encode().hex(),
        b64encode(f"key:{KNOWN}".encode()).decode(),
        b64encode(f"ke:{KNOWN}:and more".encode()).decode(),
        b64encode(f"k:{KNOWN}".encode()).decode(),
        urlsafe_b64encode(f"k:{KNOWN}".encode()).decode(),
        quote(b64encode(f"k:{KNOWN}".encode()).decode(), safe=""),
    ],
)
def test_a_known_secret_is_found_however_it_is_written(written):
    left = body(f"<p>no: {written}!</p>")

    assert left.startswith("<p>no: ")
    assert left.endswith("!</p>")
    assert set(left[7:-5]) <= set('*"\\%3D3d')


def test_a_short_text_is_no_known_secret():
    assert body("short of shares") == "short of shares"


def test_a_body_that_is_no_text_is_searched_too():
    data = b"\xff\xfe\x00" + KNOWN.encode() + b"\x00?code=abc\xff"

    assert REDACTION.body(data).data == b"\xff\xfe\x00***\x00?code=***"


def test_it_is_said_how_many_were_taken_out():
    assert REDACTION.body(b'{"a":1}').secrets == 0
    assert REDACTION.body(f'{{"access_token":"a","refresh_token":"b","x":{json.dumps(KNOWN)}}}'.encode()).secrets == 3


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("authorization", "Basic YTpi", "Basic ***"),
        ("Authorization", "Token abc", "Token ***"),
        ("Authorization", "abc", "***"),
        ("APCA-API-KEY-ID", "PKABC", "***"),
        ("APCA-API-SECRET-KEY", "abc", "***"),
        ("Cookie", "a=b", "***"),
        ("Set-Cookie", "session=abc; HttpOnly", "***"),
        ("X-Api-Key", "abc", "***"),
        ("X-Auth", "abc", "***"),
        ("X-CSRFToken", "abc", "***"),
        ("Proxy-Authorization", "Basic YTpi", "Basic ***"),
        # What explains a call.
        ("Schwab-Client-CorrelId", "5f1c-77", "5f1c-77"),
        ("X-Request-ID", "77", "77"),
        ("Idempotency-Key", "ht-k3v9x2ab-17-1", "ht-k3v9x2ab-17-1"),
        ("WWW-Authenticate", 'Bearer realm="x"', 'Bearer realm="x"'),
        ("Location", "https://x/orders/17", "https://x/orders/17"),
        ("Location", "https://x/cb?code=abc&n=1", "https://x/cb?code=***&n=1"),
        ("X-Echo", KNOWN, "***"),
    ],
)
def test_what_is_left_of_a_header(name, value, left):
    assert REDACTION.headers([("A", "1"), (name, value), ("A", "2")]) == [("A", "1"), (name, left), ("A", "2")]


def test_what_went_out_as_a_secret_is_found_in_what_comes_back():
    redaction = Redaction()
    redaction.learn(
        [
            ("Authorization", f"Basic {b64encode(b'the-app-key:the-app-secret').decode()}"),
            ("APCA-API-SECRET-KEY", "the-alpaca-secret"),
        ],
        "https://x/token?apikey=the-query-key",
        b"grant_type=refresh_token&refresh_token=the%2Frefresh%2Ftoken",
    )
    redaction.learn(
        [("Authorization", "Bearer the-access-token")], "https://x", b'{"client_secret":"the \\"secret\\""}'
    )
    page = (
        "<h1>the-app-key, the-app-secret and the-alpaca-secret</h1> the-query-key the/refresh/token the-access-token "
        "the &quot;secret&quot; grant_type"
    )

    assert redaction.body(page.encode()).data.decode() == "<h1>***, *** and ***</h1> *** *** *** *** grant_type"


def test_the_secrets_that_went_out_longest_ago_are_forgotten():
    redaction = Redaction(["given-for-ever"])
    for number in range(MOST_LEARNED + 1):
        redaction.learn([("Authorization", f"Bearer secret-{number:04}")], "", b"")
        redaction.learn([("Authorization", "Bearer secret-in-use")], "", b"")

    assert redaction.text("secret-0000 secret-0001 secret-0032") == "secret-0000 secret-0001 ***"
    assert redaction.text("secret-in-use given-for-ever") == "*** ***"


VALUES = some.text(some.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
PLAIN = some.one_of(some.none(), some.booleans(), some.integers(), VALUES)
NAMES = some.sampled_from(["symbol", "qty", "id", "status", "client_order_id", "message", "token_type"])
SECRET_NAMES = some.sampled_from(
    ["access_token", "refreshToken", "Client-Secret", "password", "api_key", "pass_phrase"]
)


def trees(values, names):
    return some.recursive(
        values, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(names, inner, max_size=4), max_leaves=12
    )


@given(
    trees(
        some.one_of(some.none(), some.booleans(), some.integers(), some.text('abc äö \\"{}[],:1.5', max_size=20)), NAMES
    ),
    some.sampled_from([None, 2]),
)
def test_json_without_a_secret_keeps_every_byte(tree, indent):
    data = json.dumps(tree, indent=indent, ensure_ascii=False).encode()

    assert Redaction().body(data) == (data, 0)


@given(trees(PLAIN, NAMES), SECRET_NAMES, some.text("abcXYZ019/+=\\\"'&{}[]:, ä\n", min_size=1), some.booleans())
def test_a_secret_is_found_at_any_depth(tree, name, value, ascii_only):
    secret = f"hush{value}hush"
    planted = {"a": [tree, {name: [secret, {"b": secret}]}], "z": tree}

    left = REDACTION.body(json.dumps(planted, ensure_ascii=ascii_only).encode()).data

    assert json.loads(left)["a"][1] == {name: ["***", {"b": "***"}]}


@given(
    some.text("abcXYZ019/+=\\\"'&{}[]:, ä%#", min_size=1), some.sampled_from(["code", "refresh_token", "client_secret"])
)
def test_a_secret_is_found_in_any_form(value, name):
    form = urlencode({"grant_type": "x", name: value, "redirect_uri": "https://127.0.0.1"})

    assert body(form) == f"grant_type=x&{name}=***&redirect_uri=https%3A%2F%2F127.0.0.1"


@pytest.mark.parametrize("kind", [header_is_secret, parameter_is_secret, field_is_secret])
@pytest.mark.parametrize("name", ["access_token", "X-Api-Key", "clientSecret", "PASSWORD", "auth"])
def test_a_name_says_it_whatever_it_is_written_like(kind, name):
    assert kind(name)


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 200_000, "?key=" * 100_000, '{"key":' * 100_000, "eyJ-" * 100_000, "\\" * 300_000]
)
def test_a_body_made_to_take_for_ever_does_not(text):
    """It would take minutes, which the time limit of the tests tells."""
    assert len(REDACTION.body(text.encode()).data) > 0
