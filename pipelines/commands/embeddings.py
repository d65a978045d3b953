"""`recommender embeddings`: look at the vectors of the live model."""

import click

from recommender.cli import Shop, common_options


@click.group("embeddings")
def embeddings() -> None:
    """Look at the vectors of the live model."""


@embeddings.command("neighbors")
@common_options
@click.option("--item", "item_id", required=True, metavar="ID", help="Product asked about.")
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.pass_obj
def neighbors(shop: Shop, item_id: str, limit: int) -> None:
    """The products whose word2vec vectors are nearest to a product's."""
    from embeddings.nearest import nearest
    from recommender.catalog.opening import existing_catalog
    from recommender.errors import ArtifactError
    from recommender.serving.artifact import load

    artifact = load(shop.workspace.models_dir / "current")
    vectors = artifact.parts.get("word2vec")
    if vectors is None:
        raise ArtifactError(f"{artifact.version} has no word2vec vectors; train a new version")
    index = artifact.vocabulary.index(item_id)
    if index is None:
        words = f"{item_id} is not among the {len(artifact.vocabulary)} products of the model."
        shop.put({"item_id": item_id, "items": [], "missing_ids": [item_id]}, words)
        return
    rows, cosines = nearest(vectors.arrays()["inputs"], index, limit)
    ids = artifact.vocabulary.decode(rows)
    titles: dict[str, str] = {}
    with existing_catalog(shop.workspace, shop.settings()) as catalog:
        if catalog is not None:
            titles = {product.id: product.title for product in catalog.get(ids)}
    items = [
        {"id": near_id, "cosine": round(float(cosine), 4)}
        for near_id, cosine in zip(ids, cosines, strict=True)
    ]
    lines = [f"{item['cosine']:.3f}  {item['id']}  {titles.get(str(item['id']), '')}".rstrip()
             for item in items]  # fmt: skip
    shop.put({"item_id": item_id, "items": items, "missing_ids": []}, "\n".join(lines))
