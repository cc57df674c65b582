"""The application's HTTP side: routes, limits, headers. It knows a `Store`, not a database."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, redirect, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, RequestEntityTooLarge, UnsupportedMediaType

from .database import Unavailable
from .store import Store, Written

TEXT_LIMIT = 1000  # characters; the column's length
BODY_LIMIT = 16 * 1024  # bytes; the longest text as percent-encoded UTF-8 fits
STATIC = Path(__file__).parent.parent / "static"
# The author's last position in the database, so that he sees his own note on any server.
SEEN_COOKIE = "seen"
SEEN_FOR_S = 60
GTID_SET = re.compile(r"[0-9a-fA-F-]{36}(:[\w-]+)+(,\s*[0-9a-fA-F-]{36}(:[\w-]+)+)*")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "Cache-Control": "no-store",
}


def create_app(store: Store, *, server: str) -> Flask:
    """The WSGI application of the web server named `server`."""
    app = Flask(__name__, static_folder=str(STATIC), static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(asset=asset, text_limit=TEXT_LIMIT)

    def log(error: Unavailable) -> None:
        app.logger.warning("%s %s: %s", request.method, request.path, error)

    def page(*, status: int = 200, error: str = "", draft: str = "") -> tuple[str, int]:
        try:
            shown = store.recent(seen())
        except Unavailable as error:
            log(error)
            return render_template("unavailable.html", server=server, draft=draft), 503
        return render_template("notes.html", page=shown, server=server, error=error, draft=draft), status

    @app.get("/")
    def index():
        return page()

    @app.post("/")
    def write():
        draft = ""
        try:
            refuse_other_sites()
            draft = request.form.get("text", "")
            written = store.add(checked(draft))
        except HTTPException as error:
            return page(status=error.code, error=error.description, draft=draft)
        except Unavailable as error:
            log(error)
            return page(status=503, error="No primary database can be reached right now. Please try again.", draft=draft)
        return remember(redirect("/", code=303), written)

    @app.get("/api/notes")
    def list_notes():
        shown = store.recent(seen())
        notes = [{"id": n.id, "text": n.text, "written_at": f"{n.written_at.isoformat('T')}Z"} for n in shown.notes]
        return jsonify(notes=notes, served_by=server, database=vars(shown.database))

    @app.post("/api/notes")
    def add_note():
        refuse_other_sites()
        if not request.is_json:
            raise UnsupportedMediaType("send Content-Type: application/json")
        sent = request.get_json(silent=True)
        if not isinstance(sent, dict) or not isinstance(sent.get("text"), str):
            raise BadRequest('send an object with a string: {"text": "…"}')
        written = store.add(checked(sent["text"]))
        answer = jsonify(id=written.id, served_by=server, database=vars(written.database))
        return remember(answer, written), 201

    @app.get("/healthz")
    def health():
        """Deep: 200 only while a write would succeed. HAProxy reads any answer at all as "the application lives"."""
        return jsonify(ok=True, served_by=server, database=vars(store.primary()))

    @app.errorhandler(Unavailable)
    def unavailable(error: Unavailable):
        log(error)
        return jsonify(error="the database cannot be reached right now; try again", served_by=server), 503

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException):
        return jsonify(error=error.description), error.code

    @app.after_request
    def add_headers(answer: Response) -> Response:
        if answer.status_code == 413:
            drain()
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    return app


def checked(text: str) -> str:
    """The text as it is stored. Raises 400 or 413 with the reason."""
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise BadRequest("the text is empty")
    if len(text) > TEXT_LIMIT:
        raise RequestEntityTooLarge(f"the text has {len(text)} characters; {TEXT_LIMIT} are allowed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest("the text is not valid Unicode") from None
    return text


def refuse_other_sites() -> None:
    """Raises 403 for a request that another site made the visitor's browser send (CSRF).

    Browsers tell the origin of every such request; a client that tells none is no browser, and there is nothing to steal.
    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != request.host
    ):
        raise Forbidden("this request was made by another site")


def seen() -> str | None:
    """The position that this visitor's last note has; None for a visitor who wrote nothing lately."""
    position = request.cookies.get(SEEN_COOKIE, "")
    return position if len(position) < 1000 and GTID_SET.fullmatch(position) else None


def remember(answer: Response, written: Written) -> Response:
    answer.set_cookie(SEEN_COOKIE, written.position, max_age=SEEN_FOR_S, secure=True, httponly=True, samesite="Lax")
    return answer


def drain() -> None:
    """Reads what the client still sends: closing before would lose the answer on its way through Nginx."""
    stream = request.environ["wsgi.input"]
    while stream.read(65536):
        pass


def asset(name: str) -> str:
    """The URL of a static file with its fingerprint, so that browsers may keep it for ever."""
    fingerprint = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={fingerprint}"
