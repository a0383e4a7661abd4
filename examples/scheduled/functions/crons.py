"""What recurs. An interval runs when it is first deployed, then every so often."""

from datetime import timedelta

from functions import clock
from reactive import Crons

crons = Crons()
crons.interval("strike the clock", timedelta(minutes=1), clock.strike)
