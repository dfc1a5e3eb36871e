"""Which pictures make up step t: P people, K pictures each, from two outfits; a pure function of seed and step."""

from collections.abc import Sequence

import numpy as np

from threedsl.errors import InputError


class IdentitySampler:
    """Batches of `people` x `pictures` indices for triplets with and without a change of clothes.

    A pass shows everybody at most once, in a new order each time; those who do not fill a batch wait for the next pass.
    A person's pictures are drawn from two outfits (one where there is only one), half from each, so that with four
    pictures every anchor has a positive in other clothes and one in the same clothes. Nothing is remembered between
    steps: resuming needs the step's number and nothing else.
    """

    def __init__(self, pids: Sequence[int], clothes: Sequence[str], people: int, pictures: int, seed: int):
        self.people, self.pictures, self.seed = people, pictures, seed
        wardrobe: dict[int, dict[str, list[int]]] = {}
        for index, (pid, outfit) in enumerate(zip(pids, clothes, strict=True)):
            wardrobe.setdefault(pid, {}).setdefault(outfit, []).append(index)
        self.wardrobes = [list(wardrobe[pid].values()) for pid in sorted(wardrobe)]
        if len(self.wardrobes) < people:
            raise InputError(
                f"a batch of {people} people needs at least as many, and the list has {len(self.wardrobes)}; "
                "lower `people`."
            )

    @property
    def steps_per_pass(self) -> int:
        return len(self.wardrobes) // self.people

    def batch(self, step: int) -> np.ndarray:
        """(people * pictures,) indices, the pictures of a person next to each other."""
        passes, place = divmod(step, self.steps_per_pass)
        order = np.random.default_rng((self.seed, passes)).permutation(len(self.wardrobes))
        rng = np.random.default_rng((self.seed, 1, step))
        chosen = order[place * self.people : (place + 1) * self.people]
        return np.concatenate([self._pictures_of(self.wardrobes[person], rng) for person in chosen])

    def _pictures_of(self, outfits: list[list[int]], rng: np.random.Generator) -> np.ndarray:
        worn = rng.permutation(len(outfits))[:2]
        shares = (
            [self.pictures] if len(worn) == 1 else [self.pictures - self.pictures // 2, self.pictures // 2]
        )
        drawn = []
        for outfit, share in zip(worn, shares, strict=True):
            indices = np.array(outfits[outfit])
            drawn.append(rng.choice(indices, share, replace=len(indices) < share))
        return np.concatenate(drawn)
