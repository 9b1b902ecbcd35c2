"""Clients of one endpoint are shared, closed by the last who gives them back, and made anew when they are spent."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from actors.kit.aws import Account, borrow, give_back

NOWHERE = ("sqs", "http://127.0.0.1:1", "nowhere")
EXPIRED = ClientError({"Error": {"Code": "ExpiredToken"}}, "SendMessage")
DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage")


async def test_borrowers_of_one_endpoint_share_a_client() -> None:
    first, second = await borrow(*NOWHERE), await borrow(*NOWHERE)

    assert first is second
    await give_back(first)
    await give_back(second)


async def test_another_endpoint_service_or_config_has_another_client() -> None:
    wanted: list[tuple[str, str, str, dict[str, Any]]] = [
        (*NOWHERE, {}), (*NOWHERE, {"read_timeout": 1}), ("s3", *NOWHERE[1:], {}), ("sqs", "http://[::1]:1", "x", {}),
    ]  # fmt: skip
    clients = [await borrow(service, endpoint, region, **config) for service, endpoint, region, config in wanted]

    assert len({id(client) for client in clients}) == 4
    for client in clients:
        await give_back(client)


async def test_a_client_given_back_by_all_is_closed_and_the_next_is_new() -> None:
    first = await borrow(*NOWHERE)
    await give_back(first)

    second = await borrow(*NOWHERE)

    assert first is not second
    await give_back(second)


async def test_a_spent_client_is_lent_no_more_while_its_users_finish() -> None:
    used = await borrow(*NOWHERE)
    await give_back(await borrow(*NOWHERE), spent=True)

    renewed = await borrow(*NOWHERE)

    assert renewed is not used
    await give_back(renewed)
    await give_back(used)


async def test_an_account_keeps_its_client_between_calls() -> None:
    account = Account(*NOWHERE)
    async with account.use() as first:
        pass
    async with account.use() as second:
        assert first is second
    await account.close()


@pytest.mark.parametrize(("error", "renewed"), [(EXPIRED, True), (DENIED, False)])
async def test_expired_credentials_are_looked_for_anew_and_missing_rights_are_not(
    error: ClientError, renewed: bool
) -> None:
    account = Account(*NOWHERE)
    with pytest.raises(ClientError):
        async with account.use() as before:
            raise error
    async with account.use() as after:
        assert (before is not after) == renewed
    await account.close()


async def test_a_closed_account_is_used_no_more(no_leaks: None) -> None:
    account = Account(*NOWHERE)
    async with account.use():
        pass
    await account.close()

    with pytest.raises(RuntimeError, match="closed"):
        async with account.use():
            pass
