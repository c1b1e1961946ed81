"""How does a browser reach the live page? A server on this machine, for this machine.

Owns the address, and what is refused: other hosts' names and pages (so that no website can steer a simulation on
somebody's computer), and every download: what the page needs comes with the extra `dashboard`. Nothing that a browser
sends is written to disk.
"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from typing import Any

from abm.errors import InputError

APP = "abm.app:Page"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NEEDED = ("solara", "solara_assets", "ipyvuetify", "ipyvue", "starlette", "altair", "uvicorn")
#: Read by Solara when it is first imported.
ENVIRONMENT = {
    "SOLARA_APP": APP,
    "SOLARA_MODE": "production",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    "SOLARA_TELEMETRY_SERVER_USER_ID": "none",
    "SOLARA_THEME_SHOW_BANNER": "false",
    "SOLARA_THEME_TITLE": "territoire",
    "SOLARA_KERNEL_CULL_TIMEOUT": "20s",
}


def refuse_missing_extra() -> None:
    """Raise InputError where the extra is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the page needs the extra 'dashboard' (not found: {', '.join(missing)}): pip install territoire[dashboard]"
        )


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0.

    Raises
    ------
    InputError
        The port is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"--host, --port: {host}:{port} cannot be used ({reason}); name another") from None
        return int(probe.getsockname()[1])


def serve(
    territory: str,
    *,
    seed: int,
    scenario: Any,
    language: str,
    host: str = LOOPBACK[0],
    port: int = 8765,
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Offer the page until interrupted.

    Parameters
    ----------
    scenario : a `Scenario`, the status quo of the page.
    on_start : told the address once browsers can come.

    Raises
    ------
    InputError
        The extra is missing, the address cannot be used.
    """
    refuse_missing_extra()
    port = free_port(host, port)
    os.environ.update(ENVIRONMENT)
    warnings.filterwarnings("ignore", message="Cookies with samesite=none")  # this machine only: no https
    import uvicorn
    from solara.server import cdn_helper
    from solara.server.starlette import app

    from experiments.page import views

    views.OPTIONS = views.Options(territory, seed, scenario, language)
    cdn_helper.fetch_from_cdn = no_download
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(Guard(app, host), host=host, port=port, log_level="warning", ws_max_size=2**24)
    server = _Server(config)
    server.on_start = lambda: on_start(f"http://{shown}:{port}") if on_start is not None else None
    server.run()


def no_download(url: str) -> bytes:
    """Refuse to fetch anything from elsewhere, and so to write it."""
    raise FileNotFoundError(f"{url}: not part of this installation, and nothing is downloaded")


class Guard:
    """Lets requests through that were meant for this server: its own name, and no other site's page.

    Parameters
    ----------
    app : what answers them.
    host : as bound; on loopback only its names are let through, so that no other name can be made to point here.
    """

    def __init__(self, app: Any, host: str) -> None:
        self.app = app
        self.names = frozenset(LOOPBACK) if host in LOOPBACK else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] in ("http", "websocket") and not self.is_meant(dict(scope["headers"])):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"not for this host"})
            return
        await self.app(scope, receive, send)

    def is_meant(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a request names this server, and comes from its own page or from none."""
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if self.names is not None and host_name(host) not in self.names:
            return False
        return not origin or origin.partition("://")[2] == host


def host_name(host: str) -> str:
    """Return the name in a `Host` header, without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _Server(config: Any) -> Any:  # noqa: N802 (a class, made where uvicorn is there)
    """Return a server that tells when it listens."""
    import uvicorn

    class Server(uvicorn.Server):
        on_start: Callable[[], None]

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                self.on_start()

    return Server(config)
