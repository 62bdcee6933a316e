"""Many workers: orders are shared out to partitions, partitions to workers by lease (docs/adr/0100 to 0103)."""
