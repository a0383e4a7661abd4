"""The questions to begin with."""

from typing import Final

from schema import Topic

SAMPLES: Final[list[tuple[Topic, str, str]]] = [
    ("kitchen", "How do I boil an egg?", "Seven minutes in boiling water, then cold water."),
    ("kitchen", "Why does bread dough not rise?", "The yeast is old, or the room too cold."),
    ("kitchen", "How do I sharpen a knife?", "Draw it over a wet stone at twenty degrees."),
    ("kitchen", "How do I clean a burnt pan?", "Boil baking soda and water in it, then scrub."),
    ("kitchen", "How long does cooked rice keep?", "A day in the fridge, if cooled quickly."),
    ("garden", "When do I plant tomatoes?", "After the last frost, deep, in a sunny place."),
    ("garden", "How often do I water the lawn?", "Rarely, but long, and in the morning."),
    ("garden", "What eats my lettuce?", "Slugs, at night. Go out with a lamp."),
    ("garden", "When do I prune roses?", "In early spring, when the forsythia flowers."),
    ("garden", "How do I start a compost heap?", "Layers of green and brown, never meat."),
    ("bicycle", "How do I patch a flat tire?", "Find the hole, roughen, glue, wait, press."),
    ("bicycle", "Why does my chain squeak?", "It is dry: clean it, and a drop for each link."),
    ("bicycle", "How high should the saddle be?", "Heel on the pedal, the leg just straight."),
    ("bicycle", "My brakes squeal, what now?", "Clean the rims and turn the pads' toes in."),
]
