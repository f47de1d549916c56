"""The pages: ``/metrics``, ``/-/healthy``, ``/-/ready``, and a landing page that says what is attached.

One small server in the daemon's own loop; nothing here computes more than a page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from html import escape
from socket import gethostname

from aiohttp import web

from ringwatch import __version__
from ringwatch.config import Address
from ringwatch.errors import RingwatchError
from ringwatch.flow.pump import Pump

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem;margin:0}p{margin:.3rem 0 1.4rem;color:#4b5563}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.45rem .8rem .45rem 0;border-bottom:1px solid #e3e6ea;vertical-align:top}
th{font-weight:600;color:#4b5563}.up{color:#0a6b2d}.down{color:#a11212}a{color:#0b57a4}
"""
_FAREWELL_SECONDS = 0.5
_EVERY_INTERFACE = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 - looked for, not listened on


class WebServer:
    """Serves the pages.

    :param metrics: returns the page of metrics and its content type, OpenMetrics if asked for.
    :param pumps: one per PBX; they say what is attached.
    """

    def __init__(self, metrics: Callable[[bool], tuple[bytes, str]], pumps: Sequence[Pump]) -> None:
        self._metrics = metrics
        self._pumps = pumps
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._landing),
                web.get("/metrics", self._page),
                web.get("/-/healthy", self._healthy),
                web.get("/-/ready", self._ready),
            ]
        )
        # A reader who does not read must not hold up the end for aiohttp's usual minute.
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_FAREWELL_SECONDS)
        self.address = ""
        """Where it listens, once started."""

    async def start(self, host: str, port: int) -> None:
        """Listen.

        :raises RingwatchError: the address is taken or not ours.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            # asyncio wraps the reason in a sentence of its own; from 3.12 on that has no number for another host's
            # address. A name that is not found has one that is not the system's.
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
            message = f"cannot listen on {Address(host, port)}: {reason}"
            raise RingwatchError(message, remedy="give [web] listen, or the demo's --port, a free one") from error
        self.address = str(Address(*self._runner.addresses[0][:2]))

    @property
    def url(self) -> str:
        """Return the address of the landing page, by this host's name where any of its addresses will do."""
        host, _, port = self.address.rpartition(":")
        return f"http://{gethostname() if host in _EVERY_INTERFACE else host}:{port}/"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        page, content_type = self._metrics(_likes_openmetrics(request.headers.getall("Accept", [])))
        response = web.Response(body=page, headers={"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"})
        response.enable_compression()
        return response

    async def _healthy(self, _request: web.Request) -> web.Response:
        hanging = [f"{pump.pbx}: {why}" for pump in self._pumps if (why := pump.hangs())]
        if hanging:
            return web.Response(status=503, text=f"hangs: {'; '.join(hanging)}\n")
        return web.Response(text="ringwatch is healthy\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        missing = [pump.pbx for pump in self._pumps if not pump.attached]
        if missing:
            return web.Response(status=503, text=f"not attached: {', '.join(missing)}\n")
        return web.Response(text="ringwatch is ready\n")

    async def _landing(self, _request: web.Request) -> web.Response:
        rows = "".join(_row(pump) for pump in self._pumps)
        page = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>ringwatch</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
            f"<h1>ringwatch</h1><p>version {escape(__version__)}</p>"
            f"<table><thead><tr><th>PBX</th><th>State</th><th>Queues</th><th>Calls up</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
            f'<p><a href="/metrics">Metrics</a> · <a href="/-/ready">Ready</a> · <a href="/-/healthy">Healthy</a></p>'
            f"</body></html>"
        )
        return web.Response(text=page, content_type="text/html")


def _row(pump: Pump) -> str:
    if pump.attached:
        state = (
            f'<span class="up">attached</span> to {escape(pump.attached.where)}, AMI {escape(pump.attached.version)}'
        )
    else:
        why = pump.detached.why if pump.detached else "connecting"
        state = f'<span class="down">not attached</span>: {escape(why)}'
    queues = escape(", ".join(pump.engine.queue_names)) or "none yet"
    calls = len(pump.engine.open_calls)
    return f"<tr><td>{escape(pump.pbx)}</td><td>{state}</td><td>{queues}</td><td>{calls}</td></tr>"


def _likes_openmetrics(accept: Iterable[str]) -> bool:
    """Tell whether OpenMetrics is asked for by name, and liked no less than plain text (RFC 9110, 12.5.1)."""
    likes: dict[str, float] = {}
    for each in ",".join(accept).split(","):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            likes[kind] = max(likes.get(kind, 0.0), float(quality))
        except ValueError:
            continue
    text = next((likes[kind] for kind in ("text/plain", "text/*", "*/*") if kind in likes), 0.0)
    openmetrics = likes.get("application/openmetrics-text", 0.0)
    return openmetrics > 0 and openmetrics >= text
