# Which dumps may go: names on standard input, the newest first; prints those that no rule keeps.
# Kept are the newest `last`, and the newest of each of the newest `daily` days, `weekly` weeks (from Monday) and
# `monthly` months of which there is any. All times are UTC.

# Days since 0000-03-01 in the Gregorian calendar, a Wednesday: years begin in March, so that February comes last.
function day_number(y, m, d) {
    if (m < 3) { m += 12; y -= 1 }
    return 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 1
}

# Tells whether this is the first (so the newest) dump of a period, and the period among the newest `most`.
function is_kept(kind, period, most) {
    if ((kind, period) in seen || count[kind] >= most) return 0
    seen[kind, period] = 1
    count[kind] += 1
    return 1
}

match($0, /[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T/) {
    date = substr($0, RSTART, 8)
    days = day_number(substr(date, 1, 4) + 0, substr(date, 5, 2) + 0, substr(date, 7, 2) + 0)
    kept = is_kept("last", NR, last)
    kept += is_kept("day", date, daily)
    kept += is_kept("week", int((days + 2) / 7), weekly)
    kept += is_kept("month", substr(date, 1, 6), monthly)
    if (!kept) print
}
