"""Posting to web servers: who we say we are, what counts as taken, and what is made of everything else."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from ringwatch import __version__
from ringwatch.config.push import Access
from ringwatch.config.tls import TlsConfig
from ringwatch.errors import NotDelivered, TlsFailed
from ringwatch.sinks.posting import LONGEST_PAUSE_SECONDS, Remote, WebServer
from tests.parts.program import free_port
from tests.tools.certificates import Authority
from tests.waiting import until

from .receiver import Bureau, Receiver, answering

SHORT = Access(timeout_seconds=0.2)


async def refused(url: str, access: Access | None = None) -> NotDelivered:
    """Post where it will not be taken, and return why."""
    with pytest.raises(NotDelivered) as caught:
        await WebServer(access or Access()).post(url, b"{}")
    return caught.value


class TestAsking:
    """One request."""

    async def test_a_server_learns_who_asks_and_what_it_is(self) -> None:
        """By name and version; nothing vouches for it unless it was told to us how."""
        async with Receiver() as receiver:
            await WebServer(Access()).post(f"{receiver.url}/hook?x=1", b'{"a":1}', {"More": "yes"})
        (request,) = receiver.requests
        assert (request.method, request.path, request.json) == ("POST", "/hook?x=1", {"a": 1})
        assert request.headers["User-Agent"] == f"ringwatch/{__version__}"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["More"] == "yes"
        assert "Authorization" not in request.headers

    @pytest.mark.parametrize(
        ("access", "header"),
        [
            (Access.model_validate({"username": "me", "password": "päß"}), "Basic bWU6cMOkw58="),
            (Access.model_validate({"bearer_token": "abc.def"}), "Bearer abc.def"),
        ],
    )
    async def test_an_account_is_a_name_and_a_password_or_a_token(self, access: Access, header: str) -> None:
        """As the server is told it."""
        async with Receiver() as receiver:
            await WebServer(access).post(receiver.url, b"{}")
        assert receiver.requests[0].headers["Authorization"] == header

    async def test_a_page_is_fetched(self) -> None:
        """Whole, however it comes."""
        async with Receiver(says="x" * 1_000_000) as receiver:
            assert await WebServer(Access()).get(receiver.url) == b"x" * 1_000_000
        async with Receiver(says="x" * 10_000_000) as receiver:
            # As far as anybody would ever read.
            assert 1_000_000 < len(await WebServer(Access()).get(receiver.url)) < 5_000_000

    @pytest.mark.parametrize(
        ("status", "message", "remedy"),
        [
            (401, "HTTP 401 Unauthorized: go away\\nplease", "see username and password, or bearer_token"),
            (404, "HTTP 404 Not Found: go away\\nplease", "see the address, and a prefix before its paths"),
            (302, "HTTP 302 Found: go away\\nplease", None),
            (500, "HTTP 500 Internal Server Error: go away\\nplease", None),
        ],
    )
    async def test_anything_but_a_yes_is_a_refusal(self, status: int, message: str, remedy: str | None) -> None:
        """With the server's own words in one line; it is not followed to where it says."""
        async with Receiver(says="go away\nplease") as receiver:
            receiver.status = status
            error = await refused(receiver.url)
        assert (error.message, error.remedy, error.refused) == (message, remedy, True)
        assert len(receiver.requests) == 1

    async def test_a_server_that_hangs_is_given_up(self) -> None:
        """Before it answers, or half way through; it was not refused, and may have been taken."""
        async with Receiver() as receiver:
            receiver.hang()
            before = await refused(receiver.url, SHORT)
        async with answering(b"HTTP/1.1 20", close=False) as url:
            half_way = await refused(url, SHORT)
        for error in (before, half_way):
            assert (error.message, error.refused) == ("no answer within 0.2 s", False)

    async def test_what_was_taken_stays_taken(self) -> None:
        """Whatever becomes of the rest of the answer."""
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nyes", close=False) as url:
            await WebServer(SHORT).post(url, b"{}")

    async def test_a_server_that_is_away_is_told_in_the_systems_words(self) -> None:
        """Without the address, which may be a secret."""
        gone = await refused(f"http://127.0.0.1:{free_port()}/secret")
        assert (gone.message, gone.refused) == ("Connection refused", False)
        nowhere = await refused("http://nobody.invalid/secret")
        assert "secret" not in nowhere.message
        assert nowhere.message
        impossible = await refused("http://a..b/secret")
        assert "secret" not in impossible.message

    async def test_what_is_no_web_server_is_told_so(self) -> None:
        """One that ends the connection, and one that speaks something else."""
        async with answering(b"", close=True) as url:
            assert (await refused(url)).message == "the connection was closed without an answer"
        async with answering(b"220 mail ready\r\n\r\n", close=True) as url:
            assert (await refused(url)).message.startswith("what answered does not speak HTTP: ")


class TestTls:
    """Over TLS, with an authority and certificates of our own."""

    async def test_a_server_is_believed_by_its_authority_and_believes_our_certificate(self, tmp_path: Path) -> None:
        """It asks for one, and gets it."""
        authority = Authority(tmp_path / "ca")
        own, server = authority.sign("client"), authority.sign("server", "IP:127.0.0.1")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
        context.load_cert_chain(server.certificate, server.key)
        context.verify_mode = ssl.CERT_REQUIRED
        files = {"ca_file": str(authority.certificate)}
        trusting = TlsConfig.model_validate(files)
        whole = TlsConfig.model_validate(files | {"cert_file": str(own.certificate), "key_file": str(own.key)})
        async with Receiver(context) as receiver:
            await WebServer(Access(tls=whole)).post(receiver.url, b"{}")
            assert len(receiver.requests) == 1
            unknown = await refused(receiver.url)
            assert unknown.message == "no TLS: self-signed certificate in certificate chain"
            nobody = await refused(receiver.url, Access(tls=trusting))
            assert nobody.message
            misnamed = await refused(receiver.url, Access(tls=whole.model_copy(update={"server_name": "am"})))
            assert misnamed.message == "no TLS: Hostname mismatch, certificate is not valid for 'am'."
            assert len(receiver.requests) == 1

    async def test_a_server_without_tls_is_told_apart(self) -> None:
        """A wrong port or a wrong scheme."""
        async with Receiver() as receiver:
            error = await refused(receiver.url.replace("http:", "https:"))
        assert error.message.startswith("no TLS: ")

    def test_files_that_cannot_be_used_are_told_at_once(self, tmp_path: Path) -> None:
        """Before anything is sent."""
        (tmp_path / "ca.pem").write_text("nothing\n")
        with pytest.raises(TlsFailed, match="the TLS files cannot be used"):
            WebServer(Access(tls=TlsConfig.model_validate({"ca_file": str(tmp_path / "ca.pem")})))


class TestRemote:
    """How it is gone on with."""

    async def test_a_failure_is_counted_each_time_and_told_once(self) -> None:
        """And told again when the reason changes, or when it is over, with how long it took."""
        bureau = Bureau()
        async with Receiver() as receiver:
            remote = Remote("webhook", "pager", WebServer(Access()), bureau.says, bureau.counts)
            for status in (500, 500, 500, 200, 200):
                receiver.status = status
                assert await remote.post(receiver.url, b"{}") is (status == 200)
        assert bureau.counts == {
            ("webhook", "pager", "taken"): 2,
            ("webhook", "pager", "refused"): 3,
            ("webhook", "pager", "failed"): 0,
        }
        told, over = bureau.log.lines
        assert (told["event"], told["sink"], told["where"]) == ("delivery_failed", "webhook", "pager")
        assert told["why"] == "HTTP 500 Internal Server Error"
        assert (over["event"], over["failures"]) == ("delivery_resumed", 3)

    async def test_another_reason_is_told(self) -> None:
        """Within the limit of a line a minute that holds for all that a bad server may cause."""
        bureau = Bureau()
        async with Receiver() as receiver:
            remote = Remote("webhook", "pager", WebServer(Access()), bureau.says, bureau.counts)
            for status in (500, 500, 401, 401):
                receiver.status = status
                await remote.post(receiver.url, b"{}")
        bureau.says.flush(everything=True)
        assert [line["why"] for line in bureau.log.lines] == [
            "HTTP 500 Internal Server Error",
            "HTTP 401 Unauthorized",
        ]

    async def test_pauses_grow_to_a_bound_and_end_with_a_success(self) -> None:
        """However long it is away."""
        bureau = Bureau()
        async with Receiver() as receiver:
            remote = Remote("webhook", "pager", WebServer(Access()), bureau.says, bureau.counts)
            pauses = [remote.pause]
            for status in [*[500] * 20, 200]:
                receiver.status = status
                await remote.post(receiver.url, b"{}")
                pauses.append(remote.pause)
        first, *grown, last = pauses
        assert (first, last) == (None, None)
        assert grown[0] == 0.5
        assert 2 < max(filter(None, grown)) <= LONGEST_PAUSE_SECONDS

    async def test_something_new_ends_a_pause(self) -> None:
        """An alert is not to wait for the end of a pause that an older one earned."""
        bureau = Bureau()
        remote = Remote("webhook", "pager", WebServer(Access()), bureau.says, bureau.counts)
        resting = asyncio.create_task(remote.rest(None))
        await asyncio.sleep(0)
        assert not resting.done()
        remote.changed.set()
        await until(resting.done, "the pause to end")
        assert not remote.changed.is_set()
        await remote.rest(0.001)
