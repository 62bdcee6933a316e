"""The sky as a receiver sees it: recorded tracks, moved in place and time, told as NMEA."""
