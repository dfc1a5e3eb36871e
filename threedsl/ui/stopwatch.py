"""Where the seconds of a search go."""

import time
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Seconds spent per step; `lap` closes the step that began with the last one."""

    laps: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Add the seconds since the last lap to the step of this name."""
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0) + now - self.last
        self.last = now
