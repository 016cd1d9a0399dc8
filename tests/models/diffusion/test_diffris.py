"""DiffRIS is guided by its convolution and its LSTM, each of which can be left out, but not both."""

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.data import Catalog
from recaudit.models.diffusion.diffris import Diffris, DiffrisConfig

torch = pytest.importorskip("torch")

CATALOG = Catalog(ids=("a", "b"), titles=("a", "b"), years=np.zeros(2, dtype=np.int64), genres=((), ()))


def guidance_of(entries: object, *, convolution: bool = True, recurrence: bool = True) -> np.ndarray:
    config = DiffrisConfig(dim=8, filters=4, convolution=convolution, recurrence=recurrence, history=6)
    model = Diffris(CATALOG, config)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reader, width = model.reader()
    found = model.read(reader.eval(), entries, torch.zeros(3, 6, dtype=torch.bool)).detach().numpy()
    assert found.shape == (3, width)
    return found


@pytest.fixture(scope="module")
def entries() -> object:
    return torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(1))


def test_guidance_is_the_one_beside_the_other(entries: object) -> None:
    both = guidance_of(entries)
    only = guidance_of(entries, recurrence=False)
    assert both.shape[1] == 3 * 4 + 8 and only.shape[1] == 12
    assert guidance_of(entries, convolution=False).shape[1] == 8
    np.testing.assert_array_equal(both[:, :12], only)


def test_the_convolution_finds_a_pattern_wherever_it_stands(entries: object) -> None:
    """A filter that answers at one place answers alike at another: only zeros stand around the pattern."""
    early, late = torch.zeros(3, 6, 8), torch.zeros(3, 6, 8)
    early[:, 1:3], late[:, 3:5] = entries[:, :2], entries[:, :2]
    first, second = (guidance_of(padded, recurrence=False) for padded in (early, late))
    np.testing.assert_allclose(first[:, :4], second[:, :4], atol=1e-5)
    assert np.abs(first - guidance_of(entries, recurrence=False)).max() > 0.01


def test_the_lstm_adds_to_the_last_item(entries: object) -> None:
    found = guidance_of(entries, convolution=False)
    assert np.abs(found - entries[:, -1].numpy()).max() < 2
    early = entries.clone()
    early[:, 0] += 3
    assert np.abs(guidance_of(early, convolution=False) - found).max() > 1e-4


def test_settings_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ModelError, match="needs something to guide it"):
        Diffris(CATALOG, DiffrisConfig(convolution=False, recurrence=False)).reader()
    with pytest.raises(ModelError, match="needs a history of 4, got 3"):
        Diffris(CATALOG, DiffrisConfig(history=3)).reader()
