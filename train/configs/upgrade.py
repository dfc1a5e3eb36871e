"""Settings written by earlier versions, renamed to today's fields."""

FIELDS = {"people": "identities", "pictures": "instances", "silhouette": "silhouette_renderer"}
AUGMENT = {"passer": "bystander", "cast": "channel_gain"}
RECORDED = {"shares chosen on", "interpolated", "trained on"}
"""What training.json says besides its settings."""

SAMPLING = {"clothing-changing": "cloth-changing"}


def upgrade(values: dict) -> dict:
    """Plain settings with renamed fields of `TrainConfig` brought up to date; `values` is not changed.

    It keeps a training.json or YAML file of an earlier version readable. A field given under both names is left for
    `train.configs.read` to refuse.
    """
    values = {name: value for name, value in values.items() if name not in RECORDED}
    values = _renamed(values, FIELDS)
    if isinstance(values.get("augment"), dict):
        values["augment"] = _renamed(values["augment"], AUGMENT)
    if isinstance(values.get("sampling"), str):
        values["sampling"] = SAMPLING.get(values["sampling"], values["sampling"])
    return values


def _renamed(values: dict, names: dict[str, str]) -> dict:
    return {
        new if (new := names.get(name)) is not None and new not in values else name: value
        for name, value in values.items()
    }
