"""What an HTTP answer, or its absence, means for a file: not published, worth a retry, or refused."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from flocon.errors import NotYetPublished, SourceError, TransientError
from flocon.taxi.names import describe

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 60.0
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_NOT_THERE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_NETWORK = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Interrupted(TransientError):
    """One attempt failed. `retry_after_s` is the pause that the server asked for, if it did."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def refuse(response: requests.Response, file_name: str, url: str, *, is_published: bool) -> None:
    """Raise what a status other than 200 or 206 means.

    `is_published`: the source is known to have the file: a 403 says "too many requests", not "no such file".

    Raises:
        NotYetPublished: 404 or 410, and 403 unless `is_published`.
        Interrupted: 408, 425, 429, 5xx, and 403 when `is_published`.
        TransientError: the server asks for a longer pause than a task should sleep.
        SourceError: any other status.
    """
    status = response.status_code
    answer = f"{describe(file_name)}: {url} answers {status} {response.reason or ''}".rstrip()
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    if status in _NOT_THERE:
        raise NotYetPublished(f"{answer}: the source does not have it (yet). Run again when it is published.")
    if status == HTTPStatus.FORBIDDEN and not is_published:
        raise NotYetPublished(
            f"{answer}: either it is not published yet (TLC publishes about two months late), or the address "
            "limits its rate, which clears after a while. Run again later."
        )
    if status in _PASSING or status >= 500 or status == HTTPStatus.FORBIDDEN:
        raise _interrupted(answer, response.headers.get("Retry-After"))
    raise SourceError(f"{answer}, which no retry cures. Check the address of the source.")


def _interrupted(answer: str, retry_after: str | None) -> TransientError:
    pause = _seconds(retry_after)
    if pause is not None and pause > LONGEST_WAIT_S:
        return TransientError(f"{answer} and asks for a pause of {pause:.0f} s. Run again after that.")
    return Interrupted(answer, pause)


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header (a number of seconds, or a date) in seconds from now; None if it is neither."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None


def retrying(attempts: int, backoff_s: float) -> Retrying:
    """Tries again after `Interrupted`: the pause is what the server asked for, else exponential with jitter.

    Raises (from what it runs):
        TransientError: all attempts were interrupted; says why the last one was.
    """
    backoff = wait_exponential(multiplier=backoff_s, max=LONGEST_WAIT_S) + wait_random(0, backoff_s)

    def wait(state: RetryCallState) -> float:
        error = _error(state)
        asked = error.retry_after_s if isinstance(error, Interrupted) else None
        return backoff(state) if asked is None else asked

    def log_retry(state: RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        log.warning("attempt %d failed, next in %.1f s: %s", state.attempt_number, pause, _error(state))

    def give_up(state: RetryCallState) -> None:
        tries = f"{state.attempt_number} attempt{'s' * (state.attempt_number > 1)}"
        raise TransientError(
            f"{_error(state)} (gave up after {tries}). Run again when the source answers."
        ) from _error(state)

    return Retrying(
        retry=retry_if_exception_type(Interrupted),
        stop=stop_after_attempt(attempts),
        wait=wait,
        before_sleep=log_retry,
        retry_error_callback=give_up,
    )


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


@contextmanager
def reasons(file_name: str, url: str) -> Iterator[None]:
    """Turn failures of the HTTP library into this project's.

    Raises:
        Interrupted: no connection, a broken one, silence, a body cut short.
        SourceError: a certificate that does not hold, a redirect that never ends, an address that is none.
    """
    what = f"{describe(file_name)}: {url}"
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise SourceError(
            f"{what}: no secure connection: {_root(error)}. Check certificates and address."
        ) from error
    except requests.TooManyRedirects as error:
        raise SourceError(f"{what}: redirected without end. Check the address of the source.") from error
    except _NETWORK as error:
        raise Interrupted(f"{what}: {_root(error)}") from error
    except requests.RequestException as error:
        raise SourceError(f"{what}: {_root(error)}. Check the address of the source.") from error


def _root(error: BaseException) -> str:
    """The innermost cause in a few words: libraries wrap it several times over."""
    seen = error
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    text = " ".join(str(seen).split()) or type(seen).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"
