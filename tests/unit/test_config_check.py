"""What is told about a node before it runs: `config.check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.check import check, read_options, with_deeper_mistakes
from config.load import parse
from config.mistakes import ConfigError
from config.show import as_yaml, effective
from runtime import Actor, Options, Ref, op
from runtime.ref import Unresolved, make_ref

TOKEN = "0123456789abcdef" * 2
DATA = Path("/data")


class ShopOptions(Options):
    """Everything an option can be."""

    tiles: int = 4
    shelf: Path = Path("shelf")


class Shop(Actor[ShopOptions]):
    """Something to refer to."""

    @op
    async def open(self) -> None:
        """Nothing."""


class ClerkOptions(Options):
    """Refers to a shop, and uses the shared places."""

    shop: Ref[Shop]
    store: str
    queue: str | None = None


class Clerk(Actor[ClerkOptions]):
    """Refers to a shop."""


NOT_AN_ACTOR = 3
SHOP = f"shop: {{type: '{__name__}:Shop'}}"


def clerk(options: str) -> str:
    return f"clerk: {{type: '{__name__}:Clerk', options: {{{options}}}}}"


def found(text: str, *overrides: str) -> list[str]:
    try:
        check(parse(text, "node.yaml", overrides, {}), DATA, {})
    except ConfigError as error:
        return [str(mistake) for mistake in with_deeper_mistakes(error, DATA, {}).mistakes]
    return []


def options(text: str, name: str) -> Any:
    loaded = parse(text, "node.yaml", [], {})
    cls: type[Actor[Any]] = Shop if name == "shop" else Clerk
    return read_options(loaded, name, cls, DATA, lambda wanted, at: make_ref(wanted, Unresolved(at)))


def test_mistakes_of_the_schema_do_not_hide_those_of_options() -> None:
    actors = f"actors:\n  shop: {{tpye: x}}\n  {clerk('shop: shop, quue: x')}\n"
    text = f"store: 'file:b'\nnode: {{drian: 3}}\n{actors}stoer: y\n"
    assert found(text) == [
        "node.yaml:2: node.drian: unknown key, did you mean 'drain'?",
        "node.yaml:4: actors.shop.type: is missing and has no default",
        "node.yaml:4: actors.shop.tpye: unknown key, did you mean 'type'?",
        "node.yaml:5: actors.clerk.options.quue: unknown key, did you mean 'queue'?",
        "node.yaml:6: stoer: unknown key, did you mean 'store'?",
    ]


def test_a_sound_file_has_no_mistakes() -> None:
    text = f"store: 'file:bucket'\nactors:\n  {SHOP}\n  {clerk('shop: shop')}"
    assert found(text) == []


def test_an_unknown_option_gets_its_line_and_the_nearest_known() -> None:
    text = f"actors:\n  shop:\n    type: '{__name__}:Shop'\n    options:\n      tile: 3\n"
    assert found(text) == ["node.yaml:5: actors.shop.options.tile: unknown key, did you mean 'tiles'?"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tests.nowhere:Shop", "there is no module 'tests.nowhere'"),
        (f"{__name__}:Shpo", f"{__name__} has no 'Shpo', did you mean 'Shop'?"),
        (f"{__name__}:NOT_AN_ACTOR", f"{__name__}:NOT_AN_ACTOR is not an actor's class"),
    ],
)
def test_a_type_that_is_no_actor_is_told(name: str, words: str) -> None:
    assert found(f"actors: {{shop: {{type: '{name}'}}}}") == [f"node.yaml:1: actors.shop.type: {words}"]


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("shpo", "there is no such actor here, did you mean 'shop'?"),
        ("hub/shop", "there is no link 'hub', no key is known here"),
        ("clerk", "clerk is a Clerk, wanted is a Shop"),
        ("a/b/c", "a ref is written `actor` or `link/actor`"),
    ],
)
def test_a_ref_that_leads_nowhere_is_told(ref: str, words: str) -> None:
    text = f"store: 'file:b'\nactors:\n  {SHOP}\n  {clerk(f'shop: {ref}')}"
    assert found(text) == [f"node.yaml:4: actors.clerk.options.shop: {ref!r}: {words}"]


def test_a_ref_over_a_configured_link_is_right() -> None:
    text = f"store: 'file:b'\nlinks: {{hub: 'unix:h'}}\nactors: {{{clerk('shop: hub/shop')}}}"
    assert found(text) == []


def test_store_and_queue_fill_options_of_the_same_name_below_the_data_folder() -> None:
    text = f"store: 'file:bucket'\nqueue: 'sqlite:q.db'\nactors: {{{clerk('shop: a/b')}}}"
    read = options(text, "clerk")
    assert (read.store, read.queue) == ("file:/data/bucket", "sqlite:/data/q.db")


def test_an_actors_own_store_wins() -> None:
    text = "store: 'file:a'\nactors: {" + clerk("shop: a/b, store: 's3://c'") + "}"
    assert options(text, "clerk").store == "s3://c"


def test_a_store_that_is_nowhere_says_where_to_put_it() -> None:
    (mistake,) = found(f"links: {{a: 'unix:a'}}\nactors: {{{clerk('shop: a/b')}}}")
    assert mistake.endswith("has no default; give it here, or `store:` at the top of the file for all actors")


def test_relative_paths_are_below_the_data_folder_and_absolute_ones_stay() -> None:
    assert options(f"actors: {{{SHOP}}}", "shop").shelf == DATA / "shelf"
    text = f"actors: {{shop: {{type: '{__name__}:Shop', options: {{shelf: /mnt/shelf}}}}}}"
    assert options(text, "shop").shelf == Path("/mnt/shelf")


def test_a_mounted_actor_must_be_there() -> None:
    gateway = "gateway: {type: 'actors.gateway.actor:Gateway', options: {mount: {split: shpo}}}"
    assert found(f"actors:\n  {SHOP}\n  {gateway}") == [
        "node.yaml:3: actors.gateway.options.mount.split: 'shpo': there is no such actor here, did you mean 'shop'?"
    ]


OPEN = "node: {listen: 'tcp://0.0.0.0:7100'}\n"


def test_a_listener_beyond_the_loopback_needs_a_token_or_tls_or_the_word_insecure() -> None:
    assert "neither a token nor TLS" in found(OPEN)[0]
    assert found(OPEN + f"auth: {{token: {TOKEN}}}") == []
    assert found(OPEN + "auth: {tls: {cert: c, key: k, ca: a}}") == []
    assert found(OPEN + "auth: {insecure: true}") == []
    assert ["auth.token: a token needs" in words for words in found(OPEN + "auth: {token: short}")] == [True]


def test_a_site_or_ops_port_beyond_the_loopback_needs_a_token_too() -> None:
    assert "there is no token" in found("node: {ops: 'http://0.0.0.0:9100'}")[0]
    assert found(f"node: {{ops: 'http://0.0.0.0:9100'}}\nauth: {{token: {TOKEN}}}") == []
    gateway = "actors: {gateway: {type: 'actors.gateway.actor:Gateway', options: {listen: 'http://0.0.0.0:8080'}}}"
    assert "actors.gateway.options.listen: http://0.0.0.0:8080 can be reached" in found(gateway)[0]


def test_the_mistakes_of_a_child_are_told_at_its_parent() -> None:
    text = "processes:\n  w: {role: gateway, set: {node.foo: 1}}\n"
    assert found(text) == [
        "node.yaml:2: processes.w: --set node.foo: node.foo: unknown key, known here: "
        "body_budget, deadline, drain, heartbeat, listen, name, ops, threads"
    ]


def test_a_child_must_be_a_service() -> None:
    assert found("processes: {s: {role: split}}") == [
        "node.yaml:1: processes.s.role: 'split' is a tool; a child must be a service"
    ]


def test_a_tool_has_no_actors() -> None:
    (mistake,) = found(f"tool: 'actors.split.cli:main'\nactors: {{{SHOP}}}")
    assert mistake == "node.yaml:2: actors: a tool has none: take this out, or `tool:`"


def test_the_nodes_own_actor_keeps_its_name() -> None:
    assert "this name is the node's own" in found(f"actors: {{node: {{type: '{__name__}:Shop'}}}}")[0]


def test_the_printed_file_has_every_default_and_no_secret() -> None:
    own = clerk("shop: shop, store: 's3://c?secret_access_key=xyz'")
    text = f"auth: {{token: {TOKEN}}}\nstore: 's3://me:pw@b?region=r'\nactors: {{{SHOP}, {own}}}"
    shown = as_yaml(effective(parse(text, "node.yaml", [], {}), DATA, {}))
    assert TOKEN not in shown
    assert "pw" not in shown
    assert "xyz" not in shown
    assert "region=r" in shown
    assert "tiles: 4" in shown
    assert "shelf: /data/shelf" in shown


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("queue: 'sqs://?endpiont_url=http://h'", "there is no setting 'endpiont_url' in this URL, did you mean"),
        (
            "store: 's3://b?secret_access_key=xyz'",
            "there is no setting 'secret_access_key' in this URL, known here: endpoint_url, region",
        ),
    ],
)
def test_a_wrong_setting_of_a_url_is_told_without_its_value(line: str, words: str) -> None:
    (mistake,) = found(f"{line}\nactors: {{{SHOP}}}")
    assert words in mistake
    assert "xyz" not in mistake


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("queue: 'sqs://?create=maybe'", "create is true or false"),
        ("queue: 'sqs://?endpoint_url=localhost:9324'", "endpoint_url is http://… or https://…"),
        ("store: 's3://?region=r'", "names no bucket"),
    ],
)
def test_a_url_that_no_queue_or_store_can_have_is_told(line: str, words: str) -> None:
    (mistake,) = found(f"{line}\nactors: {{{SHOP}}}")
    assert mistake.startswith(f"node.yaml:1: {line.partition(':')[0]}: ")
    assert words in mistake


def test_a_wrong_store_is_told_once_and_not_again_where_it_is_missing() -> None:
    (mistake,) = found(f"store: 'redis://h'\nactors: {{{SHOP}, {clerk('shop: shop')}}}")
    assert "a store is file:PATH or s3://" in mistake


def test_a_file_with_cloud_urls_needs_the_cloud_libraries_though_its_role_does_not() -> None:
    text = f"needs: [core]\nactors: {{{SHOP}}}\n"
    assert parse(text, "node.yaml", [], {}).file.extras == {"core"}
    assert parse(f"{text}queue: 'sqs://?region=r'", "node.yaml", [], {}).file.extras == {"core", "cloud"}
    assert parse(f"{text}store: 's3://b'", "node.yaml", [], {}).file.extras == {"core", "cloud"}
