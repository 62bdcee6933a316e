"""The tracker's pure core: NMEA to fixes, the queue that loses no event, when to report, the MQTT codec."""
