"""Weights on the Hugging Face Hub through its own mixin, in this program's format and always strict.

The mixin's own format is one model.safetensors, and it loads weights that fit only partly. Here the format stays
that of `threedsl.checkpoint.weights`: pieces below 10 MB, a configuration that describes the network, and either every
weight or an error.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import PyTorchModelHubMixin

from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.weights import fingerprint_of, load_checkpoint, save_checkpoint
from threedsl.errors import InputError

if TYPE_CHECKING:
    from threedsl.network import NetworkConfig, ThreeDSLNetwork

CARD = "README.md"
MEASURED = (
    CARD,
    "metrics.json",
    "examples.json",
    "ablation.json",
    "ablation.md",
    "bodies.jpg",
    "openpeople.jpg",
    "cmc.png",
    "failures.jpg",
)
TRAINED = (
    "training.json",
    "training-first-stage.json",
    "training-second-stage.json",
    "training-keypoints.json",
)
NOTICE = "NOTICE.txt"
"""Attribution that the licence of the starts asks for; it stays with weights that were changed as well."""
BODY = "body.npz"


class HubModel(
    PyTorchModelHubMixin,
    library_name="threedsl",
    license="apache-2.0",
    pipeline_tag="image-feature-extraction",
    tags=["person-re-identification", "cloth-changing", "human-mesh-recovery", "3dsl"],
):
    """What ThreeDSL inherits: save_pretrained, push_to_hub, and the hook behind from_pretrained.

    `network`, `config` and `checkpoint_folder` (None for a network not read from a folder) are set by the subclass.
    """

    network: ThreeDSLNetwork
    config: NetworkConfig
    checkpoint_folder: Path | None

    def save_pretrained(
        self,
        folder: str | Path,
        half: bool = False,
        *,
        config: object = None,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict | None = None,
        **push_options,
    ) -> str | None:
        """Write config.json, model.safetensors (in pieces of 9 MB), the checkpoint's own body.npz where it has one
        and, if there is none, a model card.

        An unchanged network keeps its card and measured figures; one that was changed since it was read gets a card
        without figures.

        Args:
            folder: created if needed; other files there are kept.
            half: store weights as float16.
            config: ignored, as the network's own is written.
            repo_id, push_to_hub, model_card_kwargs, push_options: as in huggingface_hub's mixin.

        Returns:
            Address of the commit with push_to_hub, else None.

        Raises:
            InputError: the folder cannot be written, or has another checkpoint's body file.
        """
        # Not the mixin's own method: it first deletes config.json, so a kill at that point would leave no checkpoint.
        folder = Path(folder)
        self._check_body(folder)
        self._save_pretrained(folder, half)
        if self._own_body and not _is_same(self._own_body, folder / BODY):
            shutil.copyfile(self._own_body, folder / BODY)
        if not (folder / CARD).is_file():
            for name in self._own_documents():
                shutil.copyfile(self.checkpoint_folder / name, folder / name)
        if not (folder / CARD).is_file():
            self.generate_model_card(**(model_card_kwargs or {})).save(folder / CARD)
        if not push_to_hub:
            return None
        options = push_options | {"model_card_kwargs": model_card_kwargs}
        return self.push_to_hub(repo_id or folder.name, **options)

    def push_to_hub(self, repo_id: str, **options) -> str:
        """Upload what save_pretrained writes as one commit; returns its address.

        Args:
            repo_id: "user/name"; the repository is created if needed.
            options: token, private, branch, commit_message, create_pr, …, as in huggingface_hub's mixin.

        Raises:
            InputError: it could not be uploaded, or the checkpoint has a body file of its own.
        """
        if self._own_body:
            raise InputError(
                f"{self._own_body} may be a licensed body file, which is not uploaded; train with the "
                "shipped body, or publish the folder yourself if its licence permits."
            )
        try:
            return super().push_to_hub(repo_id, **options)
        except InputError:
            raise
        except Exception as error:  # HTTP, offline and hub errors have no common base class
            raise InputError(
                f"{repo_id} could not be uploaded ({type(error).__name__}); log in with `hf auth login` and check the "
                "name."
            ) from error

    def _save_pretrained(self, save_directory: Path, half: bool = False) -> None:
        save_checkpoint(self.network, self.config, save_directory, half=half)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str | Path,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        strict: bool = True,
    ) -> Path:
        """The folder of a local checkpoint or a Hub id; raises as find_checkpoint does."""
        if not strict:
            raise InputError("Weights are only loaded completely; leave strict=False out.")
        options = {
            "revision": revision,
            "cache_dir": cache_dir,
            "force_download": force_download,
            "local_files_only": local_files_only,
            "token": token,
        }
        return find_checkpoint(model_id, **options)

    @property
    def _own_body(self) -> Path | None:
        path = self.checkpoint_folder and self.checkpoint_folder / BODY
        return path if path and path.is_file() else None

    def _check_body(self, folder: Path) -> None:
        if self._own_body is None and (folder / BODY).is_file():
            raise InputError(
                f"{folder / BODY} is another checkpoint's body, which these weights would be read with; choose another "
                "folder."
            )

    def _own_documents(self) -> list[str]:
        """Names of the files that describe exactly these weights, in the folder they were read from, and of the notice,
        which belongs to whatever was made from them."""
        if self.checkpoint_folder is None:
            return []
        kept = [NOTICE] if (self.checkpoint_folder / NOTICE).is_file() else []
        config, network = load_checkpoint(self.checkpoint_folder)
        if fingerprint_of(network, config) != fingerprint_of(self.network, self.config):
            return kept
        return kept + [name for name in (*MEASURED, *TRAINED) if (self.checkpoint_folder / name).is_file()]


def _is_same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)
