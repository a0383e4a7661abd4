"""Recurring jobs of every kind."""

from datetime import timedelta

from functions import runs
from reactive import Crons

crons = Crons()
crons.interval("every minute", timedelta(minutes=1), runs.note, name="minute")
crons.interval("waits", timedelta(seconds=30), runs.wait_for_word, name="waits")
crons.interval("fails", timedelta(hours=1), runs.fail, name="fails")
crons.hourly("at ten past", runs.note, minute=10, name="hourly")
crons.daily("at six", hour=6, minute=0, function=runs.note, name="daily")
crons.weekly("on mondays", runs.note, day_of_week="monday", hour=9, name="weekly")
crons.monthly("on the 31st", runs.note, day=31, name="monthly")
crons.cron("weekdays at nine", "0 9 * * 1-5", runs.note, name="weekdays")
