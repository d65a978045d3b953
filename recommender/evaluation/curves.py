"""The charts of a report that show a course: epochs, batch sizes, promised probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from recommender.evaluation import course
from recommender.evaluation.charts import Line, line_chart
from recommender.evaluation.figures import metric_title, short
from recommender.evaluation.wording import calibration_words

Record = Mapping[str, Any]
_ENOUGH_BINS = 3
"""With fewer the sentence says it all."""


def epoch_charts(model: Record) -> list[Markup]:
    """Loss and every validation figure of a model over its epochs, a curve a start and seed.

    A ring marks the epoch that validation likes best; the curve that was kept is not dashed.
    """
    curves, kept = course.curves_of(model), course.kept_label(model)
    return [
        line_chart(
            f"epochs-{_key(model['name'])}-{_key(name)}",
            f"{_title(name)} over epochs, {model['name']}",
            _described(curves, name),
            [
                _epoch_line(label, records, name, style, is_kept=label == kept)
                for style, (label, records) in enumerate(curves.items())
                if any(figure_of(record, name) is not None for record in records)
            ],
            heading=_title(name),
            x_title="epoch",
            x_ticks=_epoch_ticks(model),
            y_format=short,
        )
        for name in figure_names(model)
    ]


def _epoch_ticks(model: Record) -> list[float]:
    """Whole epochs from the first to the last, at most seven."""
    last = max(record["epoch"] for record in model["epochs"])
    return [float(epoch) for epoch in range(1, last + 1, 1 + (last - 1) // 7)]


def figure_names(model: Record) -> list[str]:
    """The loss and the validation figures of a model's epochs."""
    names = {name: None for record in model["epochs"] for name in record.get("validation") or {}}
    return ["loss", *names]


def figure_of(record: Record, name: str) -> float | None:
    """A figure of an epoch, None where it was not taken."""
    found = record["loss"] if name == "loss" else (record.get("validation") or {}).get(name)
    return None if found is None else float(found)


def _epoch_line(
    label: str, records: Sequence[Record], name: str, style: int, *, is_kept: bool
) -> Line:
    told = [record for record in records if figure_of(record, name) is not None]
    best = course.best_epoch(told)
    points = [(float(record["epoch"]), float(figure_of(record, name) or 0.0)) for record in told]
    return Line(label, style, points, marked=best, dashed=not is_kept)


def _described(curves: Mapping[str, Sequence[Record]], name: str) -> str:
    """The ends of each curve in words."""
    said = []
    for label, records in curves.items():
        told = [(record["epoch"], figure_of(record, name)) for record in records]
        told = [(epoch, figure) for epoch, figure in told if figure is not None]
        if told:
            (first, begin), (last, end) = told[0], told[-1]
            said.append(f"{label}: {begin:.3g} in epoch {first}, {end:.3g} in epoch {last}")
    return "; ".join(said) + "."


def batch_charts(records: Sequence[Record]) -> list[Markup]:
    """What each batch size gives on validation and takes in time and memory."""
    if not records:
        return []
    figures: dict[str, list[float]] = {
        **{name: [record["validation"][name] for record in records]
           for name in records[0]["validation"]},
        "training seconds": [record["train_s"] for record in records],
        "memory that training added, MB": [record["growth_mb"] for record in records],
    }  # fmt: skip
    sizes = [float(record["batch_size"]) for record in records]
    return [
        line_chart(
            f"batch-{number}",
            f"{_title(name)} by batch size",
            "; ".join(f"{size:g}: {value:.3g}" for size, value in zip(sizes, values, strict=True)),
            [Line(name, 0, list(zip(sizes, values, strict=True)))],
            heading=_title(name),
            x_title="batch size",
            x_ticks=sizes,
            x_log=True,
            y_format=short,
            from_zero=name not in records[0]["validation"],
        )
        for number, (name, values) in enumerate(figures.items())
    ]


def calibration_charts(model: Record, style: int, k: int) -> list[dict[str, Any]]:
    """Reliability curves of a model: what came true of what it promised."""
    titles = {"first": "The first product", "list": f"The row of {k}"}
    return [
        {
            "words": calibration_words(name, entry, k),
            "bins": entry["bins"],
            "title": titles[name],
            "chart": line_chart(
                f"calibration-{_key(model['name'])}-{name}",
                f"{titles[name]}: promised and come true, {model['name']}",
                "On the broken line promises come true exactly; the table gives the figures.",
                [
                    Line(
                        model["name"],
                        style,
                        [(one["promised"], one["came_true"]["value"]) for one in entry["bins"]],
                        [(one["came_true"]["low"], one["came_true"]["high"])
                         for one in entry["bins"]],
                    )
                ],
                heading=f"{titles[name]}: share that came true",
                x_title="promised probability",
                y_format=short,
                x_format=short,
                square=True,
            )
            if len(entry["bins"]) >= _ENOUGH_BINS
            else None,
        }
        for name, entry in model["calibration"].items()
    ]  # fmt: skip


def abstention_chart(
    models: Sequence[Record], styles: Mapping[str, int], exclusion: str, k: int
) -> Markup:
    """Recall among the surest questions of each model, by the share that is answered."""
    recall = f"recall@{k}"
    return line_chart(
        "abstention",
        f"{_title(recall)} among the surest questions",
        "From right to left fewer and surer questions are answered; the table gives the figures.",
        [
            Line(
                model["name"],
                styles[model["name"]],
                [(100 * one["answered"], one[recall]["value"]) for one in points],
                [(one[recall]["low"], one[recall]["high"]) for one in points],
            )
            for model in models
            for points in [model["abstention"][exclusion]]
        ],
        heading=f"{_title(recall)} of what is answered",
        x_title="questions answered, the surest first, of 100",
        y_format=short,
    )


def _title(name: str) -> str:
    title = metric_title(name)
    return title[:1].upper() + title[1:]


def _key(name: str) -> str:
    """A name as part of an id."""
    return "".join(letter if letter.isalnum() else "-" for letter in name)
