"""`report.html`: one file without scripts that says what `report.json` says to everyone."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from recommender.evaluation import course, figures, wording
from recommender.evaluation.charts import Row, interval_chart, mark, waffle
from recommender.evaluation.curves import (
    abstention_chart,
    batch_charts,
    calibration_charts,
    epoch_charts,
    figure_names,
    figure_of,
)
from recommender.evaluation.pictures import Pictures
from recommender.evaluation.price_chart import price_chart, price_words
from recommender.evaluation.slices import Lookup

_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], "\ufffd")
"""Characters that HTML forbids and ids may hold: each becomes the sign for what cannot be shown."""


def render_report(report: Mapping[str, Any], lookup: Lookup, pictures: Pictures) -> str:
    """Make the page of a report.

    Args:
        report: As `summarize` and the pipelines make it.
        lookup: Finds products of the catalog by id; they may be missing.
        pictures: Their pictures.
    """
    styles = {model["name"]: number for number, model in enumerate(report["models"])}
    exclusion = wording.page_exclusion(report)
    return render_page(
        "report.html",
        report=report,
        k=report["k"],
        styles=styles,
        exclusions=sorted(report["models"][0]["metrics"], key=lambda name: name != exclusion),
        sentences=wording.sentences(report),
        gate=wording.gate_words(report["gate"]) if "gate" in report else None,
        of_100=_of_100(report, exclusion, styles),
        slices=_slices(report, "slices"),
        categories=_slices(report, "categories"),
        curves=[_course(model) for model in report["models"] if model["epochs"]],
        batches=_batches(report.get("batch_sizes", [])),
        calibration=[
            {
                "name": model["name"],
                "charts": calibration_charts(model, styles[model["name"]], report["k"]),
            }
            for model in report["models"]
            if model["calibration"]
        ],
        abstention=_abstention(report, exclusion, styles),
        visits=[
            {**_visit(visit, lookup, pictures), "price": curve}
            for visit, curve in zip(report["typical"], _price_curves(report), strict=True)
        ],
        cold=wording.cold_words(report["cold"]) if report.get("cold") else None,
        left_out=wording.left_out(report),
    )


def render_page(template: str, **content: Any) -> str:
    """Fill a template; its style sheet is allowed by its hash, and nothing else is."""
    style = files("recommender.evaluation").joinpath("templates/report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
            "base-uri 'none'; form-action 'none'",
            **content,
        )
    )
    return page.translate(_CONTROLS)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("recommender.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": figures.percent,
        "decimals": figures.decimals,
        "fixed": figures.fixed,
        "day": figures.day,
        "metric_title": figures.metric_title,
    }
    environment.globals |= {"mark": mark, "wording": wording}
    return environment


def _of_100(
    report: Mapping[str, Any], exclusion: str, styles: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The picture of the third sentence: a hundred dots a model."""
    recall = f"recall@{report['k']}"
    found = []
    for number, model in enumerate(wording.by_metric(report, exclusion, recall)):
        share = round(100 * model["metrics"][exclusion][recall]["value"])
        title = f"{model['name']}: {share} of 100"
        chart = waffle(f"waffle-{number}", title, share, styles[model["name"]])
        found.append({"name": model["name"], "share": share, "chart": chart})
    return found


def _slices(report: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """A chart a metric and the rows of the table; None where nothing was parted."""
    models, k = report["models"], report["k"]
    names = list(models[0][kind])
    if not names:
        return None
    titles = {name: wording.PARTS.get(name, (name, "")) for name in names}
    told = [name for name in names if wording.is_told(models[0][kind][name])]
    return {
        "titles": titles,
        "exclude": models[0][kind][names[0]]["exclude"],
        "charts": [
            interval_chart(
                f"{kind}-{metric.partition('@')[0]}",
                f"{figures.metric_title(metric)} by part",
                f"{figures.metric_title(metric)} of each model with its 95 % interval; "
                "the table below gives the figures.",
                [
                    Row(titles[name][0], [_values(model[kind], name, metric) for model in models])
                    for name in told
                ],
                heading=figures.metric_title(metric),
                x_title="",
                x_format=figures.short,
            )
            for metric in (f"recall@{k}", f"mrr@{k}")
            if told
        ],
    }


def _values(
    entries: Mapping[str, Any], name: str, metric: str
) -> tuple[float, float, float] | None:
    if name not in entries:
        return None
    found = entries[name]["metrics"][metric]
    return found["value"], found["low"], found["high"]


def _course(model: Mapping[str, Any]) -> dict[str, Any]:
    """The epochs of a model: words, curves, and the table behind them."""
    curves, kept = course.curves_of(model), course.kept_label(model)
    columns = figure_names(model)
    return {
        "name": model["name"],
        "words": course.more_is_better(model),
        "charts": epoch_charts(model),
        "labels": [{"name": name, "kept": name == kept} for name in curves],
        "columns": columns,
        "rows": [
            {
                "label": label,
                "epoch": record["epoch"],
                "figures": [figure_of(record, name) for name in columns],
            }
            for label, records in curves.items()
            for record in records
        ],
    }


def _batches(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "words": course.batch_words(records) if records else "",
        "charts": batch_charts(records),
        "columns": list(records[0]["validation"]) if records else [],
    }


def _abstention(
    report: Mapping[str, Any], exclusion: str, styles: Mapping[str, int]
) -> dict[str, Any] | None:
    """What answering only the surest questions gains; None where no model tells."""
    told = [one for one in report["models"] if one.get("abstention", {}).get(exclusion)]
    if not told:
        return None
    return {
        "words": wording.abstention_words(told[0], exclusion, report["k"]),
        "chart": abstention_chart(told, styles, exclusion, report["k"]),
        "models": [{"name": one["name"], "points": one["abstention"][exclusion]} for one in told],
        "exclude": exclusion,
    }


def _price_curves(report: Mapping[str, Any]) -> Sequence[Mapping[str, Any] | None]:
    """Of each typical visit; None where no density of prices was learned."""
    found = report.get("price_curves")
    if found is None:
        return [None] * len(report["typical"])
    return [{"words": price_words(curve), "chart": price_chart(curve)} for curve in found]


def _visit(visit: Mapping[str, Any], lookup: Lookup, pictures: Pictures) -> dict[str, Any]:
    """A typical visit with what is known of its products."""
    first = visit["lists"][0] if visit["lists"] else None
    several = next((one for one in visit["lists"] if one.get("intents")), None)

    def tiles(item_ids: Sequence[str]) -> list[dict[str, Any]]:
        return [_tile(item_id, lookup, pictures) for item_id in item_ids]

    return {
        "title": wording.KINDS[visit["kind"]],
        "earlier": visit["steps"] - len(visit["viewed"]),
        "viewed": tiles(visit["viewed"]),
        "next": tiles([visit["next"]])[0],
        "first": first,
        "tiles": tiles(first["items"]) if first else [],
        "lists": visit["lists"],
        "intents_of": several and several["model"],
        "intents": [
            {
                "weight": intent["weight"],
                "after": tiles([intent["because_viewed"]])[0],
                "tiles": tiles(intent["items"]),
            }
            for intent in (several or {"intents": []})["intents"]
        ],
    }


def _tile(item_id: str, lookup: Lookup, pictures: Pictures) -> dict[str, Any]:
    product = lookup(item_id)
    if product is None:
        return {"id": item_id, "title": item_id, "about": "", "picture": None, "known": False}
    named = (product.brand or "").casefold() in product.title.casefold()
    about = [None if named else product.brand, *product.product_type[-1:]]
    return {
        "id": item_id,
        "title": product.title,
        "about": " · ".join(filter(None, about)),
        "picture": pictures.data_uri(product.image_link),
        "known": True,
    }
