"""Which pictures make up step t: P people, K pictures each; a pure function of seed and step."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from threedsl.errors import InputError

SAMPLING = ("clothing-changing", "dressed-alike", "fine-grained", "ordinary")
"""How triplets are sampled, by what the data are like (METHOD section 3)."""


class IdentitySampler:
    """Batches of `people` x `pictures` indices for triplets.

    A pass shows everybody at most once, in a new order each time; those who do not fill a batch wait for the next pass.
    Nothing is remembered between steps: resuming needs the step's number and nothing else.

    clothing-changing: a person's pictures are drawn from two outfits (one where there is only one), half from each, so
        that with four pictures every anchor has a positive in other clothes and one in the same clothes.
    dressed-alike: clothing-changing, and people with the same wardrobe, as the labels of clothes say, make a team whose
        members are next to each other in the order: a batch's other people wear the clothes of its anchors, so that
        clothes neither hold a person's pictures together nor keep others apart.
    fine-grained: clothes that several people have in common, as the label says, make them a group (FGPR's blue and
        white). In each pass everybody belongs to one group and wears its clothes, and neighbours in the order are of
        one group, so that negatives are dressed alike. Small groups share a batch, and a person at its edge or without
        a group may be alone there. A list without clothes is one group.
    ordinary: any pictures of a person, whatever the clothes.
    """

    def __init__(
        self,
        pids: Sequence[int],
        clothes: Sequence[Hashable],
        people: int,
        pictures: int,
        seed: int,
        sampling: str = "clothing-changing",
    ):
        self.people, self.pictures, self.seed, self.sampling = people, pictures, seed, sampling
        wardrobe: dict[int, dict[Hashable, list[int]]] = {}
        for index, (pid, outfit) in enumerate(zip(pids, clothes, strict=True)):
            worn = None if sampling == "ordinary" else outfit
            wardrobe.setdefault(pid, {}).setdefault(worn, []).append(index)
        self.wardrobes = [wardrobe[pid] for pid in sorted(wardrobe)]
        if len(self.wardrobes) < people:
            raise InputError(
                f"a batch of {people} people needs at least as many, and the list has {len(self.wardrobes)}; "
                "lower `people`."
            )
        self.teams = list(dict.fromkeys(frozenset(wardrobe) for wardrobe in self.wardrobes))
        if sampling == "fine-grained":
            wearers = Counter(outfit for wardrobe in self.wardrobes for outfit in wardrobe)
            self.groups = [outfit for outfit, count in wearers.items() if count > 1]
            if not self.groups:
                raise InputError(
                    "sampling fine-grained needs people in the same clothes, and no two people of the list have a "
                    "clothes label in common; name groups in the list's fourth column, or choose another sampling."
                )

    @property
    def steps_per_pass(self) -> int:
        return len(self.wardrobes) // self.people

    def batch(self, step: int) -> np.ndarray:
        """(people * pictures,) indices, the pictures of a person next to each other."""
        passes, place = divmod(step, self.steps_per_pass)
        order = np.random.default_rng((self.seed, passes))
        rng = np.random.default_rng((self.seed, 1, step))
        if self.sampling == "fine-grained":
            dressed = self._group_by_group(order)
            place = order.permutation(self.steps_per_pass)[place]
        elif self.sampling == "dressed-alike":
            dressed = self._team_by_team(order)
            place = order.permutation(self.steps_per_pass)[place]
        else:
            dressed = [self.wardrobes[person] for person in order.permutation(len(self.wardrobes))]
        chosen = dressed[place * self.people : (place + 1) * self.people]
        return np.concatenate([self._pictures_of(list(outfits.values()), rng) for outfits in chosen])

    def _team_by_team(self, rng: np.random.Generator) -> list[dict[Hashable, list[int]]]:
        """As many as fill a pass, those with the same wardrobe next to each other."""
        people = rng.permutation(len(self.wardrobes))[: self.steps_per_pass * self.people]
        rank = dict(zip(self.teams, rng.permutation(len(self.teams)), strict=True))
        return [self.wardrobes[i] for i in sorted(people, key=lambda i: rank[frozenset(self.wardrobes[i])])]

    def _group_by_group(self, rng: np.random.Generator) -> list[dict[Hashable, list[int]]]:
        """As many as fill a pass, once each in the clothes of one group, the people of a group next to each other; last
        those of none."""
        rank = {self.groups[i]: place for place, i in enumerate(rng.permutation(len(self.groups)))}
        placed = []
        # Those who do not fill a batch are drawn from all: cut off the end, they would always be the last group's.
        for person in rng.permutation(len(self.wardrobes))[: self.steps_per_pass * self.people]:
            wardrobe = self.wardrobes[person]
            common = [outfit for outfit in wardrobe if outfit in rank]
            if not common:
                placed.append((len(rank), wardrobe))
                continue
            outfit = common[rng.integers(len(common))]
            placed.append((rank[outfit], {outfit: wardrobe[outfit]}))
        return [wardrobe for _, wardrobe in sorted(placed, key=lambda one: one[0])]

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
