"""What supervisors read afterwards: anomalies in closing, and the hand-over of a shift."""
