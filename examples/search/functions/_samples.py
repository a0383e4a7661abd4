"""The sample notes; a module whose name begins with `_` is never served."""

from typing import Final

from schema import Kind

SAMPLES: Final[list[tuple[Kind, str, str]]] = [
    ("bird", "Kingfisher", "A blue flash low over the river, then a splash and a silver fish."),
    ("bird", "Wren", "Tiny, brown, tail up, and louder than anything else in the hedge."),
    ("bird", "Robin", "Sings under the street lamp in winter, long before sunrise."),
    ("bird", "Heron", "Stands in the shallow water like a grey post until a fish comes by."),
    ("bird", "Tawny owl", "Calls from the old oak at night; its mate answers across the meadow."),
    ("bird", "Swift", "Screams around the church tower all summer and is gone in August."),
    ("bird", "Nuthatch", "Walks down the trunk head first and hides seeds in the bark."),
    ("bird", "Goldfinch", "A red face and yellow wings, hanging on a thistle at the field's edge."),
    ("bird", "Dipper", "Bobs on a stone in the stream, then walks in and under the water."),
    ("bird", "Lapwing", "Tumbles over the wet meadow in spring with a call like a toy."),
    ("bird", "Jay", "Buries acorns in autumn and forgets enough of them to plant a forest."),
    ("bird", "Crossbill", "Twists pine cones open high up; wings of the seeds snow down."),
    ("tree", "Oak", "Leaves with round lobes, acorns on stalks, more insects than one can count."),
    ("tree", "Beech", "Smooth grey bark and a floor of copper leaves where little else grows."),
    ("tree", "Birch", "White bark that peels like paper, first to come back after a fire."),
    ("tree", "Rowan", "Red berries in autumn, which the thrushes strip within a week."),
    ("tree", "Alder", "Roots in the water of the stream, small cones all through the winter."),
    ("tree", "Ash", "Black buds, and bunches of keys that spin down when the wind blows."),
    ("tree", "Larch", "The conifer that turns gold and drops its needles before winter."),
    ("tree", "Scots pine", "Orange bark in the evening sun, needles in pairs, cones everywhere."),
    ("tree", "Yew", "Dark, slow and old; red cups around a seed that is poison."),
    ("tree", "Willow", "Bends over the river; the first catkins bring the first bees of spring."),
    ("tree", "Hazel", "Yellow catkins in February, nuts in autumn if the squirrels leave any."),
    ("tree", "Elder", "Flowers that smell of summer, black berries that stain the fingers."),
    ("mushroom", "Fly agaric", "Red cap with white flakes beneath the birch; handsome, poison."),
    ("mushroom", "Penny bun", "A brown bun on a thick stem under oak and spruce; all look for it."),
    ("mushroom", "Chanterelle", "Yellow as an egg, smells of apricot, grows where moss is deep."),
    ("mushroom", "Oyster mushroom", "Grey shelves on a dead beech, even after the first frost."),
    ("mushroom", "Parasol", "Tall in the meadow, a snakeskin stem with a ring that slides."),
    ("mushroom", "Shaggy ink cap", "A white egg on the lawn that melts to black ink in a day."),
    ("mushroom", "Earthstar", "Opens its rays on dry ground and puffs when a raindrop hits it."),
    ("mushroom", "Honey fungus", "Clusters at the foot of old trees; its threads glow at night."),
    ("mushroom", "Puffball", "White as a football in the meadow, brown smoke when it is old."),
    ("mushroom", "Death cap", "Pale green under the oak, with a cup at its foot: deadly poison."),
    ("mushroom", "Turkey tail", "Bands of brown, blue and cream on a dead stump in the wood."),
    ("mushroom", "Velvet shank", "Orange caps on a willow in the middle of winter, under snow."),
]
