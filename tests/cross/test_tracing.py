"""One trace leads from Node.js through Python to Node.js, with the OpenTelemetry SDKs of both."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import HERE, PATIENCE
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pairs import make_address

import ipcbridge as ipc
from ipcbridge import aio

Spans = list[dict[str, Any]]


def _start(role: str, address: str) -> subprocess.Popen[str]:
    command = [shutil.which("node") or "node", str(HERE / "peers" / "traced.mjs"), role, address]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _spans(process: subprocess.Popen[str], *, told: str = "") -> Spans:
    """Those that a process prints at its end."""
    printed, _ = process.communicate(told, timeout=PATIENCE)
    assert process.returncode == 0
    spans: Spans = json.loads(printed)
    return spans


class Tracing:
    """The OpenTelemetry of this process, as far as the services in the middle use it."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._tracer = provider.get_tracer("ipcbridge")

    def _span(self, call: ipc.MiddlewareCall) -> Any:
        if call.side == "client":
            return self._tracer.start_as_current_span(call.method, kind=trace.SpanKind.CLIENT)
        came_from = propagate.extract(call.metadata)
        return self._tracer.start_as_current_span(call.method, came_from, kind=trace.SpanKind.SERVER)

    def plain(self, call: ipc.MiddlewareCall, next: Callable[[Any], Any]) -> Any:
        with self._span(call):
            if call.side == "client":
                propagate.inject(call.metadata)
            return next(call)

    async def awaiting(self, call: ipc.MiddlewareCall, next: Callable[[Any], Any]) -> Any:
        with self._span(call):
            if call.side == "client":
                propagate.inject(call.metadata)
            return await next(call)

    def spans(self) -> Spans:
        return [_told(span) for span in self._spans.get_finished_spans()]


def _told(span: ReadableSpan) -> dict[str, Any]:
    context = span.context
    assert context is not None
    return {
        "name": f"{span.kind.name} {span.name}",
        "trace": trace.format_trace_id(context.trace_id),
        "id": trace.format_span_id(context.span_id),
        "parent": span.parent and trace.format_span_id(span.parent.span_id),
        "state": context.trace_state.to_header(),
    }


@contextmanager
def _serving_blocking(outer: str, inner: str, middleware: Any) -> Iterator[None]:
    with ipc.connect(inner, middleware=middleware) as prices:

        def total(items: list[str]) -> int:
            return sum(prices.price(item) for item in items)

        with ipc.serve(outer, {"total": total}, middleware=middleware):
            yield


@contextmanager
def _serving_asyncio(outer: str, inner: str, middleware: Any) -> Iterator[None]:
    up = threading.Event()
    ending: list[Callable[[], object]] = []

    async def main() -> None:
        end, loop = asyncio.Event(), asyncio.get_running_loop()
        ending.append(lambda: loop.call_soon_threadsafe(end.set))
        async with aio.connect(inner, middleware=middleware) as prices:

            async def total(items: list[str]) -> int:
                return sum(await asyncio.gather(*(prices.price(item) for item in items)))

            async with aio.serve(outer, {"total": total}, middleware=middleware):
                up.set()
                await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert up.wait(PATIENCE)
    try:
        yield
    finally:
        ending[0]()
        thread.join()


SERVING = {"blocking": _serving_blocking, "asyncio": _serving_asyncio}


def _run(serving: str, transport: str, directory: Path, middleware: Any) -> tuple[Spans, Spans]:
    """The spans of the process that calls, and of the one that it reaches in the end."""
    outer, inner = (make_address(transport, directory, name) for name in ("orders", "prices"))
    last = _start("serve", inner)
    try:
        assert last.stdout is not None
        assert last.stdout.readline() == "up\n"
        with SERVING[serving](outer, inner, middleware):
            first = _spans(_start("call", outer))
        return first, _spans(last, told="end\n")
    finally:
        last.kill()
        last.wait()


def _one(spans: Spans, name: str) -> dict[str, Any]:
    (found,) = [span for span in spans if span["name"] == name]
    return found


def _parents(spans: Spans, name: str) -> set[str]:
    return {span["parent"] for span in spans if span["name"] == name}


@pytest.mark.parametrize("transport", ["shm", "unix"])
@pytest.mark.parametrize("serving", ["blocking", "asyncio"])
def test_one_trace_across_node_python_and_node(serving: str, transport: str, directory: Path) -> None:
    tracing = Tracing()
    middleware = tracing.plain if serving == "blocking" else tracing.awaiting
    first, last = _run(serving, transport, directory, middleware)
    middle = tracing.spans()
    buy, sent = _one(first, "INTERNAL buy"), _one(first, "CLIENT total")
    served = _one(middle, "SERVER total")
    asked = {span["id"] for span in middle if span["name"] == "CLIENT price"}
    assert len(asked) == 2
    assert (sent["parent"], served["parent"]) == (buy["id"], sent["id"])
    assert _parents(middle, "CLIENT price") == {served["id"]}
    assert _parents(last, "SERVER price") == asked
    everything = [*first, *middle, *last]
    assert len(everything) == 2 + 3 + 2
    assert {span["trace"] for span in everything} == {buy["trace"]}
    assert {span["state"] for span in last} == {"shop=1"}


@pytest.mark.parametrize("transport", ["shm", "unix"])
@pytest.mark.parametrize("serving", ["blocking", "asyncio"])
def test_a_service_without_opentelemetry_does_not_end_the_trace(serving: str, transport: str, directory: Path) -> None:
    first, last = _run(serving, transport, directory, None)
    buy, sent = _one(first, "INTERNAL buy"), _one(first, "CLIENT total")
    assert sent["parent"] == buy["id"]
    assert [span["name"] for span in last] == ["SERVER price"] * 2
    assert _parents(last, "SERVER price") == {sent["id"]}
    assert {span["trace"] for span in [*first, *last]} == {buy["trace"]}
    assert {span["state"] for span in last} == {"shop=1"}
