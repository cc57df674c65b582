"""The application's HTTP contract, on a store that is a list."""

from datetime import datetime

import pytest
from notes.database import Host, Unavailable
from notes.store import Note, Page, Written
from notes.web import TEXT_LIMIT, create_app

PRIMARY = Host("web-a", "primary")
REPLICA = Host("web-b", "replica")
AT = datetime(2026, 3, 1, 12, 30, 0, 250_000)
POSITION = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-23, 4e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
FORM = "application/x-www-form-urlencoded"


class ListStore:
    """`store.Store` without a database; `down` names the roles that cannot be reached."""

    def __init__(self):
        self.texts: list[str] = []
        self.seen: list[str | None] = []
        self.down: set[str] = set()

    def recent(self, seen=None):
        self.seen.append(seen)
        if "replica" in self.down:
            raise Unavailable("no replica")
        notes = tuple(Note(number, text, AT) for number, text in enumerate(self.texts, 1))
        return Page(notes=notes[::-1], database=REPLICA)

    def add(self, text):
        self.primary()
        self.texts.append(text)
        return Written(id=len(self.texts), database=PRIMARY, position=POSITION)

    def primary(self):
        if "primary" in self.down:
            raise Unavailable("no primary")
        return PRIMARY


@pytest.fixture
def store():
    return ListStore()


@pytest.fixture
def client(store):
    return create_app(store, server="web-a").test_client()


def test_the_list_tells_the_notes_newest_first_and_who_answered(client, store):
    store.texts += ["first", "zweite"]
    answer = client.get("/api/notes")
    assert (answer.status_code, answer.json) == (
        200,
        {
            "notes": [
                {"id": 2, "text": "zweite", "written_at": "2026-03-01T12:30:00.250000Z"},
                {"id": 1, "text": "first", "written_at": "2026-03-01T12:30:00.250000Z"},
            ],
            "served_by": "web-a",
            "database": {"host": "web-b", "role": "replica"},
        },
    )


def test_a_note_that_was_written_tells_its_number_and_the_primary(client, store):
    answer = client.post("/api/notes", json={"text": "  grüße 🎉\r\nzwei  "})
    assert answer.status_code == 201
    assert answer.json == {"id": 1, "served_by": "web-a", "database": {"host": "web-a", "role": "primary"}}
    assert store.texts == ["grüße 🎉\nzwei"]


def test_an_author_reads_from_his_own_position_on_and_others_do_not(client, store):
    client.post("/api/notes", json={"text": "mine"}, base_url="https://localhost")
    client.get("/api/notes", base_url="https://localhost")
    client.delete_cookie("seen")
    client.get("/api/notes", base_url="https://localhost")
    assert store.seen == [POSITION, None]


def test_the_authors_cookie_is_for_this_site_over_https_only(client):
    cookie = client.post("/api/notes", json={"text": "mine"}).headers["Set-Cookie"]
    assert [word for word in ("Max-Age=60", "Secure", "HttpOnly", "SameSite=Lax") if word not in cookie] == []


@pytest.mark.parametrize("forged", ["1", "x' OR '1'='1", POSITION * 20, "3e11fa47-71ca-11e1-9e33-c80aa9429562"])
def test_a_forged_position_is_not_taken_to_the_database(client, store, forged):
    client.set_cookie("seen", forged)
    assert client.get("/api/notes").status_code == 200
    assert store.seen == [None]


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({"data": "{", "content_type": "application/json"}, 400, 'send an object with a string: {"text": "…"}'),
        ({"json": ["text"]}, 400, 'send an object with a string: {"text": "…"}'),
        ({"json": {"text": 3}}, 400, 'send an object with a string: {"text": "…"}'),
        ({"json": {}}, 400, 'send an object with a string: {"text": "…"}'),
        ({"json": {"text": " \n"}}, 400, "the text is empty"),
        ({"json": {"text": "\ud800"}}, 400, "the text is not valid Unicode"),
        ({"json": {"text": "x" * 1001}}, 413, "the text has 1001 characters; 1000 are allowed"),
        ({"json": {"text": "x" * 20_000}}, 413, "The data value transmitted exceeds the capacity limit."),
        ({"data": "text=a", "content_type": "text/plain"}, 415, "send Content-Type: application/json"),
        ({}, 415, "send Content-Type: application/json"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(client, store, request_, status, reason):
    answer = client.post("/api/notes", **request_)
    assert (answer.status_code, answer.json) == (status, {"error": reason})
    assert store.texts == []


def test_the_longest_text_fits_even_when_the_browser_encodes_it(client, store):
    assert client.post("/", data={"text": "🎉" * TEXT_LIMIT}).status_code == 303
    assert store.texts == ["🎉" * TEXT_LIMIT]


def test_the_page_shows_the_notes_escaped_and_who_answered(client, store):
    store.texts.append("<script>alert('ho')</script>")
    answer = client.get("/")
    assert answer.status_code == 200 and answer.mimetype == "text/html"
    assert "&lt;script&gt;alert(&#39;ho&#39;)&lt;/script&gt;" in answer.text
    assert "<dd>web-a</dd>" in answer.text
    assert '<dd>web-b <span class="role replica">replica</span></dd>' in answer.text


def test_the_page_keeps_foreign_code_and_frames_out(client):
    assert client.get("/").headers["Content-Security-Policy"] == (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )


def test_the_form_stores_a_note_and_leads_back_to_the_page(client, store):
    answer = client.post("/", data={"text": "from a form"}, headers={"Origin": "http://localhost"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert store.texts == ["from a form"]


def test_a_refused_form_shows_the_reason_and_keeps_what_was_written(client):
    answer = client.post("/", data={"text": "x" * 1001})
    assert answer.status_code == 413
    assert "the text has 1001 characters; 1000 are allowed" in answer.text
    assert "x" * 1001 in answer.text


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
@pytest.mark.parametrize("path", ["/", "/api/notes"])
def test_another_site_cannot_make_a_browser_write(client, store, headers, path):
    assert client.post(path, data="text=evil", content_type=FORM, headers=headers).status_code == 403
    assert store.texts == []


def test_the_health_answer_is_deep_and_costs_no_page(client, store):
    assert client.get("/healthz").json == {"ok": True, "served_by": "web-a", "database": {"host": "web-a", "role": "primary"}}
    store.down = {"primary"}
    assert client.get("/healthz").status_code == 503
    assert store.seen == []


def test_without_a_primary_pages_are_still_read(client, store):
    store.down = {"primary"}
    assert client.get("/").status_code == 200
    assert client.get("/api/notes").status_code == 200


def test_without_a_primary_nothing_is_stored_and_the_writer_is_told_so(client, store):
    store.down = {"primary"}
    answer = client.post("/api/notes", json={"text": "lost?"})
    assert answer.status_code == 503
    assert answer.json == {"error": "the database cannot be reached right now; try again", "served_by": "web-a"}
    page = client.post("/", data={"text": "lost?"})
    assert page.status_code == 503
    assert "No primary database can be reached right now. Please try again." in page.text
    assert ">lost?</textarea>" in page.text


def test_without_any_database_the_page_says_so_and_gives_the_text_back(client, store):
    store.down = {"primary", "replica"}
    assert client.get("/").status_code == 503
    page = client.post("/", data={"text": "lost?"})
    assert (page.status_code, "Back in a moment" in page.text) == (503, True)
    assert '<textarea id="text" rows="3" readonly>lost?</textarea>' in page.text


def test_an_unknown_page_and_a_wrong_method_are_told_in_json(client):
    assert (client.get("/nowhere").status_code, client.get("/nowhere").is_json) == (404, True)
    assert (client.delete("/api/notes").status_code, client.delete("/api/notes").is_json) == (405, True)


def test_static_files_carry_their_fingerprint_and_are_there(client):
    page = client.get("/").text
    urls = [word.split('"')[0] for word in page.split('href="')[1:]]
    assert [url.split("?v=")[0] for url in urls] == ["/static/favicon.svg", "/static/style.css"]
    for url in urls:
        assert client.get(url).status_code == 200
