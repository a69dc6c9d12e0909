"""
What a tablet keeps and sends is closed: arguments are sealed to the server, documents are under a key that nothing keeps.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from pytest_django import Settings

from dispatch.models import Note
from journal.models import Receipt
from tablets import refusals, seals
from tablets.models import Installation, Quarantined
from tests.factories import responders as make
from tests.factories import tablets as make_tablets
from tests.tablets.queues import JSON, Crew, crew

pytestmark = pytest.mark.django_db

KEY = "/api/tablets/key/"


def key(of: Crew, **changed: Any) -> Any:
    """
    Return the HTTP answer of the key's address.
    """
    body = {"installation": str(of.queue.installation), **changed}
    return of.queue.paired.client.post(KEY, body, content_type="application/json")


def seal(args: object, *, to: JSON, action_id: str) -> JSON:
    """
    Seal as docs/tablet-protocol.md says that a tablet does, with nothing of the server's code.
    """
    server = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b64decode(to["public"]))
    own = ec.generate_private_key(ec.SECP256R1())
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    info = b"care-field seal 1|" + to["kid"].encode()
    secret = HKDF(hashes.SHA256(), 32, salt=point, info=info).derive(own.exchange(ec.ECDH(), server))
    nonce = uuid4().bytes[:12]
    box = AESGCM(secret).encrypt(nonce, json.dumps(args).encode(), action_id.encode())
    parts = {"epk": point, "iv": nonce, "ct": box}
    return {"kid": to["kid"], **{name: urlsafe_b64encode(part).decode().rstrip("=") for name, part in parts.items()}}


def sealed_note(of: Crew, text: str = "CANARY-3307") -> JSON:
    """
    Return a note as a tablet sends it whose lease may be long over.
    """
    to, call, action_id = key(of).json()["seal"], of.held().call_id, str(uuid4())
    sealed = seal({"call": call, "text": text}, to=to, action_id=action_id)
    return of.queue.action("call.note", args=None, sealed=sealed, id=action_id)


def test_sealed_arguments_do_what_open_ones_do() -> None:
    of = crew()
    action = sealed_note(of)

    first, second = of.queue.send(action)["answers"][0], of.queue.send(action)["answers"][0]

    assert first["status"] == "applied"
    assert second == first | {"replayed": True}
    assert Note.objects.get().text == "CANARY-3307"


@pytest.mark.parametrize("part", ["kid", "epk", "iv", "ct", "id"])
def test_what_was_changed_on_the_way_does_not_open_and_is_kept_sealed(part: str) -> None:
    of = crew()
    action = sealed_note(of)
    if part == "id":
        action["id"] = str(uuid4())
    else:
        action["sealed"][part] = ("B" if action["sealed"][part][5] != "B" else "C").join(
            [action["sealed"][part][:5], action["sealed"][part][6:]]
        )

    answer = of.queue.send(action)["answers"][0]

    assert (answer["status"], answer["code"]) == ("quarantined", "cannot_unseal")
    kept = Quarantined.objects.get()
    assert json.loads(kept.raw) == action
    assert "CANARY" not in kept.raw
    with pytest.raises(refusals.CannotUnseal):
        seals.open_args(kept)


@pytest.mark.parametrize(
    "content", [[1], "text", {"call": 7, "text": "\x00"}, {"a": [[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]}]
)
def test_what_was_sealed_and_is_no_proper_object_is_kept(content: object) -> None:
    of = crew()
    action_id = str(uuid4())
    sealed = seal(content, to=key(of).json()["seal"], action_id=action_id)

    answer = of.queue.do("call.note", args=None, sealed=sealed, id=action_id)

    assert (answer["status"], answer["code"]) == ("quarantined", "cannot_unseal")


def test_a_supervisor_reads_what_was_sealed_when_it_opens() -> None:
    of = crew()
    to, action_id = key(of).json()["seal"], str(uuid4())
    sealed = seal({"call": "x", "text": "Seen"}, to=to, action_id=action_id)

    of.queue.do("call.note", args=None, sealed=sealed, id=action_id)

    kept = Quarantined.objects.get()
    assert kept.code == "invalid_args"
    assert "Seen" not in kept.raw
    assert seals.open_args(kept) == {"call": "x", "text": "Seen"}


def test_an_old_key_opens_while_it_is_kept_and_new_ones_seal(settings: Settings) -> None:
    of = crew()
    old = sealed_note(of)
    unsent = sealed_note(of, "Too late")
    before = key(of).json()["seal"]["kid"]

    settings.SEAL_KEYS = [b"n" * 32, *settings.SEAL_KEYS]
    assert of.queue.send(old)["answers"][0]["status"] == "applied"
    assert key(of).json()["seal"]["kid"] != before
    settings.SEAL_KEYS = [b"n" * 32]

    answers = of.queue.send(old, unsent)["answers"]
    # What was answered is answered so for ever, whether it opens any more or not.
    assert [(one["status"], one.get("code")) for one in answers] == [
        ("applied", None),
        ("quarantined", "cannot_unseal"),
    ]
    settings.SEAL_KEYS = [b"n" * 32, b"o" * 32]
    assert of.queue.send(unsent)["answers"][0]["code"] == "cannot_unseal"


def test_a_key_is_for_whoever_is_signed_on_at_this_store_and_kept_nowhere() -> None:
    of = crew()
    first, second = key(of).json(), key(of).json()
    other = key(of, installation=str(uuid4())).json()

    assert {name: first[name] for name in ("key", "own", "key_id", "seal")} == {
        name: second[name] for name in ("key", "own", "key_id", "seal")
    }
    assert {len(b64decode(first[name])) for name in ("key", "own")} == {32}
    assert len({first["key"], first["own"], other["key"], other["own"]}) == 4
    assert len(b64decode(first["seal"]["public"])) == 65
    assert first["lease_until"].endswith("Z")
    assert first["now"].endswith("Z")
    lane = Installation.objects.get(pk=of.queue.installation)
    assert lane.empty_at is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT i::text FROM tablets_installation i")
        kept = str(cursor.fetchall())
    assert first["key"] not in kept
    assert b64decode(first["key"]).hex() not in kept


def test_nobody_signed_on_no_key() -> None:
    of = crew()
    of.queue.paired.client.post("/api/tablets/sign-off/")

    assert key(of).status_code == 403
    assert key(crew(), installation="x").status_code == 400


def test_no_key_of_a_store_of_another_agency() -> None:
    of, stranger = crew(), crew()
    key(of)

    answer = key(stranger, installation=str(of.queue.installation))

    assert (answer.status_code, answer.json()["code"]) == (409, "installation_elsewhere")


def test_two_people_at_one_tablet_share_documents_and_nothing_else() -> None:
    of = crew()
    mine = key(of).json()
    client = of.queue.paired.client
    client.post("/api/tablets/sign-off/")
    make_tablets.signed_on(of.queue.paired.tablet, make.person(of.scene.agency))
    theirs = key(of).json()

    assert theirs["key"] == mine["key"]
    assert theirs["own"] != mine["own"]


def test_a_receipt_holds_no_sealed_word() -> None:
    of = crew()
    of.queue.send(sealed_note(of))

    assert "CANARY" not in str(Receipt.objects.values_list("answer", "fingerprint", "kind", "by"))
