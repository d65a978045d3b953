"""The published variants on public data, beside the published figures."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.events import import_events
from pipelines.ingest.mapping import parse_map
from recommender.data.split import Split, split_at
from recommender.data.steps import load_session_log
from recommender.evaluation.protocol import judge, queries_of
from recommender.models.metrics import hits, reciprocal_ranks
from recommender.models.neighbors import Neighbors
from recommender.settings import Settings
from recommender.workspace import Workspace

pytestmark = pytest.mark.realdata

MAY_20_2014_US = 1_400_544_000_000_000


def settings(**neighbors: Any) -> Settings:
    return Settings.model_validate(
        {
            "sessions": {"collapse_repeats": False, "gap_s": 86_400},
            "vocabulary": {"min_count": 1},
            "noise": {"enabled": False},
            "neighbors": neighbors,
        }
    )


def split_of(path: Path, maps: str, from_us: int, root: Path) -> Split:
    workspace = Workspace(root)
    import_events(workspace, settings(), path, field_map=parse_map([maps]))
    return split_at(load_session_log(workspace.events_dir, settings()), settings(), from_us)


PROGRAM_DEFAULTS = {
    "lambda_spw": 1.02,
    "lambda_snh": 5 / 3,  # five days; a 64th of half a year is three
    "lambda_inh": 2.05,
    "lambda_ipw": 1.02,
    "lambda_idf": 5,
    "similarity": "cosine",
    "sample_size": 5000,
    "k": 500,
}
OF_THE_STUDY = {
    "weighting": "log",
    "weighting_score": "quadratic",
    "lambda_idf": 2,
    "sample_size": 5000,
    "k": 1000,
}


@pytest.mark.parametrize(
    ("variant", "parameters", "recall", "mrr"),
    [("vstan", PROGRAM_DEFAULTS, 0.651, 0.323), ("vs_knn", OF_THE_STUDY, 0.643, 0.321)],
    ids=["vstan", "vs_knn"],
)
def test_rsc64_as_published(
    variant: str,
    parameters: dict[str, Any],
    recall: float,
    mrr: float,
    realdata: Path,
    tmp_path: Path,
) -> None:
    """VSTAN with its program's defaults, VS-KNN with a study's parameters for this data."""
    split = split_of(realdata / "benchmarks" / "rsc64.events.parquet", "", MAY_20_2014_US, tmp_path)
    chosen = settings(variant=variant, **parameters)
    model = Neighbors(len(split.vocabulary), chosen).fit(split.train)
    ranks = judge(model, queries_of(split.held_out), ["none"], 20, ties="list").ranks["none"]
    assert len(ranks) == 5_596
    assert hits(ranks, 20).mean() == pytest.approx(recall, abs=0.005)
    assert reciprocal_ranks(ranks, 20).mean() == pytest.approx(mrr, abs=0.005)


def test_serenade_with_parameters_from_its_validation_part(realdata: Path, tmp_path: Path) -> None:
    """Published for VMIS-kNN, which never recommends the last item: MRR@20 .3401."""
    clicks = pq.read_table(realdata / "clicks" / "serenade_toy_clicks.parquet")
    splits = {}
    for part, from_us in (("valid", 1_593_475_384_000_000), ("test", 1_593_470_836_000_000)):
        path = tmp_path / f"{part}.parquet"
        wanted = pa.array(["train", part], clicks["split"].type)
        pq.write_table(clicks.filter(pc.is_in(clicks["split"], wanted)), path)
        maps = "event_time=ts,event_name==view_item"
        splits[part] = split_of(path, maps, from_us, tmp_path / part)
    valid, test = splits["valid"], splits["test"]
    assert (valid.n_queries, valid.n_crossing) == (1_121, 0)
    settled = Neighbors(len(valid.vocabulary), settings()).fit(valid.train, valid.held_out).settled_
    model = Neighbors(len(test.vocabulary), settings(), settled=settled).fit(test.train)
    assert settled["last_item"] is False
    ranks = judge(model, queries_of(test.held_out), ["none"], 20).ranks["none"]
    assert reciprocal_ranks(ranks, 20).mean() > 0.3401
