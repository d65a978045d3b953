"""What is asked of products without clicks: those that a list could have shown."""

from pipelines.cold import make_trial
from recommender.catalog.product import Product
from recommender.catalog.table import ProductTable
from recommender.cold.hiding import hide_newest
from recommender.data.split import before
from recommender.settings import Settings
from tests.small_log import DAY_US, log_of

SETTINGS = Settings.model_validate({"vocabulary": {"min_count": 1}})
LOG = log_of((0, "abc"), (0, "ba"), (1, "cad"), (2, "adbe"), (2, "ag"), (3, "af"))


def trial_of(*products: Product):
    hidden = hide_newest(LOG, before(LOG, 2 * DAY_US), SETTINGS, 0.1)
    assert hidden.item_ids == ["d"]
    table = ProductTable(products)
    return make_trial(SETTINGS, LOG, hidden, table, 2 * DAY_US, 3 * DAY_US)


def products(ids: str, **said: str) -> list[Product]:
    return [Product.model_validate({"id": item_id, "title": "t", **said}) for item_id in ids]


def test_sold_out_products_and_the_clicks_on_them_do_not_count():
    # f comes after these visits; h was never clicked.
    trial = trial_of(*products("abcdefh"), *products("gx", availability="out_of_stock"))
    assert list(trial.vocabulary.item_ids) == ["a", "b", "c"]
    assert list(trial.cold_ids) == ["d", "e", "h"]
    assert trial.asked.cold.tolist() == [0, -1, 1]
    assert trial.hidden.tolist() == [0]


def test_a_hidden_product_that_is_sold_out_is_not_asked_for():
    trial = trial_of(*products("abceh"), *products("d", availability="out_of_stock"))
    assert list(trial.cold_ids) == ["e", "h"]
    assert not len(trial.hidden)
    assert trial.asked.known.tolist() == [1, -1]
