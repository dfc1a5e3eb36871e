"""The programs measured, each in its own process: `python -m benchmarks.contenders NAME FOLDER`, one round per line.

The other packages' files are loaded by their paths: importing the packages would require torchvision.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

CMC = (1, 5, 10)
MAX_RANK = 50
KEPT_ROWS = 100  # of the re-ranked distances, for comparing the contenders


def main(name: str, folder: Path) -> None:
    results, sys.stdout = sys.stdout, sys.stderr
    work = CONTENDERS[name](folder)
    for _ in sys.stdin:
        start, wall = time.process_time(), time.perf_counter()
        figures = work()
        seconds = {"cpu": time.process_time() - start, "wall": time.perf_counter() - wall}
        print(json.dumps(seconds | figures | {"memory": peak_memory()}), file=results, flush=True)


def peak_memory() -> float:
    """Largest resident size of this process so far, in GB; getrusage would count the parent's before exec."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    import resource  # Unix only

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def load(distribution: str, path: str) -> ModuleType:
    """A module of an installed package from its file, without importing the package."""
    file = importlib.metadata.distribution(distribution).locate_file(path)
    spec = importlib.util.spec_from_file_location(Path(path).stem, file)
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a Cython twin that is not built
        spec.loader.exec_module(module)
    return module


def read(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "features.npz") as data:
        return dict(data)


def label_arrays(data: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    return data["query_pids"], data["gallery_pids"], data["query_camids"], data["gallery_camids"]


def our_labels(data: dict[str, np.ndarray]) -> tuple:
    from threedsl.evaluation.scoring import Labels

    return tuple(
        Labels(data[f"{name}_pids"], data[f"{name}_camids"], data[f"{name}_pids"])
        for name in ("query", "gallery")
    )


def our_figures(scores) -> dict:
    return {
        "rank-1": scores.rank(1),
        "mAP": scores.mean_average_precision,
        "mINP": scores.mean_inverse_negative_penalty,
    }


def score_ours(folder: Path) -> Callable[[], dict]:
    from threedsl.evaluation.scoring import Removal, score_distances

    distances, labels = np.load(folder / "distances.npy"), our_labels(read(folder))
    return lambda: our_figures(score_distances(distances, *labels, Removal(same_camera=True), "standard"))


def score_ours_from_features(folder: Path) -> Callable[[], dict]:
    from threedsl.evaluation.scoring import Removal, score_descriptors

    data = read(folder)
    labels = our_labels(data)
    return lambda: our_figures(
        score_descriptors(data["query"], data["gallery"], *labels, Removal(same_camera=True), "standard")
    )


def score_torchreid(folder: Path) -> Callable[[], dict]:
    rank = load("torchreid", "torchreid/reid/metrics/rank.py")
    distances, labels = np.load(folder / "distances.npy"), label_arrays(read(folder))

    def work() -> dict:
        cmc, mean_ap = rank.evaluate_rank(distances, *labels, MAX_RANK, use_cython=False)
        return {"rank-1": float(cmc[0]), "mAP": float(mean_ap)}

    return work


def score_torchreid_from_features(folder: Path) -> Callable[[], dict]:
    import torch

    rank = load("torchreid", "torchreid/reid/metrics/rank.py")
    distance = load("torchreid", "torchreid/reid/metrics/distance.py")
    data = read(folder)
    labels = label_arrays(data)

    def work() -> dict:
        pair = torch.from_numpy(data["query"]), torch.from_numpy(data["gallery"])
        distances = distance.compute_distance_matrix(*pair, "cosine").numpy()
        cmc, mean_ap = rank.evaluate_rank(distances, *labels, MAX_RANK, use_cython=False)
        return {"rank-1": float(cmc[0]), "mAP": float(mean_ap)}

    return work


def score_fastreid(folder: Path) -> Callable[[], dict]:
    rank = load("fastreid", "fastreid/evaluation/rank.py")
    return _fastreid(folder, lambda *given: rank.evaluate_rank(*given, use_cython=False))


def score_fastreid_cython(folder: Path) -> Callable[[], dict]:
    sys.path.insert(0, str(Path(sys.prefix) / "cython"))
    rank = importlib.import_module("rank_cy")
    return _fastreid(folder, rank.evaluate_cy)


def _fastreid(folder: Path, evaluate: Callable) -> Callable[[], dict]:
    distances, labels = np.load(folder / "distances.npy"), label_arrays(read(folder))

    def work() -> dict:
        cmc, average_precision, penalty = evaluate(distances, *labels, MAX_RANK)
        figures = {"rank-1": cmc[0], "mAP": np.mean(average_precision), "mINP": np.mean(penalty)}
        return {name: float(value) for name, value in figures.items()}

    return work


def score_oml_from_features(folder: Path) -> Callable[[], dict]:
    import torch

    knn = importlib.import_module("oml.functional.knn")
    metrics = importlib.import_module("oml.functional.metrics")
    data = {name: torch.from_numpy(values) for name, values in read(folder).items()}
    # A sequence is what OML leaves out of a query's gallery: here a person in a camera.
    pairs = {name: data[f"{name}_pids"] * 1000 + data[f"{name}_camids"] for name in ("query", "gallery")}
    everything = len(data["gallery"])

    def work() -> dict:
        _, found, truth = knn.batched_knn_qg(
            data["query"],
            data["gallery"],
            everything,
            labels_query=data["query_pids"],
            labels_gallery=data["gallery_pids"],
            sequence_ids_query=pairs["query"],
            sequence_ids_gallery=pairs["gallery"],
        )
        result = metrics.calc_retrieval_metrics(
            found, truth, None, CMC, (), (everything,), reduce=True, verbose=False
        )
        return {"rank-1": float(result["cmc"][1]), "mAP": float(result["map"][everything])}

    return work


def rerank_ours(folder: Path) -> Callable[[], dict]:
    from threedsl.evaluation.reranking import rerank

    data = read(folder)

    def work() -> dict:
        kept, done = [], 0
        for block in rerank(data["query"], data["gallery"]).blocks():
            kept.append(block[: max(0, KEPT_ROWS - done)].copy())
            done += len(block)
        np.save(folder / "rerank-ours.npy", np.concatenate(kept))
        return {}

    return work


def rerank_torchreid(folder: Path) -> Callable[[], dict]:
    return _rerank_dense(folder, "torchreid", "torchreid/reid/utils/rerank.py")


def rerank_fastreid(folder: Path) -> Callable[[], dict]:
    return _rerank_dense(folder, "fastreid", "fastreid/evaluation/rerank.py")


def _rerank_dense(folder: Path, distribution: str, path: str) -> Callable[[], dict]:
    import torch

    rerank = load(distribution, path)
    distance = load("torchreid", "torchreid/reid/metrics/distance.py")
    data = {name: torch.from_numpy(values) for name, values in read(folder).items()}

    def euclidean(first: str, second: str) -> np.ndarray:
        squared = distance.compute_distance_matrix(data[first], data[second], "euclidean")
        return squared.clamp_(min=0).sqrt_().numpy()

    def work() -> dict:
        pairs = (("query", "gallery"), ("query", "query"), ("gallery", "gallery"))
        distances = rerank.re_ranking(*(euclidean(*pair) for pair in pairs))
        np.save(folder / f"rerank-{distribution}.npy", distances[:KEPT_ROWS])
        return {}

    return work


CONTENDERS: dict[str, Callable[[Path], Callable[[], dict]]] = {
    "score-ours": score_ours,
    "score-ours-from-features": score_ours_from_features,
    "score-torchreid": score_torchreid,
    "score-torchreid-from-features": score_torchreid_from_features,
    "score-fastreid": score_fastreid,
    "score-fastreid-cython": score_fastreid_cython,
    "score-oml-from-features": score_oml_from_features,
    "rerank-ours": rerank_ours,
    "rerank-torchreid": rerank_torchreid,
    "rerank-fastreid": rerank_fastreid,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
