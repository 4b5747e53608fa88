"""Logs: JSON lines for machines, readable lines on a terminal, and no secret in either."""

import logging
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from audit_trail.alerts.channels import parts_of

HIDDEN = "***"

SECRET_NAMES = re.compile(r"(^|_)(KEYS?|KEY_ID|SECRET|TOKEN|PASSWORD)$")
"""Variables whose whole value is a secret: SECRET_KEY, and a broker's ones like ALPACA_API_KEY. Of several with commas
between them, as in TOKEN_ENCRYPTION_KEYS, each is one."""

KEY_LENGTH = 8
"""What is at least this long may be a key. Shorter parts of a node's URL are words like `rpc`: hiding each `rpc` and
`1` in a log would hide the log, so they go only where the URL itself is written."""


def configuration(*, level: str, environ: Mapping[str, str], terminal: bool | None = None) -> dict[str, Any]:
    """Return Django's LOGGING, and let structlog's loggers write through it."""
    terminal = sys.stderr.isatty() if terminal is None else terminal
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.StackInfoRenderer(),
                    structlog.processors.format_exc_info,
                    Redactor(environ),
                    _renderer(terminal),
                ],
            }
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        # Django and django-q bring handlers of their own; what they say goes through the redactor like the rest.
        "loggers": {
            **{
                name: {"handlers": [], "level": level, "propagate": True}
                for name in ("django", "django.server", "django-q")
            },
            # They tell of every call, with whatever is secret in its address or its answer. Calls are on record.
            **{name: {"level": "WARNING"} for name in ("httpx2", "httpcore2", "urllib3", "requests")},
            # It tells of addresses. What it says of a message that was not taken is kept in the message's row.
            "apprise": {"handlers": ["nowhere"], "level": "WARNING", "propagate": False},
        },
    }


def _renderer(terminal: bool) -> Processor:
    if terminal:
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(sort_keys=True)


def log_crashes() -> None:
    """Log what nobody catches, so that a traceback passes the redactor too."""

    def crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            logging.getLogger("hedgetrail").critical("crashed", exc_info=(kind, error, trace))

    def thread_crashed(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            crashed(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = crashed
    threading.excepthook = thread_crashed


class Redactor:
    """Takes secrets out of a log line: those of the environment wherever they stand, and the user part of any URL."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._texts = dict(sorted(_texts(environ), key=lambda pair: len(pair[0]), reverse=True))
        self._pattern = re.compile("|".join(re.escape(text) for text in self._texts)) if self._texts else None

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {name: self._redacted(value) for name, value in event.items()}

    def text(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._texts[found[0]], text)
        return re.sub(r"(?<=://)[^\s/?#@]+@", "", text)

    def _redacted(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(name)): self._redacted(inner) for name, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._redacted(inner) for inner in value]
            case BaseException():
                return self.text(repr(value))
            case _:
                return self.text(str(value))


def secret_texts(environ: Mapping[str, str]) -> list[str]:
    """List every text of the environment that must not be seen, for whoever writes something else than logs."""
    return sorted({text for text, _ in _texts(environ)})


def _texts(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield every text that must not be seen, and what stands in its place."""
    for name, value in environ.items():
        if not value.strip():
            continue
        if name == "SECRET_KEY" or (SECRET_NAMES.search(name) and len(value) >= KEY_LENGTH):
            yield value.strip(), HIDDEN
            if name.endswith("KEYS"):
                yield from ((part.strip(), HIDDEN) for part in value.split(",") if len(part.strip()) >= KEY_LENGTH)
        elif name == "DATABASE_URL" or name.endswith("_DATABASE_URL"):
            yield from _password(value)
        elif name == "ALERT_URLS":
            yield from _addresses(value)
        elif name == "RPC_URL" or name.endswith("_RPC_URL"):
            yield from _node(value.strip())


def _password(url: str) -> Iterable[tuple[str, str]]:
    parts = urlsplit(url)
    queried = [value for name, value in parse_qsl(parts.query) if name == "password"]
    for password in [parts.password, *queried]:
        if password:
            yield password, HIDDEN
            yield unquote(password), HIDDEN


def _addresses(text: str) -> Iterable[tuple[str, str]]:
    """Of the address that alerts are sent to only its scheme is shown: tokens and chats may stand anywhere in it."""
    for url in text.split():
        yield from ((part, HIDDEN) for part in parts_of(url) if len(part) >= KEY_LENGTH)


def _node(url: str) -> Iterable[tuple[str, str]]:
    """A node's key stands in its user part, its path or its query: of its URL, scheme and host are shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.path.strip("/") or parts.query or "@" in parts.netloc:
        yield url, f"{parts.scheme}://{host}"
    if parts.password:
        yield parts.password, HIDDEN
        yield unquote(parts.password), HIDDEN
    for text in [parts.username or "", *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]:
        if len(text) >= KEY_LENGTH:
            yield text, HIDDEN
            yield unquote(text), HIDDEN
