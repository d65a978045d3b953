"""What every catalog does, whoever keeps it: one test, run on each store."""

import random
import threading

import pytest
from hypothesis import HealthCheck, assume, given, settings

from recommender.catalog.filters.grammar import MAX_LENGTH, parse_filter
from recommender.catalog.filters.tree import AnyOf, Not
from recommender.catalog.product import Product, ProductPatch
from recommender.catalog.protocol import (
    Catalog,
    DeleteCounts,
    FacetValue,
    PatchCounts,
    Search,
    UpsertCounts,
)
from recommender.errors import CursorExpiredError
from tests.small_filters import NUMBERS, TEXTS, holds, text_of, trees

ODD_IDS = ["gid://shopify/Product/1", "a b", "café ☕", "'; DROP TABLE product; --", "%", "x" * 256]


def product(item_id: str, **attributes) -> Product:
    return Product(id=item_id, **{"title": f"Product {item_id}", **attributes})


def ids(products) -> list[str]:
    return [found.id for found in products]


FURNITURE = [
    product("1", title="Oak Chair", brand="Acme", price=50, product_type=["Furniture", "Chairs"]),
    product("2", title="Chair oak-look", brand="Acme", price=20, product_type=["Furniture"]),
    product("3", title="Chairlift", brand="Ålesund Ø", color="Crème", availability="out_of_stock"),
    product("4", title="Table", brand="Chair & Co", product_type=["Furniture", "Tables"], price=99),
    product("5", title="Straßenlampe", size="M", material="Eiche", attributes={"bulb": "E 27"}),
]


@pytest.fixture
def furniture(catalog: Catalog) -> Catalog:
    catalog.upsert(FURNITURE)
    return catalog


def test_a_product_comes_back_whole(catalog):
    chair = Product(
        id="SKU/1",
        title="Oak chair ☕",
        price=49.0,
        currency="EUR",
        product_type=["Furniture", "Chairs"],
        additional_image_link=["a.svg", "b.svg"],
        attributes={"wood": "oak", "": "no name", "a.b": "dotted", "a": "plain"},
        availability="preorder",
        description="long " * 10_000,
    )
    catalog.upsert([chair])
    assert catalog.get(["SKU/1"]) == [chair]
    # What the shop no longer says is gone, the column of its own too.
    plain = Product(id="SKU/1", title="Oak chair", attributes={"wood": "ash"})
    assert catalog.upsert([plain]).changed == 1
    assert catalog.get(["SKU/1"]) == list(catalog.scan()) == [plain]


def test_get_keeps_the_order_and_leaves_unknown_ones_out(catalog):
    catalog.upsert(map(product, ODD_IDS))
    asked = ["café ☕", "unknown", "\ud800", "", "x" * 256, "gid://shopify/Product/1", "café ☕"]
    assert ids(catalog.get(asked)) == [asked[0], asked[4], asked[5], asked[6]]
    assert catalog.get([]) == []


def test_more_products_than_one_request_takes(catalog):
    shop = [f"{number:04}" for number in range(1200)]
    assert catalog.upsert(map(product, shop)) == UpsertCounts(1200, 0, 0)
    assert ids(catalog.get(shop[::-1])) == shop[::-1]
    assert ids(catalog.scan()) == shop
    assert catalog.count() == 1200


def test_upsert_counts_and_a_retry_changes_nothing(catalog):
    assert catalog.upsert([]) == UpsertCounts(0, 0, 0)
    assert catalog.upsert([product("b"), product("a")]) == UpsertCounts(2, 0, 0)
    again = [product("a"), product("b", price=2.0), product("c")]
    assert catalog.upsert(again) == UpsertCounts(added=1, changed=1, unchanged=1)
    cursor = catalog.change_cursor()
    assert catalog.upsert(again) == UpsertCounts(added=0, changed=0, unchanged=3)
    assert catalog.changes_since(cursor).products == []
    assert catalog.get(["b"])[0].price == 2.0


def test_of_a_product_given_twice_the_last_counts(catalog):
    twice = [product("a", price=1.0), product("b"), product("a", price=2.0)]
    assert catalog.upsert(twice) == UpsertCounts(added=2, changed=1, unchanged=0)
    assert [found.price for found in catalog.scan()] == [2.0, None]


def test_ids_are_in_the_order_of_code_points(catalog):
    odd = ["Z", "a", "z", "é", "\uffee", "😀", "10", "9", *ODD_IDS]
    catalog.upsert(map(product, odd))
    assert ids(catalog.scan()) == sorted(odd)


@pytest.mark.parametrize("cursor", ["", "x", "SKU_1", "a-._", "aWQ6/w==", "é", "c2VhcmNoOnt9"])
def test_a_made_up_cursor_is_the_caller_s_mistake(catalog, cursor):
    for ask in (
        lambda: catalog.changes_since(cursor),
        lambda: catalog.search(Search(cursor=cursor)),
    ):
        with pytest.raises(ValueError, match="cursor"):
            ask()


def test_a_limit_below_one_is_the_caller_s_mistake(catalog):
    for ask in (
        lambda: catalog.changes_since(catalog.change_cursor(), 0),
        lambda: catalog.search(Search(limit=0)),
    ):
        with pytest.raises(ValueError, match="limit"):
            ask()


def test_patches_change_what_they_name(furniture):
    patches = [
        ProductPatch(id="1", price=45, sale_price=40, currency="EUR"),
        ProductPatch(id="2", availability="out_of_stock"),
        ProductPatch(id="unknown", price=1),
        ProductPatch(id="4", price=99),
    ]
    assert furniture.patch(patches) == PatchCounts(2, 1, 1, ("unknown",))
    one, two = furniture.get(["1", "2"])
    changed = {"price": 45.0, "sale_price": 40.0, "currency": "EUR"}
    assert one == FURNITURE[0].model_copy(update=changed)
    assert two == FURNITURE[1].model_copy(update={"availability": "out_of_stock"})

    assert furniture.patch([ProductPatch(id="1", sale_price=None)]) == PatchCounts(1, 0)
    assert furniture.get(["1"])[0].sale_price is None
    assert furniture.patch([]) == PatchCounts(0, 0)
    twice = [ProductPatch(id="2", price=1), ProductPatch(id="2", price=2, currency="EUR")]
    assert furniture.patch(iter(twice)) == PatchCounts(2, 0)
    assert furniture.patch(twice[1:]) == PatchCounts(0, 1)


def test_a_sale_price_that_cannot_stand_is_left_out_and_counted(furniture):
    furniture.patch([ProductPatch(id="1", price=45, sale_price=40, currency="EUR")])

    below = [ProductPatch(id="1", price=30), ProductPatch(id="2", availability="preorder")]
    assert furniture.patch(below) == PatchCounts(2, 0, sales_left_out=1)
    (one,) = furniture.get(["1"])
    assert (one.price, one.sale_price) == (30.0, None)
    above = [ProductPatch(id="1", sale_price=31), ProductPatch(id="1", sale_price=29)]
    assert furniture.patch(above) == PatchCounts(1, 1, sales_left_out=1)
    assert furniture.get(["1"])[0].sale_price == 29.0


def test_of_many_unknown_ids_the_first_are_named(furniture):
    counts = furniture.patch(ProductPatch(id=f"u{n:04}", price=1) for n in range(1200))
    assert (counts.unknown, counts.changed) == (1200, 0)
    assert counts.unknown_ids == tuple(f"u{n:04}" for n in range(100))


def test_patches_of_one_product_at_a_time_are_all_kept(furniture):
    def patch(name: str, amount: float) -> None:
        for step in range(5):
            furniture.patch([ProductPatch(**{"id": "1", name: amount + step})])

    changing = [
        threading.Thread(target=patch, args=args) for args in (("price", 10), ("sale_price", 5))
    ]
    for thread in changing:
        thread.start()
    for thread in changing:
        thread.join()
    (one,) = furniture.get(["1"])
    assert (one.price, one.sale_price) == (14.0, 9.0)


def test_deleted_products_are_nowhere(furniture):
    assert furniture.delete(["1", "unknown"]) == DeleteCounts(1, ("unknown",))
    assert furniture.delete(["1"]) == DeleteCounts(0, ("1",))
    assert furniture.get(["1"]) == []
    assert furniture.count() == 4
    assert ids(furniture.scan()) == ["2", "3", "4", "5"]
    assert ids(furniture.search(Search("oak")).products) == ["2"]
    assert furniture.search(Search()).total == 4
    assert furniture.patch([ProductPatch(id="1", price=1)]).unknown_ids == ("1",)
    assert furniture.upsert([FURNITURE[0]]) == UpsertCounts(1, 0, 0)
    assert furniture.get(["1"]) == [FURNITURE[0]]


def test_an_emptied_catalog_is_another_than_one_that_never_had_a_product(catalog):
    assert not catalog.had_products()
    catalog.upsert([product("1")])
    assert catalog.had_products()
    catalog.delete(["1"])
    assert (catalog.count(), catalog.had_products()) == (0, True)


def test_changes_are_told_once_and_in_order(furniture):
    cursor = furniture.change_cursor()
    nothing = furniture.changes_since(cursor)
    assert (nothing.products, nothing.deleted_ids, nothing.more) == ([], [], False)

    furniture.upsert([product("6")])
    furniture.patch([ProductPatch(id="2", price=21)])
    furniture.delete(["1"])
    furniture.upsert(FURNITURE[3:])
    changes = furniture.changes_since(nothing.cursor)
    assert ids(changes.products) == ["6", "2"]
    assert changes.products[1].price == 21
    assert (changes.deleted_ids, changes.more) == (["1"], False)
    after = furniture.changes_since(changes.cursor)
    assert (after.products, after.deleted_ids) == ([], [])


def test_changes_come_in_parts(catalog):
    cursor = catalog.change_cursor()
    shop = [f"{number:02}" for number in range(25)]
    catalog.upsert(map(product, shop))
    catalog.delete(shop[:5])
    told, deleted, more = [], [], True
    while more:
        changes = catalog.changes_since(cursor, 10)
        assert len(changes.products) + len(changes.deleted_ids) <= 10
        told += ids(changes.products)
        deleted += changes.deleted_ids
        cursor, more = changes.cursor, changes.more
    assert told == shop[5:]
    assert deleted == shop[:5]


def test_a_product_that_comes_back_is_no_longer_told_as_deleted(furniture):
    cursor = furniture.change_cursor()
    furniture.delete(["1"])
    furniture.upsert([FURNITURE[0]])
    changes = furniture.changes_since(cursor)
    assert (ids(changes.products), changes.deleted_ids) == (["1"], [])


def test_a_cursor_of_another_catalog_has_expired(catalog, other_catalog):
    with pytest.raises(CursorExpiredError, match="read all of it again"):
        catalog.changes_since(other_catalog.change_cursor())


def test_who_reads_changes_misses_none_of_many_writers(catalog):
    cursor = catalog.change_cursor()
    done = threading.Event()
    copy: dict[str, Product] = {}

    def write(name: str) -> None:
        for number in range(12):
            catalog.upsert([product(f"{name}{number:02}"), product("all", price=number)])

    def read(cursor: str) -> None:
        while True:
            last = done.is_set()
            changes = catalog.changes_since(cursor)
            copy.update((changed.id, changed) for changed in changes.products)
            cursor = changes.cursor
            if last and not changes.more:
                return

    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    reader = threading.Thread(target=read, args=(cursor,))
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert copy == {found.id: found for found in catalog.scan()}
    assert len(copy) == 37


def test_a_scan_and_the_changes_behind_it_miss_nothing(catalog):
    catalog.upsert(product(f"{number:03}") for number in range(300))
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            catalog.upsert([product(f"w{number:04}")])
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    begun = []
    for _ in range(8):
        cursor = catalog.change_cursor()
        begun.append((cursor, set(ids(catalog.scan()))))
    done.set()
    writer.join()
    everything = set(ids(catalog.scan()))
    for cursor, known in begun:
        more = True
        while more:
            changes = catalog.changes_since(cursor)
            known.update(ids(changes.products))
            cursor, more = changes.cursor, changes.more
        assert known == everything


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # Whole words of the title, then beginnings in the title, then the rest.
        ("chair", ["1", "2", "3", "4"]),
        ("CHAIR oak", ["1", "2"]),
        ("chairs", ["1"]),
        ("furn", ["1", "2", "4"]),
        ("creme alesund o", ["3"]),
        ("strasse", ["5"]),
        ("STRAẞE", ["5"]),
        ("eiche m", ["5"]),
        ("5", ["5"]),
        ("hair", []),
        ("chair sofa", []),
        ("!!!", []),
        ("", ["1", "2", "3", "4", "5"]),
        ("  ", ["1", "2", "3", "4", "5"]),
        ('oak" OR "table', []),
        ("oak*", ["1", "2"]),
        ("title:oak", []),
        ("NOT oak", []),
        ("lampe", []),
    ],
)
def test_search_by_words(furniture, words, expected):
    found = furniture.search(Search(words))
    assert ids(found.products) == expected
    assert found.total == len(expected)
    assert found.next_cursor is None


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("chair", "price<=50", ["1", "2"]),
        ("chair", 'NOT product_type:"Furniture"', ["3"]),
        ("", 'brand IN ("Acme", "Chair & Co") AND NOT price>=99', ["1", "2"]),
        ("", 'attributes.bulb="E 27"', ["5"]),
        ("", 'NOT attributes.bulb="E 27" AND availability="out_of_stock"', ["3"]),
        ("", 'id="4" OR title="Chairlift"', ["3", "4"]),
    ],
)
def test_search_by_words_and_filter(furniture, words, text, expected):
    found = furniture.search(Search(words, parse_filter(text)))
    assert ids(found.products) == expected
    assert found.total == len(expected)


def random_shop(n: int) -> list[Product]:
    """The same every time: missing fields, several categories, and the same few odd texts."""
    rng = random.Random(7)

    def some(values: list) -> object:
        return rng.choice([None, *values])

    def one(number: int) -> Product:
        fabric = some(TEXTS)
        return Product(
            id=f"p{number:04}", title="t", brand=some(TEXTS), color=some(TEXTS),
            custom_label_0=some(TEXTS), price=some(NUMBERS), sale_price=some(NUMBERS),
            availability=rng.choice(["in_stock", "out_of_stock", "preorder"]),
            product_type=rng.sample(TEXTS, rng.randrange(4)),
            attributes={"other": "x"} if fabric is None else {"fabric": fabric},
        )  # fmt: skip

    return [one(number) for number in range(n)]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=trees)
def test_random_filters_select_what_they_mean(catalog, tree):
    shop = random_shop(100)
    if catalog.count() == 0:
        catalog.upsert(shop)
    text = text_of(tree)
    assume(len(text) <= MAX_LENGTH)
    expected = [one.id for one in shop if holds(tree, one)]
    found = catalog.search(Search(filter=parse_filter(text), limit=200))
    assert ids(found.products) == expected
    assert found.total == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        'description="long"', 'link="https://shop.example/1"', 'NOT image_link="x.svg"',
        'additional_image_link IN ("b.svg", "c.svg")', 'gtin="1"', 'id IN ("1", "2")',
        'product_type=","', 'product_type="\\u001f"', 'attributes.a.b="c"', 'attributes.A="1"',
        'title="Quote \\"\\" \\\\"', 'product_type!="☕"',
    ],
)  # fmt: skip
def test_every_field_can_be_asked(catalog, text):
    shop = [
        product("1", description="long", link="https://shop.example/1", gtin="1"),
        product("2", image_link="x.svg", additional_image_link=["a.svg", "b.svg"]),
        product("3", product_type=["a", "b"], attributes={"a.b": "c"}),
        product("4", product_type=["\x1f", "☕"], attributes={"A": "2"}),
        product("5", title='Quote "" \\', product_type=[",", ""]),
    ]
    catalog.upsert(shop)
    node = parse_filter(text.replace("\\u001f", "\x1f"))
    expected = [one.id for one in shop if holds(node, one)]
    assert ids(catalog.search(Search(filter=node)).products) == expected


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "a.b", "\x1f", "ä ☕"])
@pytest.mark.parametrize("n_values", [1, 20])
def test_columns_of_any_name_can_be_asked(catalog, name, n_values):
    others = [f"x{number}" for number in range(n_values - 1)]
    catalog.upsert([
        product("1", attributes={name: "A, \"b\"", "other": "c"}, product_type=[name]),
        product("2", attributes={"other": "A, \"b\""}),
        product("3", attributes={name: "c"}),
    ])  # fmt: skip
    fits = AnyOf(f"attributes.{name}", ('A, "b"', *others))
    assert ids(catalog.search(Search(filter=fits)).products) == ["1"]
    assert ids(catalog.search(Search(filter=Not(fits))).products) == ["2", "3"]
    category = AnyOf("product_type", (name, *others))
    assert ids(catalog.search(Search(filter=category)).products) == ["1"]


def test_too_many_words_are_the_caller_s_mistake(catalog):
    with pytest.raises(ValueError, match="words: expected at most 16"):
        catalog.search(Search(" ".join(f"w{number}" for number in range(17))))


def test_facets_count_all_that_was_found(furniture):
    fields = ("brand", "product_type", "availability", "attributes.bulb")
    found = furniture.search(Search("chair", facets=fields, limit=1))
    assert found.facets == {
        "brand": (FacetValue("Acme", 2), FacetValue("Chair & Co", 1), FacetValue("Ålesund Ø", 1)),
        "product_type": (
            FacetValue("Furniture", 3), FacetValue("Chairs", 1), FacetValue("Tables", 1),
        ),
        "availability": (FacetValue("in_stock", 3), FacetValue("out_of_stock", 1)),
        "attributes.bulb": (),
    }  # fmt: skip
    everything = furniture.search(Search(facets=("attributes.bulb",)))
    assert everything.facets == {"attributes.bulb": (FacetValue("E 27", 1),)}
    cheap = furniture.search(Search(filter=parse_filter("price<=50"), facets=("brand",)))
    assert cheap.facets == {"brand": (FacetValue("Acme", 2),)}


def test_a_facet_has_its_most_frequent_values(catalog):
    catalog.upsert(product(f"{n:03}", brand=f"b{n % 60:02}") for n in range(90))
    facet = catalog.search(Search(facets=("brand",), limit=1)).facets["brand"]
    assert len(facet) == 50
    assert facet[0] == FacetValue("b00", 2)
    assert facet[-1] == FacetValue("b49", 1)


@pytest.mark.parametrize("name", ["price", "description", "nonsense", "", "title"])
def test_what_cannot_be_counted_is_the_caller_s_mistake(catalog, name):
    with pytest.raises(ValueError, match="facets"):
        catalog.search(Search(facets=(name,)))


@pytest.mark.parametrize("words", ["", "lamp"])
def test_search_goes_on_where_it_ended_while_products_come_and_go(catalog, words):
    catalog.upsert(product(f"{n:02}", title="Lamp" if n % 2 else "Lamps") for n in range(20))
    whole = ids(catalog.search(Search(words, limit=100)).products)
    if words:
        assert whole == [f"{n:02}" for n in (*range(1, 20, 2), *range(0, 20, 2))]
    seen, cursor = [], None
    for number in range(9):
        found = catalog.search(Search(words, limit=3, cursor=cursor))
        seen += ids(found.products)
        cursor = found.next_cursor
        if cursor is None:
            break
        catalog.upsert([product(f"0{number}x", title="Lamp lamps lamp", brand="New")])
        catalog.delete(seen[-1:])
    assert [item_id for item_id in seen if not item_id.endswith("x")] == whole
    assert len(set(seen)) == len(seen)


def test_a_scan_sees_one_state_while_others_write(catalog):
    catalog.upsert(product(f"{number:03}") for number in range(100))
    scan = catalog.scan()
    first = next(scan)
    catalog.upsert(product(f"{number:03}", price=1.0) for number in range(200))
    assert [first, *scan] == [product(f"{number:03}") for number in range(100)]


def test_health_says_who_answers(catalog):
    health = catalog.health()
    assert (health.status, health.problem) == ("ok", None)
    assert health.version


def test_a_closed_catalog_opens_again(furniture):
    furniture.close()
    assert furniture.count() == 5
    furniture.close()
    furniture.close()
