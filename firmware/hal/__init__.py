"""What the firmware's shells need of the machine: flash, time, network. Pure parts never import it."""
