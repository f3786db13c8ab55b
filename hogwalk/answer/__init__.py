"""From frames to what people read."""
