#!/usr/bin/env python3
"""Writes working_days.txt: a calendar to check the adapter's against, made in another language by other means.

    python3 working_days.py > working_days.txt

Easter comes from the lunar tables of the Gregorian reform (golden number, epact, Sunday after the full moon), the clock
changes from Python's own time zone data. Working days are those of section 5 of the Finnish act 150/1930: no Sunday or
church holiday, not Independence Day, the first of May, Christmas Eve, Midsummer Eve, nor a Saturday.

One line a year: the year; the instants at which the clocks go forward and back in Europe/Helsinki; and a letter for each
day from the first of January, `w` for a working day and `.` for another.
"""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

FIRST, LAST = 2024, 2060
DAY = timedelta(days=1)


def easter(year):
    golden = year % 19 + 1
    century = year // 100 + 1
    skipped_leap_years = 3 * century // 4 - 12
    moon_correction = (8 * century + 5) // 25 - 5
    epact = (11 * golden + 20 + moon_correction - skipped_leap_years) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    full_moon = 44 - epact
    if full_moon < 21:
        full_moon += 30
    day = date(year, 3, 1) + (full_moon - 1) * DAY
    day += DAY
    while day.isoweekday() != 7:
        day += DAY
    return day


def saturday_from(day):
    while day.isoweekday() != 6:
        day += DAY
    return day


def days_off(year):
    sunday = easter(year)
    midsummer = saturday_from(date(year, 6, 20))
    fixed = [(1, 1), (1, 6), (5, 1), (12, 6), (12, 24), (12, 25), (12, 26)]
    off = {date(year, month, day) for month, day in fixed}
    off |= {sunday - 2 * DAY, sunday, sunday + DAY, sunday + 39 * DAY, sunday + 49 * DAY}
    off |= {midsummer - DAY, midsummer, saturday_from(date(year, 10, 31))}
    return off


def clock_changes(year):
    zone = ZoneInfo("Europe/Helsinki")
    hour = datetime(year, 1, 1, tzinfo=timezone.utc)
    before = hour.astimezone(zone).utcoffset()
    while hour.year == year:
        offset = hour.astimezone(zone).utcoffset()
        if offset != before:
            yield hour.strftime("%Y-%m-%dT%H:%MZ")
        before = offset
        hour += timedelta(hours=1)


def main():
    for year in range(FIRST, LAST + 1):
        off = days_off(year)
        letters = ""
        day = date(year, 1, 1)
        while day.year == year:
            letters += "." if day.isoweekday() > 5 or day in off else "w"
            day += DAY
        print(year, *clock_changes(year), letters)


main()
