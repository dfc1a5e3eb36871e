"""PK sampling: which pictures make up the batch of step t, a pure function of seed and step."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from threedsl.errors import InputError

SAMPLING = ("cloth-changing", "dressed-alike", "fine-grained", "ordinary")
"""How triplets are sampled, by the kind of data (docs/method.md, section 3)."""


class IdentitySampler:
    """Batches of `identities` x `instances` indices for triplets.

    An epoch shows every identity at most once, in a new order each time; a remainder smaller than a batch is skipped.
    No state is kept between steps: resuming only needs the step number.

    cloth-changing: a person's pictures are drawn from two outfits (one where there is only one), half from each, so
        that with four pictures every anchor has a positive in other clothes and one in the same clothes.
    dressed-alike: cloth-changing, and people with the same wardrobe (the same clothes labels) form a team whose
        members are neighbours in the order: negatives in a batch wear the clothes of its anchors, so that clothes
        neither link the pictures of a person nor separate people.
    fine-grained: people who share a clothes label form a group (FGPR's blue and white). In each epoch everyone
        belongs to one group and wears its clothes, and neighbours in the order are from one group, so that negatives
        are dressed alike. Small groups share a batch, and a person at a boundary or without a group may have no
        similarly dressed negative. A list without clothes is one group.
    ordinary: any pictures of a person, regardless of clothes.
    """

    def __init__(
        self,
        pids: Sequence[int],
        clothes: Sequence[Hashable],
        identities: int,
        instances: int,
        seed: int,
        sampling: str = "cloth-changing",
    ):
        if sampling not in SAMPLING:
            raise ValueError(f"sampling {sampling!r} is unknown")
        self.identities, self.instances, self.seed, self.sampling = identities, instances, seed, sampling
        wardrobe: dict[int, dict[Hashable, list[int]]] = {}
        for index, (pid, outfit) in enumerate(zip(pids, clothes, strict=True)):
            worn = None if sampling == "ordinary" else outfit
            wardrobe.setdefault(pid, {}).setdefault(worn, []).append(index)
        self.wardrobes = [wardrobe[pid] for pid in sorted(wardrobe)]
        if len(self.wardrobes) < identities:
            raise InputError(
                f"A batch of {identities} identities needs at least as many people, and the list has "
                f"{len(self.wardrobes)}; lower `identities`."
            )
        self.teams = list(dict.fromkeys(frozenset(wardrobe) for wardrobe in self.wardrobes))
        if sampling == "fine-grained":
            wearers = Counter(outfit for wardrobe in self.wardrobes for outfit in wardrobe)
            self.groups = [outfit for outfit, count in wearers.items() if count > 1]
            if not self.groups:
                raise InputError(
                    "sampling fine-grained needs people in the same clothes, but no two people in the list share a "
                    "clothes label; name groups in the fourth column of the list, or choose another sampling."
                )

    @property
    def steps_per_pass(self) -> int:
        return len(self.wardrobes) // self.identities

    def batch(self, step: int) -> np.ndarray:
        """(identities * instances,) indices, the pictures of a person next to each other."""
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
        chosen = dressed[place * self.identities : (place + 1) * self.identities]
        return np.concatenate([self._pictures_of(list(outfits.values()), rng) for outfits in chosen])

    def _team_by_team(self, rng: np.random.Generator) -> list[dict[Hashable, list[int]]]:
        """Enough people to fill an epoch, those with the same wardrobe next to each other."""
        people = rng.permutation(len(self.wardrobes))[: self.steps_per_pass * self.identities]
        rank = dict(zip(self.teams, rng.permutation(len(self.teams)), strict=True))
        return [self.wardrobes[i] for i in sorted(people, key=lambda i: rank[frozenset(self.wardrobes[i])])]

    def _group_by_group(self, rng: np.random.Generator) -> list[dict[Hashable, list[int]]]:
        """Enough people to fill an epoch, each once and in the clothes of one group, groups next to each other; people
        without a group come last."""
        rank = {self.groups[i]: place for place, i in enumerate(rng.permutation(len(self.groups)))}
        placed = []
        # The remainder is drawn from everyone: cut off at the end, it would always come from the last group.
        for person in rng.permutation(len(self.wardrobes))[: self.steps_per_pass * self.identities]:
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
            [self.instances]
            if len(worn) == 1
            else [self.instances - self.instances // 2, self.instances // 2]
        )
        drawn = []
        for outfit, share in zip(worn, shares, strict=True):
            indices = np.array(outfits[outfit])
            drawn.append(rng.choice(indices, share, replace=len(indices) < share))
        return np.concatenate(drawn)
