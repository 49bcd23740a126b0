"""What somebody should look at: found in the state, kept as one alert for each cause, and told to whoever wants it.

`causes` says what is wrong now, `looking` brings the alerts to it, `telling` sends what is news to the targets of the
settings, and `listing` is what people ask and say. Finding and telling belong to housekeeping: no command that somebody
typed for something else waits for them.
"""
