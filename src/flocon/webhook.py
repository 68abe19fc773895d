"""A JSON document to a webhook, in bounded time. Its address is a secret: no message shows more than the host."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from flocon.errors import FloconError, TransientError

_TIMEOUT_S = 5
_PAUSE_S = 1
_ATTEMPTS = 3


class TookTooLong(BaseException):
    """The time is up. Not an Exception: libraries take those for failures that they try again."""


def post_json(url: str, document: dict[str, Any]) -> None:
    """POST a document; any answer of 2xx will do. What may pass is tried three times.

    Raises:
        TransientError: there was no connection, or an answer of 429 or 5xx; says which, and from which host.
        FloconError: the answer was late, or another one (a redirect among them), or the address is none.
    """
    # requests' own retries are not for this: urllib3 logs the address with each.
    again = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_fixed(_PAUSE_S),
        reraise=True,
    )
    again(_post_once, url, document)


def _post_once(url: str, document: dict[str, Any]) -> None:
    host = urlsplit(url).hostname
    try:
        answer = requests.post(url, json=document, timeout=_TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        what = f"{host} did not answer ({type(error).__name__})"  # the error's own text has the address in it
        # A late answer may be to a document that was heard: it is not sent twice.
        may_pass = isinstance(error, requests.ConnectionError)
        raise (TransientError if may_pass else FloconError)(what) from None
    status = answer.status_code
    if status == requests.codes.too_many_requests or status >= requests.codes.server_error:
        raise TransientError(f"{host} answered {status}")
    if status // 100 != 2:
        raise FloconError(f"{host} answered {status}")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the block this long, whatever it waits for; for the main thread of a process.

    Raises:
        TookTooLong: it took longer.
    """

    def end(*_: object) -> NoReturn:
        raise TookTooLong(f"not done within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
