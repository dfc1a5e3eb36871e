"""People in a photo: found with their keypoints, cut out as the networks want them."""

from threedsl.people.crops import Box, Choice, choose, crop_box, person_box, query_box, whole_picture
from threedsl.people.finder import find_people
from threedsl.people.person import FoundPerson

__all__ = [
    "Box",
    "Choice",
    "FoundPerson",
    "choose",
    "crop_box",
    "find_people",
    "person_box",
    "query_box",
    "whole_picture",
]
