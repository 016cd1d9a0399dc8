"""What any honest report shows beside a model: popularity and rules of counting, in numpy alone."""

from ._family import Baseline
from .count_ratio import CountRatio
from .count_ratio_item_mean import CountRatioItemMean
from .ease import Ease
from .item_knn import ItemKNN
from .item_mean import ItemMean
from .item_transition import ItemTransition
from .popularity import Popularity

__all__ = [
    "Baseline",
    "CountRatio",
    "CountRatioItemMean",
    "Ease",
    "ItemKNN",
    "ItemMean",
    "ItemTransition",
    "Popularity",
]
