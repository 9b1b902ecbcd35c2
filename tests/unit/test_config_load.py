"""The schema of node files and the words for its errors: `config.load`, `config.wording`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.load import Loaded, load, parse, role_file
from config.mistakes import ConfigError

TOKEN = "0123456789abcdef" * 2


def read(text: str, *overrides: str, **environment: str) -> Loaded:
    return parse(text, "node.yaml", overrides, environment)


def mistakes(text: str, *overrides: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, *overrides, **environment)
    return [str(mistake) for mistake in caught.value.mistakes]


EDGE_WORKER = """
node: {name: "${HOSTNAME:-edge}", drain: 10}
auth: {token: "${BRUME_TOKEN}"}
links: {hub: "tcp://farm.example:7100"}
actors:
  worker: {type: "actors.split.worker:Worker", options: {master: hub/master, results: results}}
"""


def test_an_edge_worker_reads_as_written() -> None:
    file = read(EDGE_WORKER, BRUME_TOKEN=TOKEN).file
    assert file.node.name == "edge"
    assert file.links == {"hub": "tcp://farm.example:7100"}
    assert file.actors["worker"].options == {"master": "hub/master", "results": "results"}
    assert [token.get_secret_value() for token in file.auth.tokens] == [TOKEN]


def test_an_empty_file_is_a_node_without_anything() -> None:
    assert read("").file.node.name == "node"


def test_an_empty_token_is_no_token() -> None:
    assert read('auth: {token: "${BRUME_TOKEN:-}"}').file.auth.tokens == ()


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = mistakes("node:\n  drian: 3\nactors:\n  a: {type: nope}\nstore: gs:x\n")
    assert found == [
        "node.yaml:2: node.drian: unknown key, did you mean 'drain'?",
        "node.yaml:4: actors.a.type: 'nope': it does not have the form module:Name",
        "node.yaml:5: store: 'gs:x': a store is file:PATH or s3://bucket[/prefix]",
    ]


def test_a_key_of_a_section_at_the_top_is_sent_there() -> None:
    assert mistakes("listen: tcp://127.0.0.1:1") == ["node.yaml:1: listen: unknown key, did you mean 'node.listen'?"]


def test_a_key_like_no_other_gets_the_list_of_what_is_known() -> None:
    assert mistakes("auth: {xyzzy: 1}") == [
        "node.yaml:1: auth.xyzzy: unknown key, known here: insecure, previous_token, tls, token"
    ]


def test_a_wrong_word_gets_the_nearest_right_one() -> None:
    (found,) = mistakes("actors: {a: {type: 'm:C', mailbox: {full: rejct}}}")
    assert found.endswith("'rejct': it should be 'wait', 'reject' or 'drop_oldest'; did you mean 'reject'?")


@pytest.mark.parametrize("address", ["tcp//x", "tcp://host", "tcp://host:99999", "http://x:1", "unix:", "localhost:1"])
def test_an_address_of_another_form_is_an_error(address: str) -> None:
    (found,) = mistakes(f"links: {{hub: '{address}'}}")
    assert found == f"node.yaml:1: links.hub: '{address}': an address is tcp://HOST:PORT, unix:PATH or memory:NAME"


def test_listen_takes_one_address_or_a_list() -> None:
    assert read("node: {listen: 'tcp://127.0.0.1:0'}").file.node.listen == ("tcp://127.0.0.1:0",)
    assert read("node: {listen: ['unix:a', 'unix:b']}").file.node.listen == ("unix:a", "unix:b")


def test_a_bad_secret_is_never_repeated() -> None:
    (found,) = mistakes("auth: {token: hunter2}")
    assert "hunter2" not in found
    assert found == "node.yaml:1: auth.token: a token needs at least 32 bytes; make one with `openssl rand -hex 32`"


def test_a_token_does_not_show_in_the_model() -> None:
    assert TOKEN not in repr(read(f"auth: {{token: {TOKEN}}}").file)


def test_set_overrides_the_file_and_is_named_as_the_place_of_its_mistakes() -> None:
    assert read("node: {drain: 3}", "node.drain=5").file.node.drain == 5
    assert mistakes("node: {drain: 3}", "node.drain=soon") == [
        "--set node.drain: node.drain: 'soon': it should be a valid number, unable to parse string as a number"
    ]


def test_a_variable_that_is_not_set_is_told_once() -> None:
    assert len(mistakes("node: {listen: '${LISTEN}'}")) == 1


def test_an_actor_name_with_a_slash_is_an_error() -> None:
    assert mistakes("actors: {a/b: {type: 'm:C'}}")[0].startswith("node.yaml:1: actors.a/b: ")


def test_a_file_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nope\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "nope.yaml", [], {})


def test_an_unknown_role_gets_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="there is no such role, did you mean 'worker'\\?"):
        role_file("workr")


def test_a_role_cannot_lead_out_of_its_folder() -> None:
    with pytest.raises(ConfigError):
        role_file("../schema")


def test_the_schema_covers_every_key() -> None:
    from config.show import schema

    made = json.loads(schema(None))
    assert set(made["properties"]) == {
        "node", "auth", "links", "store", "queue", "needs", "tool", "actors", "processes",
    }  # fmt: skip
    assert made["additionalProperties"] is False
