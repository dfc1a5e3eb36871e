"""Backbones, the two streams, regression heads and the discriminator: nn.Modules only."""

from threedsl.network.build import NetworkConfig, build_network
from threedsl.network.discriminator import Discriminator
from threedsl.network.streams import EarlyMaps, NetworkOutput, ThreeDSLNetwork

__all__ = ["Discriminator", "EarlyMaps", "NetworkConfig", "NetworkOutput", "ThreeDSLNetwork", "build_network"]
