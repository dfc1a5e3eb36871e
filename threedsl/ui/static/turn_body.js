// Turns a body to where `position` sees it from: [degrees around, degrees down from above, metres].
(position) => ({__type__: 'update', camera_position: position})
