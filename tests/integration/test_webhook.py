"""A webhook that answers, refuses, hangs or is not there."""

import logging
import time
from collections.abc import Iterator

import pytest
from tests.integration.webhook_sink import TOKEN, WebhookSink

from flocon import webhook
from flocon.errors import FloconError, TransientError
from flocon.run_end import one_line
from flocon.webhook import TookTooLong, post_json, within


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as opened:
        yield opened


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_document_is_posted_once(sink: WebhookSink, status: int) -> None:
    sink.status = status
    post_json(sink.url, {"state": "échoué"})
    assert sink.documents == [{"path": f"/hooks/{TOKEN}", "state": "échoué"}]


@pytest.mark.parametrize(
    ("status", "kind", "tries"), [(500, TransientError, 3), (429, TransientError, 3), (404, FloconError, 1)]
)
def test_another_answer_is_told_and_what_may_pass_is_tried_again(
    sink: WebhookSink, status: int, kind: type[Exception], tries: int
) -> None:
    sink.status = status
    with pytest.raises(kind, match=f"^127.0.0.1 answered {status}$"):
        post_json(sink.url, {})
    assert len(sink.documents) == tries


def test_a_redirect_is_not_followed(sink: WebhookSink) -> None:
    sink.status = 302
    with pytest.raises(FloconError, match="answered 302"):
        post_json(sink.url, {})
    assert len(sink.documents) == 1


def test_a_late_answer_may_be_to_a_document_that_was_heard(
    sink: WebhookSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_TIMEOUT_S", 0.3)
    sink.status = 0
    with pytest.raises(FloconError, match=r"^127.0.0.1 did not answer \(ReadTimeout\)$"):
        post_json(sink.url, {})
    assert len(sink.documents) == 1


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/{}", "hooks/{}", "http://[/{}", "ftp://127.0.0.1/{}"]
)
def test_no_message_and_no_log_shows_the_address(address: str, caplog: pytest.LogCaptureFixture) -> None:
    url = address.format(TOKEN)
    with caplog.at_level(logging.INFO), pytest.raises((FloconError, ValueError)) as error:
        post_json(url, {})
    shown = one_line(error.value) + repr(error.value.__cause__) + caplog.text
    assert TOKEN not in shown


def test_a_block_ends_in_time_whatever_it_waits_for(sink: WebhookSink) -> None:
    sink.status = 0
    started = time.monotonic()
    with pytest.raises(TookTooLong, match=r"not done within 0.2 s"), within(0.2):
        post_json(sink.url, {})
    assert time.monotonic() - started < 2
    with within(0.2):
        pass
    time.sleep(0.3)  # the alarm is off
