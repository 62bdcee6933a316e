"""The choice of a slot, tried over every state there can be; the signature against an independent library."""

from __future__ import annotations

import itertools

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from firmware.update import package, slots
from firmware.update.errors import UpdateRefused
from firmware.update.signature import is_signed

STATES = [None] + [
    slots.State(active, trial, tries)
    for active in (0, 1)
    for trial in (slots.NONE, 1 - active)
    for tries in ((0, 1, 2) if trial != slots.NONE else (0,))
]
CODES = list(itertools.product((slots.NONE, 1, 2), repeat=2))


@pytest.mark.parametrize("state", STATES, ids=lambda s: "lost" if s is None else str(s.to_dict()))
@pytest.mark.parametrize("codes", CODES, ids=str)
def test_only_a_whole_slot_boots_and_one_does_whenever_there_is_one(
    state: slots.State | None, codes: tuple[int, int]
) -> None:
    _, slot = slots.on_boot(state, codes)
    if slot == slots.NONE:
        assert codes == (slots.NONE, slots.NONE)
    else:
        assert codes[slot] != slots.NONE


def test_a_trial_that_is_not_confirmed_ends_after_its_tries() -> None:
    state = slots.on_installed(slots.State(0))
    booted = []
    for _ in range(slots.TRIES + 2):
        state, slot = slots.on_boot(state, (1, 2))
        booted.append(slot)
    assert booted == [1] * slots.TRIES + [0, 0]
    assert state.trial == slots.NONE


def test_a_soft_reset_is_no_failed_start_and_leaves_the_trial_as_it_is() -> None:
    state, _ = slots.on_boot(slots.on_installed(slots.State(0)), (1, 2))
    for _ in range(9):
        state, slot = slots.on_boot(state, (1, 2), counted=False)
        assert (slot, state.tries) == (1, slots.TRIES - 1)
    assert slots.on_boot(state, (1, slots.NONE), counted=False)[1] == 0


def test_a_confirmed_trial_is_active_for_good() -> None:
    state, _ = slots.on_boot(slots.on_installed(slots.State(0)), (1, 2))
    state = slots.on_confirmed(state)
    for _ in range(5):
        state, slot = slots.on_boot(state, (1, 2))
        assert slot == 1


def test_a_state_survives_being_kept_and_nonsense_counts_as_lost() -> None:
    state = slots.on_installed(slots.State(1))
    kept = slots.from_dict(state.to_dict())
    assert kept is not None
    assert kept.to_dict() == state.to_dict()
    for nonsense in (None, [], {}, {"active": 2, "trial": -1, "tries": 0}, {"active": 0, "trial": 0, "tries": 1}):
        assert slots.from_dict(nonsense) is None


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, package.SIGNATURE_BYTES * 8)


def test_a_signature_of_another_library_is_accepted_and_any_change_is_not(key: rsa.RSAPrivateKey) -> None:
    message = package.pack("tracker", "2", 2, 1000, bytes(32))
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    modulus = key.public_key().public_numbers().n
    assert is_signed(message, signature, modulus)
    assert not is_signed(message + b"x", signature, modulus)
    for at in range(0, len(signature), 37):
        assert not is_signed(message, signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :], modulus)
    # Another hash, the same key: the whole padded block is compared.
    assert not is_signed(message, key.sign(message, padding.PKCS1v15(), hashes.SHA512()), modulus)
    assert not is_signed(message, b"\xff" * len(signature), modulus)


def test_a_header_with_any_flipped_bit_is_torn() -> None:
    raw = package.finish(package.pack("bracelet", "1.2.3", 7, 5000, bytes(range(32))), bytes(package.SIGNATURE_BYTES))
    header = package.parse(raw)
    assert (header.board, header.version, header.version_code, header.length) == ("bracelet", "1.2.3", 7, 5000)
    for at in range(len(raw)):
        with pytest.raises(UpdateRefused, match="header"):
            package.parse(raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :])


@pytest.mark.parametrize(
    ("board", "code", "room", "reason"),
    [("tracker", 0, 9999, "board"), ("bracelet", 8, 9999, "older"), ("bracelet", 7, 4999, "length")],
)
def test_a_package_that_does_not_fit_is_refused_with_its_reason(board: str, code: int, room: int, reason: str) -> None:
    raw = package.finish(package.pack("bracelet", "1", 7, 5000, bytes(32)), bytes(package.SIGNATURE_BYTES))
    with pytest.raises(UpdateRefused) as refused:
        package.check_fits(package.parse(raw), board, code, room)
    assert refused.value.reason == reason
