"""A worker process that runs steps of a month, so that a test can kill it."""

import multiprocessing
import time
from datetime import date
from multiprocessing.process import BaseProcess

import psycopg

from flocon.flow import Flow
from flocon.lake import Lake
from flocon.settings import Settings
from flocon.taxi import pipeline

_CONTEXT = multiprocessing.get_context("spawn")


def start_worker(
    dsns: tuple[str, str], settings: Settings, steps: str, service: str, month: date, source: str
) -> BaseProcess:
    """Start a process that runs the named steps in order; a step `sleep` waits to be killed."""
    worker = _CONTEXT.Process(target=_work, args=(dsns, settings, steps.split(), service, month, source))
    worker.start()
    return worker


def _work(
    dsns: tuple[str, str], settings: Settings, steps: list[str], service: str, month: date, source: str
) -> None:
    lake = Lake.of(settings)
    flow = Flow(lambda: psycopg.connect(dsns[0]), lambda: psycopg.connect(dsns[1]), lake, "worker", settings)
    for step in steps:
        if step == "land":
            pipeline.land(flow, service, month, source)
        elif step == "sleep":
            time.sleep(600)
        else:
            getattr(pipeline, step)(flow, service, month)
