"""What a checkpoint gained over the nets it started from, on the same queries."""

from dataclasses import replace
from pathlib import Path

from threedsl.errors import InputError
from threedsl.network import NetworkConfig, ThreeDSLNetwork, build_network
from train.measure.openpeople import zero_shot
from train.measure.provenance import read_settings
from train.measure.retrieval import RetrievalSet, means, per_query, summary
from train.stages import FIRST_STAGE


def load_starts(folder: Path, config: NetworkConfig) -> ThreeDSLNetwork | None:
    """The nets that a checkpoint's first stage started from, as a network without parts whose streams weigh alike;
    None where it was trained from other weights.

    Raises:
        InputError: the records name nets that are not there.
    """
    if config.name != "osnet":
        return None
    records = [folder / name for name in (FIRST_STAGE, "training.json") if (folder / name).is_file()]
    source = read_settings(records[0]).get("pretrained") if records else None
    if not source:
        return None
    plain = replace(config, parts=0, part_shares=None, shape_share=0.5)
    try:
        return build_network(plain, source).eval()
    except InputError as error:
        raise InputError(f"The starts named in {records[0]} cannot be measured: {error}") from None


def compare_with_starts(
    starts: ThreeDSLNetwork, data: RetrievalSet, ranked: dict[str, dict], seed: int
) -> dict:
    """The starts' own figures by protocol and stream, and the checkpoint's combined ones minus each of theirs.

    Args:
        ranked: the checkpoint's scores by protocol and stream, of the same queries.
    """
    described = data.describe(starts)
    pids = data.query_labels.pids
    figures: dict = {"retrieval": {}, "combined minus start": {}}
    for protocol in data.protocols:
        ours = ranked[protocol]["combined"]
        theirs = data.score(*described, protocol)
        figures["retrieval"][protocol] = {
            stream: summary(scores, pids, seed) for stream, scores in theirs.items()
        }
        figures["combined minus start"][protocol] = {
            stream: gain(ours, scores, pids, seed) for stream, scores in theirs.items()
        }
    size = data.query.shape[1:3]
    return figures | {"openpeople": zero_shot(starts, size, seed)}


def gain(ours, theirs, pids, seed: int) -> dict:
    """Paired differences on the same queries, with intervals; pids (Q,) of all queries."""
    before = per_query(theirs)
    differences = {name: values - before[name] for name, values in per_query(ours).items()}
    return means(differences, pids[ours.query], seed)
