"""Sessions: calls that carry a token."""

from collections.abc import Mapping
from typing import Any

from trading.brokers.http import Answer, BrokerHttp
from trading.brokers.outcomes import BrokerError, BrokerUnavailable, OutcomeUnknown
from trading.brokers.recording import Reference
from trading.brokers.schwab.tokens import AccessTokens
from trading.values.secret import Secret


class SchwabSession:
    """Makes calls with the newest token. The one thing that it repeats is a call answered 401, which did nothing."""

    def __init__(self, *, http: BrokerHttp, tokens: AccessTokens) -> None:
        self._http, self._tokens = http, tokens

    def call(
        self,
        method: str,
        path: str,
        *,
        reference: Reference,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Answer:
        """Make one call, and once more with a newer token where the first is refused. Raises as BrokerHttp.call.

        What keeps us from a token keeps the call from being made, so it is never an unknown outcome of the call.
        """
        token = self._token(None)
        answer = self._send(method, path, reference, params, json, token)
        if answer.status != 401:
            return answer
        return self._send(method, path, reference, params, json, self._token(token))

    def _token(self, refused: Secret | None) -> Secret:
        try:
            return self._tokens.current() if refused is None else self._tokens.refused(refused)
        except OutcomeUnknown as error:
            raise BrokerUnavailable(f"there is no token for the call, which was not made: {error}") from error

    def _send(
        self,
        method: str,
        path: str,
        reference: Reference,
        params: Mapping[str, str] | None,
        json: Any,
        token: Secret,
    ) -> Answer:
        try:
            return self._http.call(
                method,
                path,
                reference=reference,
                # An order is answered with an empty body, which is no JSON.
                headers={"Authorization": f"Bearer {token.reveal()}", **({} if method == "GET" else {"Accept": "*/*"})},
                params=params,
                json=json,
            )
        except BrokerError as error:
            # The frames below hold the token as it is sent; the message tells what they would.
            raise error.with_traceback(None) from None
