import io
import re

import pytest
from recaudit.audit.progress import Event, Listener, shown, told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell(listener: Listener) -> None:
    listener(Event(job="audit", state="planned", total=3))
    with told("train the model", listener, total=4) as telling:
        telling.advance(2)
    with told("ask one", listener) as telling:
        telling.state = "reused"
    with pytest.raises(RuntimeError), told("ask two", listener):
        raise RuntimeError


def test_without_a_terminal_every_step_is_a_plain_line() -> None:
    stream = io.StringIO()
    with shown(stream) as listener:
        tell(listener)
    lines = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d [a-z ]+ ", line) for line in lines)
    assert [re.sub(r"[\d:.]+ ?", "", line) for line in lines] == [
        "train the model ",
        "train the model done in s",
        "ask one ",
        "ask one taken from the cache in s",
        "ask two ",
        "ask two failed in s",
    ]


def test_on_a_terminal_there_are_bars() -> None:
    stream = Terminal()
    with shown(stream) as listener:
        tell(listener)
    text = stream.getvalue()
    for words in ("train the model", "4/4", "ask one (taken from the cache)", "ask two (failed)", "3"):
        assert words in text


def test_hostile_names_are_no_markup() -> None:
    stream = Terminal()
    with shown(stream) as listener, told("[red]ask[/nothing]", listener):
        pass
    assert "[red]ask[/nothing]" in stream.getvalue()
