"""A fleet of simulated trackers: real wire code over real MQTT, with the faults that fleets have, all from one seed."""
