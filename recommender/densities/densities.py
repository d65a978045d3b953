"""All densities of one shop: what the service loads, and what it says of a visit."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.arrays import read_arrays, write_arrays
from recommender.data.vocabulary import Vocabulary
from recommender.densities.features import Features, features_of, knows_prices, knows_times
from recommender.densities.pause import PauseDensity
from recommender.densities.price import PriceDensity
from recommender.densities.price_fit import ALONE, Powers, PriceFit
from recommender.densities.purchase import PurchaseChance
from recommender.densities.visits import PriceList, visit_of_ids, whole_visits
from recommender.errors import ArtifactError
from recommender.models.mixture import Mixture

CONFIG_NAME = "densities.json"
SCHEMA_VERSION = 1
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are told: the middle, and the ends of the 50 and the 90 % intervals."""


@dataclass(frozen=True)
class Densities:
    """What comes next in numbers.

    Attributes:
        prices: What products cost, as the densities learned it.
        price: Of the next product; None where too few prices were known.
        pause: Before the next click; None where there was too little.
        purchase: In the rest of the visit; None where too few bought.
        epochs: How long each was trained.
        powers: Of the model and of the price density in ranking.
    """

    prices: PriceList
    price: PriceDensity | None = None
    pause: PauseDensity | None = None
    purchase: PurchaseChance | None = None
    epochs: Mapping[str, int] = field(default_factory=dict)
    powers: Powers = ALONE

    def blend(self, vocabulary: Vocabulary) -> PriceFit | None:
        """What a model over these products goes through; None where prices have no part in it."""
        if self.price is None or not self.powers.price:
            return None
        return PriceFit(self.price, self.prices, vocabulary, self.powers)

    def features(
        self,
        item_ids: Sequence[str],
        cart: Collection[str] | None = None,
        times_us: NDArray[np.int64] | None = None,
    ) -> Features:
        """Of one visit as a page knows it; arguments as of `visit_of_ids`."""
        visit = visit_of_ids(item_ids, self.prices.products, cart, times_us)
        return features_of(whole_visits(visit), self.prices)

    def tell(self, features: Features) -> dict[str, Any]:
        """What is expected of one visit, ready for JSON.

        Returns:
            `price` and `pause_s`, each with quantiles by their share ("0.5" is the median), and
            `purchase`, a chance; None for what this shop has no density of. Nor is a price told
            to a visit that has seen none, nor a pause to a page that knows no times: there they
            would be made up, or what holds for all.
        """
        price = pause = purchase = None
        if self.price is not None and knows_prices(features)[0]:
            price = _named(np.exp(self.price.quantiles(features, SHARES)[0]))
        if self.pause is not None and knows_times(features.columns)[0]:
            pause = _named(self.pause.quantiles(features, SHARES)[0])
        if self.purchase is not None:
            purchase = _short(self.purchase.probability(features)[0])
        return {"price": price, "pause_s": pause, "purchase": purchase}

    def price_fits(self, features: Features, item_ids: Sequence[str]) -> list[float | None]:
        """How many times as likely each product's price is as that of a product by chance.

        Args:
            features: Of one visit that has seen something.
            item_ids: Products by id.

        Returns:
            One factor a product; None where its price is not known, or no density of prices.
        """
        if self._price_fit is None or not knows_prices(features)[0]:
            return [None] * len(item_ids)
        return self._price_fit.factors(features, self.prices.products.numbers_of(item_ids))

    @cached_property
    def _price_fit(self) -> PriceFit | None:
        """Of all products of the price list."""
        return self.price and PriceFit(self.price, self.prices, self.prices.products)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads, by name."""
        parts = {"price": self.price, "pause": self.pause, "purchase": self.purchase}
        own = {
            f"{part}_{name}": array
            for part, density in parts.items()
            if density is not None
            for name, array in density.arrays().items()
        }
        return {"log_prices": self.prices.log_prices, **own}

    def config(self) -> dict[str, Any]:
        """The rest of them, as JSON."""
        mixtures = {"price": self.price, "pause": self.pause}
        return {
            "schema_version": SCHEMA_VERSION,
            "products": self.prices.products.item_ids,
            "mixtures": {
                name: density.mixture.config()
                for name, density in mixtures.items()
                if density is not None
            },
            "epochs": dict(self.epochs),
            "powers": self.powers._asdict(),
        }

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that serving loads."""
        return sum(array.nbytes for array in self.arrays().values())

    def save(self, folder: Path) -> None:
        """Write the arrays as `.npy`, one file each, and the rest as JSON."""
        write_arrays(folder, self.arrays())
        text = json.dumps(self.config(), ensure_ascii=False, allow_nan=False)
        (folder / CONFIG_NAME).write_text(text, "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the arrays stay on disk until they are used.

        Raises:
            ArtifactError: If another version of this package fitted the densities.
        """
        config = json.loads((folder / CONFIG_NAME).read_text("utf-8"))
        return cls.from_arrays(read_arrays(folder), config)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> Self:
        """What `arrays` and `config` gave.

        Raises:
            ArtifactError: If another version of this package fitted the densities, or they do not
                fit together.
        """
        if config["schema_version"] != SCHEMA_VERSION:
            raise ArtifactError(
                f"densities of format {config['schema_version']}, this program reads "
                f"{SCHEMA_VERSION}: train again"
            )
        if len(arrays["log_prices"]) != len(config["products"]):
            raise ArtifactError(
                f"densities know {len(config['products'])} products and "
                f"{len(arrays['log_prices'])} prices: train again"
            )
        mixtures = {name: Mixture.from_config(entry) for name, entry in config["mixtures"].items()}
        price, pause, purchase = (_part(arrays, name) for name in ("price", "pause", "purchase"))
        return cls(
            PriceList(Vocabulary(config["products"]), np.asarray(arrays["log_prices"])),
            PriceDensity.from_arrays(price, mixtures["price"]) if price else None,
            PauseDensity.from_arrays(pause, mixtures["pause"]) if pause else None,
            PurchaseChance.from_arrays(purchase) if purchase else None,
            config["epochs"],
            Powers(**config["powers"]),
        )


def _part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    start = f"{name}_"
    return {
        key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)
    }


def _named(quantiles: NDArray[np.float64]) -> dict[str, float]:
    return {f"{share:g}": _short(value) for share, value in zip(SHARES, quantiles, strict=True)}


def _short(number: np.floating) -> float:
    """As exactly as anybody can use it."""
    return float(f"{number:.6g}")
